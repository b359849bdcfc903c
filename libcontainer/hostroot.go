package libcontainer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"rung/internal/sys"
	"rung/libcontainer/compile"
)

// hostRoot clones the root file system of a container without a mount namespace, and writes down
// which mount it is, before it is attached.
func (c *creation) hostRoot(s compile.Source) (*os.File, error) {
	tree, err := openTree(s)
	if err != nil {
		return nil, err
	}
	id, err := sys.MountID(tree)
	if err == nil {
		err = sys.WriteFile(c.path(hostRootFile), []byte(id), 0o600)
	}
	if err != nil {
		tree.Close()
		return nil, err
	}
	return tree, nil
}

// detachRoot takes the mounts of a container without a mount namespace away, if they are there
// still and nothing covers them.
func (c *Container) detachRoot() error {
	id, err := sys.ReadFile(c.path(hostRootFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	top, err := sys.OpenPath(c.state.Rootfs)
	if err != nil {
		return nil // it is gone, and the mount with it
	}
	defer top.Close()
	there, err := sys.MountID(top)
	if err != nil || there != string(id) {
		return err
	}
	if err := sys.Detach(c.state.Rootfs); err != nil {
		return fmt.Errorf("root.path: detach %s from the host: %w", c.state.Rootfs, err)
	}
	return nil
}

// detachRootAnywhere is detachRoot where the state does not tell the path any more.
func (c *Container) detachRootAnywhere() error {
	mounts, err := sys.Mounts(os.Getpid())
	if err != nil {
		return err
	}
	for _, m := range mounts {
		c.state.Rootfs = m.Point
		if err := c.detachRoot(); err != nil {
			return err
		}
	}
	return nil
}
