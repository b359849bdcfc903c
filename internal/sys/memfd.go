package sys

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// SealedMemfd returns an anonymous file that holds data and that nobody can change any more.
func SealedMemfd(name string, data []byte) (*os.File, error) {
	file, err := Memfd(name, unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, err
	}
	return fillAndSeal(file, data)
}

func fillAndSeal(file *os.File, data []byte) (*os.File, error) {
	if _, err := file.Write(data); err != nil {
		file.Close()
		return nil, SizeLimited(err)
	}
	if err := seal(file); err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// SizeLimited names what is behind EFBIG: the caller's limit holds for a memfd too, which is no file of the caller's.
func SizeLimited(err error) error {
	var limit unix.Rlimit
	if !errors.Is(err, unix.EFBIG) || unix.Getrlimit(unix.RLIMIT_FSIZE, &limit) != nil {
		return err
	}
	return fmt.Errorf("%w: the caller's RLIMIT_FSIZE is %d bytes (ulimit -f)", err, limit.Cur)
}

// Memfd returns an empty anonymous file (memfd_create(2)).
func Memfd(name string, flags int) (*os.File, error) {
	fd, err := unix.MemfdCreate(name, flags|unix.MFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	return os.NewFile(uintptr(fd), name), nil
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

// Unmap undoes MapShared.
func Unmap(data []byte) error { return unix.Munmap(data) }
