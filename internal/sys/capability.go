package sys

import (
	"os"

	"golang.org/x/sys/unix"
)

// PermittedCapabilities returns the permitted set of this process, by capability number.
func PermittedCapabilities() (uint64, error) {
	data, err := capabilities()
	return uint64(data[0].Permitted) | uint64(data[1].Permitted)<<32, err
}

// BoundingCapabilities returns the bounding set of this process, by capability number up to last:
// a program that root starts from here has at most these capabilities (capabilities(7)).
func BoundingCapabilities(last int) (set uint64, err error) {
	for n := range last + 1 {
		has, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, uintptr(n), 0, 0, 0)
		if err != nil {
			return 0, os.NewSyscallError("prctl", err)
		}
		set |= uint64(has) << n
	}
	return set, nil
}

// CanSetIDs reports whether this process may write any id map: it needs CAP_SETUID and CAP_SETGID
// in its user namespace (user_namespaces(7)).
func CanSetIDs() (bool, error) {
	data, err := capabilities()
	const need = 1<<unix.CAP_SETUID | 1<<unix.CAP_SETGID
	return data[0].Effective&need == need, err
}

func capabilities() (data [2]unix.CapUserData, err error) {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	err = os.NewSyscallError("capget", unix.Capget(&header, &data[0]))
	return data, err
}
