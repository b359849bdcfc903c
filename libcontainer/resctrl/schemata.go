package resctrl

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
)

// lines returns the text for the file schemata, in the order of the specification.
func lines(c *specs.LinuxIntelRdt) string {
	var out strings.Builder
	for _, line := range append([]string{c.L3CacheSchema, c.MemBwSchema}, c.Schemata...) {
		if line != "" {
			out.WriteString(line + "\n")
		}
	}
	return out.String()
}

// checkSchemata returns an error if the class of service exists and its schemata differ from the configuration. rung
// must not change such a class, because other containers may share it (config-linux.md, "IntelRdt").
func (g *Group) checkSchemata() error {
	if !g.exists || g.config.ClosID == "" {
		return nil
	}
	schemas := [...]struct{ field, value string }{
		{"linux.intelRdt.l3CacheSchema", g.config.L3CacheSchema}, {"linux.intelRdt.memBwSchema", g.config.MemBwSchema},
	}
	text, err := sys.ReadControl(filepath.Join(g.state.Path, "schemata"))
	if err != nil {
		return fmt.Errorf("linux.intelRdt.closID: %w", err)
	}
	current := parse(text)
	for _, s := range schemas {
		for domain, want := range parse(s.value) {
			if has := current[domain]; g.value(domain, has) != g.value(domain, want) {
				return fmt.Errorf("%s: %s does not match the schemata of %s, which has %s=%s",
					s.field, s.value, g.state.Path, domain, has)
			}
		}
	}
	return nil
}

// parse returns the values in schemata by "RESOURCE:ID", such as "L3:0".
func parse(schemata string) map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(schemata) {
		resource, domains, _ := strings.Cut(strings.TrimSpace(line), ":")
		for domain := range strings.SplitSeq(domains, ";") {
			if id, value, ok := strings.Cut(domain, "="); ok {
				out[resource+":"+strings.TrimSpace(id)] = strings.TrimSpace(value)
			}
		}
	}
	return out
}

// value returns a value in a form that can be compared: the same number can have several texts. A bit mask is in
// hexadecimal digits. A bandwidth is decimal, and the kernel rounds it up to a step of the hardware (bw_validate in the
// kernel's ctrlmondata.c).
func (g *Group) value(domain, text string) string {
	base := 16
	if strings.HasPrefix(domain, "MB:") {
		base = 10
	}
	n, err := strconv.ParseUint(strings.TrimPrefix(text, "0x"), base, 64)
	if err != nil {
		return text
	}
	if grain := number(filepath.Join(g.state.Root, "info", "MB", "bandwidth_gran")); base == 10 && grain > 0 {
		n = (n + grain - 1) / grain * grain
	}
	return strconv.FormatUint(n, 10)
}

// number reads a file with one number. It returns 0 if there is no such file or number.
func number(path string) uint64 {
	n, _ := strconv.ParseUint(read(path), 10, 64)
	return n
}
