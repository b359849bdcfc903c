package libcontainer

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/compile"
	"rung/libcontainer/criu"
)

// externals finds the external mounts of a running container, for CRIU to leave them out. The
// image may have changed links since they were made: each is looked up by its descriptor, and
// must be the very mount that config.json asks for. Otherwise a restore would bind one source
// in the place of another, with the rights of that (CVE-2026-119101).
func (c *Container) externals(spec *specs.Spec) ([]criu.Mount, error) {
	facts, err := c.runtime.facts()
	if err != nil {
		return nil, err
	}
	root, err := sys.OpenPath(fmt.Sprintf("/proc/%d/root", c.state.Pid))
	if err != nil {
		return nil, err
	}
	defer root.Close()
	mounts, err := readMounts(c.state.Pid)
	if err != nil {
		return nil, err
	}
	list := compile.Externals(compile.Input{Spec: spec, Facts: facts, Options: c.options()})
	s := &externalSearch{
		Container: c, mountTable: mounts, root: root, found: map[uint64]*compile.External{}, named: map[string]bool{},
	}
	for i := range spec.Mounts {
		if filepath.Join("/", spec.Mounts[i].Destination) == "/" && !slices.Contains(spec.Mounts[i].Options, "remount") {
			return nil, fmt.Errorf("mounts[%d].destination: a container whose root is covered cannot be saved: criu knows only root.path", i)
		}
	}
	for i, e := range slices.Backward(list) { // a later one may cover an earlier one
		if err := s.find(&list[i]); err != nil {
			return nil, fmt.Errorf("%s: %w", e.Field, err)
		}
	}
	err = s.findSubmounts()
	return s.out, err
}

// options are those by which the container was compiled, as far as mounts depend on them.
func (c *Container) options() compile.Options {
	return compile.Options{ID: c.state.ID, Bundle: c.state.Bundle, Rootfs: c.state.Rootfs, CgroupPaths: c.state.CgroupPaths}
}

type externalSearch struct {
	*Container
	*mountTable // of the container
	root        *os.File
	found       map[uint64]*compile.External
	named       map[string]bool // mount points of those that out has
	out         []criu.Mount
}

// find adds a mount if it is there: the container may have unmounted it.
func (s *externalSearch) find(e *compile.External) error {
	file, err := sys.OpenInRoot(s.root, e.Destination, sys.O_PATH)
	if errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ELOOP) {
		return nil
	}
	if err != nil {
		return &os.PathError{Op: "openat2", Path: e.Destination, Err: err}
	}
	defer file.Close()
	number, top, err := sys.MountNumber(file)
	if err != nil {
		return err
	}
	mount, known := s.mounts[number]
	if !top || !known || s.found[number] != nil || mount.Point == "/" {
		return nil
	}
	if ours, err := s.verify(e, file, &mount); !ours || err != nil {
		return err
	}
	s.found[number] = e
	return s.add(&mount, e.Name)
}

// add gives a mount the name that the checkpoint is to have for it.
func (s *externalSearch) add(mount *sys.Mount, name string) error {
	m := criu.Mount{Key: mount.Point, Value: name}
	if err := m.Validate(); err != nil {
		return err
	}
	if err := (criu.Mount{Key: name, Value: "value"}).Validate(); err != nil {
		return err
	}
	s.named[mount.Point] = true
	s.out = append(s.out, m)
	return nil
}

// verify compares what is mounted with what is to be mounted there.
func (s *externalSearch) verify(e *compile.External, file *os.File, mount *sys.Mount) (ours bool, err error) {
	var st syscall.Stat_t
	if err := syscall.Fstat(int(file.Fd()), &st); err != nil {
		return false, os.NewSyscallError("fstat", err)
	}
	switch e.Kind {
	case compile.ExternalMask: // of a directory it is an empty tmpfs, which the checkpoint holds
		return st.Mode&syscall.S_IFMT == syscall.S_IFCHR && st.Rdev == sys.Mkdev(1, 3), nil
	case compile.ExternalDevice:
		return st.Rdev == sys.Mkdev(uint32(e.Device.Major), uint32(e.Device.Minor)), nil
	}
	want, err := s.identity(e)
	if err != nil {
		return false, err
	}
	if want != fileIdentity(&st) {
		return false, fmt.Errorf("%s is another mount in the container now", mount.Point)
	}
	return true, keeps(mount, e.Attrs)
}

// keeps refuses a mount that has lost one of these attributes.
func keeps(mount *sys.Mount, attrs uint64) error {
	for attr, option := range map[uint64]string{
		sys.MOUNT_ATTR_RDONLY: "ro", sys.MOUNT_ATTR_NOSUID: "nosuid", sys.MOUNT_ATTR_NODEV: "nodev", sys.MOUNT_ATTR_NOEXEC: "noexec",
	} {
		if attrs&attr != 0 && !slices.Contains(mount.Options, option) {
			return fmt.Errorf("%s is not %q in the container any more", mount.Point, option)
		}
	}
	return nil
}

// identity names the file that a bind mount shows: what create has noted, since the source may
// have been replaced on the host; else what is there now.
func (s *externalSearch) identity(e *compile.External) (string, error) {
	if noted := s.state.Binds[e.Field]; noted != "" && e.Kind == compile.ExternalBind {
		return noted, nil
	}
	if e.Inside {
		below, err := filepath.Rel(s.state.Rootfs, e.Source)
		if err != nil {
			return "", err
		}
		st, err := sys.StatInRoot(s.root, below)
		if err != nil {
			return "", &os.PathError{Op: "stat", Path: e.Source, Err: err}
		}
		return fileIdentity(st), nil
	}
	st, err := sys.Stat(e.Source)
	if err != nil {
		return "", err
	}
	return fileIdentity(st), nil
}

func fileIdentity(st *syscall.Stat_t) string { return fmt.Sprintf("%d:%d", st.Dev, st.Ino) }
