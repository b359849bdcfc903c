package check

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/libcontainer/host"
	"rung/libcontainer/setup"
)

func TestFieldOf(t *testing.T) {
	for text, want := range map[string]string{
		"linux.namespaces[0]: open /no: no such file or directory":                                                       "linux.namespaces[0]",
		setup.InitError + `error mounting "none" to rootfs at "/mnt": mounts[3]: new x for /mnt: fsopen: no such device`: "mounts[3]",
		setup.InitError + `exec: "x": executable file not found in $PATH`:                                                "process.args",
		setup.InitError + `process.cwd: chdir to cwd ("/x"): chdir: not a directory`:                                     "process.cwd",
		"linux.resources.memory.limit is too small":                                                                      "linux.resources.memory.limit",
		"mkdir /x: permission denied":                                                                                    "",
	} {
		if got := fieldOf(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestOfError(t *testing.T) {
	s := &Subject{Config: "/b/config.json", Facts: &host.Facts{}}
	for _, test := range []struct {
		err   error
		state State
		who   string
		do    string
	}{
		{nil, OK, "", ""},
		{fmt.Errorf("linux.sysctl[a]: write: %w", syscall.EINVAL), Missing, author, "edit linux.sysctl[a] in /b/config.json"},
		{errors.New("no cgroup hierarchy is mounted"), Missing, administrator, "mount -t cgroup2 none /sys/fs/cgroup"},
		{fmt.Errorf("unable to apply cgroup configuration: mkdir /proc/x: %w", syscall.EROFS), Restricted, administrator, "mount -o remount,rw /proc"},
		{fmt.Errorf("unable to apply cgroup configuration: mkdir /proc/x: %w", syscall.EACCES), Restricted, administrator, "make /proc writable for rung"},
		{fmt.Errorf("unable to apply cgroup configuration: mkdir /proc/x: %w", syscall.ENAMETOOLONG), Missing, administrator, ""},
		{fmt.Errorf("exec: x: %w (root.path: /proc/1 is mounted noexec on the host)", syscall.EACCES), Restricted, administrator, "mount -o remount,exec /proc"},
		{errors.New("linux.resources.memory: controller memory is not delegated: /sys/fs/cgroup/cgroup.subtree_control does not enable it"),
			Missing, administrator, "echo +memory >/sys/fs/cgroup/cgroup.subtree_control"},
		{errors.New("linux.resources.memory: controller memory is not delegated: /c/a/cgroup.subtree_control does not enable it, and cannot: it has processes, which"),
			Missing, administrator, "move the processes of /c/a to a cgroup below it; echo +memory >/c/a/cgroup.subtree_control"},
		{errors.New("linux.uidMappings: /etc/subuid grants user me no range that holds 65536-65537 (newuidmap: exit status 1)"), Missing, administrator, "usermod --add-subuids 65536-65537 me"},
		{errors.New("linux.uidMappings: /etc/subuid grants user me no range that holds 0-65535"), Missing, caller, "map the own uid of user me and ids that /etc/subuid grants, as rung spec --rootless does when that user runs it: those of the system and of other people must not be granted"},
		{errors.New("linux.gidMappings: /etc/subgid grants user me no range that holds 1000-1000 (newgidmap: exit status 1)"), Missing, caller, "map the own gid of user me and ids that /etc/subgid grants, as rung spec --rootless does when that user runs it: those of the system and of other people must not be granted"},
		{errors.New("process.rlimits[0]: set RLIMIT_MEMLOCK: prlimit64: operation not permitted (to raise a hard limit needs CAP_SYS_RESOURCE, and so on)"), Missing, caller, "raise the hard limit of the caller (ulimit -H, LimitMEMLOCK= of the unit), or lower process.rlimits"},
		{fmt.Errorf("fsopen: %w (rung needs fsopen(2) to make mounts, and a seccomp filter that rung itself runs under denies it)", syscall.EPERM),
			Restricted, administrator, "SystemCallFilter=fsopen"},
	} {
		n := OfError(s, "name", "purpose", test.err)
		if n.State != test.state || n.Who != test.who || !strings.Contains(n.Do, test.do) || n.Name != "name" || !n.Required {
			t.Errorf("%v: %+v", test.err, n)
		}
	}
}

// A report starts if each required need is met or unknown, and tells the same only once.
func TestReport(t *testing.T) {
	var r Report
	r.Add(Need{State: Missing}, Need{State: Unknown, Required: true}, Need{State: OK, Required: true})
	if !r.Starts || r.Unmet() != 0 {
		t.Errorf("%+v", r)
	}
	r.Add(Need{State: Restricted, Required: true, Found: "mkdir /x: denied"})
	if r.Starts || r.Unmet() != 1 {
		t.Errorf("%+v", r)
	}
	r.AddOnce(Need{State: Restricted, Required: true, Found: "mkdir /x: denied"})
	r.AddOnce(Need{State: OK})
	r.AddOnce(Need{State: OK})
	if len(r.Needs) != 6 || r.Unmet() != 1 {
		t.Errorf("%+v", r)
	}
}

// The needs of this machine, for which each need that is not met says who must do what.
func TestMachine(t *testing.T) {
	facts, err := host.Probe()
	if err != nil {
		t.Fatal(err)
	}
	s := &Subject{Spec: &specs.Spec{Linux: &specs.Linux{}}, Facts: facts, Root: t.TempDir()}
	names := map[string]State{}
	for _, n := range Machine(s) {
		names[n.Name] = n.State
		if (n.State == Missing || n.State == Restricted) && (n.Found == "" || n.Who == "" || n.Do == "") {
			t.Errorf("no cause or no cure: %+v", n)
		}
	}
	for _, name := range []string{"Linux 5.14 or newer", "openat2(2)", "pid namespace", "file system proc", "seccomp filters", "state directory " + s.Root} {
		if names[name] != OK { // the tests run
			t.Errorf("%s: %q", name, names[name])
		}
	}
}

// What a bundle asks for is required, and only then.
func TestRequired(t *testing.T) {
	spec := &specs.Spec{
		Process: &specs.Process{ApparmorProfile: "p", SelinuxLabel: "l"},
		Mounts:  []specs.Mount{{Destination: "/a", Type: "no-such-fs"}, {Destination: "/b", Source: "/b", Options: []string{"bind"}}},
		Linux: &specs.Linux{
			Seccomp:    &specs.LinuxSeccomp{Flags: []specs.LinuxSeccompFlag{"SECCOMP_FILTER_FLAG_LOG"}},
			Namespaces: []specs.LinuxNamespace{{Type: specs.TimeNamespace}},
		},
	}
	s := &Subject{Spec: spec, Facts: &host.Facts{Capabilities: ^uint64(0)}, Root: os.TempDir()}
	required := map[string]Need{}
	for _, n := range Machine(s) {
		if n.Required {
			required[n.Name] = n
		}
	}
	for _, name := range []string{"AppArmor", "SELinux", "file system no-such-fs", "seccomp filters", "seccomp(2)", "time namespace"} {
		if _, is := required[name]; !is {
			t.Errorf("%s is not required", name)
		}
	}
	for _, name := range []string{"file system overlay", "user namespace", "keyctl(2)", "pidfd_open(2)"} {
		if _, is := required[name]; is {
			t.Errorf("%s is required", name)
		}
	}
	if n := required["file system no-such-fs"]; n.State != Missing || n.Field != "mounts[0]" {
		t.Errorf("%+v", n)
	}
}

func TestIDMapped(t *testing.T) {
	s := &Subject{Spec: &specs.Spec{Mounts: []specs.Mount{{}, {Options: []string{"bind", "idmap"}}}}}
	if n := IDMapped(s, syscall.EPERM); n.State != Restricted || !n.Required || n.Field != "mounts[1]" {
		t.Errorf("%+v", n)
	}
	s.Spec.Mounts = s.Spec.Mounts[:1]
	if n := IDMapped(s, syscall.ENOSYS); n.State != Missing || n.Required {
		t.Errorf("%+v", n)
	}
}

// Words of the kernel alone prove nothing: a full file system and a limit that is reached have the same error, and so have a path of
// the host and one of the container.
func TestCureIsProbed(t *testing.T) {
	for _, text := range []string{
		"write /sys/fs/cgroup/x/cgroup.procs: no space left on device", "mkdir " + t.TempDir() + "/x: no space left on device",
		"clone3: no space left on device", "open " + t.TempDir() + "/x: read-only file system", "mkdir /no/such/x: read-only file system",
	} {
		if do := Cure(errors.New(text)); do != "" {
			t.Errorf("%s: do %s", text, do)
		}
	}
}
