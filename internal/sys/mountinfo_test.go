package sys

import (
	"os"
	"strings"
	"testing"
)

func TestMounts(t *testing.T) {
	for name, read := range map[string]func() ([]*Mount, error){
		"OwnMounts": OwnMounts,
		"Mounts":    func() ([]*Mount, error) { return Mounts(os.Getpid()) },
	} {
		mounts, err := read()
		if err != nil {
			t.Fatal(name, err)
		}
		known := map[int]*Mount{}
		for _, m := range mounts {
			known[m.ID] = m
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
		m := known[number]
		if m == nil || m.Mountpoint != "/proc" || m.Root != "/" || m.FSType != "proc" || known[m.Parent] == nil {
			t.Errorf("%s: %d is %+v", name, number, m)
		}
	}
}

func TestParseMounts(t *testing.T) {
	// The second line is as overlayfs of 500 layers makes it. Its options are of no use to rung, those of others are.
	text := `25 1 254:1 / / rw,relatime shared:1 master:2 - ext4 /dev/vda rw
26 25 0:50 / /a\040b\134c rw - overlay overlay ro,lowerdir+=` + strings.Repeat("/var/lib/layers/"+strings.Repeat("x", 200), 500) + `
27 25 0:51 /top\012 /c ro,nosuid unbindable - cgroup - rw,cpu,name=one
`
	mounts, err := ParseMounts([]byte(text))
	if err != nil || len(mounts) != 3 {
		t.Fatal(mounts, err)
	}
	if m := mounts[0]; m.ID != 25 || m.Parent != 1 || m.Major != 254 || m.Minor != 1 || m.Optional != "shared:1 master:2" {
		t.Errorf("%+v", m)
	}
	if m := mounts[1]; m.Mountpoint != `/a b\c` || m.FSType != "overlay" || m.Optional != "" || !strings.HasPrefix(m.VFSOptions, "ro,lowerdir+=/var") {
		t.Errorf("%.200v", m)
	}
	if m := mounts[2]; m.Root != "/top\n" || m.Options != "ro,nosuid" || m.Source != "-" || m.VFSOptions != "rw,cpu,name=one" {
		t.Errorf("%+v", m)
	}
}

func TestParseMountsRefusesNonsense(t *testing.T) {
	for _, text := range []string{"short\n", "1 2 0:3 / /a rw - proc proc\n", "1 2 03 / /a rw - proc proc rw\n"} {
		if mounts, err := ParseMounts([]byte(text)); err == nil {
			t.Errorf("%q is %+v", text, mounts)
		}
	}
}

func BenchmarkParse5000Mounts(b *testing.B) {
	var text []byte
	for i := range 5000 {
		text = append(text, "1"+itoa(i)+" 28 0:"+itoa(i)+" / /var/lib/docker/overlay2/0123456789abcdef0123456789abcdef/merged rw,relatime shared:"+itoa(i)+
			" - overlay overlay rw,lowerdir=/var/lib/docker/overlay2/l/A:/var/lib/docker/overlay2/l/B,upperdir=/var/lib/docker/overlay2/x/diff,workdir=/w\n"...)
	}
	b.ReportAllocs()
	for b.Loop() {
		if mounts, err := ParseMounts(text); err != nil || len(mounts) != 5000 {
			b.Fatal(len(mounts), err)
		}
	}
}
