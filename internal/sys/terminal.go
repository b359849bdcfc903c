package sys

import "golang.org/x/sys/unix"

// IsTerminal reports whether a descriptor is a terminal: a person may read what is written to it.
func IsTerminal(fd int) bool {
	_, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	return err == nil
}
