// Package idmap fills the id maps of a user namespace, itself or through
// newuidmap(1) and newgidmap(1).
package idmap

import (
	"bytes"
	"fmt"
	"os"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
)

// maxExtents is UID_GID_MAP_MAX_EXTENTS of <linux/user_namespace.h> (Linux 4.15).
const maxExtents = 340

// Options says how Write goes about it.
type Options struct {
	// DenySetgroups forbids setgroups(2) in the namespace for good, also where
	// that is not the price of writing the map.
	DenySetgroups bool
}

// kind is what differs between users and groups.
type kind struct {
	field  string // in config.json
	file   string // below /proc/PID
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

// NeedsHelper says whether newuidmap or newgidmap has to write a map, since a
// caller with that id may not: it is not privileged, which is to have CAP_SETUID
// and CAP_SETGID, and the map is more than its own id.
func NeedsHelper(mappings []specs.LinuxIDMapping, own int, privileged bool) bool {
	return !privileged && !ownOnly(mappings, uint32(own))
}

// ownOnly: the one map that user_namespaces(7) lets anybody write.
func ownOnly(mappings []specs.LinuxIDMapping, own uint32) bool {
	return len(mappings) == 1 && mappings[0].Size == 1 && mappings[0].HostID == own
}

// Write fills the id maps of the user namespace of process pid, which must be a
// child namespace of the caller's whose maps are empty. An empty map is left
// alone. Each map is written directly where the caller may do that, else by its
// helper, which has to be in PATH. Errors name the field of config.json and,
// where a range was not granted, the file and the range.
func Write(pid int, uid, gid []specs.LinuxIDMapping, opts Options) error {
	privileged, err := sys.CanSetIDs()
	if err != nil {
		return err
	}
	u, g := users(), groups()
	if len(uid) > 0 {
		if err := writeMap(u, pid, uid, privileged || ownOnly(uid, u.own)); err != nil {
			return fmt.Errorf("%s: %w", u.field, err)
		}
	}
	direct := privileged || ownOnly(gid, g.own)
	// Without privilege the kernel wants setgroups(2) gone first: a process could
	// drop a group that denies it access (CVE-2014-8989, Linux 3.19).
	if opts.DenySetgroups || len(gid) > 0 && direct && !privileged {
		if err := put(pid, "setgroups", []byte("deny")); err != nil {
			return fmt.Errorf("%s: %w", g.field, err)
		}
	}
	if len(gid) > 0 {
		if err := writeMap(g, pid, gid, direct); err != nil {
			return fmt.Errorf("%s: %w", g.field, err)
		}
	}
	return nil
}

func writeMap(k kind, pid int, mappings []specs.LinuxIDMapping, direct bool) error {
	if len(mappings) > maxExtents {
		return fmt.Errorf("%d mappings, the kernel takes at most %d", len(mappings), maxExtents)
	}
	if !direct {
		return runHelper(k, pid, mappings)
	}
	text := format(mappings)
	if page := os.Getpagesize(); len(text) >= page {
		return fmt.Errorf("%d bytes of mappings, the kernel takes less than %d", len(text), page)
	}
	return put(pid, k.file, text)
}

// format gives a map as the kernel reads it: inside, outside, size.
func format(mappings []specs.LinuxIDMapping) []byte {
	var b bytes.Buffer
	for _, m := range mappings {
		fmt.Fprintf(&b, "%d %d %d\n", m.ContainerID, m.HostID, m.Size)
	}
	return b.Bytes()
}

// put writes a file of /proc/PID with one write(2), as id maps need it.
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
