package store

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"

	"rung/internal/sys"
	"rung/libcontainer/bundle"
	"rung/libcontainer/launch"
)

// Files of a container's directory.
const (
	stateFile     = "state.json"
	creatingFile  = "creating.json" // the state while there is no state.json: a create that goes on, or was killed
	newStateFile  = "state.new"
	configFile    = "config.json"    // as given to create: later edits of the bundle change nothing
	resourcesFile = "resources.json" // limits in force, after an update
	StartSocket   = "start.sock"     // exists until the container is started
	ProgressFile  = "progress"       // the progress page of a container that waits for its start
	HostRootFile  = "host-root"      // the mount of a root file system that is attached on the host
	NotifyDir     = "notify"         // of the socket for sd_notify(3), bound into the container
	hookFile      = "hook.json"      // the hook that the holder of the lock runs
)

// Dir is the directory of a container. Its flock serialises the verbs that change the container; readers
// need no lock. The lock ends with the process that holds it.
type Dir struct {
	path string
	file *os.File // nil for Peek
	log  *slog.Logger
	held bool // the lock, by this Dir
}

// File returns the open directory, for calls that take a descriptor.
func (d *Dir) File() *os.File { return d.file }

// Path returns the path of a file in the directory.
func (d *Dir) Path(name string) string { return d.path + "/" + name }

// ID returns the container's id, which is the directory's name.
func (d *Dir) ID() string { return filepath.Base(d.path) }

// Close closes the directory, which ends the lock.
func (d *Dir) Close() { d.file.Close() }

// Remove deletes the directory: first the files that rung makes, by name, then any others the long
// way. The state is last of those, so that a crash leaves something to delete.
func (d *Dir) Remove() error {
	for _, name := range [...]string{StartSocket, ProgressFile, configFile, creatingFile, newStateFile, stateFile} {
		_ = syscall.Unlink(d.Path(name))
	}
	if err := syscall.Rmdir(d.path); err == nil || errors.Is(err, syscall.ENOENT) {
		return nil
	}
	return os.RemoveAll(d.path)
}

// Discard deletes the directory of a container that was not created, and closes it.
func (d *Dir) Discard() {
	_ = os.RemoveAll(d.path)
	d.Close()
}

// KeepConfig stores the configuration as it was given: later edits of the bundle change nothing (runtime.md,
// "Lifecycle").
func (d *Dir) KeepConfig(raw []byte) error {
	return sys.WriteFile(d.Path(configFile), raw, 0o600)
}

// CgroupsPath returns linux.cgroupsPath of the kept configuration. It is not known if that is missing or damaged too. A file
// that cannot be read is an error.
func (d *Dir) CgroupsPath() (path string, known bool, err error) {
	raw, err := sys.ReadRegular(d.Path(configFile), sys.LargestFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", false, err
	}
	if spec, err := bundle.Parse(raw); err == nil {
		return spec.Linux.CgroupsPath, true, nil
	}
	return "", false, nil
}

// CgroupPaths returns the cgroup that create announced, by hierarchy; nil if that is not known any more.
func (d *Dir) CgroupPaths() map[string]string {
	announced, err := d.readFrom(creatingFile)
	if err != nil {
		return nil
	}
	return announced.CgroupPaths
}

// Progress opens the progress page of a container that another rung created, and that was not started.
func (d *Dir) Progress() (*launch.Progress, error) {
	file, err := os.OpenFile(d.Path(ProgressFile), os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	return launch.OpenProgress(file)
}

// NewProgress makes the progress page of a container that will wait for its start: start, another
// process, reads it.
func (d *Dir) NewProgress(trace bool) (*launch.Progress, error) {
	file, err := os.OpenFile(d.Path(ProgressFile), os.O_CREATE|os.O_RDWR|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	return launch.ProgressIn(file, trace)
}
