package sys

import (
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
		return nil, err
	}
	if err := seal(file); err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
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
