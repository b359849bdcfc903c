// Package idmap writes the id maps of a user namespace, itself or through
// newuidmap(1) and newgidmap(1).
package idmap

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
)

// maxExtents is UID_GID_MAP_MAX_EXTENTS of <linux/user_namespace.h> (Linux 4.15).
const maxExtents = 340

// Options are the options of Write.
type Options struct {
	OfMount bool // the maps are those of a mount, whose field the caller's error names
	// DenySetgroups forbids setgroups(2) in the namespace for good, even if the
	// kernel does not require that before the map is written.
	DenySetgroups bool
	// Context ends the wait for a helper; nil never does.
	Context context.Context
}

func (o *Options) context() context.Context {
	if o.Context == nil {
		return context.Background()
	}
	return o.Context
}

// kind holds the differences between users and groups.
type kind struct {
	field  string // field of config.json
	file   string // file below /proc/PID
	helper string
	subIDs string
	own    uint32 // the caller's effective id
}

func users() kind {
	return kind{"linux.uidMappings", "uid_map", "newuidmap", "/etc/subuid", uint32(os.Geteuid())}
}

func groups() kind {
	return kind{"linux.gidMappings", "gid_map", "newgidmap", "/etc/subgid", uint32(os.Getegid())}
}

// NeedsHelper reports whether newuidmap or newgidmap has to write a map for a
// caller with the id own. It does if the caller is not privileged (has no
// CAP_SETUID and CAP_SETGID) and the map holds more than that id.
func NeedsHelper(mappings []specs.LinuxIDMapping, own int, privileged bool) bool {
	return !privileged && !ownOnly(mappings, uint32(own))
}

// ownOnly reports whether a map holds only the caller's own id: anybody may write
// such a map (user_namespaces(7)).
func ownOnly(mappings []specs.LinuxIDMapping, own uint32) bool {
	return len(mappings) == 1 && mappings[0].Size == 1 && mappings[0].HostID == own
}

// Write fills the id maps of the user namespace of process pid. It must be a child
// namespace of the caller's, and its maps must be empty. A map that is not given
// stays empty. If the caller may not write a map, its helper does, which has to be
// in PATH. Errors name the field of config.json and, if a range is not granted,
// the file and the range.
func Write(pid int, uid, gid []specs.LinuxIDMapping, opts Options) error {
	privileged, err := sys.CanSetIDs()
	if err != nil {
		return err
	}
	u, g := users(), groups()
	if opts.OfMount {
		u.field, g.field = "uidMappings", "gidMappings"
	}
	if len(uid) > 0 {
		if err := writeMap(opts.context(), u, pid, uid, privileged || ownOnly(uid, u.own)); err != nil {
			return fmt.Errorf("%s: %w", u.field, err)
		}
	}
	direct := privileged || ownOnly(gid, g.own)
	// An unprivileged caller must deny setgroups(2) first: else a process could
	// drop a group that denies it access (CVE-2014-8989, Linux 3.19).
	if opts.DenySetgroups || len(gid) > 0 && direct && !privileged {
		if err := put(pid, "setgroups", []byte("deny")); err != nil {
			return fmt.Errorf("%s: %w", g.field, err)
		}
	}
	if len(gid) > 0 {
		if err := writeMap(opts.context(), g, pid, gid, direct); err != nil {
			return fmt.Errorf("%s: %w", g.field, err)
		}
	}
	return nil
}

func writeMap(ctx context.Context, k kind, pid int, mappings []specs.LinuxIDMapping, direct bool) error {
	if len(mappings) > maxExtents {
		return fmt.Errorf("%d mappings, the kernel takes at most %d", len(mappings), maxExtents)
	}
	if !direct {
		return runHelper(ctx, k, pid, mappings)
	}
	text := format(mappings)
	if page := os.Getpagesize(); len(text) >= page {
		return fmt.Errorf("%d bytes of mappings, the kernel takes less than %d", len(text), page)
	}
	return put(pid, k.file, text)
}

// format returns a map as the kernel reads it: inside, outside, size.
func format(mappings []specs.LinuxIDMapping) []byte {
	var b bytes.Buffer
	for _, m := range mappings {
		fmt.Fprintf(&b, "%d %d %d\n", m.ContainerID, m.HostID, m.Size)
	}
	return b.Bytes()
}

// put writes a file of /proc/PID with one write(2): id maps require that.
func put(pid int, file string, text []byte) error {
	f, err := os.OpenFile("/proc/"+strconv.Itoa(pid)+"/"+file, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}
