package sys

import (
	"cmp"
	"errors"
	"os"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// PidfdOpen returns a descriptor of a process (Linux 5.3).
func PidfdOpen(pid int) (*os.File, error) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return nil, os.NewSyscallError("pidfd_open", err)
	}
	return os.NewFile(uintptr(fd), "pidfd"), nil
}

// CopyFD returns a copy of descriptor fd of another process (pidfd_getfd(2), Linux 5.6). It
// needs the right to trace that process.
func CopyFD(pid, fd int) (*os.File, error) {
	pidfd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return nil, os.NewSyscallError("pidfd_open", err)
	}
	defer unix.Close(pidfd)
	copied, err := unix.PidfdGetfd(pidfd, fd, 0)
	if err != nil {
		return nil, os.NewSyscallError("pidfd_getfd", err)
	}
	return os.NewFile(uintptr(copied), "copy"), nil
}

// PidfdSignal sends a signal to the process of a pidfd; the error is a syscall.Errno.
func PidfdSignal(pidfd *os.File, sig syscall.Signal) error {
	return unix.PidfdSendSignal(int(pidfd.Fd()), sig, nil, 0)
}

// PidfdWait waits until the process of a pidfd has ended, at most timeout milliseconds
// (-1: for ever), and reports whether it has.
func PidfdWait(pidfd *os.File, timeout int) (bool, error) {
	fds := []unix.PollFd{{Fd: int32(pidfd.Fd()), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(fds, timeout)
		if err == unix.EINTR {
			continue
		}
		return n > 0, os.NewSyscallError("poll", err)
	}
}

// Wait reaps a child of this process.
func Wait(pid int) (syscall.WaitStatus, error) {
	var status syscall.WaitStatus
	for {
		_, err := syscall.Wait4(pid, &status, 0, nil)
		if err != syscall.EINTR {
			return status, os.NewSyscallError("wait4", err)
		}
	}
}

// SpawnFile starts the program in an open file, with files as its descriptors, by number.
// A nil file is closed. The program itself is the descriptor after them, since the child
// moves descriptors about before it executes it: any other number could be overwritten.
func SpawnFile(program *os.File, argv, env []string, files []*os.File) (int, error) {
	fds := make([]uintptr, 0, len(files)+1)
	for _, f := range files {
		if f == nil {
			fds = append(fds, ^uintptr(0))
			continue
		}
		fds = append(fds, f.Fd())
	}
	path := "/proc/self/fd/" + itoa(len(fds))
	pid, err := syscall.ForkExec(path, argv, &syscall.ProcAttr{Env: env, Files: append(fds, program.Fd())})
	runtime.KeepAlive(files)
	return pid, err
}

// KeepOwnRights takes out of the umask what would keep this process's user from the files that it makes.
// umask(2) fails only where a filter denies it.
func KeepOwnRights() error {
	mask := unix.Umask(0o077)
	if mask < 0 || unix.Umask(mask&^0o700) < 0 {
		return errors.New("umask: denied to rung: a seccomp filter?")
	}
	return nil
}

// SetSubreaper makes this process the parent of orphaned descendants (prctl(2)).
func SetSubreaper() error {
	return os.NewSyscallError("prctl", unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
}

// Prlimit sets a resource limit of a process. The error is a syscall.Errno.
func Prlimit(pid, resource int, soft, hard uint64) error {
	return unix.Prlimit(pid, resource, &unix.Rlimit{Cur: soft, Max: hard}, nil)
}

// Ended reports whether an error of a look at a process means that there is none: ENOENT of its files in /proc, where
// kill(2) knows no such process either (a /proc may hide others' processes, or not be one), and ESRCH. Every other error
// says nothing about the process.
func Ended(pid int, err error) bool {
	if errors.Is(err, syscall.ESRCH) {
		return true
	}
	return errors.Is(err, syscall.ENOENT) && syscall.Kill(pid, 0) == syscall.ESRCH
}

// ProcessStat is what /proc/PID/stat says of a process (proc_pid_stat(5)).
type ProcessStat struct {
	State     byte   // 'R', 'S', 'Z', ...
	StartTime uint64 // clock ticks since boot: with the PID it identifies a process
	Ending    bool   // SIGKILL is on its way to it, or it is about to be a zombie
}

const (
	exiting     = 0x4                     // PF_EXITING of the kernel's flags of a task
	killPending = 1 << (unix.SIGKILL - 1) // the kernel gives SIGKILL to every thread
)

var errStat = errors.New("unexpected format of /proc/PID/stat")

// ReadProcessStat reads the state of a process.
func ReadProcessStat(pid int) (ProcessStat, error) {
	text, err := ReadSmall("/proc/" + itoa(pid) + "/stat")
	if err != nil {
		return ProcessStat{}, err
	}
	// The name is in parentheses and may hold anything, parentheses too.
	_, rest, ok := strings.Cut(text[strings.LastIndexByte(text, ')')+1:], " ")
	fields := strings.Fields(rest)
	if !ok || len(fields) < 29 {
		return ProcessStat{}, errStat
	}
	flags, errFlags := parseUint(fields[6])
	start, errStart := parseUint(fields[19])
	pending, errPending := parseUint(fields[28])
	if err := cmp.Or(errFlags, errStart, errPending); err != nil {
		return ProcessStat{}, err
	}
	return ProcessStat{
		State: fields[0][0], StartTime: start, Ending: flags&exiting != 0 || pending&killPending != 0,
	}, nil
}

// SignalNumber returns the signal called SIG..., or 0.
func SignalNumber(name string) syscall.Signal { return unix.SignalNum(name) }
