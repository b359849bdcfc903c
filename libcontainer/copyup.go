package libcontainer

import (
	"io"
	"io/fs"
	"os"
	"path"
	"syscall"

	"rung/internal/sys"
)

// fill copies into a tmpfs what it will cover (the option tmpcopyup of runc and podman).
// Nothing is read or written outside of the two trees: os.Root follows no link that leads out.
func fill(tree *os.File, rootfs, destination string) error {
	root, err := sys.OpenPath(rootfs)
	if err != nil {
		return err
	}
	defer root.Close()
	covered, err := sys.OpenInRoot(root, destination, sys.O_PATH|sys.O_DIRECTORY)
	if err != nil {
		return nil // there is nothing to copy
	}
	defer covered.Close()
	from, err := os.OpenRoot(sys.FDPath(covered))
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.OpenRoot(sys.FDPath(tree))
	if err != nil {
		return err
	}
	defer to.Close()
	return copyEntries(from, to, ".")
}

func copyEntries(from, to *os.Root, dir string) error {
	entries, err := fs.ReadDir(from.FS(), dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := copyEntry(from, to, path.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	info, err := from.Stat(dir)
	if err != nil {
		return err
	}
	return copyAttributes(to, dir, info)
}

func copyEntry(from, to *os.Root, name string) error {
	info, err := from.Lstat(name)
	if err != nil {
		return err
	}
	switch info.Mode().Type() {
	case fs.ModeDir:
		if err := to.Mkdir(name, 0o700); err != nil {
			return err
		}
		return copyEntries(from, to, name)
	case fs.ModeSymlink:
		target, err := from.Readlink(name)
		if err != nil {
			return err
		}
		if err := to.Symlink(target, name); err != nil {
			return err
		}
		owner := info.Sys().(*syscall.Stat_t)
		return to.Lchown(name, int(owner.Uid), int(owner.Gid))
	case 0:
		if err := copyFile(from, to, name); err != nil {
			return err
		}
		return copyAttributes(to, name, info)
	}
	return nil // sockets, pipes and devices are no content of an image's directory
}

func copyFile(from, to *os.Root, name string) error {
	source, err := from.Open(name)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := to.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err := io.Copy(target, source); err != nil {
		target.Close()
		return err
	}
	return target.Close()
}

// copyAttributes sets owner, mode and times, whatever the umask is; the mode last, since a
// change of owner clears set-id bits.
func copyAttributes(to *os.Root, name string, info fs.FileInfo) error {
	owner := info.Sys().(*syscall.Stat_t)
	if err := to.Chown(name, int(owner.Uid), int(owner.Gid)); err != nil {
		return err
	}
	if err := to.Chmod(name, info.Mode()); err != nil {
		return err
	}
	return to.Chtimes(name, info.ModTime(), info.ModTime())
}
