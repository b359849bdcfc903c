package main

import "regexp"

// explanation is a reason why a problem of a kind harms nobody. A pattern that is empty fits all.
type explanation struct {
	kind    string
	jobs    string // VERB/CONFIGURATION/CLASS/ACTION/K
	call    string
	args    string // the call's first arguments
	text    string // what was readable of them
	message string
	reason  string
}

// explanations are for what cannot be otherwise, never for what has not been mended yet.
var explanations = []explanation{
	{
		kind: kindTrace, jobs: "/rung/", call: "^fcntl$", message: "unexpected error while checking standard file descriptor",
		reason: "Go's run-time library looks, before the program begins, whether the standard streams are open, and ends a program where it cannot",
	},
	{
		kind: kindTrace, jobs: "/rung/", call: "^write$", message: "netpollBreak write failed",
		reason: "Go's run-time library wakes its poller by a write to an eventfd, and ends a program where it cannot",
	},
	{
		kind: kindTrace, jobs: "/rung/", call: "^eventfd2$", message: "runtime: eventfd failed",
		reason: "Go's run-time library makes an eventfd for its poller, and ends a program where it cannot",
	},
	{
		kind: kindHang, jobs: "/rung/", call: "^read$", args: "^0x[0-9a-f]+,0x[0-9a-f]+,0x8,",
		reason: "Go's syscall.ForkExec reads from a pipe of its own whether the child has executed its program, and waits for the end of a child " +
			"that has not. That the read fails, it takes for this; but a read of a pipe fails by nothing but EINTR, which it repeats",
	},
	{
		kind: kindHang, jobs: "/hooks/rung/", call: "^wait4$",
		reason: "a hook inside the container that has ended, and that wait4(2) refuses to reap, keeps the PID namespace: the container's init, killed, " +
			"waits for it, and rung for init. The kernel refuses to reap a child for nothing but EINTR, which is repeated, and ECHILD",
	},
	{
		kind: kindSuccess, jobs: "/stage/kill/", call: "^execve$", message: "differs: -|container is stopped",
		reason: "the kill hits in the very call by which the container's program begins: nobody can tell that from a kill of the program, a moment later",
	},
	{
		kind: kindMessage, jobs: "/stage/kill/", call: "^execve$", text: "^/snapshot$",
		reason: "the same in a container in the foreground: its status tells of the kill",
	},
	{
		kind: kindSuccess, jobs: "^create/.*/stage/", call: "^(recvmsg|ppoll|recvfrom|read|accept4)$", message: "create succeeded, and the container is stopped",
		reason: "create has let the process go on, and ended: of what fails while it waits for start, start tells",
	},
	{
		kind: kindSuccess, jobs: "/stage/EPERM/", call: "^openat2$", text: "^null$", message: "/dev/null",
		reason: "a standard stream stays the host's /dev/null where the container may not open its own, as with runc",
	},
	{
		kind: kindSuccess, jobs: "/stage/ENOSYS/", call: "^keyctl$",
		reason: "a kernel, or a filter around rung, that knows no keys knows none in the container either",
	},
	{
		kind: kindSuccess, jobs: "/stage/EPERM/", call: "^sched_setaffinity$", message: "Cpus_allowed: \\d",
		reason: "the second call widens what the first has narrowed; a filter that denies one denies both, and then nothing is narrowed",
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
