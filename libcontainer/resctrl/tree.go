// Package resctrl puts containers into groups of the kernel's resource control file system:
// portions of cache and memory bandwidth, and their monitoring (config-linux.md, "IntelRdt";
// Documentation/filesystems/resctrl.rst; Linux 4.10, memory bandwidth 4.12).
package resctrl

import (
	"errors"
	"strings"

	"rung/internal/sys"
)

// ErrNotMounted has runc's words.
var ErrNotMounted = errors.New("intelRdt is specified in config, but Intel RDT is not enabled (no resctrl file system is mounted)")

// mountpoint is where the kernel has a directory for it.
const mountpoint = "/sys/fs/resctrl"

// pretended is empty in rung. The linker gives a binary of the tests the path of a tree that
// is no resctrl file system (-X, see the Makefile): no option, file or variable of the
// environment can.
var pretended string

// Find returns the root of the mounted file system, or ErrNotMounted.
func Find() (string, error) {
	if pretended != "" {
		return pretended, nil
	}
	if magic, err := sys.FsMagic(mountpoint); err == nil && magic == sys.ResctrlSuperMagic {
		return mountpoint, nil
	}
	mounts, err := sys.ReadControl("/proc/self/mountinfo")
	if err != nil {
		return "", err
	}
	root := mountedAt(mounts)
	if magic, err := sys.FsMagic(root); err != nil || magic != sys.ResctrlSuperMagic {
		return "", ErrNotMounted
	}
	return root, nil
}

// mountedAt finds the mount of the whole file system in a mountinfo text (proc(5)).
func mountedAt(mounts string) string {
	for line := range strings.Lines(mounts) {
		left, right, _ := strings.Cut(line, " - ")
		fields := strings.Fields(left)
		if strings.HasPrefix(right, "resctrl ") && len(fields) > 4 && fields[3] == "/" {
			return sys.UnescapeMountinfo(fields[4])
		}
	}
	return ""
}

// read returns the content of a file, without the blanks around it; "" where there is none.
func read(path string) string {
	text, err := sys.ReadControl(path)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(text)
}
