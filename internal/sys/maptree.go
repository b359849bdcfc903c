package sys

import (
	"os"

	"golang.org/x/sys/unix"
)

// MapTree maps the owners of the files of a detached mount by a user namespace (mount_setattr(2),
// Linux 5.12). With recursive it maps all mounts of the tree.
func MapTree(tree, userns *os.File, recursive bool) error {
	flags := uint(unix.AT_EMPTY_PATH)
	if recursive {
		flags |= unix.AT_RECURSIVE
	}
	attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_IDMAP, Userns_fd: uint64(userns.Fd())}
	return refused("mount_setattr", unix.MountSetattr(int(tree.Fd()), "", flags, &attr))
}
