package open

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"rung/internal/sys"
	"rung/libcontainer/compile"
	"rung/libcontainer/store"
)

// hostRoot clones the root file system of a container without a mount namespace. It writes down which
// mount it is before the stage attaches it on the host.
func (o *Opener) hostRoot(s *compile.Source) (*os.File, error) {
	tree, err := o.clone(s)
	if err != nil {
		return nil, err
	}
	id, err := sys.MountID(tree)
	if err == nil {
		err = sys.WriteFile(o.Dir.Path(store.HostRootFile), []byte(id), 0o600)
	}
	if err != nil {
		tree.Close()
		return nil, err
	}
	return tree, nil
}

// DetachRoot detaches the root file system of a container without a mount namespace from the host, if it is
// still mounted at rootfs and nothing covers it.
func DetachRoot(dir *store.Dir, rootfs string) error {
	id, err := sys.ReadRegular(dir.Path(store.HostRootFile), sys.LargestFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	top, err := sys.OpenPath(rootfs)
	if err != nil {
		return nil // it is gone, and the mount with it
	}
	defer top.Close()
	there, err := sys.MountID(top)
	if err != nil || there != string(id) {
		return err
	}
	if err := sys.Detach(rootfs); err != nil {
		return fmt.Errorf("root.path: detach %s from the host: %w", rootfs, err)
	}
	return nil
}

// DetachRootAnywhere is DetachRoot for a container whose state does not tell the path any more.
func DetachRootAnywhere(dir *store.Dir) error {
	mounts, err := sys.OwnMounts()
	if err != nil {
		return err
	}
	for _, m := range mounts {
		if err := DetachRoot(dir, m.Mountpoint); err != nil {
			return err
		}
	}
	return nil
}
