package libcontainer

import (
	"context"
	"errors"

	"rung/libcontainer/bundle"
	"rung/libcontainer/checkpoint"
	"rung/libcontainer/create"
	"rung/libcontainer/setup"
	"rung/libcontainer/start"
	"rung/libcontainer/store"
)

// CreateOptions is what the caller says beside config.json.
type CreateOptions = create.Options

// Create makes a container of a bundle (runtime.md, "Create"). Errors name the field; nothing is left
// behind. The hooks of createRuntime and createContainer run, and without Await those of
// startContainer and poststart too. If ctx ends, nothing is waited for any more, hooks are killed, and the container is not created.
func (r *Runtime) Create(ctx context.Context, id string, b *bundle.Bundle, o CreateOptions) (*Container, error) {
	b, err := r.begin(id, b)
	if err != nil {
		return nil, err
	}
	if err := checkRuns(b, &o); err != nil {
		return nil, err
	}
	if err := checkTerminal(b.Spec.Process, o.Console != nil); err != nil {
		return nil, err
	}
	// The hooks of the start need a process that waits for it.
	starts := !o.Await && b.Spec.Hooks != nil && len(b.Spec.Hooks.StartContainer)+len(b.Spec.Hooks.Poststart) > 0
	o.Await = o.Await || starts
	disk, undo, err := create.Create(ctx, r.config(), id, b, o)
	if err != nil {
		return nil, err
	}
	if starts {
		if err := startLocked(ctx, r.config(), disk); err != nil {
			undo.Run()
			return nil, err
		}
		disk.Unlock()
		if err := start.Poststart(ctx, disk); err != nil {
			if errors.Is(lockForCleanUp(ctx, disk), ErrNotExist) {
				undo.Keep() // a hook has deleted the container: what has its name by now is another
			} else {
				undo.Run()
			}
			return nil, err
		}
	}
	return r.created(disk, undo), nil
}

// checkRuns refuses a configuration without a process where the process is to run at once.
func checkRuns(b *bundle.Bundle, o *CreateOptions) error {
	if o.Await {
		return nil
	}
	return bundle.RequireProcess(b.Spec)
}

// RestoreOptions is what the caller says of a restore, beside config.json.
type RestoreOptions = checkpoint.RestoreOptions

// Restore makes a container of a bundle and a checkpoint. The hooks of prestart and createRuntime run. The container
// process is a child of this program. Nothing is left behind on an error.
func (r *Runtime) Restore(ctx context.Context, id string, b *bundle.Bundle, o RestoreOptions) (*Container, error) {
	b, err := r.begin(id, b)
	if err != nil {
		return nil, err
	}
	if err := bundle.RequireProcess(b.Spec); err != nil {
		return nil, err
	}
	disk, undo, err := checkpoint.Restore(ctx, r.config(), id, b, o)
	if err != nil {
		return nil, err
	}
	return r.created(disk, undo), nil
}

func (r *Runtime) created(disk *store.Container, undo *setup.Undo) *Container {
	undo.Keep()
	return &Container{runtime: r, disk: disk}
}
