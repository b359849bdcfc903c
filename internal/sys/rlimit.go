package sys

import (
	"strconv"

	"golang.org/x/sys/unix"
)

// RlimitResource returns the number of a resource such as "RLIMIT_NOFILE" (getrlimit(2)); false if there is none.
func RlimitResource(name string) (int, bool) {
	switch name {
	case "RLIMIT_AS":
		return unix.RLIMIT_AS, true
	case "RLIMIT_CORE":
		return unix.RLIMIT_CORE, true
	case "RLIMIT_CPU":
		return unix.RLIMIT_CPU, true
	case "RLIMIT_DATA":
		return unix.RLIMIT_DATA, true
	case "RLIMIT_FSIZE":
		return unix.RLIMIT_FSIZE, true
	case "RLIMIT_LOCKS":
		return unix.RLIMIT_LOCKS, true
	case "RLIMIT_MEMLOCK":
		return unix.RLIMIT_MEMLOCK, true
	case "RLIMIT_MSGQUEUE":
		return unix.RLIMIT_MSGQUEUE, true
	case "RLIMIT_NICE":
		return unix.RLIMIT_NICE, true
	case "RLIMIT_NOFILE":
		return unix.RLIMIT_NOFILE, true
	case "RLIMIT_NPROC":
		return unix.RLIMIT_NPROC, true
	case "RLIMIT_RSS":
		return unix.RLIMIT_RSS, true
	case "RLIMIT_RTPRIO":
		return unix.RLIMIT_RTPRIO, true
	case "RLIMIT_RTTIME":
		return unix.RLIMIT_RTTIME, true
	case "RLIMIT_SIGPENDING":
		return unix.RLIMIT_SIGPENDING, true
	case "RLIMIT_STACK":
		return unix.RLIMIT_STACK, true
	}
	return 0, false
}

// RlimitName is the reverse of RlimitResource; "" of a number that it does not know.
func RlimitName(resource int) string {
	for _, name := range [...]string{
		"RLIMIT_AS", "RLIMIT_CORE", "RLIMIT_CPU", "RLIMIT_DATA", "RLIMIT_FSIZE", "RLIMIT_LOCKS", "RLIMIT_MEMLOCK", "RLIMIT_MSGQUEUE",
		"RLIMIT_NICE", "RLIMIT_NOFILE", "RLIMIT_NPROC", "RLIMIT_RSS", "RLIMIT_RTPRIO", "RLIMIT_RTTIME", "RLIMIT_SIGPENDING", "RLIMIT_STACK",
	} {
		if n, known := RlimitResource(name); known && n == resource {
			return name
		}
	}
	return ""
}

// Prlimit sets a resource limit of a process. The error is a syscall.Errno.
func Prlimit(pid, resource int, soft, hard uint64) error {
	return unix.Prlimit(pid, resource, &unix.Rlimit{Cur: soft, Max: hard}, nil)
}

// GetRlimit returns a resource limit of this process by its name, such as "RLIMIT_NOFILE". The error is a syscall.Errno.
func GetRlimit(name string) (soft, hard uint64, err error) {
	resource, known := RlimitResource(name)
	if !known {
		return 0, 0, unix.EINVAL
	}
	var limit unix.Rlimit
	err = unix.Getrlimit(resource, &limit)
	return limit.Cur, limit.Max, err
}

// OpenFilesLimit says how many files this process and its children may have open at most, for an error of EMFILE; "" if that is
// not known. It is about the hard limit: rung and the stage raise the soft one to it.
func OpenFilesLimit() string {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) != nil {
		return ""
	}
	return "RLIMIT_NOFILE is " + strconv.FormatUint(limit.Max, 10) + ", which the caller of rung may not exceed: ulimit -Hn"
}
