package host

import (
	"errors"
	"syscall"

	"rung/internal/sys"
)

// LookNull finds out whether the host's /dev/null is the null device: programs that are run as root replace it by a
// plain file now and then.
func (f *Facts) LookNull() error {
	st, err := sys.Stat("/dev/null")
	switch {
	case errors.Is(err, syscall.ENOENT):
		f.NullBroken = "missing"
	case err != nil:
		return err
	case st.Mode&syscall.S_IFMT == syscall.S_IFCHR && st.Rdev == sys.Mkdev(1, 3):
	case st.Mode&syscall.S_IFMT == syscall.S_IFDIR:
		f.NullBroken = "a directory"
	case st.Mode&syscall.S_IFMT == syscall.S_IFREG:
		f.NullBroken = "a regular file"
	default:
		f.NullBroken = "another device"
	}
	return nil
}
