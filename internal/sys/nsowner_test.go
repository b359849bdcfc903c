package sys

import "testing"

func TestOwnedBy(t *testing.T) {
	for name, c := range map[string]struct {
		namespace, user string
		want, fails     bool
	}{
		"no such namespace": {"/proc/self/ns/none", "/proc/self/ns/user", false, true},
		"no namespace":      {"/dev/null", "/proc/self/ns/user", false, true},
		"another owner":     {"/proc/self/ns/net", "/proc/self/ns/net", false, false},
	} {
		got, err := OwnedBy(c.namespace, c.user)
		if got != c.want || (err != nil) != c.fails {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	if in, err := InUserNamespace(); err != nil || in {
		t.Skip("needs the initial user namespace, which owns this process's namespaces")
	}
	if own, err := OwnedBy("/proc/self/ns/net", "/proc/self/ns/user"); err != nil || !own {
		t.Errorf("this process's network namespace belongs to its user namespace: %v, %v", own, err)
	}
}
