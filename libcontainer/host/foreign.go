package host

import (
	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/bundle"
)

// ProbeForeign adds the facts about namespaces that a container in a user namespace joins: which do not belong to the user
// namespace that it joins (none belongs to a new one), and whether there is a way to show a PID namespace from outside.
func (f *Facts) ProbeForeign(spec *specs.Spec) {
	user := bundle.NamespaceOf(spec, specs.UserNamespace)
	if user == nil {
		return
	}
	if pid := bundle.NamespaceOf(spec, specs.PIDNamespace); pid != nil && pid.Path != "" && f.Privileged() {
		f.ProcPidns = sys.TakesParameter("proc", "pidns", "/proc/self/ns/pid")
	}
	if user.Path == "" {
		return
	}
	for _, t := range [...]specs.LinuxNamespaceType{specs.PIDNamespace, specs.NetworkNamespace, specs.IPCNamespace} {
		ns := bundle.NamespaceOf(spec, t)
		if ns == nil || ns.Path == "" {
			continue
		}
		if own, err := sys.OwnedBy(ns.Path, user.Path); err == nil && !own {
			f.Foreign = append(f.Foreign, t)
		}
	}
}
