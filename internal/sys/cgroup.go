package sys

import (
	"encoding/binary"
	"fmt"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Superblock magics that tell file systems of control files apart (statfs(2)).
const (
	ResctrlSuperMagic = unix.RDTGROUP_SUPER_MAGIC
	CgroupSuperMagic  = unix.CGROUP_SUPER_MAGIC
	Cgroup2SuperMagic = unix.CGROUP2_SUPER_MAGIC
)

// FsMagic returns the superblock magic of the filesystem that path is on.
func FsMagic(path string) (int64, error) {
	var st unix.Statfs_t
	if err := ignoringEINTR(func() error { return unix.Statfs(path, &st) }); err != nil {
		return 0, &os.PathError{Op: "statfs", Path: path, Err: err}
	}
	return int64(st.Type), nil //nolint:unconvert // int32 on s390x
}

// WriteControl writes data to a control file with one open, one write and one
// close. It does not use os.File: kernfs files are pollable, so os.File would
// register the descriptor with epoll, which is one system call too many. Errors
// are bare errnos; the caller adds the field and the file.
func WriteControl(path, data string) error {
	fd, err := OpenControl(path)
	if err != nil {
		return err
	}
	err = WriteFd(fd, data)
	unix.Close(fd)
	return err
}

// OpenControl opens a control file for writing; close it with CloseFd.
func OpenControl(path string) (int, error) {
	return openRetry(path, unix.O_WRONLY|unix.O_CLOEXEC)
}

// CloseFd closes a descriptor of OpenControl, OpenDir or OpenRead.
func CloseFd(fd int) { unix.Close(fd) }

// WriteFd writes data in one system call: control files require that.
func WriteFd(fd int, data string) error {
	b := unsafe.Slice(unsafe.StringData(data), len(data))
	for {
		n, err := unix.Write(fd, b)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return err
		case n != len(data):
			return unix.EIO
		}
		return nil
	}
}

// ReadControl returns the whole content of a control file.
func ReadControl(path string) (string, error) {
	fd, err := OpenRead(path)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	return ReadFd(fd)
}

// OpenRead opens a control file for reading; close it with CloseFd.
func OpenRead(path string) (int, error) {
	return openRetry(path, unix.O_RDONLY|unix.O_CLOEXEC)
}

// ReadFd reads a control file from its start to its end.
func ReadFd(fd int) (string, error) {
	buf := make([]byte, 4096)
	n := 0
	for {
		if n == len(buf) {
			buf = append(buf, make([]byte, len(buf))...)
		}
		c, err := unix.Pread(fd, buf[n:], int64(n))
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return "", err
		}
		if c == 0 {
			return unsafe.String(unsafe.SliceData(buf), n), nil
		}
		n += c
	}
}

// OpenDir opens a directory as an O_PATH descriptor: good for *at calls and
// for clone3(CLONE_INTO_CGROUP), not for reading.
func OpenDir(path string) (int, error) {
	return openRetry(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC)
}

// DirLinks returns the link count of a directory. On kernfs it is 2 plus the
// number of sub-directories, so 2 means a cgroup without children.
func DirLinks(path string) (uint64, error) {
	st, err := Stat(path)
	if err != nil {
		return 0, err
	}
	return uint64(st.Nlink), nil //nolint:unconvert // uint32 on arm64
}

// PollEvents waits until the kernel notifies a change of a kernfs file such as
// cgroup.events (POLLPRI), for at most d, or until the Waker's context ends. The caller must have read the file before.
func PollEvents(fd int, wake *Waker, d time.Duration) error {
	ts := unix.NsecToTimespec(int64(d))
	_, err := unix.Ppoll(wake.with(unix.PollFd{Fd: int32(fd), Events: unix.POLLPRI}), &ts, nil)
	if err == unix.EINTR {
		return nil
	}
	return err
}

func openRetry(path string, flags int) (int, error) {
	for {
		fd, err := unix.Open(path, flags, 0)
		if err != unix.EINTR {
			return fd, err
		}
	}
}

// WatchControl registers an eventfd for a control file of cgroup v1 (cgroup.event_control).
func WatchControl(dir, file string) (*os.File, error) {
	control, err := OpenRead(dir + "/" + file)
	if err != nil {
		return nil, err
	}
	defer unix.Close(control)
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, os.NewSyscallError("eventfd2", err)
	}
	if err := WriteControl(dir+"/cgroup.event_control", fmt.Sprintf("%d %d", fd, control)); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return os.NewFile(uintptr(fd), file), nil
}

// DrainEvent returns the count of an eventfd and resets it to 0.
func DrainEvent(event *os.File) uint64 {
	var count [8]byte
	_, _ = unix.Read(int(event.Fd()), count[:])
	return binary.NativeEndian.Uint64(count[:])
}

// WaitEither waits for at most d until the process of a pidfd has ended, event occurs or the waker's context ends. event is
// nil, a file that becomes readable, or with control a kernfs file that the kernel notifies. The
// result says whether the process has ended.
func WaitEither(waker *Waker, pidfd, event *os.File, control bool, d time.Duration) (ended bool, err error) {
	fds := []unix.PollFd{{Fd: int32(pidfd.Fd()), Events: unix.POLLIN}}
	if event != nil {
		fds = append(fds, unix.PollFd{Fd: int32(event.Fd()), Events: unix.POLLIN})
		if control {
			fds[1].Events = unix.POLLPRI
		}
	}
	fds = waker.with(fds...)
	timeout := unix.NsecToTimespec(max(0, int64(d)))
	if _, err := unix.Ppoll(fds, &timeout, nil); err != nil && err != unix.EINTR {
		return false, os.NewSyscallError("ppoll", err)
	}
	return fds[0].Revents != 0, nil
}
