package sys

import (
	"fmt"
	"io"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// LargestFile is more than any file that rung reads has, in bytes: a configuration of 10 000 mounts takes 2 MB.
const LargestFile = 64 << 20

// ReadFile returns what is in a file of at most LargestFile. Unlike os.ReadFile it does not ask the poller of the Go run-time
// about the file.
func ReadFile(path string) ([]byte, error) {
	return readFile(path, 0, func(fd int) ([]byte, error) { return readAll(fd, LargestFile) })
}

// ReadRegular is ReadFile of a regular file of at most that many bytes: it neither waits for a FIFO nor reads a device.
func ReadRegular(path string, most int) ([]byte, error) {
	return readFile(path, unix.O_NONBLOCK, func(fd int) ([]byte, error) {
		var st unix.Stat_t
		if err := unix.Fstat(fd, &st); err != nil {
			return nil, err
		}
		if st.Mode&unix.S_IFMT != unix.S_IFREG || st.Size > int64(most) {
			return nil, fmt.Errorf("not a regular file of at most %d bytes", most)
		}
		data := make([]byte, 0, st.Size+1)
		n, err := unix.Read(fd, data[:cap(data)])
		if err == nil && n > 0 && int64(n) == st.Size {
			return data[:n], nil // there was room for one byte more: the file ends here
		}
		return readInto(data[:max(0, n)], fd, most)
	})
}

// ReadAt fills data from that offset of a file. It follows no symbolic link. The error is io.ErrUnexpectedEOF if the file is
// shorter.
func ReadAt(path string, data []byte, offset int64) error {
	_, err := readFile(path, unix.O_NOFOLLOW|unix.O_NONBLOCK, func(fd int) ([]byte, error) {
		if n, err := unix.Pread(fd, data, offset); err != nil || n == len(data) {
			return nil, err
		}
		return nil, io.ErrUnexpectedEOF
	})
	return err
}

func readFile(path string, flags int, read func(fd int) ([]byte, error)) ([]byte, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|flags, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	data, err := read(fd)
	if err != nil {
		return nil, &os.PathError{Op: "read", Path: path, Err: err}
	}
	return data, nil
}

func readAll(fd, most int) ([]byte, error) { return readInto(make([]byte, 0, 16*1024), fd, most) }

// readInto reads to the end of a file, first into the room that data has.
func readInto(data []byte, fd, most int) ([]byte, error) {
	for {
		if len(data) == cap(data) {
			room, err := roomOf(fd, len(data), most)
			if err != nil {
				return nil, err
			}
			data = slices.Grow(data, room)
		}
		n, err := unix.Read(fd, data[len(data):cap(data)])
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return nil, err
		case n == 0:
			return data, nil
		}
		if data = data[:len(data)+n]; len(data) > most {
			return nil, unix.EFBIG
		}
	}
}

// roomOf returns how many bytes more a file may have of which some are read. Only a long file is asked for its size, so that a
// short one costs no system call. Files of procfs have none.
func roomOf(fd, read, most int) (int, error) {
	var st unix.Stat_t
	if err := ignoringEINTR(func() error { return unix.Fstat(fd, &st) }); err != nil {
		return 0, err
	}
	if rest := st.Size - int64(read); rest > 0 && st.Size <= int64(most) {
		return int(rest) + 1, nil // one for the read that finds the end
	}
	return read, nil
}

func ignoringEINTR(call func() error) error {
	for {
		if err := call(); err != unix.EINTR {
			return err
		}
	}
}
