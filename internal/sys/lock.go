package sys

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Flock waits for the exclusive lock of an open file and takes it (flock(2)).
func Flock(file *os.File) error { return flock(file, unix.LOCK_EX) }

// FlockShared waits for a shared lock of an open file and takes it.
func FlockShared(file *os.File) error { return flock(file, unix.LOCK_SH) }

// TryFlock takes the exclusive lock of an open file if it need not wait, and reports whether it did.
func TryFlock(file *os.File) (bool, error) { return tryFlock(file, unix.LOCK_EX) }

// TryFlockShared takes a shared lock of an open file if it need not wait, and reports whether it did.
func TryFlockShared(file *os.File) (bool, error) { return tryFlock(file, unix.LOCK_SH) }

func tryFlock(file *os.File, how int) (bool, error) {
	err := flock(file, how|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}

func flock(file *os.File, how int) error {
	for {
		err := unix.Flock(int(file.Fd()), how)
		if err != unix.EINTR {
			return os.NewSyscallError("flock", err)
		}
	}
}

// Funlock gives up the lock of an open file.
func Funlock(file *os.File) error {
	return os.NewSyscallError("flock", unix.Flock(int(file.Fd()), unix.LOCK_UN))
}

// FlockHolder returns the PID of the process that holds the lock of an open file, or 0 if it is not
// known: /proc/locks does not show processes of other PID namespaces (proc_locks(5)).
func FlockHolder(file *os.File) int {
	var st unix.Stat_t
	if err := unix.Fstat(int(file.Fd()), &st); err != nil {
		return 0
	}
	text, err := os.ReadFile("/proc/locks")
	if err != nil {
		return 0
	}
	inode := fmt.Sprintf("%02x:%02x:%d", unix.Major(st.Dev), unix.Minor(st.Dev), st.Ino)
	for line := range strings.Lines(string(text)) {
		// "1: FLOCK  ADVISORY  WRITE 1234 00:1a:5678 0 EOF"; a process that waits has "->" after "1:"
		f := strings.Fields(line)
		if len(f) > 5 && f[1] == "FLOCK" && f[5] == inode {
			pid, _ := strconv.Atoi(f[4])
			return pid
		}
	}
	return 0
}

// CommandLine returns the arguments of a process with blanks between them; "?" if they are not known.
func CommandLine(pid int) string {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
	if args := strings.TrimRight(string(text), "\x00"); err == nil && args != "" {
		return strings.ReplaceAll(args, "\x00", " ")
	}
	return "?"
}
