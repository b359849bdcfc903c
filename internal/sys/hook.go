package sys

import (
	"golang.org/x/sys/unix"
)

// KillGroup sends SIGKILL to all processes of the process group pgid. A group
// that is gone already is no error.
func KillGroup(pgid int) error {
	if err := unix.Kill(-pgid, unix.SIGKILL); err != unix.ESRCH {
		return err
	}
	return nil
}
