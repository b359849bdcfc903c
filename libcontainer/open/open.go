// Package open opens the descriptors that a stage inherits: mounts, device nodes, namespaces, sockets,
// cgroups. The compiler says what a slot holds (compile.Source); one table has the function that opens
// each kind, for create, exec and restore.
package open

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"

	"rung/internal/sys"
	"rung/libcontainer/cgroup"
	"rung/libcontainer/compile"
	"rung/libcontainer/launch"
	"rung/libcontainer/store"
)

// Opener has what descriptors are opened from. A verb sets the fields for the kinds of its programs.
type Opener struct {
	Context  context.Context  // ends the wait for newuidmap; nil never does
	Dir      *store.Dir       // create: for the start socket, device nodes and the record of a root on the host
	Launcher *launch.Launcher // for the user namespace of an id map
	Cgroup   *cgroup.Manager
	Console  *os.File   // the socket that gets the pty
	Pid      int        // exec: the container's init
	Root     *os.File   // exec: its root
	Tasks    []*os.File // exec: the tasks files of the v1 cgroups, in place of which there may be fewer
	// Binds gets the identity of each bind mount that is opened, by its field, for a checkpoint to know it by. It may be nil.
	Binds map[string]string

	nodes  []string           // device nodes in Dir
	trees  *sys.MountCopy     // the mount namespace that mounts are cloned in; nil: rung's own
	userns *os.File           // has the ids of mapping; nil: there was none yet
	ids    *compile.IDMapping // the mapping of userns
}

// Close closes what the Opener has kept for the next descriptor.
func (o *Opener) Close() { CloseAll([]*os.File{o.userns}) }

// Error is the failure to open a descriptor, with the field of config.json that asks for it, if there is one.
type Error struct {
	Field string
	Err   error
}

func (e *Error) Error() string {
	if e.Field == "" {
		return e.Err.Error()
	}
	return e.Field + ": " + e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }

// table has the function that opens each kind of descriptor.
var table = [...]func(*Opener, *compile.Source) (*os.File, error){
	compile.SourceTree:       (*Opener).tree,
	compile.SourceHostRoot:   (*Opener).hostRoot,
	compile.SourceNamespace:  func(_ *Opener, s *compile.Source) (*os.File, error) { return sys.OpenForReading(s.Path) },
	compile.SourceProc:       func(*Opener, *compile.Source) (*os.File, error) { return privateProc() },
	compile.SourceFilesystem: (*Opener).filesystem,
	compile.SourceDevice:     (*Opener).deviceNode,
	compile.SourceUserNS:     (*Opener).mapping,
	compile.SourceCgroup:     func(o *Opener, _ *compile.Source) (*os.File, error) { return o.Cgroup.OpenUnified() },
	compile.SourceTasks:      (*Opener).tasks,
	compile.SourceStart: func(o *Opener, _ *compile.Source) (*os.File, error) {
		return sys.Listen(o.Dir.File(), store.StartSocket)
	},
	compile.SourceConsole: func(o *Opener, _ *compile.Source) (*os.File, error) { return sys.Dup(o.Console) },
	compile.SourcePidfd:   func(o *Opener, _ *compile.Source) (*os.File, error) { return sys.PidfdOpen(o.Pid) },
	compile.SourceRoot:    func(o *Opener, _ *compile.Source) (*os.File, error) { return sys.Dup(o.Root) },
	compile.SourceCgroupNS: func(o *Opener, _ *compile.Source) (*os.File, error) {
		return sys.OpenForReading(fmt.Sprintf("/proc/%d/ns/cgroup", o.Pid))
	},
}

// All opens the descriptors of a program, by slot. The error is an *Error. The caller closes the files, after an error too.
func (o *Opener) All(sources []compile.Source) ([]*os.File, error) {
	var files []*os.File
	if err := o.chooseMounts(sources); err != nil {
		return nil, &Error{"mounts", err}
	}
	defer o.trees.Close()
	for i := range sources {
		s := &sources[i]
		file, err := o.one(s)
		if errors.Is(err, syscall.EMFILE) {
			err = fmt.Errorf("%w (%s)", err, sys.OpenFilesLimit())
		}
		if err != nil {
			return files, &Error{s.Origin.Field, err}
		}
		files = append(files, file)
	}
	return files, nil
}

func (o *Opener) one(s *compile.Source) (*os.File, error) {
	if int(s.Kind) >= len(table) || table[s.Kind] == nil {
		return nil, fmt.Errorf("no way to open a descriptor of kind %d", s.Kind)
	}
	return table[s.Kind](o, s)
}

// tasks returns nil for a hierarchy that create had to leave out.
func (o *Opener) tasks(s *compile.Source) (*os.File, error) {
	if s.Index < len(o.Tasks) {
		return o.Tasks[s.Index], nil
	}
	return nil, nil
}

// CloseAll closes files. Some may be nil.
func CloseAll(files []*os.File) {
	for _, f := range files {
		if f != nil {
			f.Close()
		}
	}
}

// privateProc prefers a procfs that nobody has mounted anything over (CVE-2025-52881). A caller that may
// not mount one gets the host's.
func privateProc() (*os.File, error) {
	if file, err := sys.NewMount("proc", sys.MOUNT_ATTR_NOSUID|sys.MOUNT_ATTR_NODEV|sys.MOUNT_ATTR_NOEXEC); err == nil {
		return file, nil
	}
	file, err := sys.OpenPath("/proc")
	if err != nil {
		return nil, err
	}
	if !sys.IsProc("/proc") {
		file.Close()
		return nil, fmt.Errorf("/proc is no proc file system")
	}
	return file, nil
}
