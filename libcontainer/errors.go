package libcontainer

import (
	"errors"

	"rung/libcontainer/exec"
	"rung/libcontainer/launch"
	"rung/libcontainer/process"
	"rung/libcontainer/setup"
	"rung/libcontainer/store"
)

// The errors that a program tells apart, by errors.Is. Engines match their words.
var (
	ErrExist      = store.ErrExist
	ErrInvalidID  = store.ErrInvalidID
	ErrNotExist   = store.ErrNotExist
	ErrNotRunning = process.ErrNotRunning
	ErrPaused     = exec.ErrPaused
	ErrNotPaused  = errors.New("container not paused")
	// ErrAlreadyPaused has runc's words. It is ErrNotRunning, too.
	ErrAlreadyPaused = process.NotRunning("container not running")
	// ErrExec is the error of a container whose program could not be executed after all was set up.
	ErrExec = launch.ErrExec
)

// LevelNotice is the level of a message that the specification requires and nobody can act on: that a container gets fewer
// capabilities than it asks for, because rung has no more itself.
const LevelNotice = setup.LevelNotice

// DamagedError is the error of a container whose state on disk is not what rung wrote.
type DamagedError = store.DamagedError
