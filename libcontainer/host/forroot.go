package host

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"rung/internal/sys"
)

var errNoRoot = errors.New("the user namespace that rung runs in has no root")

// ProbeForRoot reads the facts that root would find in the caller's place: root of the user
// namespace that rung runs in, which is the host's root everywhere but in a container. Such a rung
// has the caller's cgroup, namespaces and bounding set, as one that sudo starts. What the caller may
// not look at is listed in Unseen. Errors are those of /proc, and that there is no root.
func ProbeForRoot() (*Facts, error) {
	f, err := Probe()
	if err != nil || f.EUID == 0 {
		return f, err
	}
	if f.UserNS && !mapsRoot() {
		return nil, errNoRoot
	}
	if f.Capabilities, err = sys.BoundingCapabilities(f.LastCapability); err != nil {
		return nil, err
	}
	f.EUID, f.EGID = 0, 0
	f.MapsIDs = f.Has(capSetuid) && f.Has(capSetgid)
	f.forRoot = true
	return f, nil
}

// mapsRoot reports whether the user namespace has an id 0.
func mapsRoot() bool {
	text, err := sys.ReadSmall("/proc/self/uid_map")
	return err != nil || hasZero(text) // there is no such file in a kernel without user namespaces
}

// hasZero reads an id map, where a range begins with its first id inside (user_namespaces(7)).
func hasZero(idMap string) bool {
	for line := range strings.Lines(idMap) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "0" {
			return true
		}
	}
	return false
}

// closedTo reports whether an error says that the caller may not look at something that root may,
// and notes what it is taken for.
func (f *Facts) closedTo(err error, what, takenFor string) bool {
	if !f.forRoot || !errors.Is(err, syscall.EACCES) {
		return false
	}
	f.Unseen = append(f.Unseen, what+": taken for "+takenFor)
	return true
}

// LookNamespace notes a namespace that the caller may not compare with its own.
func (f *Facts) LookNamespace(field, path string) {
	if _, err := sys.Stat(path); err != nil {
		f.closedTo(err, fmt.Sprintf("%s %s", field, path), "another one than rung's own")
	}
}

// LookProgram notes what LookInside could not see of the program and of the user's home directory.
func (f *Facts) LookProgram(root *os.File, inside Inside, uid uint32) {
	if _, err := sys.StatInRoot(root, inside.Exec); err != nil {
		f.closedTo(err, inside.Exec+" in the root file system", "the program")
	}
	if inside.Home == "" {
		return // the environment names it
	}
	passwd, err := sys.OpenInRoot(root, "/etc/passwd", sys.O_RDONLY|sys.O_NONBLOCK)
	if err != nil {
		f.closedTo(err, "/etc/passwd in the root file system", "one without user "+strconv.FormatUint(uint64(uid), 10))
		return
	}
	passwd.Close()
}
