package compile

import (
	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/plan"
)

// HookInput is the input of Hook. Slot 0 is a pidfd of init, slot 1 the root of the container, where
// the hook starts.
type HookInput struct {
	Hook   specs.Hook
	Flags  uint64 // namespaces to join (flags of setns(2))
	UserNS bool   // the container's user namespace is not rung's
}

// Hook compiles the plan of one hook of createContainer: join, fork, exec.
func Hook(in HookInput) *plan.Plan {
	b := plan.NewBuilder()
	pidfd, root := b.Inherit(), b.Inherit()
	b.For("hooks", "no tracing of rung from the container")
	b.Number(plan.Dumpable, 0)
	b.For("hooks", "join the container's namespaces")
	flags := in.Flags
	if !in.UserNS {
		flags &^= sys.CLONE_NEWUSER
	}
	if flags != 0 { // setns(2) without a flag fails with EINVAL
		b.SetNS(pidfd, flags)
	}
	if in.UserNS {
		b.For("hooks", "become root of the user namespace")
		b.Number(plan.Setgid, 0)
		b.Number(plan.Setuid, 0)
	}
	b.For("hooks", "a process of the container's PID namespace")
	b.Clone(plan.None, 0)
	b.Number(plan.Setsid)
	b.For("hooks", "working directory")
	b.Fchdir(root)
	args := in.Hook.Args
	if len(args) == 0 {
		args = []string{in.Hook.Path}
	}
	nofileBack(b)
	b.For("hooks", "become the hook")
	b.Exec(in.Hook.Path, args, in.Hook.Env)
	return b.Plan(true)
}

// UserNamespace returns the plan of a process that only holds a new user namespace.
func UserNamespace() *plan.Plan {
	b := plan.NewBuilder()
	b.For("mounts", "user namespace of an id map")
	b.Number(plan.Unshare, sys.CLONE_NEWUSER)
	b.SyncAt(plan.SyncIDs, plan.None)
	return b.Plan(true)
}
