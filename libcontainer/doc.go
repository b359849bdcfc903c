// Package libcontainer makes and manages containers on this machine: it is what the
// commands of rung are written on, and can be the container runtime of another program.
//
// The way of the data: package bundle loads and validates config.json, package host
// probes the machine, package compile turns both into a plan, package launch spawns the
// hands (package nsenter) to execute it. This package holds the verbs of the OCI lifecycle
// and the state on disk, in the order create, start, exec, kill, delete.
//
// # In a program of one's own
//
// The program imports rung/nsenter in its main package, and calls UseHands with its Image
// before it makes the first container; the image is there when scripts/build.sh has linked the
// program. A Runtime needs no more than a directory of state, which programs may share with
// each other and with the command rung. tests/cmd/embed is such a program.
//
// A Container is a handle: its state is on disk and in the kernel, and another process may
// change or delete it at any time. Status asks the kernel. The verbs that change a container
// hold a lock for as long as they take; Close gives up the handle, not the container. A
// Container is not safe for use by several goroutines at a time; two handles are.
//
// The first process of Create and the processes of Exec are children of the caller, which has
// to reap them (Wait, wait4(2)). Who may not be their parent for as long as they run sets
// itself to be no subreaper, and asks Status.
//
// Errors are one line that names the field of config.json; those that a program has to tell
// apart are ErrExist, ErrNotExist, ErrNotRunning, ErrPaused, ErrNotPaused, ErrInvalidID and
// ErrExec, to be found by errors.Is.
package libcontainer
