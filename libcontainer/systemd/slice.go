package systemd

import (
	"fmt"
	"strings"
)

const (
	sliceSuffix = ".slice"
	scopeSuffix = ".scope"
	maxUnitName = 255
)

// SlicePath returns the cgroup of a slice below the top of systemd's tree. a-b.slice is in a.slice (systemd.slice(5)),
// and "-.slice" is the top, "/".
func SlicePath(slice string) (string, error) {
	name, ok := strings.CutSuffix(slice, sliceSuffix)
	if !ok || name == "" || strings.Contains(slice, "/") {
		return "", fmt.Errorf("invalid slice name: %s", slice)
	}
	if name == "-" {
		return "/", nil
	}
	path, prefix := "", ""
	for part := range strings.SplitSeq(name, "-") {
		if part == "" {
			return "", fmt.Errorf("invalid slice name: %s", slice)
		}
		prefix += part
		path += "/" + prefix + sliceSuffix
		prefix += "-"
	}
	return path, nil
}

// CheckUnitName returns an error for a name that systemd does not accept as the name of a unit (systemd.unit(5)). This
// also excludes characters with a meaning in a match rule or in a path.
func CheckUnitName(name string) error {
	if len(name) > maxUnitName {
		return fmt.Errorf("unit name %s is longer than %d characters", name, maxUnitName)
	}
	for _, c := range []byte(name) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte(":-_.\\@", c) >= 0:
		default:
			return fmt.Errorf("%q is not a valid unit name", name)
		}
	}
	return nil
}
