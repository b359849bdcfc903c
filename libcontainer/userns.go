package libcontainer

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/compile"
	"rung/libcontainer/idmap"
	"rung/libcontainer/launch"
)

// userNamespace makes a user namespace with these maps, for an id-mapped mount: a process
// that does nothing else is spawned for it and ended again (mount_setattr(2)).
func userNamespace(uid, gid []specs.LinuxIDMapping) (*os.File, error) {
	progress, err := launch.NewProgress(false)
	if err != nil {
		return nil, err
	}
	hands, err := launch.Start(launch.Request{Plan: compile.UserNamespace(), Progress: progress})
	if err != nil {
		return nil, err
	}
	defer hands.Abort()
	if _, _, err := hands.Next(); err != nil {
		if errors.Is(err, launch.ErrRunning) {
			return nil, errors.New("the process of the user namespace did not wait")
		}
		return nil, err
	}
	if err := idmap.Write(hands.Pid(), uid, gid, idmap.Options{}); err != nil {
		return nil, err
	}
	return sys.OpenForReading(fmt.Sprintf("/proc/%d/ns/user", hands.Pid()))
}

// userNSSwitch is Ubuntu's, since 23.10: a user namespace can be made by anybody, but what needs a
// capability in it is refused to a program whose profile does not say userns.
var userNSSwitch = "/proc/sys/kernel/apparmor_restrict_unprivileged_userns"

// userNSRestricted reports whether an error in a user namespace may come from that.
func userNSRestricted(errno syscall.Errno) bool {
	if errno != syscall.EPERM && errno != syscall.EACCES {
		return false
	}
	text, err := sys.ReadSmall(userNSSwitch)
	return err == nil && strings.TrimSpace(text) == "1"
}
