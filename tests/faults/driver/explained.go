package main

import "regexp"

// explanation gives the reason why a certain problem is no bug of rung. An empty pattern matches everything.
type explanation struct {
	kind    string
	jobs    string // VERB/CONFIGURATION/CLASS/ACTION/K
	call    string
	args    string // the first arguments of the call
	text    string // the text that they point to
	message string
	reason  string
}

// explanations lists problems that rung cannot avoid. A bug that is not fixed yet must not be listed.
var explanations = []explanation{
	{
		kind: kindTrace, jobs: "/rung/", call: "^fcntl$", message: "unexpected error while checking standard file descriptor",
		reason: "before the program begins, Go's run-time library checks whether the standard streams are open, and ends the program if it cannot",
	},
	{
		kind: kindTrace, jobs: "/rung/", call: "^write$", message: "netpollBreak write failed",
		reason: "Go's run-time library wakes its poller by a write to an eventfd, and ends the program if it cannot",
	},
	{
		kind: kindTrace, jobs: "/rung/", call: "^eventfd2$", message: "runtime: eventfd failed",
		reason: "Go's run-time library makes an eventfd for its poller, and ends the program if it cannot",
	},
	{
		kind: kindHang, jobs: "/rung/", call: "^read$", args: "^0x[0-9a-f]+,0x[0-9a-f]+,0x8,",
		reason: "Go's syscall.ForkExec reads from a pipe of its own whether the child has executed its program. If the read fails, it assumes that " +
			"the child has not, and waits for the child's end. A real read of a pipe fails only with EINTR, which ForkExec repeats",
	},
	{
		kind: kindHang, jobs: "/hooks/rung/", call: "^wait4$",
		reason: "if wait4(2) refuses to reap an ended hook inside the container, the hook keeps the PID namespace: the killed init of the container " +
			"waits for the hook, and rung for init. The real wait4(2) fails only with EINTR, which rung repeats, and ECHILD",
	},
	{
		kind: kindSuccess, jobs: "/stage/kill/", call: "^execve$", message: "differs: -|container is stopped",
		reason: "the kill hits in the call that starts the container's program: it looks the same as a kill of the program a moment later",
	},
	{
		kind: kindMessage, jobs: "/stage/kill/", call: "^execve$", text: "^/snapshot$",
		reason: "the kill hits in the call that starts the program of a container in the foreground: the exit status shows the kill",
	},
	{
		kind: kindSuccess, jobs: "^create/.*/stage/", call: "^(recvmsg|ppoll|recvfrom|read|accept4)$", message: "create succeeded, and the container is stopped",
		reason: "create has ended, and the process waits for start: a failure during that wait is reported by start",
	},
	{
		kind: kindSuccess, jobs: "^create/.*/stage/", call: "^(recvmsg|ppoll|recvfrom|read|accept4)$",
		message: "create succeeded, and start fails: .*level=error msg=\"start [^ ]+: [^:]+: ",
		reason: "the stage makes fewer calls where rung's answer is there before it asks: the counted call is then one after the wait for start, and " +
			"start reports its failure",
	},
	{
		kind: kindSuccess, jobs: "/stage/EPERM/", call: "^openat2$", text: "^null$", message: "/dev/null",
		reason: "as with runc, a standard stream stays the host's /dev/null if the container may not open its own",
	},
	{
		kind: kindSuccess, jobs: "/stage/EPERM/", call: "^sched_setaffinity$", message: "Cpus_allowed: \\d",
		reason: "the second call widens the CPU mask that the first call narrowed; a filter that denies one denies both, and then the mask is not narrowed",
	},
}

func (e *explanation) fits(r *result, p *problem) bool {
	for _, pair := range [][2]string{{e.jobs, r.Job.String()}, {e.call, r.Call}, {e.args, r.Args}, {e.text, r.Text}, {e.message, p.Text}} {
		if pair[0] != "" && !regexp.MustCompile(pair[0]).MatchString(pair[1]) {
			return false
		}
	}
	return e.kind == p.Kind
}

func explain(r *result) {
	for i := range r.Problems {
		for k := range explanations {
			if explanations[k].fits(r, &r.Problems[i]) {
				r.Problems[i].Explained = explanations[k].reason
				break
			}
		}
	}
}
