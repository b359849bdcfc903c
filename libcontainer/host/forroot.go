package host

import (
	"errors"
	"fmt"
	"os"
	"path"
	"strconv"
	"strings"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
)

var errNoRoot = errors.New("the user namespace that rung runs in has no root")

// ProbeForRoot reads the facts that rung would find if root ran it, with the caller's cgroup,
// namespaces and bounding set, as with sudo. Root is root of the user namespace that rung runs in;
// outside of a container that is the host's root. Unseen lists what the caller may not see. Errors
// are those of reading /proc, and that the user namespace has no root.
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

// ForRoot reports whether these are facts for root that somebody else has found out.
func (f *Facts) ForRoot() bool { return f.forRoot }

// mapsRoot reports whether the user namespace maps id 0.
func mapsRoot() bool {
	text, err := sys.ReadSmall("/proc/self/uid_map")
	return err != nil || hasZero(text) // a kernel without user namespaces does not have the file
}

// hasZero reports whether an id map maps id 0. The first field of a line is the first id inside
// (user_namespaces(7)).
func hasZero(idMap string) bool {
	for line := range strings.Lines(idMap) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "0" {
			return true
		}
	}
	return false
}

// closedTo reports whether an error says that only root may see a file. If so, it adds to Unseen
// what the facts assume about it.
func (f *Facts) closedTo(err error, what, takenFor string) bool {
	if !f.forRoot || !errors.Is(err, syscall.EACCES) {
		return false
	}
	f.Unseen = append(f.Unseen, what+": taken for "+takenFor)
	return true
}

// ProbeNamespace adds a namespace to Unseen if the caller may not compare it with its own.
func (f *Facts) ProbeNamespace(field, path string) {
	if _, err := sys.Stat(path); err != nil {
		f.closedTo(err, fmt.Sprintf("%s %s", field, path), "another one than rung's own")
	}
}

// ProbeProgram adds the program of a process and its user's home directory to Unseen if the caller may not look at them. The
// error is that none of the paths leads to a program. It does not know the rights of the user.
func (f *Facts) ProbeProgram(root *os.File, p *specs.Process, paths []string) error {
	if LookupEnv(p.Env, "HOME") == "" {
		passwd, err := sys.OpenInRoot(root, "/etc/passwd", sys.O_RDONLY|sys.O_NONBLOCK)
		if err == nil {
			passwd.Close()
		} else {
			f.closedTo(err, "/etc/passwd in the root file system", "one without user "+strconv.FormatUint(uint64(p.User.UID), 10))
		}
	}
	for _, name := range paths {
		full := name
		if !path.IsAbs(name) {
			full = path.Join(p.Cwd, name)
		}
		st, err := sys.StatInRoot(root, full)
		if f.closedTo(err, name+" in the root file system", "the program") || errors.Is(err, syscall.EACCES) ||
			err == nil && st.Mode&syscall.S_IFMT != syscall.S_IFDIR {
			return nil
		}
	}
	return fmt.Errorf("program %q", p.Args[0])
}
