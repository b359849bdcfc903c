package sys

import (
	"time"

	"golang.org/x/sys/unix"
)

// IsTerminal reports whether a descriptor is a terminal: a person may read what is written to it.
func IsTerminal(fd int) bool {
	_, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	return err == nil
}

// AwaitForeground stops the process group by SIGTTOU while it is in the background of its controlling terminal, as the kernel does
// when it sets the terminal (tcsetattr(3p)), and reports whether it did. The kernel would do it in a system call, which
// begins again before a SIGTERM is noticed. A process that ignores SIGTTOU or that no shell would continue is not stopped.
func AwaitForeground(terminal int) (waited bool) {
	for range mostStops {
		foreground, err := unix.IoctlGetInt(terminal, unix.TIOCGPGRP)
		if err != nil || foreground == unix.Getpgrp() || !stopsBy(unix.SIGTTOU) || isOrphan() {
			break // an error: it is not the controlling terminal
		}
		waited = true
		_ = unix.Kill(0, unix.SIGTTOU)
		time.Sleep(stopPause)
	}
	if waited {
		_ = unix.Kill(0, unix.SIGCONT) // to the stage, which is in this group and has been stopped if this process was not
	}
	return waited
}

const (
	// stopPause is the time for another signal, which comes with SIGCONT, to be noticed.
	stopPause = 20 * time.Millisecond
	// mostStops is for a process that is not stopped for a reason that is not known here.
	mostStops = 50
)

// stopsBy reports whether a signal that stops would stop this process: it neither ignores nor blocks it.
func stopsBy(s unix.Signal) bool {
	text, err := ReadSmall("/proc/thread-self/status")
	if err != nil {
		return false
	}
	ignored, errIgnored := signalSet(text, "SigIgn")
	blocked, errBlocked := signalSet(text, "SigBlk")
	return errIgnored == nil && errBlocked == nil && (ignored|blocked)>>(s-1)&1 == 0
}

// isOrphan reports whether no process of the session that is outside of this process group is above it: then there is no shell that
// would continue it (tty_ioctl(4), "orphaned process group").
func isOrphan() bool {
	for _, pid := range Ancestors() {
		group, err := unix.Getpgid(pid)
		if err != nil {
			return true
		}
		if group == unix.Getpgrp() {
			continue
		}
		session, err := unix.Getsid(pid)
		own, errOwn := unix.Getsid(0)
		return err != nil || errOwn != nil || session != own
	}
	return true
}
