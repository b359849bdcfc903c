package resctrl

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"rung/internal/sys"
)

// Stats is the part of `events` about resctrl, with runc's JSON names.
type Stats struct {
	L3CacheInfo       *L3CacheInfo `json:"l3_cache_info,omitempty"`
	L3CacheSchemaRoot string       `json:"l3_cache_schema_root,omitempty"`
	L3CacheSchema     string       `json:"l3_cache_schema,omitempty"`
	MemBwInfo         *MemBwInfo   `json:"mem_bw_info,omitempty"`
	MemBwSchemaRoot   string       `json:"mem_bw_schema_root,omitempty"`
	MemBwSchema       string       `json:"mem_bw_schema,omitempty"`
	Schemata          []string     `json:"schemata,omitempty"`
	MBMStats          *[]MBM       `json:"mbm_stats,omitempty"`
	CMTStats          *[]CMT       `json:"cmt_stats,omitempty"`
}

// L3CacheInfo describes how the hardware can divide the L3 cache.
type L3CacheInfo struct {
	CbmMask    string `json:"cbm_mask,omitempty"` // hexadecimal
	MinCbmBits uint64 `json:"min_cbm_bits,omitempty"`
	NumClosids uint64 `json:"num_closids,omitempty"`
}

// MemBwInfo describes how the hardware can divide memory bandwidth. Bandwidths are in percent.
type MemBwInfo struct {
	BandwidthGran uint64 `json:"bandwidth_gran,omitempty"`
	DelayLinear   uint64 `json:"delay_linear,omitempty"`
	MinBandwidth  uint64 `json:"min_bandwidth,omitempty"`
	NumClosids    uint64 `json:"num_closids,omitempty"`
}

// MBM is the memory traffic of one cache domain, in bytes since the group was made.
type MBM struct {
	MBMTotalBytes uint64 `json:"mbm_total_bytes"`
	MBMLocalBytes uint64 `json:"mbm_local_bytes"`
}

// CMT is the occupancy of one cache domain, in bytes.
type CMT struct {
	LLCOccupancy uint64 `json:"llc_occupancy"`
}

// Stats reads the schemata and the counters of the monitoring group. Without a monitoring group it reads the counters
// of the class of service, which other containers may share.
func (g *Group) Stats() (*Stats, error) {
	schemata, err := sys.ReadControl(filepath.Join(g.state.Path, "schemata"))
	if err != nil {
		return nil, fmt.Errorf("read the schemata of %s: %w", g.state.Path, err)
	}
	own := strings.Split(strings.TrimSpace(schemata), "\n")
	root := strings.Split(read(filepath.Join(g.state.Root, "schemata")), "\n")
	s := &Stats{Schemata: own}
	cache, bandwidth, err := Allocates(g.state.Root)
	if err != nil {
		return nil, err
	}
	if cache {
		s.L3CacheInfo = &L3CacheInfo{
			CbmMask: read(g.info("L3", "cbm_mask")), MinCbmBits: number(g.info("L3", "min_cbm_bits")),
			NumClosids: number(g.info("L3", "num_closids")),
		}
		s.L3CacheSchema, s.L3CacheSchemaRoot = lineOf(own, "L3"), lineOf(root, "L3")
	}
	if bandwidth {
		s.MemBwInfo = &MemBwInfo{
			BandwidthGran: number(g.info("MB", "bandwidth_gran")), DelayLinear: number(g.info("MB", "delay_linear")),
			MinBandwidth: number(g.info("MB", "min_bandwidth")), NumClosids: number(g.info("MB", "num_closids")),
		}
		s.MemBwSchema, s.MemBwSchemaRoot = lineOf(own, "MB"), lineOf(root, "MB")
	}
	return s, g.monitor(s)
}

func (g *Group) info(resource, file string) string {
	return filepath.Join(g.state.Root, "info", resource, file)
}

// lineOf returns the last line about a resource, "" if there is none.
func lineOf(lines []string, resource string) (out string) {
	for _, line := range lines {
		if strings.Contains(line, resource) {
			out = strings.TrimSpace(line)
		}
	}
	return out
}

// monitor reads the counters of each cache domain. mon_features lists the counters that the hardware has.
func (g *Group) monitor(s *Stats) error {
	features := strings.Fields(read(g.info("L3_MON", "mon_features")))
	if len(features) == 0 {
		return nil
	}
	group := g.state.Monitor
	if group == "" {
		group = g.state.Path
	}
	domains, err := os.ReadDir(filepath.Join(group, "mon_data"))
	if err != nil {
		return err
	}
	var traffic []MBM
	var occupancy []CMT
	for _, d := range domains {
		if d.IsDir() {
			dir := filepath.Join(group, "mon_data", d.Name())
			traffic = append(traffic, MBM{number(filepath.Join(dir, "mbm_total_bytes")), number(filepath.Join(dir, "mbm_local_bytes"))})
			occupancy = append(occupancy, CMT{number(filepath.Join(dir, "llc_occupancy"))})
		}
	}
	has := func(feature string) bool { return slices.Contains(features, feature) }
	if has("mbm_total_bytes") || has("mbm_local_bytes") {
		s.MBMStats = &traffic
	}
	if has("llc_occupancy") {
		s.CMTStats = &occupancy
	}
	return nil
}
