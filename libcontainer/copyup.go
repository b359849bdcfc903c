package libcontainer

import (
	"errors"
	"os"
	"syscall"

	"rung/internal/sys"
)

// fill copies into a tmpfs what it will cover (the option tmpcopyup of runc and podman).
func fill(tree *os.File, rootfs, destination string) error {
	root, err := sys.OpenPath(rootfs)
	if err != nil {
		return err
	}
	defer root.Close()
	covered, err := sys.OpenInRoot(root, destination, sys.O_RDONLY|sys.O_DIRECTORY)
	if errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ENOTDIR) {
		return nil // there is nothing to copy
	}
	if err != nil {
		return err
	}
	defer covered.Close()
	to, err := os.Open(sys.FDPath(tree))
	if err != nil {
		return err
	}
	defer to.Close()
	return sys.CopyTree(covered, to)
}
