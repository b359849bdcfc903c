package sys

import (
	"golang.org/x/sys/unix"
)

// CanSetIDs says whether this process may write any id map: it needs CAP_SETUID
// and CAP_SETGID in its user namespace (user_namespaces(7)).
func CanSetIDs() (bool, error) {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return false, err
	}
	const need = 1<<unix.CAP_SETUID | 1<<unix.CAP_SETGID
	return data[0].Effective&need == need, nil
}
