package systemd

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"rung/internal/sys"
)

const (
	bootedDir     = "/run/systemd/system"
	systemSocket  = "/run/dbus/system_bus_socket"
	privateSocket = "/run/systemd/private"
)

// ErrNotRunning is the error where systemd is not the machine's service manager.
var ErrNotRunning = errors.New("systemd not running on this host, cannot use systemd cgroups manager")

// Booted reports whether systemd manages the machine (sd_booted(3)).
func Booted() bool {
	info, err := os.Lstat(bootedDir)
	return err == nil && info.IsDir()
}

// systemAddress is where the system's bus listens.
func systemAddress() (string, error) {
	if env := os.Getenv("DBUS_SYSTEM_BUS_ADDRESS"); env != "" {
		return socketOf("DBUS_SYSTEM_BUS_ADDRESS", env)
	}
	return systemSocket, nil
}

// userAddress is where the bus of the user's own systemd listens.
func userAddress() (string, error) {
	if env := os.Getenv("DBUS_SESSION_BUS_ADDRESS"); env != "" {
		return socketOf("DBUS_SESSION_BUS_ADDRESS", env)
	}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		path := filepath.Join(dir, "bus")
		if there, err := sys.Exists(path); there || err != nil {
			return path, err
		}
	}
	return "", errors.New("could not detect DBUS_SESSION_BUS_ADDRESS from the environment, and there is no " +
		"$XDG_RUNTIME_DIR/bus; make sure you have installed the dbus-user-session or dbus-daemon package; " +
		"note you may need to re-login")
}

// socketOf finds the first unix socket in an address of D-Bus (D-Bus Specification, "Server
// Addresses"); a name in the abstract namespace begins with "@".
func socketOf(variable, address string) (string, error) {
	for one := range strings.SplitSeq(address, ";") {
		transport, rest, ok := strings.Cut(one, ":")
		if !ok || transport != "unix" {
			continue
		}
		for pair := range strings.SplitSeq(rest, ",") {
			key, value, _ := strings.Cut(pair, "=")
			switch key {
			case "path":
				return unescape(value), nil
			case "abstract":
				return "@" + unescape(value), nil
			}
		}
	}
	return "", fmt.Errorf("%s: %q names no unix socket", variable, address)
}

// unescape resolves %41; what is no such escape stays.
func unescape(s string) string {
	for i := 0; i+2 < len(s); i++ {
		if c, err := hex.DecodeString(s[i+1 : i+3]); s[i] == '%' && err == nil {
			s = s[:i] + string(c) + s[i+3:]
		}
	}
	return s
}

// UserOwner returns whose service manager the user's bus belongs to, as sd_bus_creds_get_owner_uid(3)
// has it: the N of user-N.slice, where the listener of the bus is. ok is false where that is not to
// be found out. In a user namespace it tells a root that is the host's plain user from one with a
// systemd of its own.
func UserOwner() (uid int, ok bool) {
	address, err := userAddress()
	if err != nil {
		return 0, false
	}
	fd, err := sys.DialStream(address, Timeout)
	if err != nil {
		return 0, false
	}
	defer sys.CloseFd(fd)
	pid, err := sys.PeerPid(fd)
	if err != nil || pid <= 0 {
		return 0, false
	}
	text, err := sys.ReadControl(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		return 0, false
	}
	return ownerOf(text)
}

func ownerOf(procCgroup string) (uid int, ok bool) {
	for part := range strings.FieldsFuncSeq(procCgroup, func(r rune) bool { return r == '/' || r == '\n' }) {
		if name, found := strings.CutPrefix(part, "user-"); found {
			if n, err := fmt.Sscanf(name, "%d.slice", &uid); err == nil && n == 1 {
				return uid, true
			}
		}
	}
	return 0, false
}
