package sys

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

func TestProcOwnerOf(t *testing.T) {
	dir := t.TempDir()
	link := func(name, target string) string {
		path := filepath.Join(dir, name)
		if err := os.Symlink(target, path); err != nil {
			t.Fatal(err)
		}
		return path
	}
	pid := os.Getpid()
	for path, want := range map[string]ProcOwner{
		"/proc/self/fd/7":                             OwnDescriptor,
		"/proc/self/fd/7/below":                       OwnDescriptor,
		"/proc/thread-self/fd/7":                      OwnDescriptor,
		"/dev/fd/7":                                   OwnDescriptor,
		fmt.Sprintf("/proc/%d/fd/7", pid):             OwnDescriptor,
		fmt.Sprintf("/proc/%d/task/%d/fd", pid, pid):  OwnOther,
		link("fd", "/proc/self/fd/7"):                 OwnDescriptor,
		link("above", "/proc") + "/self/fd/7":         OwnDescriptor,
		link("exe", "/proc/self/exe"):                 OwnOther,
		link("chain", "exe"):                          OwnOther,
		link("up", "../../../../../../proc/self/exe"): OwnOther,
		"/proc/self":                                  OwnOther,
		"/proc/self/":                                 OwnOther,
		"/proc/thread-self":                           OwnOther,
		"/proc/self/fd":                               OwnOther,
		"/proc/self/root/etc":                         OwnOther,
		"/proc/self/task/../exe":                      OwnOther,
		"/proc/self/ns/net":                           OwnOther,
		"/proc/net":                                   OwnOther,
		"/proc/1/ns/net":                              NotOwn,
		"/proc/1/exe":                                 NotOwn,
		"/proc/meminfo":                               NotOwn,
		"/proc/sys/kernel":                            NotOwn,
		link("loop", "loop"):                          NotOwn,
		filepath.Join(dir, "missing"):                 NotOwn,
		"/":                                           NotOwn,
	} {
		if got := ProcOwnerOf(path); got != want {
			t.Errorf("%s: %v, want %v", path, got, want)
		}
	}
}
