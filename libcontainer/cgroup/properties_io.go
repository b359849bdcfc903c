package cgroup

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"rung/libcontainer/systemd"
)

// maxOrUint parses a number of a v2 file as the kernel does: "max" is the largest number, "0x" begins a hexadecimal one,
// and K, M, G, T, P and E are units of memory (lib/cmdline.c, memparse).
func maxOrUint(text string) (systemd.Uint64, error) {
	if text == "max" {
		return math.MaxUint64, nil
	}
	digits := strings.TrimRight(text, "KMGTPEkmgtpe")
	if strings.HasPrefix(text, "0x") || len(text)-len(digits) != 1 {
		v, err := strconv.ParseUint(text, 0, 64)
		return systemd.Uint64(v), err
	}
	shift := 10 * (strings.Index("KMGTPE", strings.ToUpper(text[len(digits):])) + 1)
	v, err := strconv.ParseUint(digits, 0, 64)
	if err == nil && v > math.MaxUint64>>shift {
		err = fmt.Errorf("%q is out of range", text)
	}
	return systemd.Uint64(v << shift), err
}

// devicePairs is a property with a number for each block device, under the name that systemd has for it.
type devicePairs map[string][]systemd.Value

func (p devicePairs) add(name, device string, v systemd.Uint64) {
	p[name] = append(p[name], systemd.Struct{systemd.String("/dev/block/" + device), v})
}

func (p devicePairs) properties() (list []systemd.Property) {
	for _, name := range slices.Sorted(maps.Keys(p)) {
		list = appendPairs(list, name, p[name])
	}
	return list
}

// ioMaxProperties returns the properties for lines of io.max: "8:0 rbps=1048576 wiops=max". A rate that a line leaves out
// stays as it is.
func ioMaxProperties(text string) ([]systemd.Property, error) {
	names := map[string]string{
		"rbps": "IOReadBandwidthMax", "wbps": "IOWriteBandwidthMax", "riops": "IOReadIOPSMax", "wiops": "IOWriteIOPSMax",
	}
	pairs := devicePairs{}
	for _, line := range keyedLines(text) {
		fields := strings.Fields(line)
		for _, rate := range fields[1:] {
			key, value, _ := strings.Cut(rate, "=")
			v, err := maxOrUint(value)
			if err != nil || names[key] == "" {
				return nil, fmt.Errorf("%q is no rate of a device", rate)
			}
			pairs.add(names[key], fields[0], v)
		}
	}
	return pairs.properties(), nil
}

// ioLatencyProperties returns the property for lines of io.latency: "8:0 target=75000", in microseconds.
func ioLatencyProperties(text string) ([]systemd.Property, error) {
	pairs := devicePairs{}
	for _, line := range keyedLines(text) {
		device, target, _ := strings.Cut(line, " target=")
		v, err := maxOrUint(strings.TrimSpace(target))
		if err != nil {
			return nil, err
		}
		if v == systemd.Infinity {
			v = 0 // of systemd: no target
		}
		pairs.add("IODeviceLatencyTargetUSec", device, v)
	}
	return pairs.properties(), nil
}

// ioWeightProperties returns the properties for lines of io.weight: "100", "default 100", "8:0 200". A device that returns
// to the default weight is only written.
func ioWeightProperties(text string) (list []systemd.Property, err error) {
	pairs := devicePairs{}
	for _, line := range keyedLines(text) {
		device, weight, hasKey := strings.Cut(line, " ")
		if !hasKey {
			device, weight = "default", line
		}
		if weight = strings.TrimSpace(weight); weight == "default" {
			continue
		}
		v, err := strconv.ParseUint(weight, 0, 64)
		if err != nil {
			return nil, err
		}
		if device == "default" {
			list = append(list, property("IOWeight", systemd.Uint64(v)))
		} else {
			pairs.add("IODeviceWeight", device, systemd.Uint64(v))
		}
	}
	return append(list, pairs.properties()...), nil
}
