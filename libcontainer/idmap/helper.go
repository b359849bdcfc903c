package idmap

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/internal/waits"
)

// runHelper runs newuidmap or newgidmap, which writes the map.
func runHelper(ctx context.Context, k kind, pid int, mappings []specs.LinuxIDMapping) error {
	path, err := exec.LookPath(k.helper)
	if err != nil {
		return fmt.Errorf("mapping more than the own id without privilege needs %s: %w", k.helper, err)
	}
	args := []string{strconv.Itoa(pid)}
	for _, m := range mappings {
		for _, v := range []uint32{m.ContainerID, m.HostID, m.Size} {
			args = append(args, strconv.FormatUint(uint64(v), 10))
		}
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.WaitDelay = waits.CleanUp // for the output of children of its own
	out, err := cmd.CombinedOutput()
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return waits.Ended(ctx, path)
	}
	said := strings.Join(strings.Fields(string(bytes.TrimSpace(out))), " ")
	err = fmt.Errorf("%s: %w: %s", k.helper, err, said)
	if reason := missing(k, mappings); reason != nil {
		return fmt.Errorf("%w (%w)", reason, err)
	}
	return err
}

// missing explains a failure of a helper: it names the first range that the file
// does not grant. To write a map only a failure of the helper counts, because grants
// may also come from elsewhere (nsswitch.conf, "subid").
func missing(k kind, mappings []specs.LinuxIDMapping) error {
	uid := uint32(os.Getuid())
	names := []string{strconv.FormatUint(uint64(uid), 10)}
	if name := nameOf(names[0]); name != "" {
		names = append(names, name)
	}
	who := names[len(names)-1]
	ranges, err := ReadRanges(k.subIDs, names...)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil
	}
	for _, m := range mappings {
		if m.Size == 1 && m.HostID == k.own || Granted(ranges, m.HostID, m.Size) {
			continue
		}
		return &RangeError{k.subIDs, who, uint64(m.HostID), uint64(m.HostID) + uint64(m.Size) - 1}
	}
	return nil
}

// nameOf returns the name that passwd(5) has for an id, "" if it has none. Package os/user would take $USER for it then.
func nameOf(id string) string {
	passwd, err := os.ReadFile("/etc/passwd")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(passwd)) {
		if fields := strings.Split(line, ":"); len(fields) == 7 && fields[2] == id {
			return fields[0]
		}
	}
	return ""
}

// Kind is a kind of ids.
type Kind int

// The kinds.
const (
	Users Kind = iota
	Groups
)

// HelperError is the error of a map that newuidmap or newgidmap cannot write.
type HelperError struct {
	Helper string
	Path   string // "": it is not in PATH
}

// Error names the helper, and what it lacks.
func (e *HelperError) Error() string {
	if e.Path == "" {
		return "mapping more than the own id without privilege needs " + e.Helper + ", which is not in PATH"
	}
	return e.Path + " is neither set-user-id root nor has it file capabilities: it may write no id map"
}

// RangeError is the error of ids that a user is not granted.
type RangeError struct {
	File, User  string
	First, Last uint64
}

// Error names the file and the range.
func (e *RangeError) Error() string {
	return fmt.Sprintf("%s grants user %s no range that holds %d-%d", e.File, e.User, e.First, e.Last)
}

// Obstacle returns why the caller could not write a map, directly or by a helper, as far as that can be known without a namespace:
// a *HelperError or a *RangeError. Grants that come from elsewhere than the file of ranges (nsswitch.conf, "subid") are not seen
// here, and no error.
func Obstacle(of Kind, mappings []specs.LinuxIDMapping, privileged bool) error {
	k := users()
	if of == Groups {
		k = groups()
	}
	if len(mappings) == 0 || !NeedsHelper(mappings, int(k.own), privileged) {
		return nil
	}
	path, err := exec.LookPath(k.helper)
	if err != nil {
		return &HelperError{Helper: k.helper}
	}
	if able, err := sys.GainsRights(path); err == nil && !able {
		return &HelperError{k.helper, path}
	}
	return missing(k, mappings)
}
