// Package libcontainer makes and manages containers on this machine. The commands of rung are written on it, and it can be
// the container runtime of another program.
//
// This package is a façade: a Runtime makes and finds containers, and a Container has a method for each verb of the OCI
// lifecycle. Packages below it do the work: bundle loads and validates config.json, host probes the machine, compile turns
// both into a plan, launch spawns the stage (package nsenter), which executes it. docs/architecture.md walks the whole way,
// function by function.
//
// # In a program of one's own
//
// docs/library.md has a program, how it is built, what lives how long, and why it is safe. The program imports rung/nsenter in its
// main package, and sets Runtime.Stage to a launch.Launcher with nsenter.Image; where there is no image, a sealed copy of the
// running binary is the stage. There are no switches of the whole process: two Runtimes do not know of each other.
//
// Create, Restore and Explain validate the bundle that they get. Errors are one line that names the field of config.json;
// those that a program tells apart, by errors.Is, are ErrExist, ErrNotExist, ErrNotRunning, ErrPaused, ErrNotPaused,
// ErrInvalidID and ErrExec.
//
// A Container is a handle: its state is on disk and in the kernel, and another process may change or delete it at any time.
// Status asks the kernel. The verbs that change a container hold a lock for as long as they take; Close gives up the handle,
// not the container. A Container is not safe for use by several goroutines at a time; two handles are.
//
// The first process of Create and the processes of Exec are children of the caller, which has to reap them: Container.Wait,
// Process.Wait, or wait4(2). A caller that must not become the parent of orphans clears PR_SET_CHILD_SUBREAPER.
//
// What waits takes a context: hooks are killed, and Events and Wait return, when it ends.
package libcontainer
