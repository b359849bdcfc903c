package libcontainer

import (
	"errors"
	"fmt"
	"os"

	"rung/internal/sys"
	"rung/libcontainer/compile"
	"rung/libcontainer/host"
	"rung/libcontainer/launch"
	"rung/libcontainer/plan"
)

// ahead is what create does before the hands ask for it, so that they need not wait: to wake
// a process of another processor takes longer than most of what either side has to do.
type ahead struct {
	jobs     []job
	answers  []plan.SyncPoint // that may be given ahead, in order
	answered [plan.SyncListener + 1]bool
	opened   bool // tasks are
	stored   bool // the state is written
	verified bool // what is inside the container is what the third segment was compiled for
}

// job is work of rung that the hands need at a SYNC, and that it does beside them.
type job struct {
	due plan.SyncPoint
	do  func() error
}

// listJobs lists the jobs in the order in which they are due. On v1 the hands need the cgroup
// late. What systemd makes is waited for last of all: it is a process more to be waited for.
func (c *creation) listJobs() {
	if !c.made {
		c.jobs = append(c.jobs, job{plan.SyncPlan, c.announce})
	}
	c.jobs = append(c.jobs, job{plan.SyncPlan, c.prepareMounts})
	switch {
	case c.runtime.Systemd: // beginUnit adds what follows
		c.jobs = append(c.jobs, job{plan.SyncHost, c.guessInside}, job{plan.SyncHost, c.keepConfig})
	case c.made:
		c.jobs = append(c.jobs, job{plan.SyncHost, c.openTasks})
	default:
		c.jobs = append(c.jobs, job{plan.SyncHost, c.makeCgroup}, job{plan.SyncHost, c.openTasks})
	}
	if !c.runtime.Systemd {
		c.jobs = append(c.jobs, job{plan.SyncInside, c.guessInside}, job{plan.SyncReady, c.keepConfig})
	}
	if !c.program.First.Syncs(plan.SyncIDs) { // else the maps come first
		c.answers = append(c.answers, plan.SyncPlan)
	}
}

// workAhead does jobs, and answers with what they bring, for as long as the hands do not wait.
func (c *creation) workAhead() error {
	for {
		if err := c.answerAhead(); err != nil {
			return err
		}
		if len(c.jobs) == 0 || c.hands.Waiting() {
			return nil
		}
		if err := c.nextJob(); err != nil {
			return err
		}
	}
}

// catchUp does the jobs that a SYNC can not do without.
func (c *creation) catchUp(point plan.SyncPoint) error {
	for len(c.jobs) > 0 && c.jobs[0].due <= point {
		if err := c.nextJob(); err != nil {
			return err
		}
	}
	return nil
}

func (c *creation) nextJob() error {
	next := c.jobs[0]
	c.jobs = c.jobs[1:]
	return next.do()
}

// sendMounts answers SYNC plan. From here on there is a segment whose SYNCs can be answered
// ahead.
func (c *creation) sendMounts() error {
	c.hands.Parallel = true
	if err := c.hands.ReplyAll(plan.SyncPlan, c.second, c.sources); err != nil {
		return err
	}
	if c.program.Second.Syncs(plan.SyncHost) {
		c.answers = append(c.answers, plan.SyncHost)
	}
	c.answers = append(c.answers, plan.SyncInside, plan.SyncReady)
	return nil
}

func (c *creation) answerAhead() error {
	for len(c.answers) > 0 && c.canAnswer(c.answers[0]) {
		point := c.answers[0]
		c.answers = c.answers[1:]
		c.answered[point] = true
		if err := c.answer(point); err != nil {
			return err
		}
	}
	return nil
}

// served: the hands were quicker, and have come to a point without an answer.
func (c *creation) served(point plan.SyncPoint) {
	for len(c.answers) > 0 && c.answers[0] <= point {
		c.answers = c.answers[1:]
	}
}

// canAnswer: an answer may be given ahead when nothing that it stands for needs the hands to
// have come there.
func (c *creation) canAnswer(point plan.SyncPoint) bool {
	if point > plan.SyncPlan && c.mapped < len(c.program.Maps) {
		return false // their answers come first
	}
	if point == plan.SyncReady && c.opts.Await {
		return false
	}
	for _, a := range c.program.Actions[point] {
		switch a.Kind {
		case compile.SendMounts:
			if c.second == nil || len(c.sources) >= plan.MaxReplyFds {
				return false
			}
		case compile.EnterCgroup:
			if !c.opened || c.movesUnified() {
				return false
			}
		case compile.LookInside:
			if c.segment == nil {
				return false
			}
		case compile.StoreState:
			if c.opts.Ready != nil || c.hidden() || !c.stored || !c.verified || len(c.jobs) > 0 {
				return false
			}
		default:
			return false
		}
	}
	return true
}

