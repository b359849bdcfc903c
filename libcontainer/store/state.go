package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"time"

	"rung/internal/sys"
	"rung/libcontainer/bundle"
	"rung/libcontainer/resctrl"
)

// State is what is remembered of a container: what can not be asked from the kernel. In the file all members are in one object.
type State struct {
	Format int `json:"format"` // of this file; raised when older rungs can not read it
	About
	Life
	Isolation
	Resources
	Saved

	annotations []byte // Annotations, encoded
}

// About says which container it is.
type About struct {
	ID          string            `json:"id"`
	OCIVersion  string            `json:"ociVersion"`
	Bundle      string            `json:"bundle"`
	Rootfs      string            `json:"rootfs"`
	Created     time.Time         `json:"created"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// Life is about the container's first process.
type Life struct {
	Pid       int    `json:"pid"`                // 0 until the process exists
	StartTime uint64 `json:"startTime"`          // of the process, in clock ticks since boot
	Early     bool   `json:"early,omitempty"`    // written a moment before the process entered its root: exec waits
	ExecOp    int    `json:"execOp,omitempty"`   // index of EXEC in the plan that waits for start
	Restored  bool   `json:"restored,omitempty"` // by CRIU, which is in its cgroup until the restore is done
}

// Isolation is how the container was kept apart from rung when it was made.
type Isolation struct {
	UserNS    bool `json:"userNamespace"`       // another user namespace than rung's
	OwnPid    bool `json:"ownPid"`              // a PID namespace of its own: with init all of it ends
	TimeNS    bool `json:"timeNS,omitempty"`    // CRIU has restored it into a time namespace, which config.json may lack
	Rootless  bool `json:"rootless"`            // by a rung that left out cgroups that it may not write
	NoKeyring bool `json:"noKeyring,omitempty"` // its processes keep the caller's session keyring, also those of exec
}

// Resources is where the container's limits are.
type Resources struct {
	CgroupPaths map[string]string `json:"cgroupPaths"`
	Unit        string            `json:"systemdUnit,omitempty"` // of the user's systemd, where Rootless
	Resctrl     *resctrl.State    `json:"resctrl,omitempty"`     // of linux.intelRdt
}

// Saved is what a checkpoint needs to know of the create.
type Saved struct {
	Pipes [3]string         `json:"pipes"`           // the standard streams that are pipes, as /proc/PID/fd names them
	Binds map[string]string `json:"binds,omitempty"` // by the field of a bind mount: device and inode of its source
}

// Format is the format of the states that this program writes, and the newest that it reads.
const Format = 1

// DamagedError is the error of a container whose state on disk is not what rung wrote.
type DamagedError struct {
	Path   string
	Reason error
}

func (e *DamagedError) Error() string { return e.Path + ": damaged: " + e.Reason.Error() }

func (e *DamagedError) Unwrap() error { return e.Reason }

// readFrom reads a state file of the directory. The error is fs.ErrNotExist if there is none.
func (d *Dir) readFrom(name string) (State, error) {
	var s State
	data, err := sys.ReadRegular(d.Path(name), sys.LargestFile)
	if errors.Is(err, fs.ErrNotExist) {
		return s, err
	}
	if err == nil {
		err = s.decode(data)
	}
	if err == nil {
		err = s.check(d.ID(), name)
	}
	if err != nil {
		return s, &DamagedError{d.Path(name), err}
	}
	return s, nil
}

// check refuses a state without something that every state has: what is done with a container needs
// all of it.
func (s *State) check(id, name string) error {
	switch {
	case s.Format > Format:
		return nil // a newer rung knows
	case s.ID != id:
		return fmt.Errorf("id %q is not that of its directory", s.ID)
	case name == creatingFile: // there is no process yet
		return nil
	case s.Pid <= 0:
		return errors.New("it has no pid")
	case s.StartTime == 0:
		return errors.New("it has no startTime")
	}
	return nil
}

// encode is json.Marshal without its reflection, which costs each create some 0.2 ms, and more with many annotations.
func (s *State) encode() []byte {
	b := []byte("{")
	member := func(name string, value any) {
		if len(b) > 1 {
			b = append(b, ',')
		}
		text, err := json.Marshal(value) // strings, numbers, maps and structs of strings: no error
		if err != nil {
			panic(err)
		}
		b = append(append(strconv.AppendQuote(b, name), ':'), text...)
	}
	member("format", s.Format)
	member("id", s.ID)
	member("ociVersion", s.OCIVersion)
	member("bundle", s.Bundle)
	member("rootfs", s.Rootfs)
	member("pid", s.Pid)
	member("startTime", s.StartTime)
	member("created", s.Created.Format(time.RFC3339Nano))
	member("cgroupPaths", s.CgroupPaths)
	if s.Unit != "" {
		member("systemdUnit", s.Unit)
	}
	member("userNamespace", s.UserNS)
	member("ownPid", s.OwnPid)
	member("rootless", s.Rootless)
	member("early", s.Early)
	member("execOp", s.ExecOp)
	if s.annotations == nil { // a create writes its state twice
		s.annotations = bundle.AppendStrings(nil, s.Annotations)
	}
	b = append(append(b, `,"annotations":`...), s.annotations...)
	member("pipes", s.Pipes)
	if len(s.Binds) > 0 {
		b = bundle.AppendStrings(append(b, `,"binds":`...), s.Binds)
	}
	if s.TimeNS {
		member("timeNS", s.TimeNS)
	}
	if s.Restored {
		member("restored", true)
	}
	if s.Resctrl != nil {
		member("resctrl", s.Resctrl)
	}
	if s.NoKeyring {
		member("noKeyring", s.NoKeyring)
	}
	return append(b, '}')
}
