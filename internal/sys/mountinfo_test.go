package sys

import (
	"os"
	"testing"
)

func TestMounts(t *testing.T) {
	mounts, err := Mounts(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	proc, err := OpenPath("/proc/self")
	if err != nil {
		t.Fatal(err)
	}
	defer proc.Close()
	number, top, err := MountNumber(proc)
	if err != nil || top {
		t.Error(top, err)
	}
	m := mounts[number]
	parent, there := mounts[m.Parent]
	if m.Point != "/proc" || m.Root != "/" || len(m.Device) < 3 || !there {
		t.Errorf("%+v below %+v", m, parent)
	}
}

func TestPropagationGroup(t *testing.T) {
	for want, fields := range map[string][]string{
		"shared:1 master:2": {"shared:1", "master:2", "-", "ext4", "/dev/vda"},
		"":                  {"-", "proc", "proc"},
	} {
		if got := group(fields); got != want {
			t.Errorf("%q is %q", fields, got)
		}
	}
	if got := group(nil); got != "" {
		t.Error(got)
	}
}
