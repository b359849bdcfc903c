package sys

import (
	"errors"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Ended reports whether err means that the process does not exist. ESRCH does. ENOENT of a file in /proc/PID does only if
// kill(2), or pidfd_open(2) where a filter denies kill, does not find the process either: /proc may hide the processes of
// others, or be no proc file system. No other error says anything about the process, and none does where /proc has other PIDs
// than these calls.
func Ended(pid int, err error) bool {
	if err == nil || CheckProc() != nil {
		return false
	}
	if errors.Is(err, syscall.ESRCH) {
		return true
	}
	return errors.Is(err, syscall.ENOENT) && (syscall.Kill(pid, 0) == syscall.ESRCH || notOpened(pid))
}

func notOpened(pid int) bool {
	pidfd, err := PidfdOpen(pid)
	if err == nil {
		_ = pidfd.Close()
	}
	return errors.Is(err, syscall.ESRCH)
}

// ProcessStat is what /proc/PID/stat says of a process (proc_pid_stat(5)).
type ProcessStat struct {
	State     byte   // 'R', 'S', 'Z', ...
	Pid       int    // in the PID namespace of /proc
	Parent    int    // the same; 0 for one outside of that namespace
	StartTime uint64 // clock ticks since boot: with the PID it identifies a process
	Exiting   bool   // its end has begun; that of a killed process begins a moment after the signal (Killed)
}

const (
	exiting     = 0x4 | 0x400             // PF_EXITING and PF_SIGNALED, which comes first, of the kernel's task flags
	killPending = 1 << (unix.SIGKILL - 1) // in a set of signals
)

var (
	errStat   = errors.New("unexpected format of /proc/PID/stat")
	errStatus = errors.New("/proc/PID/status has no such set of signals")
)

// ReadProcessStat reads the state of a process. An error that says nothing about the process is that of CheckProc.
func ReadProcessStat(pid int) (ProcessStat, error) {
	if err := CheckProc(); err != nil {
		return ProcessStat{}, err
	}
	return readStat(itoa(pid))
}

// OwnProcessStat is ReadProcessStat of this process, in the PID namespace of /proc.
func OwnProcessStat() (ProcessStat, error) { return readStat("self") }

// Ancestors returns the PIDs of the processes above this one, its parent first, as far as they are in the PID namespace of
// /proc.
func Ancestors() (pids []int) {
	stat, err := OwnProcessStat()
	for err == nil && stat.Parent != 0 {
		pids = append(pids, stat.Parent)
		stat, err = ReadProcessStat(stat.Parent)
	}
	return pids
}

func readStat(process string) (ProcessStat, error) {
	text, err := ReadSmall("/proc/" + process + "/stat")
	if err != nil {
		return ProcessStat{}, err
	}
	return parseStat(text)
}

// Killed reports whether SIGKILL has been sent to the process. From kill(2) or the end of a PID namespace it stays in the set
// of the whole process until somebody has reaped the process, so it is seen at every moment. From cgroup.kill it is only in
// the set of the thread, the only one in /proc/PID/stat, and leaves that a moment before the thread is marked as exiting.
func Killed(pid int) (bool, error) {
	text, err := ReadSmall("/proc/" + itoa(pid) + "/status")
	if err != nil {
		return false, err
	}
	return killedIn(text)
}

func killedIn(text string) (bool, error) {
	ofThread, err := signalSet(text, "SigPnd")
	if err != nil {
		return false, err
	}
	ofProcess, err := signalSet(text, "ShdPnd")
	return (ofThread|ofProcess)&killPending != 0, err
}

// signalSet returns a set of signals in the text of /proc/PID/status. The name, which the program chooses, is in the first
// line, with its newlines escaped.
func signalSet(text, name string) (uint64, error) {
	_, rest, ok := strings.Cut(text, "\n"+name+":\t")
	if !ok {
		return 0, errStatus
	}
	set, _, _ := strings.Cut(rest, "\n")
	return strconv.ParseUint(set, 16, 64)
}

// Numbers of the fields in /proc/PID/stat (proc_pid_stat(5)).
const (
	statState = 3 + iota
	statParent
	statFlags = 9
	statStart = 22
)

func parseStat(text string) (stat ProcessStat, err error) {
	// The name is in parentheses and may hold anything, parentheses too.
	_, rest, ok := strings.Cut(text[strings.LastIndexByte(text, ')')+1:], " ")
	if !ok {
		return stat, errStat
	}
	pid, err := parseUint(text[:max(0, strings.IndexByte(text, ' '))])
	if err != nil {
		return stat, err
	}
	stat.Pid = int(pid)
	for number := statState; number <= statStart; number++ {
		var field string
		field, rest, _ = strings.Cut(rest, " ")
		if field == "" {
			return ProcessStat{}, errStat
		}
		if err := stat.set(number, field); err != nil {
			return ProcessStat{}, err
		}
	}
	return stat, nil
}

func (s *ProcessStat) set(number int, field string) error {
	if number == statState {
		s.State = field[0]
		return nil
	}
	switch number {
	case statParent, statFlags, statStart:
	default:
		return nil
	}
	n, err := parseUint(strings.TrimSuffix(field, "\n"))
	switch number {
	case statParent:
		s.Parent = int(n)
	case statFlags:
		s.Exiting = n&exiting != 0
	case statStart:
		s.StartTime = n
	}
	return err
}
