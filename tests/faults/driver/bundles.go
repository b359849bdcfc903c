package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// The configurations: one with everything that confines a container, the same with a user namespace, and one with hooks.
const (
	configPlain = "plain"
	configUser  = "userns"
	configHooks = "hooks"
	configSaved = "saved" // what CRIU can save without CAP_SYS_RESOURCE, which it needs for the limits of another user
)

// shown are files whose content is part of the snapshot, because a runtime writes them for a container.
var shown = []string{
	"/proc/sys/net/ipv4/ping_group_range", "/proc/sys/kernel/msgmax", "/proc/sys/fs/mqueue/msg_max", "/data/file", "/proc/keys", "/masked/file",
	"/copied/file", "/copied/dir/other", "/copied/dir/link", "/copied/dir",
	// on v1
	"/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.soft_limit_in_bytes", "/sys/fs/cgroup/pids/pids.max",
	"/sys/fs/cgroup/cpu/cpu.shares", "/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "/sys/fs/cgroup/devices/devices.list",
	"/sys/fs/cgroup/freezer/freezer.state", "/sys/fs/cgroup/cpuset/cpuset.cpus",
	// on v2
	"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.low", "/sys/fs/cgroup/pids.max", "/sys/fs/cgroup/cpu.weight", "/sys/fs/cgroup/cpu.max",
}

func (w *worker) makeBundles() error {
	rootfs := w.dir + "/rootfs"
	if out, err := exec.Command(w.settings.source+"/scripts/busybox-rootfs.sh", rootfs).CombinedOutput(); err != nil {
		return &commandError{string(out), err}
	}
	for _, dir := range []string{"data", "masked", "scratch", "work"} {
		if err := os.MkdirAll(filepath.Join(rootfs, dir), 0o755); err != nil {
			return err
		}
	}
	if err := os.Mkdir(rootfs+"/covering", 0o751); err != nil {
		return err
	}
	if err := makeCopied(rootfs + "/copied"); err != nil {
		return err
	}
	if err := os.WriteFile(rootfs+"/masked/file", []byte("not to be seen\n"), 0o644); err != nil {
		return err
	}
	program, err := os.ReadFile(w.settings.tools + "/snapshot")
	if err != nil {
		return err
	}
	if err := os.WriteFile(rootfs+"/snapshot", program, 0o755); err != nil {
		return err
	}
	if err := os.Mkdir(w.dir+"/data", 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(w.dir+"/data/file", []byte("bound\n"), 0o644); err != nil {
		return err
	}
	if err := os.Chmod(w.dir, 0o755); err != nil { // for the container's ids
		return err
	}
	for name, s := range map[string]*specs.Spec{configPlain: w.plain(), configUser: w.inUserNamespace(), configHooks: w.withHooks(), configSaved: w.forCriu()} {
		for _, how := range []string{"once", "stay"} {
			s.Process.Args = append([]string{"/snapshot", how}, shown...)
			if err := writeConfig(w.dir+"/"+name+"-"+how, s); err != nil {
				return err
			}
		}
	}
	return nil
}

// makeCopied makes the directory that tmpcopyup copies.
func makeCopied(dir string) error {
	for _, step := range []func() error{
		func() error { return os.MkdirAll(dir+"/dir", 0o755) },
		func() error { return os.WriteFile(dir+"/file", []byte("copied\n"), 0o644) },
		func() error { return os.Chown(dir+"/file", 5, 6) },
		func() error { return os.Chmod(dir+"/file", 0o755|os.ModeSetuid) },
		func() error { return os.Link(dir+"/file", dir+"/dir/other") },
		func() error { return os.Symlink("other", dir+"/dir/link") },
		func() error { return os.Chmod(dir+"/dir", 0o775) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

type commandError struct {
	output string
	error
}

func (e *commandError) Error() string { return e.error.Error() + ": " + oneLine(e.output) }

func writeConfig(dir string, s *specs.Spec) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	text, err := json.MarshalIndent(s, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(dir+"/config.json", text, 0o644)
}

func pointer[T any](value T) *T { return &value }

// plain returns a configuration with one of each setting that could get lost without an error.
func (w *worker) plain() *specs.Spec {
	capabilities := []string{"CAP_CHOWN", "CAP_NET_BIND_SERVICE", "CAP_KILL"}
	return &specs.Spec{
		Version:  specs.Version,
		Root:     &specs.Root{Path: w.dir + "/rootfs", Readonly: true},
		Hostname: "trial", Domainname: "example",
		Process: &specs.Process{
			User: specs.User{UID: 1000, GID: 1000, AdditionalGids: []uint32{10, 20}, Umask: pointer(uint32(0o027))},
			Env:  []string{"PATH=/bin", "TRIAL=yes"}, Cwd: "/work",
			Capabilities: &specs.LinuxCapabilities{
				Bounding: capabilities, Effective: capabilities[:2], Permitted: capabilities, Inheritable: capabilities[:2], Ambient: capabilities[:1],
			},
			Rlimits: []specs.POSIXRlimit{
				{Type: "RLIMIT_NOFILE", Soft: 200, Hard: 300}, {Type: "RLIMIT_CORE"}, {Type: "RLIMIT_STACK", Soft: 4 << 20, Hard: 8 << 20},
			},
			NoNewPrivileges: true, OOMScoreAdj: pointer(500),
			IOPriority: &specs.LinuxIOPriority{Class: specs.IOPRIO_CLASS_BE, Priority: 5},
			Scheduler:  &specs.Scheduler{Policy: specs.SchedBatch, Nice: 19},
		},
		Mounts: w.mounts(),
		Linux: &specs.Linux{
			Namespaces: []specs.LinuxNamespace{
				{Type: specs.PIDNamespace}, {Type: specs.NetworkNamespace}, {Type: specs.IPCNamespace}, {Type: specs.UTSNamespace}, {Type: specs.MountNamespace},
			},
			Sysctl:        map[string]string{"net.ipv4.ping_group_range": "5 9", "kernel.msgmax": "4096", "fs.mqueue.msg_max": "7"},
			MaskedPaths:   []string{"/proc/keys", "/masked", "/proc/kcore", "/no/such/path"},
			ReadonlyPaths: []string{"/proc/sys", "/proc/bus"},
			Devices:       []specs.LinuxDevice{{Path: "/dev/trial", Type: "c", Major: 1, Minor: 5, FileMode: pointer(os.FileMode(0o640)), UID: pointer(uint32(1000)), GID: pointer(uint32(20))}},
			Resources: &specs.LinuxResources{
				Devices: []specs.LinuxDeviceCgroup{{Access: "rwm"}, {Allow: true, Type: "c", Major: pointer(int64(1)), Minor: pointer(int64(5)), Access: "rw"}},
				Memory:  &specs.LinuxMemory{Limit: pointer(int64(64 << 20)), Reservation: pointer(int64(32 << 20))},
				Pids:    &specs.LinuxPids{Limit: pointer(int64(40))},
				CPU:     &specs.LinuxCPU{Shares: pointer(uint64(512)), Quota: pointer(int64(90_000)), Period: pointer(uint64(100_000))},
			},
			// The snapshot makes these calls. The profile denies them with an errno that nothing else returns.
			Seccomp: &specs.LinuxSeccomp{
				DefaultAction: specs.ActAllow,
				Syscalls:      []specs.LinuxSyscall{{Names: []string{"sched_get_priority_max"}, Action: specs.ActErrno, ErrnoRet: pointer(uint(77))}},
			},
		},
		Annotations: map[string]string{"org.example.trial": "yes"},
	}
}

func (w *worker) mounts() []specs.Mount {
	return []specs.Mount{
		{Destination: "/proc", Type: "proc", Source: "proc", Options: []string{"nosuid", "noexec", "nodev"}},
		{Destination: "/dev", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "strictatime", "mode=755", "size=65536k"}},
		{Destination: "/dev/pts", Type: "devpts", Source: "devpts", Options: []string{"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"}},
		{Destination: "/dev/shm", Type: "tmpfs", Source: "shm", Options: []string{"nosuid", "noexec", "nodev", "mode=1777", "size=1m"}},
		{Destination: "/dev/mqueue", Type: "mqueue", Source: "mqueue", Options: []string{"nosuid", "noexec", "nodev"}},
		{Destination: "/sys", Type: "sysfs", Source: "sysfs", Options: []string{"nosuid", "noexec", "nodev", "ro"}},
		{Destination: "/sys/fs/cgroup", Type: "cgroup", Source: "cgroup", Options: []string{"nosuid", "noexec", "nodev", "relatime", "ro"}},
		{Destination: "/data", Type: "bind", Source: w.dir + "/data", Options: []string{"rbind", "ro", "nosuid", "nodev", "noexec", "rprivate"}},
		{Destination: "/covering", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "nodev", "size=64k"}}, // with the mode of what it covers
		{Destination: "/copied", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "nodev", "size=256k", "tmpcopyup"}},
		{Destination: "/scratch", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "nodev", "noexec", "size=128k", "mode=0710"}},
	}
}

