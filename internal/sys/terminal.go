package sys

import "golang.org/x/sys/unix"

// IsTerminal reports whether a descriptor is a terminal: a person may read what is written to it.
func IsTerminal(fd int) bool {
	_, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	return err == nil
}

// AwaitForeground gives a terminal the settings that it has. That does nothing, but the kernel stops the process group by SIGTTOU
// if it is in the background (tcsetattr(3p)), until the shell continues it in the foreground. A process that ignores SIGTTOU, or
// that no shell can continue, is not stopped.
func AwaitForeground(terminal uintptr) {
	if settings, err := unix.IoctlGetTermios(int(terminal), unix.TCGETS); err == nil {
		_ = unix.IoctlSetTermios(int(terminal), unix.TCSETS, settings)
	}
}
