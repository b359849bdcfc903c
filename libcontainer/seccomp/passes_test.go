package seccomp

import (
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

func TestPasses(t *testing.T) {
	rule := func(action specs.LinuxSeccompAction, args []specs.LinuxSeccompArg, names ...string) specs.LinuxSyscall {
		return specs.LinuxSyscall{Names: names, Action: action, Args: args}
	}
	some := []specs.LinuxSeccompArg{{Index: 0, Value: 1, Op: specs.OpEqualTo}}
	for _, c := range []struct {
		name      string
		byDefault specs.LinuxSeccompAction
		rules     []specs.LinuxSyscall
		want      bool
	}{
		{"by default", specs.ActAllow, nil, true},
		{"logged", specs.ActLog, nil, true},
		{"denied by default", specs.ActErrno, nil, false},
		{"another is asked about", specs.ActAllow, []specs.LinuxSyscall{rule(specs.ActNotify, nil, "mkdir")}, true},
		{"asked about", specs.ActAllow, []specs.LinuxSyscall{rule(specs.ActNotify, nil, "read")}, false},
		{"denied for some arguments", specs.ActAllow, []specs.LinuxSyscall{rule(specs.ActErrno, some, "close")}, false},
		{"one of two allowed", specs.ActErrno, []specs.LinuxSyscall{rule(specs.ActAllow, nil, "read")}, false},
		{"allowed", specs.ActErrno, []specs.LinuxSyscall{rule(specs.ActAllow, nil, "read", "close")}, true},
		{"allowed for some arguments", specs.ActErrno, []specs.LinuxSyscall{rule(specs.ActAllow, some, "read", "close")}, false},
		{"allowed, and denied", specs.ActErrno, []specs.LinuxSyscall{rule(specs.ActAllow, nil, "read", "close"), rule(specs.ActKill, nil, "read")}, false},
	} {
		s := &specs.LinuxSeccomp{DefaultAction: c.byDefault, Syscalls: c.rules}
		if got := Passes(s, []string{"read", "close"}); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}
