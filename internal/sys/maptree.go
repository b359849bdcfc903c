package sys

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// MapTree maps the owners of files of a detached mount by a user namespace (mount_setattr(2),
// Linux 5.12): recursively, those of all mounts of the tree.
func MapTree(tree, userns *os.File, recursive bool) error {
	flags := uint(unix.AT_EMPTY_PATH)
	if recursive {
		flags |= unix.AT_RECURSIVE
	}
	attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_IDMAP, Userns_fd: uint64(userns.Fd())}
	if err := unix.MountSetattr(int(tree.Fd()), "", flags, &attr); err != nil {
		return fmt.Errorf("mount_setattr: %w", err)
	}
	return nil
}
