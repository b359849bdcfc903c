package launch

import (
	"strings"
	"syscall"
	"testing"

	"rung/libcontainer/plan"
)

func TestHint(t *testing.T) {
	clone := plan.Op{Code: plan.Clone}
	for _, c := range []struct {
		op    plan.Op
		errno syscall.Errno
		want  string // a part of the hint; "" for none
	}{
		{clone, syscall.ENOSPC, "/proc/sys/user/max_"},
		{clone, syscall.EAGAIN, "pids.max"},
		{clone, syscall.EPERM, ""},
		// podman#13363, moby#22865: "disk quota exceeded" is about keys.
		{plan.Op{Code: plan.Keyring}, syscall.EDQUOT, "/proc/sys/kernel/keys/maxkeys"},
		{plan.Op{Code: plan.Keyring}, syscall.ENOSYS, ""},
		{plan.Op{Code: plan.Unshare, Ints: [4]uint64{0x80}}, syscall.EPERM, ""},
		{plan.Op{Code: plan.Fsopen, Text: [3]string{"nosuchfs"}}, syscall.ENODEV, "nosuchfs"},
		{plan.Op{Code: plan.Fsopen, Text: [3]string{"bind"}}, syscall.ENODEV, "bind or rbind in its options"},
		{plan.Op{Code: plan.Fsconfig, Text: [3]string{"context", "u:r:t:s0"}}, syscall.EINVAL, "SELinux"},
		{plan.Op{Code: plan.Fsconfig, Text: [3]string{"mode", "755"}}, syscall.EINVAL, ""},
		{plan.Op{Code: plan.Write, Origin: plan.Origin{Field: "process.selinuxLabel"}}, syscall.EINVAL, "does not know this label"},
		{plan.Op{Code: plan.Rlimit}, syscall.EPERM, "CAP_SYS_RESOURCE"},
		{plan.Op{Code: plan.SchedAttr}, syscall.EPERM, "CAP_SYS_NICE"},
		{plan.Op{Code: plan.MoveMount}, syscall.ENOTDIR, "mount point"},
		{plan.Op{Code: plan.MoveMount}, syscall.EINVAL, ""},
		// Nothing stands in the way of openat2 here: a hint that was not probed is not printed.
		{plan.Op{Code: plan.Open}, syscall.ENOSYS, ""},
		{plan.Op{Code: plan.Mkpath}, syscall.EPERM, ""},
		{plan.Op{Code: plan.Mkpath, Ints: [4]uint64{plan.MkpathDir | plan.MkpathNofollow}}, syscall.ELOOP, "symbolic link"},
		{plan.Op{Code: plan.Mkpath, Ints: [4]uint64{plan.MkpathDir}}, syscall.ELOOP, "a link of /proc"},
		{plan.Op{Code: plan.Mkpath, Ints: [4]uint64{plan.MkpathDir | plan.MkpathNoroot}}, syscall.EBUSY, "leads to the root"},
		{plan.Op{Code: plan.Mask}, syscall.EBUSY, "leads to the root"},
		{plan.Op{Code: plan.Mkpath}, syscall.ENOENT, ""},
		{plan.Op{Code: plan.Open, Text: [3]string{"/dev"}}, syscall.EXDEV, "mount a tmpfs on /dev"},
		{plan.Op{Code: plan.Open, Text: [3]string{"sys/x"}}, syscall.EXDEV, ""},
	} {
		got := Hint(&c.op, "", c.errno)
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%v of %v: %q, want %q", c.errno, c.op.Code, got, c.want)
		}
	}
}
