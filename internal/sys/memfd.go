package sys

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// SealedMemfd returns a sealed memfd that holds data: nobody can change it. If memfd_create(2) is denied, it returns an
// unnamed file without seals.
func SealedMemfd(name string, data []byte) (*os.File, error) {
	file, err := newMemfd(name, unix.MFD_ALLOW_SEALING)
	if denied(err) {
		if file, err = unnamedFile(name, err); err != nil {
			return nil, err
		}
		return file, fill(file, data)
	}
	if err != nil {
		return nil, err
	}
	return fillAndSeal(file, data)
}

func fillAndSeal(file *os.File, data []byte) (*os.File, error) {
	if err := fill(file, data); err != nil {
		return nil, err
	}
	if err := seal(file); err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// fill writes data to a file. If that fails, it closes the file.
func fill(file *os.File, data []byte) error {
	if _, err := file.Write(data); err != nil {
		file.Close()
		return SizeLimited(err)
	}
	return nil
}

// SizeLimited adds the caller's RLIMIT_FSIZE to EFBIG: the limit holds for a memfd too, where nobody expects it.
func SizeLimited(err error) error {
	if hint := SizeLimit(); hint != "" && errors.Is(err, unix.EFBIG) {
		return fmt.Errorf("%w: %s", err, hint)
	}
	return err
}

// SizeLimit returns a text that names the caller's RLIMIT_FSIZE; "" if there is no limit.
func SizeLimit() string {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &limit); err != nil || limit.Cur == unix.RLIM_INFINITY {
		return ""
	}
	return fmt.Sprintf("the caller's RLIMIT_FSIZE is %d bytes (ulimit -f)", limit.Cur)
}

// Memfd returns an empty memfd (memfd_create(2)). If the call is denied, it returns an empty unnamed file.
func Memfd(name string) (*os.File, error) {
	file, err := newMemfd(name, 0)
	if denied(err) {
		return unnamedFile(name, err)
	}
	return file, err
}

func newMemfd(name string, flags int) (*os.File, error) {
	fd, err := unix.MemfdCreate(name, flags|unix.MFD_CLOEXEC)
	if err != nil {
		return nil, refused("memfd_create", err)
	}
	return os.NewFile(uintptr(fd), name), nil
}

// denied reports whether memfd_create(2) is missing or denied by a filter: the kernel itself never returns EPERM for it.
func denied(err error) bool { return errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSYS) }

// unnamedFile opens a file that has no name in any directory, in memory if possible. If no place allows it, it returns err,
// the error of memfd_create(2).
func unnamedFile(name string, err error) (*os.File, error) {
	if mount, err := NewMount("tmpfs", unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV|unix.MOUNT_ATTR_NOEXEC); err == nil {
		defer mount.Close()
		if file, err := unnamedIn(FDPath(mount), name); err == nil {
			return file, nil
		}
	}
	for _, dir := range []string{os.Getenv("XDG_RUNTIME_DIR"), "/dev/shm", os.TempDir(), "/var/tmp"} {
		if file, err := unnamedIn(dir, name); err == nil {
			return file, nil
		}
	}
	return nil, err
}

func unnamedIn(dir, name string) (*os.File, error) {
	fd, err := unix.Open(dir, unix.O_TMPFILE|unix.O_EXCL|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: dir, Err: err}
	}
	return os.NewFile(uintptr(fd), name), nil
}

// MayStore reports whether a directory takes a file of some bytes: it writes one that has no name, and is gone when the function
// returns. A file system that has no such files is taken to have room. Errors are those of open(2) with O_TMPFILE and of write(2).
func MayStore(dir string, size int) error {
	file, err := unnamedIn(dir, dir)
	switch {
	case errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.EISDIR), errors.Is(err, unix.ENOENT):
		return nil
	case err != nil:
		return err
	}
	defer file.Close()
	_, err = file.Write(make([]byte, size))
	return SizeLimited(err)
}

// seal forbids every change of a memfd, and of its seals.
func seal(file *os.File) error {
	const all = unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE
	_, err := unix.FcntlInt(file.Fd(), unix.F_ADD_SEALS, all)
	return os.NewSyscallError("fcntl", err)
}

// MapShared maps size bytes of a file for reading and writing.
func MapShared(file *os.File, size int) ([]byte, error) {
	data, err := unix.Mmap(int(file.Fd()), 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	return data, os.NewSyscallError("mmap", err)
}

// MapCopy maps a whole file for reading and writing. What is written is not written to the file.
func MapCopy(file *os.File) ([]byte, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	data, err := unix.Mmap(int(file.Fd()), 0, int(info.Size()), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE)
	return data, os.NewSyscallError("mmap", err)
}

// Unmap undoes MapShared and MapCopy.
func Unmap(data []byte) error { return unix.Munmap(data) }
