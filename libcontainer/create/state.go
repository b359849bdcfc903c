package create

import (
	"os"

	"rung/libcontainer/exchange"
	"rung/libcontainer/process"
	"rung/libcontainer/setup"
)

// publication is the state of the container from its process on.
type publication struct {
	setup  *setup.Setup
	opts   *Options
	inside *inside
	pid    func() int
}

// prepare writes the state of the container that is about to be created.
func (p *publication) prepare() error {
	if p.inside.segment == nil {
		return nil // comes again when it is known which op is EXEC
	}
	if err := p.setup.SetProcess(p.pid()); err != nil {
		return err
	}
	p.setup.Container.State.Early = !p.opts.Await
	if p.later() {
		return p.setup.Container.Prepare()
	}
	return p.setup.Container.Write()
}

// later reports whether the state that is written counts only from SYNC ready on: that of a container that is
// "created" then, or whose hooks may take any time.
func (p *publication) later() bool {
	h := p.setup.Spec.Hooks
	return p.opts.Await || h != nil && len(h.Prestart)+len(h.CreateRuntime)+len(h.CreateContainer) > 0 //nolint:staticcheck // deprecated, and part of the specification
}

// ready: the answer lets the process run.
func (p *publication) ready() bool { return p.opts.Ready == nil && !p.later() && p.inside.known }

// publish makes the state count: from here on the container is "created", or runs.
func (p *publication) publish(*os.File) (a exchange.Answer, err error) {
	if err := p.giveStreams(); err != nil {
		return a, err
	}
	if p.later() {
		if err := p.setup.Container.Publish(); err != nil || p.opts.Await {
			return a, err
		}
	}
	return a, p.tell()
}

// giveStreams gives the standard streams to the user of a user namespace.
func (p *publication) giveStreams() error {
	if p.opts.Console != nil || !p.setup.Container.State.UserNS {
		return nil
	}
	return process.GiveStreams(p.opts.Stdio, p.pid(), p.setup.Spec.Process.User.UID)
}

// awaitsStart tells the caller of a process that waits only when it does: the caller may kill it at once.
func (p *publication) awaitsStart(*os.File) error {
	if p.opts.Await {
		return p.tell()
	}
	return nil
}

// tell tells the caller of the process.
func (p *publication) tell() error {
	if p.opts.Ready == nil {
		return nil
	}
	return p.opts.Ready(p.setup.Container.State.Pid)
}
