// Package resctrl puts containers into groups of the kernel's resctrl file system. A group allocates portions of cache
// and memory bandwidth, and monitors their use (config-linux.md, "IntelRdt"; Documentation/filesystems/resctrl.rst;
// Linux 4.10, memory bandwidth 4.12).
package resctrl

import (
	"errors"
	"strings"

	"rung/internal/sys"
)

// ErrNotMounted is the error if no resctrl file system is mounted. Its text begins as runc's does.
var ErrNotMounted = errors.New("intelRdt is specified in config, but Intel RDT is not enabled (no resctrl file system is mounted)")

// mountpoint is the directory that the kernel provides for the file system.
const mountpoint = "/sys/fs/resctrl"

// pretended is empty in rung. In a binary for the tests the linker sets it to the path of a tree that is not a resctrl
// file system (-X, see the Makefile). No option, file or environment variable can set it.
var pretended string

// Find returns the root of the mounted file system, or ErrNotMounted.
func Find() (string, error) {
	if pretended != "" {
		return pretended, nil
	}
	if magic, err := sys.FsMagic(mountpoint); err == nil && magic == sys.ResctrlSuperMagic {
		return mountpoint, nil
	}
	mounts, err := sys.OwnMounts()
	if err != nil {
		return "", err
	}
	root := mountedAt(mounts)
	if root == "" {
		return "", ErrNotMounted
	}
	magic, err := sys.FsMagic(root)
	if err == nil && magic != sys.ResctrlSuperMagic {
		err = ErrNotMounted // another mount covers it
	}
	return root, err
}

// mountedAt finds the mount of the whole file system.
func mountedAt(mounts []*sys.Mount) string {
	for _, m := range mounts {
		if m.FSType == "resctrl" && m.Root == "/" {
			return m.Mountpoint
		}
	}
	return ""
}

// read returns the content of a file without the space around it, "" if the file cannot be read.
func read(path string) string {
	text, err := sys.ReadControl(path)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(text)
}
