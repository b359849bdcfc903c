package check

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"

	"rung/internal/sys"
	"rung/libcontainer/host"
)

// oldest is the oldest kernel that rung supports.
var oldest = [2]int{5, 14}

func kernel(*Subject) []Need {
	release := sys.Release()
	n := Need{Name: "Linux 5.14 or newer", State: OK, Required: true, Found: "Linux " + release}
	if sys.Older(release, oldest) {
		n.State, n.Who, n.Do = Missing, administrator, "boot a kernel of 5.14 or newer"
	}
	return []Need{n}
}

// unneeded says what rung does where a call is denied that it can do without; and calls that only other commands need.
func unneeded() map[string]string {
	return map[string]string{
		"memfd_create": "rung uses files without a name in its place", "clone3": "rung uses clone(2) in its place",
		"close_range": "rung reads /proc/self/fd in its place", "statx": "rung uses fstatat(2) in its place",
		"seccomp": "rung uses prctl(2) in its place", "pidfd_getfd": "without it no seccomp agent gets a listener",
		"setns":      "the container starts, but exec fails",
		"pidfd_open": "the container starts, but exec and kill fail", "pidfd_send_signal": "the container starts, but kill fails",
	}
}

func calls(s *Subject) (out []Need) {
	known := unneeded()
	for _, call := range sys.ProbeCalls() {
		instead, optional := known[call.Name]
		n := Need{Name: call.Name + "(2)", State: OK, Required: !optional, For: call.Need}
		if call.Name == "keyctl" && (s.NoKeyring || !s.Facts.Keys) {
			n.Required = false
		}
		if call.Name == "pivot_root" && s.NoPivot {
			n.Required = false
		}
		if call.Name == "seccomp" && s.needsFlags() {
			n.Required, instead = true, ""
		}
		if call.Refusal != "" {
			n.State, n.Found = Restricted, call.Refusal
			n.Who, n.Do = cureOfCall(call.Name, call.Refusal)
			if call.Missing {
				n.State = Missing
			}
			if instead != "" {
				n.Found += "; " + instead
			}
		}
		out = append(out, n)
	}
	return out
}

// needsFlags reports whether the seccomp profile needs seccomp(2), which prctl(2) cannot take the place of.
func (s *Subject) needsFlags() bool {
	profile := s.Spec.Linux.Seccomp
	return profile != nil && (len(profile.Flags) > 0 || profile.ListenerPath != "")
}

// cureOfCall says how a call is allowed that a filter denies, or had by a kernel.
func cureOfCall(name, refusal string) (who, do string) {
	switch {
	case strings.Contains(refusal, "security profile"):
		return administrator, "allow " + name + " in that profile"
	case strings.Contains(refusal, "seccomp filter"):
		if unit := ownUnit(); unit != "" {
			return "who configures " + unit, "systemctl edit " + unit + ": [Service] SystemCallFilter=" + name
		}
		return "who starts rung under the filter", "add " + name + " to its seccomp profile: docker run --security-opt seccomp=PROFILE, " +
			"or SystemCallFilter=" + name + " in the unit"
	}
	return administrator, "boot a kernel that has " + name + "(2)"
}

// ownUnit is the service of systemd that rung runs in, or "".
func ownUnit() string {
	lines, err := sys.OwnPlacements()
	if err != nil {
		return ""
	}
	for i := range lines {
		for dir := lines[i].Path; len(dir) > 1; dir = filepath.Dir(dir) {
			if name := filepath.Base(dir); strings.HasSuffix(name, ".service") && !strings.HasPrefix(name, "user@") {
				return name
			}
		}
	}
	return ""
}

// leastFile is what rung writes at most into a file while it makes a container, in bytes: the page of the stage's progress, the
// state and the configuration.
const leastFile = 64 << 10

// stateSize is what the state and the configuration of the smallest container take in the directory of states, in bytes: four files of a page.
const stateSize = 16 << 10

// limits looks at the caller's limits that rung itself survives: the others end it before this (nsenter/limits.c).
func limits(*Subject) []Need {
	n := Need{Name: "room in files", State: OK, Required: true, For: "to store the state of the container"}
	if soft, _, err := sys.GetRlimit("RLIMIT_FSIZE"); err == nil && soft < leastFile {
		n.State, n.Found = Restricted, fmt.Sprintf("the caller's RLIMIT_FSIZE is %d bytes", soft)
		n.Who, n.Do = caller, "ulimit -f unlimited"
	}
	return []Need{n}
}

func nullDevice(s *Subject) []Need {
	n := Need{Name: "/dev/null", State: OK, For: "to hide files of the container"}
	if err := s.Facts.ProbeNull(); err != nil {
		n.State, n.Found = Unknown, err.Error()
		return []Need{n}
	}
	if s.Facts.NullBroken != "" {
		n.State, n.Found = Missing, "the host's /dev/null is "+s.Facts.NullBroken+"; rung makes a null device of its own"
		n.Who, n.Do = administrator, "rm -r /dev/null; mknod -m 666 /dev/null c 1 3"
		if !s.Facts.Has(host.CapMknod) {
			n.Required, n.Found = len(s.Spec.Linux.MaskedPaths) > 0, "the host's /dev/null is "+s.Facts.NullBroken
		}
	}
	return []Need{n}
}

// stateDirectory looks whether the directory of states can be made or written.
func stateDirectory(s *Subject) []Need {
	n := Need{Name: "state directory " + s.Root, State: OK, Required: true, For: "to store the state of the container"}
	if s.Facts.ForRoot() {
		n.State, n.Found = Unknown, "it is root's"
		return []Need{n}
	}
	dir := s.Root
	for there, err := sys.Exists(dir); err == nil && !there && dir != "/"; there, err = sys.Exists(dir) {
		dir = filepath.Dir(dir)
	}
	if err := sys.MayWrite(dir); err != nil {
		n.State, n.Found = Restricted, fmt.Sprintf("%s may not be written: %v", dir, err)
		n.Who, n.Do = caller, "rung --root DIRECTORY, one that this user may write, such as $XDG_RUNTIME_DIR/rung"
		return []Need{n}
	}
	err := sys.MayStore(dir, stateSize)
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		n.State, n.Found = Restricted, fmt.Sprintf("%s takes no file of %d bytes: %v", dir, stateSize, errors.Unwrap(err))
		n.Who, n.Do = administrator, "free space or inodes of the file system at "+mountOf(dir)+", or use another directory (--root)"
	}
	return []Need{n}
}
