package idmap

import (
	"fmt"
	"strings"

	"rung/internal/sys"
)

// HostUser returns the user of the host that a user is in the user namespace of a process. It asks the kernel, which knows
// the map of a joined namespace too. known is false if the user has no number outside.
func HostUser(pid, uid int) (mapped int, known bool, err error) {
	text, err := sys.ReadControl(fmt.Sprintf("/proc/%d/uid_map", pid))
	if err != nil {
		return 0, false, err
	}
	for line := range strings.Lines(text) {
		var inside, outside, size int
		if _, err := fmt.Sscan(line, &inside, &outside, &size); err == nil && uid >= inside && uid-inside < size {
			return outside + uid - inside, true, nil
		}
	}
	return 0, false, nil
}
