// Package launch starts the hands and talks with them: it seals rung's own binary,
// spawns it with a plan, serves the SYNCs, and turns (op, errno) into an error.
package launch

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"rung/internal/sys"
)

// Self returns rung's own binary in a form that nothing in a container can write to
// (CVE-2019-5736): through a read-only overlay, whose superblock can not be made writable,
// or as a sealed copy where overlay is refused. A read-only bind mount would not do: who
// holds a descriptor of a detached mount may change its attributes.
var Self = sync.OnceValues(func() (*os.File, error) {
	file, err := overlaySelf()
	if err == nil {
		return file, nil
	}
	file, errCopy := copySelf()
	if errCopy != nil {
		return nil, fmt.Errorf("seal rung's binary: %w", errors.Join(err, errCopy))
	}
	return file, nil
})

// overlaySelf needs two lower directories: the binary's and an empty one. Both are named by
// descriptors, so that no character of a path has to be escaped.
func overlaySelf() (*os.File, error) {
	path, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return nil, err
	}
	if os.Geteuid() != 0 {
		return nil, os.ErrPermission // spares a plain user three system calls
	}
	dir, err := sys.OpenPath(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	empty, err := sys.NewMount("tmpfs", 0)
	if err != nil {
		return nil, err
	}
	defer empty.Close()
	layers := strings.Join([]string{sys.FDPath(dir), sys.FDPath(empty)}, ":")
	overlay, err := sys.NewMount("overlay", sys.MOUNT_ATTR_RDONLY|sys.MOUNT_ATTR_NODEV|sys.MOUNT_ATTR_NOSUID,
		sys.Option{Key: "lowerdir", Value: layers})
	if err != nil {
		return nil, err
	}
	defer overlay.Close()
	file, err := sys.OpenPathAt(overlay, filepath.Base(path))
	if err != nil {
		return nil, err
	}
	return file, sameFile(file)
}

var errReplaced = errors.New("rung's binary has been replaced since it was started")

// sameFile makes sure that the overlay shows the binary that runs, not one that took its
// name since.
func sameFile(file *os.File) error {
	running, err := os.Stat("/proc/self/exe")
	if err != nil {
		return err
	}
	sealed, err := os.Stat(sys.FDPath(file))
	if err != nil {
		return err
	}
	if running.Size() != sealed.Size() || !running.ModTime().Equal(sealed.ModTime()) || running.Mode() != sealed.Mode() {
		file.Close()
		return errReplaced
	}
	return nil
}

func copySelf() (*os.File, error) {
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		return nil, err
	}
	defer self.Close()
	file, err := sys.Memfd("rung", sys.AllowSealing)
	if err != nil {
		return nil, err
	}
	if _, err := io.Copy(file, self); err != nil {
		file.Close()
		return nil, err
	}
	return file, sys.Seal(file)
}
