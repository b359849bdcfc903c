package libcontainer

import (
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/libcontainer/bundle"
	"rung/libcontainer/host"
	"rung/libcontainer/plan"
)

func TestSummary(t *testing.T) {
	spec := bundle.Default(false)
	limit, quota, shares, pids := int64(1<<20), int64(50_000), uint64(7), int64(9)
	spec.Mounts = append(spec.Mounts, specs.Mount{Destination: "/data/", Source: "/srv", Options: []string{"bind"}})
	spec.Process.User.AdditionalGids = []uint32{4}
	spec.Linux.Namespaces = []specs.LinuxNamespace{{Type: specs.MountNamespace}, {Type: specs.UserNamespace}, {Type: specs.NetworkNamespace, Path: "/run/net"}}
	spec.Linux.UIDMappings = []specs.LinuxIDMapping{{ContainerID: 0, HostID: 100, Size: 5}}
	spec.Linux.Seccomp = &specs.LinuxSeccomp{DefaultAction: specs.ActErrno, Syscalls: []specs.LinuxSyscall{{Names: []string{"read", "write"}}}}
	spec.Linux.Resources = &specs.LinuxResources{
		Memory: &specs.LinuxMemory{Limit: &limit}, CPU: &specs.LinuxCPU{Quota: &quota, Shares: &shares, Cpus: "0"},
		Pids: &specs.LinuxPids{Limit: &pids}, Unified: map[string]string{"io.weight": "5"},
	}
	spec.Hooks = &specs.Hooks{CreateRuntime: []specs.Hook{{Path: "/bin/hook"}}}
	e := &Explanation{ID: "c", Bundle: "/b", Facts: &host.Facts{}, spec: spec, cgroups: []string{"/sys/fs/cgroup/c"}, Unknown: "a note"}
	var out strings.Builder
	if err := e.Summary(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"container c of bundle /b, for root\n",
		"\n  root           rootfs, read-only\n", "\n                 /data: /srv of the host, writable\n", "/sys: a new sysfs, read-only\n",
		"\n  of its own     mounts, users\n", "\n  of the host    processes, IPC, host name, cgroups, clocks\n", "\n  of others      network of /run/net\n",
		"\n  devices        /dev/null", "\n  program        [\"sh\"] in /\n", "\n  user           uid 0, gid 0, groups [4]: uid 100 on the host\n",
		"\n  capabilities   CAP_AUDIT_WRITE CAP_KILL CAP_NET_BIND_SERVICE\n", "\n  more rights    never (no_new_privs)\n",
		"\n  system calls   a seccomp filter: SCMP_ACT_ERRNO, but for 2 calls in 1 rules\n", "\n  cgroup         /sys/fs/cgroup/c\n",
		"\n  memory         1048576 bytes\n", "\n  processors     0.50 of one, shares 7, only 0\n", "\n  processes      9\n", "\n  unified        io.weight = 5\n",
		"\n  limits         RLIMIT_NOFILE 1024, at most 1024\n", "\nprograms that run on the host:\n  hooks          createRuntime: /bin/hook\n", "\nnote: a note\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in:\n%s", want, &out)
		}
	}
}

func TestSummaryOfNothing(t *testing.T) {
	e := &Explanation{Facts: &host.Facts{}, spec: &specs.Spec{Root: &specs.Root{Path: "r"}, Linux: &specs.Linux{}}}
	var out strings.Builder
	if err := e.Summary(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"program        none: start refuses it", "of its own     nothing", "memory         no limit", "processors     no limit", "processes      no limit"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in:\n%s", want, &out)
		}
	}
}

func TestNamedOperands(t *testing.T) {
	for _, test := range []struct {
		op   plan.Op
		want string
	}{
		{plan.Op{Code: plan.Bounding, Ints: [4]uint64{1<<5 | 1, 40}}, "caps=CAP_CHOWN,CAP_KILL"},
		{plan.Op{Code: plan.Capset, Ints: [4]uint64{1, 0, 1 << 63}}, "effective=CAP_CHOWN permitted=none inheritable=capability 63"},
		{plan.Op{Code: plan.Rlimit, Ints: [4]uint64{7, 5, ^uint64(0)}}, "RLIMIT_NOFILE soft=5 hard=unlimited"},
		{plan.Op{Code: plan.Keyring, Text: [3]string{"k"}, Ints: [4]uint64{0x3f1b0000}, OK: plan.Errnos{38}},
			`"k" possessor=view,read,write,search,link,setattr user=view,read,search,link ok:ENOSYS`},
		{plan.Op{Code: plan.Chdir, Text: [3]string{"/"}}, `"/"`},
	} {
		if got := operandsOf(&test.op); got != test.want {
			t.Errorf("%v: %q, want %q", test.op.Code, got, test.want)
		}
	}
}
