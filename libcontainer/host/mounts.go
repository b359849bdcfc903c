package host

import (
	"fmt"
	"strings"

	"rung/internal/sys"
)

// LookMounts adds where the machine has proc and sysfs mounted whole, outside of the root file
// system: as long as a process has one of them in its mount namespace, the kernel lets it mount a
// new one without any mask (mount_too_revealing of fs/namespace.c). Errors are those of reading
// /proc/self/mountinfo.
func (f *Facts) LookMounts(rootfs string) error {
	text, err := sys.ReadControl("/proc/self/mountinfo")
	if err != nil {
		return fmt.Errorf("read /proc/self/mountinfo: %w", err)
	}
	f.Revealing = revealing(text, rootfs)
	return nil
}

// revealing reads a mountinfo text (proc(5)): "36 35 0:3 / /proc rw - proc proc rw".
func revealing(mountinfo, rootfs string) (out []string) {
	for line := range strings.Lines(mountinfo) {
		mount, system, ok := strings.Cut(line, " - ")
		fields := strings.Fields(mount)
		if !ok || len(fields) < 5 || fields[3] != "/" {
			continue
		}
		if fstype, _, _ := strings.Cut(system, " "); fstype != "proc" && fstype != "sysfs" {
			continue
		}
		place := sys.UnescapeMountinfo(fields[4])
		if _, below := Below(place, rootfs); !below {
			out = append(out, place)
		}
	}
	return out
}
