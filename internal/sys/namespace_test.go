package sys

import (
	"os"
	"testing"
)

// A process that does not exist gives an error, and an error is never taken for an answer.
func TestNamespacesOfNoProcess(t *testing.T) {
	const gone = 1<<31 - 2 // above any pid_max
	for name, ask := range map[string]func(int) error{
		"SameUserNamespace": func(pid int) error { _, err := SameUserNamespace(pid); return err },
		"SameTimeNamespace": func(pid int) error { _, err := SameTimeNamespace(pid); return err },
		"SetgroupsDenied":   func(pid int) error { _, err := SetgroupsDenied(pid); return err },
		"UnifiedCgroup":     func(pid int) error { _, err := UnifiedCgroup(pid); return err },
		"InUnifiedCgroup":   func(pid int) error { _, err := InUnifiedCgroup(pid, "/sys/fs/cgroup/x"); return err },
	} {
		if err := ask(gone); err == nil {
			t.Errorf("%s of a process that is not there: no error", name)
		}
		if err := ask(os.Getpid()); err != nil {
			t.Errorf("%s of this process: %v", name, err)
		}
	}
	for _, ask := range []func(int) (bool, error){SameUserNamespace, SameTimeNamespace} {
		if same, _ := ask(os.Getpid()); !same {
			t.Error("this process is not in its own namespace")
		}
	}
}
