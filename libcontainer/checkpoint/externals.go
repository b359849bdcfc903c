package checkpoint

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/compile"
	"rung/libcontainer/criu"
	"rung/libcontainer/host"
	"rung/libcontainer/open"
	"rung/libcontainer/store"
)

// externals finds the external mounts of a running container, for CRIU to leave them out. The
// image may have changed links since they were made: each is looked up by its descriptor, and
// must be the very mount that config.json asks for. Otherwise a restore would bind one source
// in the place of another, with the rights of that (CVE-2026-119101).
func externals(c *store.Container, spec *specs.Spec) ([]criu.Mount, error) {
	cgroups, err := c.Cgroups()
	if err != nil {
		return nil, err
	}
	facts, err := host.ProbeWith(cgroups)
	if err != nil {
		return nil, fmt.Errorf("probe the machine: %w", err)
	}
	root, err := sys.OpenPath(fmt.Sprintf("/proc/%d/root", c.State.Pid))
	if err != nil {
		return nil, err
	}
	defer root.Close()
	mounts, err := newMountTable(sys.Mounts(c.State.Pid))
	if err != nil {
		return nil, err
	}
	list := compile.Externals(compile.Input{Spec: spec, Facts: facts, Options: mountOptions(&c.State)})
	s := &externalSearch{
		state: &c.State, mountTable: mounts, root: root, found: map[int]*compile.External{}, named: map[string]bool{},
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

// externalSearch is a search for the external mounts of a container.
type externalSearch struct {
	state       *store.State
	*mountTable // of the container
	root        *os.File
	found       map[int]*compile.External
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
	if !top || !known || s.found[number] != nil || mount.Mountpoint == "/" {
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
	m := criu.Mount{Key: mount.Mountpoint, Value: name}
	if err := m.Validate(); err != nil {
		return err
	}
	if err := (criu.Mount{Key: name, Value: "value"}).Validate(); err != nil {
		return err
	}
	s.named[mount.Mountpoint] = true
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
		return sys.IsNull(&st), nil
	case compile.ExternalDevice:
		return st.Rdev == sys.Mkdev(uint32(e.Device.Major), uint32(e.Device.Minor)), nil
	}
	want, err := s.identity(e)
	if err != nil {
		return false, err
	}
	if want != open.Identity(&st) {
		return false, fmt.Errorf("%s is another mount in the container now", mount.Mountpoint)
	}
	return true, checkAttributes(mount, e.Attrs)
}

// checkAttributes refuses a mount that has lost one of these attributes.
func checkAttributes(mount *sys.Mount, attrs uint64) error {
	for attr, option := range map[uint64]string{
		sys.MOUNT_ATTR_RDONLY: "ro", sys.MOUNT_ATTR_NOSUID: "nosuid", sys.MOUNT_ATTR_NODEV: "nodev", sys.MOUNT_ATTR_NOEXEC: "noexec",
	} {
		if attrs&attr != 0 && !slices.Contains(strings.Split(mount.Options, ","), option) {
			return fmt.Errorf("%s is not %q in the container any more", mount.Mountpoint, option)
		}
	}
	return nil
}

// identity names the file that a bind mount must show: the one that create noted, because the source may have been replaced
// on the host since; without a note, the file that is there now.
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
		return open.Identity(st), nil
	}
	st, err := sys.Stat(e.Source)
	if err != nil {
		return "", err
	}
	return open.Identity(st), nil
}
