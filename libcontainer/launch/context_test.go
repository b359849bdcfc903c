package launch

import (
	"os"
	"strings"
	"syscall"
	"testing"

	"rung/libcontainer/plan"
)

// failing returns the failure of an op of a plan, whose file system context has that log.
func failing(t *testing.T, ops []plan.Op, index uint32, errno syscall.Errno, call, log string) *Failure {
	t.Helper()
	page := copying(t, errno, log, call)
	page.data[16] = byte(index)
	for i := range ops {
		ops[i].Origin = plan.Origin{Field: "mounts[0]", Purpose: "new overlay for /x"}
	}
	failure, ok := Outcome(page, []*plan.Plan{{Ops: ops}}).(*Failure)
	if !ok {
		t.Fatal("no failure")
	}
	return failure
}

func contextOps(fstype string, options ...[2]string) []plan.Op {
	ops := []plan.Op{{Code: plan.Fsopen, Slots: [3]plan.Slot{600}, Text: [3]string{fstype}}}
	for _, o := range options {
		ops = append(ops, plan.Op{Code: plan.Fsconfig, Slots: [3]plan.Slot{600}, Ints: [4]uint64{1}, Text: [3]string{o[0], o[1]}})
	}
	return append(ops, plan.Op{Code: plan.Fsmount, Slots: [3]plan.Slot{600, 601}})
}

func TestFailureOfAnOption(t *testing.T) {
	for name, c := range map[string]struct {
		ops   []plan.Op
		index uint32
		errno syscall.Errno
		log   string
		want  string // behind the field and the purpose
	}{
		"a wrong value": {
			contextOps("tmpfs", [2]string{"mode", "755"}, [2]string{"size", "64kb"}), 2, syscall.EINVAL, "e tmpfs: Bad value for 'size'\n",
			"option size=64kb: fsconfig: invalid argument (the kernel says: tmpfs: Bad value for 'size')",
		},
		"a flag": {
			contextOps("tmpfs", [2]string{"nosuch", ""}), 1, syscall.EINVAL, "e tmpfs: Unknown parameter 'nosuch'\n",
			"option nosuch: fsconfig: invalid argument (the kernel says: tmpfs: Unknown parameter 'nosuch')",
		},
		"several messages": {
			contextOps("tmpfs", [2]string{"a", "b"}), 2, syscall.EINVAL, "w tmpfs: one\ne tmpfs: two\n",
			"options a=b: fsconfig: invalid argument (the kernel says: tmpfs: one; tmpfs: two)",
		},
		"a layer that is not there": {
			contextOps("overlay", [2]string{"lowerdir", "/:/no/such:/"}), 1, syscall.ENOENT, "",
			"option lowerdir=/:/no/such:/: fsconfig: no such file or directory (lowerdir: /no/such does not exist)",
		},
		"a layer that an older kernel misses later": {
			contextOps("overlay", [2]string{"lowerdir", "/"}, [2]string{"upperdir", "/dev/null"}), 3, syscall.ENOTDIR, "",
			"options lowerdir=/,upperdir=/dev/null: fsconfig: not a directory (upperdir: /dev/null is no directory)",
		},
		"all layers are there": {
			contextOps("overlay", [2]string{"lowerdir+", "/"}), 2, syscall.EINVAL, "",
			"options lowerdir+=/: fsconfig: invalid argument",
		},
		"mount(2)": {
			[]plan.Op{{Code: plan.Mount, Text: [3]string{"overlay", "overlay", `lowerdir=/:/no\:such,upperdir=/`}}}, 0, syscall.ENOENT, "",
			`options lowerdir=/:/no\:such,upperdir=/: mount: no such file or directory (lowerdir: /no:such does not exist)`,
		},
		"a long option": {
			contextOps("tmpfs", [2]string{"a", strings.Repeat("x", 250)}), 1, syscall.EINVAL, "",
			"option a=" + strings.Repeat("x", 198) + "...: fsconfig: invalid argument",
		},
	} {
		call := "fsconfig"
		if c.ops[c.index].Code == plan.Mount {
			call = ""
		}
		got := strings.TrimPrefix(failing(t, c.ops, c.index, c.errno, call, c.log).Error(), "mounts[0]: new overlay for /x: ")
		if got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, c.want)
		}
	}
	if _, err := os.Stat("/no/such"); err == nil {
		t.Skip("needs a machine without /no/such")
	}
}