func (w *worker) inUserNamespace() *specs.Spec {
	s := w.plain()
	s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: specs.UserNamespace}, specs.LinuxNamespace{Type: specs.CgroupNamespace})
	ids := []specs.LinuxIDMapping{{ContainerID: 0, HostID: 100_000, Size: 65_536}}
	s.Linux.UIDMappings, s.Linux.GIDMappings = ids, ids
	s.Process.Scheduler = nil // the caller may run with SCHED_IDLE, and leaving that needs the host's CAP_SYS_NICE
	return s
}

func (w *worker) forCriu() *specs.Spec {
	s := w.plain()
	s.Process.User, s.Process.Rlimits = specs.User{}, nil
	return s
}

// withHooks returns a configuration with a hook of each kind. A hook on the host writes its name to a file beside the bundles;
// a hook in the container can only succeed.
func (w *worker) withHooks() *specs.Spec {
	s := w.plain()
	host := func(name string) []specs.Hook {
		return []specs.Hook{{Path: "/bin/sh", Args: []string{"sh", "-c", "echo " + name + " >>" + w.dir + "/hooks"}}}
	}
	inside := []specs.Hook{{Path: "/bin/true", Args: []string{"true"}}}
	s.Hooks = &specs.Hooks{
		CreateRuntime: host("createRuntime"), CreateContainer: []specs.Hook{{Path: "/bin/true", Args: []string{"true"}}}, StartContainer: inside,
		Poststart: host("poststart"), Poststop: host("poststop"),
	}
	return s
}
