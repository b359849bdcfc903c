package sys

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Sight is what a path leads to.
type Sight struct {
	Status syscall.Stat_t
	Proc   bool   // on a proc file system
	Flags  uint64 // ST_* flags of its mount (statfs(2))
	Full   bool   // its file system has no free block for users, or no free inode
	Magic  bool   // the path goes through a magic link: a link in /proc that leads to a file of a process (symlink(7))
}

// Look returns what path leads to. It opens no device and waits for no other process but the server of the file system.
func Look(path string) (*Sight, error) {
	fd, magic, err := lookedUp(path)
	if err != nil {
		return nil, &os.PathError{Op: "stat", Path: path, Err: err}
	}
	defer unix.Close(fd)
	s := &Sight{Magic: magic}
	if err := syscall.Fstat(fd, &s.Status); err != nil {
		return nil, &os.PathError{Op: "stat", Path: path, Err: err}
	}
	var fs unix.Statfs_t
	if err := ignoringEINTR(func() error { return unix.Fstatfs(fd, &fs) }); err != nil {
		return nil, &os.PathError{Op: "statfs", Path: path, Err: err}
	}
	const known = unix.ST_RDONLY | unix.ST_NOSUID | unix.ST_NODEV | unix.ST_NOEXEC | unix.ST_NOATIME | unix.ST_NODIRATIME | unix.ST_RELATIME
	s.Proc, s.Flags = fs.Type == unix.PROC_SUPER_MAGIC, uint64(fs.Flags)&known
	s.Full = fs.Blocks > 0 && fs.Bavail == 0 || fs.Files > 0 && fs.Ffree == 0
	return s, nil
}

// lookedUp opens path with O_PATH, at first without magic links. If that is refused, for whatever reason, there may be one.
func lookedUp(path string) (fd int, magic bool, err error) {
	how := unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_MAGICLINKS}
	err = ignoringEINTR(func() (err error) {
		fd, err = unix.Openat2(unix.AT_FDCWD, path, &how)
		return err
	})
	if err == nil {
		return fd, false, nil
	}
	err = ignoringEINTR(func() (err error) {
		fd, err = unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
		return err
	})
	return fd, true, err
}

// StatFlagNames returns the names of ST_* flags as they are in mount options.
func StatFlagNames(flags uint64) (out []string) {
	for _, flag := range [...]struct {
		bit  uint64
		name string
	}{
		{unix.ST_RDONLY, "ro"}, {unix.ST_NOSUID, "nosuid"}, {unix.ST_NODEV, "nodev"}, {unix.ST_NOEXEC, "noexec"},
		{unix.ST_NOATIME, "noatime"}, {unix.ST_NODIRATIME, "nodiratime"}, {unix.ST_RELATIME, "relatime"},
	} {
		if flags&flag.bit != 0 {
			out = append(out, flag.name)
		}
	}
	return out
}
