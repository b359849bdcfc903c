package sys

import (
	"errors"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// quickSmall is for files of the kernel (procfs, cgroups), which are in memory: its calls do not wait. They do not tell Go's
// scheduler that a system call begins. With one processor (decision 0023) the scheduler's monitor would give the processor to
// another thread if a call takes more than 20 us, because another process has the CPU for example; that thread finds nothing to
// do. A list of 1 000 containers makes 9 000 such calls.

// ErrNotQuick is the error of a file that quick calls do not read: it is too long.
var ErrNotQuick = errors.New("no short file")

var here = unix.AT_FDCWD // a variable: the constant is negative, and system calls take unsigned numbers

func quickOpen(path string, flags int) (int, error) {
	name, err := unix.BytePtrFromString(path)
	if err != nil {
		return -1, err
	}
	for {
		fd, _, errno := unix.RawSyscall6(unix.SYS_OPENAT, uintptr(here), uintptr(unsafe.Pointer(name)), uintptr(flags|unix.O_CLOEXEC), 0, 0, 0)
		switch errno {
		case 0:
			return int(fd), nil
		case unix.EINTR:
			continue
		}
		return -1, errno
	}
}

func quickRead(fd int, buf []byte) (int, error) {
	for {
		n, _, errno := unix.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(buf))), uintptr(len(buf)))
		switch errno {
		case 0:
			return int(n), nil
		case unix.EINTR:
			continue
		}
		return 0, errno
	}
}

func quickClose(fd int) { _, _, _ = unix.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0) }

// ReadSmall reads a kernel file whose content fits into one read of 4 KiB.
func ReadSmall(path string) (string, error) {
	var buf [4096]byte
	n, op, err := quickSmall(path, buf[:])
	if err != nil {
		return "", &os.PathError{Op: op, Path: path, Err: err}
	}
	return string(buf[:n]), nil
}

// quickSmall reads a file whose content fits into one read of buf. With the error is the name of the call that failed.
func quickSmall(path string, buf []byte) (n int, op string, err error) {
	fd, err := quickOpen(path, unix.O_RDONLY)
	if err != nil {
		return 0, "open", err
	}
	n, err = quickRead(fd, buf)
	quickClose(fd)
	return n, "read", err
}

// ReadFlag reads a control file that has one short line, without the end of the line. The error is the bare errno.
func ReadFlag(path string) (string, error) {
	var buf [64]byte
	n, _, err := quickSmall(path, buf[:])
	if err != nil {
		return "", err
	}
	if n > 0 && buf[n-1] == '\n' {
		n--
	}
	return string(buf[:n]), nil
}

// ReadQuick reads a file of rung's state. The error is ErrNotQuick if it has 8 KiB or more. It neither waits for a FIFO nor asks
// what kind of file it is: the caller knows by the content. The state may be on a disk or a network that does not answer, so the
// scheduler knows of these calls: a signal still ends rung.
func ReadQuick(path string) (string, error) {
	var buf [8 << 10]byte
	var fd, n int
	err := ignoringEINTR(func() (err error) {
		fd, err = unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
		return err
	})
	if err != nil {
		return "", &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	err = ignoringEINTR(func() (err error) {
		n, err = unix.Read(fd, buf[:])
		return err
	})
	if err != nil {
		return "", &os.PathError{Op: "read", Path: path, Err: err}
	}
	if n == len(buf) {
		return "", ErrNotQuick
	}
	return string(buf[:n]), nil
}

// ExistsQuick is Exists for a file of rung's state.
func ExistsQuick(path string) (bool, error) {
	err := ignoringEINTR(func() error { return unix.Faccessat(unix.AT_FDCWD, path, unix.F_OK, 0) })
	if err == unix.ENOENT {
		return false, nil
	}
	if err != nil {
		return false, &os.PathError{Op: "faccessat", Path: path, Err: err}
	}
	return true, nil
}