func (c *creation) answer(point plan.SyncPoint) error {
	if point == plan.SyncPlan {
		return c.sendMounts()
	}
	segment := c.amended(point)
	var files []*os.File
	for _, a := range c.program.Actions[point] {
		switch a.Kind {
		case compile.EnterCgroup:
			files = c.tasks
		case compile.LookInside:
			segment = c.segment
		}
	}
	defer closeAll(files)
	c.hands.Parallel = true
	return c.hands.Reply(point, segment, files)
}

// amended is the segment that comes with SYNC ready: none where the guess was right.
func (c *creation) amended(point plan.SyncPoint) *launch.Segment {
	if point == plan.SyncReady {
		return c.amend
	}
	return nil
}

func (c *creation) openTasks() (err error) {
	if c.tasks, err = c.manager.OpenTasks(); err != nil {
		return err
	}
	c.opened = true
	c.state.CgroupPaths = c.manager.Paths() // a rootless one may have lost more
	c.warnUnkillable()
	return nil
}

// keepConfig: later edits of config.json change nothing (runtime.md, "Lifecycle").
func (c *creation) keepConfig() error {
	return sys.WriteFile(c.path(configFile), c.bundle.Raw, 0o600)
}

// guessInside compiles the third segment for what the root file system shows before
// anything is mounted. That is nearly always what is found inside later on.
func (c *creation) guessInside() error {
	c.program.Prepare()
	root, err := sys.OpenPath(c.state.Rootfs)
	if err != nil {
		return nil // the hands will say what is wrong with it
	}
	defer root.Close()
	p := c.spec.Process
	if c.guess, err = host.LookInside(root, p.Args, p.Env, p.Cwd, p.User.UID); err != nil {
		return nil
	}
	c.segment, err = c.sealInside(c.guess)
	return err
}

func (c *creation) sealInside(inside host.Inside) (*launch.Segment, error) {
	segment, err := c.program.Inside(inside)
	if err != nil {
		return nil, err
	}
	c.state.ExecOp = len(segment.Ops) - 1
	return launch.Seal(segment)
}

func (c *creation) lookInside(root *os.File) (*launch.Segment, error) {
	inside, err := c.look(root)
	if err != nil {
		return nil, err
	}
	c.verified = true
	if c.segment != nil && inside == c.guess {
		return c.segment, nil
	}
	c.jobs = append(c.jobs, job{plan.SyncReady, c.prepareState})
	c.segment.Close()
	c.segment, err = c.sealInside(inside)
	return c.segment, err
}

// look finds in the container what the rest of the plan depends on.
func (c *creation) look(root *os.File) (host.Inside, error) {
	if c.facts.NullBroken == "" {
		if err := c.removeNodes(); err != nil {
			return host.Inside{}, err
		}
	}
	if root == nil {
		return host.Inside{}, errors.New("the hands did not show the container's root")
	}
	p := c.spec.Process
	inside, err := host.LookInside(root, p.Args, p.Env, p.Cwd, p.User.UID)
	if err != nil {
		err = fmt.Errorf(initError+"%w", err)
	}
	return inside, err
}

// passed: the hands have come to a point that was answered ahead.
func (c *creation) passed(point plan.SyncPoint, shown *os.File) error {
	switch point {
	case plan.SyncPlan: // there is a container process
		if err := c.beginUnit(); err != nil {
			return err
		}
		c.jobs = append(c.jobs, job{plan.SyncReady, c.prepareState})
	case plan.SyncInside:
		return c.verify(shown)
	}
	return nil
}

// verify looks at what SYNC inside shows after it was answered with a guess. Where that was
// wrong, the end of the segment is compiled anew, for SYNC ready.
func (c *creation) verify(root *os.File) error {
	inside, err := c.look(root)
	if err != nil {
		return err
	}
	c.verified = true
	if inside == c.guess {
		return nil
	}
	end, err := c.program.AfterReady(inside)
	if err != nil {
		return err
	}
	c.state.ExecOp = len(end.Ops) - 1
	c.jobs = append(c.jobs, job{plan.SyncReady, c.prepareState})
	c.amend, err = launch.Seal(end)
	return err
}

// prepareState writes the state of the container that is about to be created.
func (c *creation) prepareState() error {
	if c.segment == nil {
		return nil // comes again when it is known which op is EXEC
	}
	pid := c.hands.Pid()
	stat, err := sys.ReadProcessStat(pid)
	if err != nil {
		return err
	}
	c.state.Pid, c.state.StartTime = pid, stat.StartTime
	c.stored = true
	c.state.Early = !c.opts.Await
	if c.hidden() {
		return c.writeStateTo(newStateFile)
	}
	return c.writeStateTo(stateFile)
}

// hidden: the state that is written ahead counts only from SYNC ready on: one of a container that is "created" then, or
// whose hooks may take any time.
func (c *creation) hidden() bool {
	h := c.spec.Hooks
	return c.opts.Await || h != nil && len(h.Prestart)+len(h.CreateRuntime)+len(h.CreateContainer) > 0 //nolint:staticcheck // deprecated, and part of the specification
}
