// Package status asks the kernel what a container does.
package status

import (
	"errors"
	"io/fs"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/cgroup"
	"rung/libcontainer/store"
)

// Status is one of the four of the specification, or paused (runtime.md, "State").
type Status string

// The states of a container.
const (
	Creating Status = "creating"
	Created  Status = "created"
	Running  Status = "running"
	Paused   Status = "paused"
	Stopped  Status = "stopped"
)

// Of returns what a container does now. After an error that is not known.
func Of(c *store.Container) (Status, error) {
	creating, err := c.Creating()
	if err != nil {
		return "", err
	}
	if creating {
		return Creating, nil
	}
	if alive, err := c.Init().Alive(); !alive {
		return Stopped, err
	}
	frozen, err := cgroup.Frozen(c.State.CgroupPaths)
	if err != nil {
		return "", err
	}
	if frozen {
		return Paused, nil
	}
	waits, err := awaitsStart(c)
	if err != nil {
		return "", err
	}
	if waits {
		return Created, nil
	}
	return Running, nil
}

// awaitsStart reports whether the process of a created container still waits for start. The socket alone does not tell: a
// start that was killed leaves it behind. Without it the process does not wait: nobody makes the socket again.
func awaitsStart(c *store.Container) (bool, error) {
	if there, err := hasSocket(c); !there || err != nil {
		return false, err
	}
	progress, err := c.Progress()
	executes := false
	if err == nil {
		executes = progress.Op() == c.State.ExecOp
		progress.Close()
	} else if !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	// The socket again, and last: start removes it first.
	there, err := hasSocket(c)
	return there && !executes, err
}

func hasSocket(c *store.Container) (bool, error) { return sys.ExistsQuick(c.Path(store.StartSocket)) }

// OCI returns the state in the form of the specification, with a status that the caller knows.
func OCI(state *store.State, known Status) *specs.State {
	if known == Paused {
		known = Running
	}
	s := &specs.State{
		Version: state.OCIVersion, ID: state.ID, Status: specs.ContainerState(known),
		Pid: state.Pid, Bundle: state.Bundle, Annotations: state.Annotations,
	}
	if known == Stopped {
		s.Pid = 0
	}
	return s
}
