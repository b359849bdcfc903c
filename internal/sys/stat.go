package sys

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// Stat is stat(2) without the allocations of os.Stat.
func Stat(path string) (*syscall.Stat_t, error) {
	st := new(syscall.Stat_t)
	for {
		err := syscall.Stat(path, st)
		switch err {
		case nil:
			return st, nil
		case syscall.EINTR:
			continue
		}
		return nil, &os.PathError{Op: "stat", Path: path, Err: err}
	}
}

// BinaryIdentity returns a text that identifies this program: device, inode, size and time of the
// file that this process executes.
func BinaryIdentity() (string, error) {
	st, err := Stat("/proc/self/exe")
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d:%d:%d:%d.%09d", st.Dev, st.Ino, st.Size, st.Ctim.Sec, st.Ctim.Nsec), nil
}

// Exists reports whether this process can see a file at path. After an error the answer is not known.
func Exists(path string) (bool, error) {
	_, err := Stat(path)
	if err == nil {
		return true, nil
	}
	return false, UnlessAbsent(err)
}

// HasNoFiles reports whether a directory has at most directories that are empty, as mount points are; false also if it cannot be read.
func HasNoFiles(dir string) bool {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false
	}
	for _, entry := range entries {
		if below, err := os.ReadDir(filepath.Join(dir, entry.Name())); err != nil || len(below) > 0 {
			return false
		}
	}
	return true
}

// UnlessAbsent returns nil for the errors that say that this process has no such file, and other errors as they are.
func UnlessAbsent(err error) error {
	for _, absent := range [...]unix.Errno{unix.ENOENT, unix.ENOTDIR, unix.ELOOP, unix.EACCES, unix.ENXIO} {
		if errors.Is(err, absent) {
			return nil
		}
	}
	return err
}

// Deleted reports whether an open directory was removed.
func Deleted(dir *os.File) (bool, error) {
	var st syscall.Stat_t
	if err := syscall.Fstat(int(dir.Fd()), &st); err != nil {
		return false, &os.PathError{Op: "stat", Path: dir.Name(), Err: err}
	}
	return st.Nlink == 0, nil
}

// MayWrite returns nil if this process may write to a file, or make files in a directory, by its effective ids (faccessat2(2)). Else
// the error is the syscall.Errno that it would get.
func MayWrite(path string) error {
	mode := uint32(unix.W_OK)
	if st, err := Stat(path); err == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR {
		mode |= unix.X_OK
	}
	return unix.Faccessat(unix.AT_FDCWD, path, mode, unix.AT_EACCESS)
}

// GainsRights reports whether a program gets more rights than its caller has: it is set-user-id, or has file capabilities.
func GainsRights(path string) (bool, error) {
	st, err := Stat(path)
	if err != nil {
		return false, err
	}
	if st.Mode&unix.S_ISUID != 0 {
		return true, nil
	}
	n, err := unix.Getxattr(path, "security.capability", nil)
	if err == unix.ENODATA || err == unix.ENOTSUP {
		return false, nil
	}
	return n > 0, err
}
