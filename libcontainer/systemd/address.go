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

// ErrNotRunning is the error for a machine whose service manager is not systemd.
var ErrNotRunning = errors.New("systemd not running on this host, cannot use systemd cgroups manager")

// Booted reports whether systemd manages the machine (sd_booted(3)).
func Booted() bool {
	info, err := os.Lstat(bootedDir)
	return err == nil && info.IsDir()
}

// systemAddress returns the socket of the system bus.
func systemAddress() (string, error) {
	if env := os.Getenv("DBUS_SYSTEM_BUS_ADDRESS"); env != "" {
		return socketOf("DBUS_SYSTEM_BUS_ADDRESS", env)
	}
	return systemSocket, nil
}

// userAddress returns the socket of the bus of the user's own systemd.
func userAddress() (string, error) {
	if env := os.Getenv("DBUS_SESSION_BUS_ADDRESS"); env != "" {
		return socketOf("DBUS_SESSION_BUS_ADDRESS", env)
	}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		path := filepath.Join(dir, "bus")
		if exists, err := sys.Exists(path); exists || err != nil {
			return path, err
		}
	}
	return "", errors.New("could not detect DBUS_SESSION_BUS_ADDRESS from the environment, and there is no " +
		"$XDG_RUNTIME_DIR/bus; make sure you have installed the dbus-user-session or dbus-daemon package; " +
		"note you may need to re-login")
}

// socketOf returns the first unix socket in a D-Bus address (D-Bus Specification, "Server Addresses"). A name in the
// abstract namespace begins with "@". variable names the source of the address in the error.
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

// unescape replaces escapes such as %41. It leaves other text with "%" as it is.
func unescape(s string) string {
	for i := 0; i+2 < len(s); i++ {
		if c, err := hex.DecodeString(s[i+1 : i+3]); s[i] == '%' && err == nil {
			s = s[:i] + string(c) + s[i+3:]
		}
	}
	return s
}

// UserOwner returns the uid of the user whose systemd the user's bus belongs to, as sd_bus_creds_get_owner_uid(3) does:
// the N of the user-N.slice that the listener of the bus is in. ok is false if UserOwner cannot find it out. A root in
// a user namespace can be a plain user of the host, or can have a systemd of its own; UserOwner tells which it is.
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
	placements, err := sys.Placements(pid)
	if err != nil {
		return 0, false
	}
	for _, p := range placements {
		if uid, ok := ownerOf(p.Path); ok {
			return uid, true
		}
	}
	return 0, false
}

func ownerOf(cgroup string) (uid int, ok bool) {
	for part := range strings.SplitSeq(cgroup, "/") {
		if name, found := strings.CutPrefix(part, "user-"); found {
			if n, err := fmt.Sscanf(name, "%d.slice", &uid); err == nil && n == 1 {
				return uid, true
			}
		}
	}
	return 0, false
}
