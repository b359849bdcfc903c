package host

import (
	"errors"
	"syscall"

	"rung/internal/sys"
)

// ProbeNull checks whether the host's /dev/null is the null device: a program that runs as root may have replaced it by a
// regular file.
func (f *Facts) ProbeNull() error {
	st, err := sys.Stat("/dev/null")
	switch {
	case errors.Is(err, syscall.ENOENT):
		f.NullBroken = "missing"
	case err != nil:
		return err
	case sys.IsNull(st):
	case st.Mode&syscall.S_IFMT == syscall.S_IFDIR:
		f.NullBroken = "a directory"
	case st.Mode&syscall.S_IFMT == syscall.S_IFREG:
		f.NullBroken = "a regular file"
	default:
		f.NullBroken = "another device"
	}
	return nil
}
