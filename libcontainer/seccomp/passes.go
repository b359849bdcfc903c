package seccomp

import (
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// Passes reports whether a profile allows all system calls of these names with any arguments and without asking an
// agent.
func Passes(s *specs.LinuxSeccomp, names []string) bool {
	return !slices.ContainsFunc(names, func(name string) bool { return !passes(s, name) })
}

func passes(s *specs.LinuxSeccomp, name string) bool {
	passed := isAllow(s.DefaultAction)
	for i := range s.Syscalls {
		r := &s.Syscalls[i]
		switch {
		case !slices.Contains(r.Names, name):
		case !isAllow(r.Action):
			return false
		case len(r.Args) == 0:
			passed = true
		}
	}
	return passed
}

func isAllow(a specs.LinuxSeccompAction) bool { return a == specs.ActAllow || a == specs.ActLog }
