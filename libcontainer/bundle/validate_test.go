package bundle

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
)

// config returns Default(false) as JSON with one member replaced. path is the member's
// dotted path, value a JSON text; "" deletes the member.
func config(t testing.TB, path, value string) []byte {
	t.Helper()
	raw, err := json.Marshal(Default(false))
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	if path != "" {
		patch(t, doc, path, value)
	}
	if raw, err = json.Marshal(doc); err != nil {
		t.Fatal(err)
	}
	return raw
}

func patch(t testing.TB, doc map[string]any, path, value string) {
	t.Helper()
	names := strings.Split(path, ".")
	for _, n := range names[:len(names)-1] {
		below, ok := doc[n].(map[string]any)
		if !ok {
			below = map[string]any{}
			doc[n] = below
		}
		doc = below
	}
	last := names[len(names)-1]
	if value == "" {
		delete(doc, last)
		return
	}
	if !json.Valid([]byte(value)) {
		t.Fatalf("%s is not JSON", value)
	}
	doc[last] = json.RawMessage(value)
}

func parseAndValidate(raw []byte) error {
	s, err := Parse(raw)
	if err != nil {
		return err
	}
	return Validate(s)
}

const allNamespaces = `[{"type":"pid"},{"type":"network"},{"type":"ipc"},{"type":"uts"},{"type":"mount"},{"type":"cgroup"}`

func TestBrokenConfigs(t *testing.T) {
	// userns returns a value for linux in which only the given mappings may be wrong.
	userns := func(uid, gid string) string {
		return `{"namespaces": ` + allNamespaces + `,{"type":"user"}], "uidMappings": ` + uid + `, "gidMappings": ` + gid + `}`
	}
	const good = `[{"containerID":0,"hostID":100000,"size":65536}]`
	bind := func(rest string) string { return `[{"destination":"/d","source":"/s","options":["bind"` + rest }
	tests := []struct{ path, value, field string }{
		{"ociVersion", ``, "ociVersion"},
		{"ociVersion", `"one"`, "ociVersion"},
		{"ociVersion", `"1.0"`, "ociVersion"},
		{"ociVersion", `"1.0.01"`, "ociVersion"},
		{"ociVersion", `"1.0.0-"`, "ociVersion"},
		{"ociVersion", `"2.0.0"`, "ociVersion"},
		{"ociVersion", `"0.9.0"`, "ociVersion"},
		{"annotations", `{"run.oci.mount_context_type":"ctx"}`, "annotations[run.oci.mount_context_type]"},
		{"annotations", `{"run.oci.mount_context_type":""}`, "annotations[run.oci.mount_context_type]"},
		{"annotations", `{"run.oci.hooks.stdout":"hooks.log"}`, "annotations[run.oci.hooks.stdout]"},
		{"annotations", `{"run.oci.hooks.stderr":""}`, "annotations[run.oci.hooks.stderr]"},
		{"annotations", `{"run.oci.handler":"krun"}`, "annotations[run.oci.handler]"},
		{"annotations", `{"run.oci.handler":"wasm"}`, "annotations[run.oci.handler]"},
		{"annotations", `{"run.oci.handler":"dotnet"}`, "annotations[run.oci.handler]"},
		{"annotations", `{"module.wasm.image/variant":"compat"}`, "annotations[module.wasm.image/variant]"},
		{"annotations", `{"krun.ram_mib":"512","krun.cpus":"2"}`, "annotations[krun.cpus]"},
		{"annotations", `{"run.oci.seccomp_bpf_data":"AAAA"}`, "annotations[run.oci.seccomp_bpf_data]"},
		{"annotations", `{"run.oci.seccomp.receiver":"/run/s"}`, "annotations[run.oci.seccomp.receiver]"},
		{"annotations", `{"run.oci.seccomp.plugins":"/p.so"}`, "annotations[run.oci.seccomp.plugins]"},
		{"annotations", `{"run.oci.seccomp_fail_unknown_syscall":"1"}`, "annotations[run.oci.seccomp_fail_unknown_syscall]"},
		{"annotations", `{"run.oci.systemd.force_cgroup_v1":"/sys/fs/cgroup"}`, "annotations[run.oci.systemd.force_cgroup_v1]"},
		{"annotations", `{"run.oci.delegate-cgroup":"payload"}`, "annotations[run.oci.delegate-cgroup]"},
		{"root", ``, "root"},
		{"root.path", `""`, "root.path"},
		{"root.path", `"a\u0000b"`, "root.path"},
		{"process.cwd", ``, "process.cwd"},
		{"process.cwd", `"tmp"`, "process.cwd"},
		{"process.cwd", `"/a\u0000"`, "process.cwd"},
		{"process.args", `[]`, "process.args"},
		{"process.args", `["sh", "a\u0000"]`, "process.args[1]"},
		{"process.env", `["A=1", "B"]`, "process.env[1]"},
		{"process.env", `["=1"]`, "process.env[0]"},
		{"process.env", `["A=\u0000"]`, "process.env[0]"},
		{"process.consoleSize", `{"height": 70000, "width": 80}`, "process.consoleSize.height"},
		{"process.consoleSize", `{"height": 25, "width": 65536}`, "process.consoleSize.width"},
		{"process.user", `{"uid": 4294967295}`, "process.user.uid"},
		{"process.user", `{"gid": 4294967295}`, "process.user.gid"},
		{"process.user", `{"additionalGids": [1, 4294967295]}`, "process.user.additionalGids[1]"},
		{"process.user", `{"umask": 512}`, "process.user.umask"},
		{"process.rlimits", `[{"type":"RLIMIT_FOO","soft":1,"hard":1}]`, "process.rlimits[0].type"},
		{"process.rlimits", `[{"type":"RLIMIT_CPU","soft":2,"hard":1}]`, "process.rlimits[0].soft"},
		{"process.rlimits", `[{"type":"RLIMIT_CPU"},{"type":"RLIMIT_AS"},{"type":"RLIMIT_CPU"}]`, "process.rlimits[2].type"},
		{"process.oomScoreAdj", `1001`, "process.oomScoreAdj"},
		{"process.oomScoreAdj", `-1001`, "process.oomScoreAdj"},
		{"process.scheduler", `{"nice": 1}`, "process.scheduler.policy"},
		{"process.scheduler", `{"policy": "SCHED_FOO"}`, "process.scheduler.policy"},
		{"process.scheduler", `{"policy": "SCHED_OTHER", "nice": 20}`, "process.scheduler.nice"},
		{"process.scheduler", `{"policy": "SCHED_BATCH", "nice": -21}`, "process.scheduler.nice"},
		{"process.scheduler", `{"policy": "SCHED_OTHER", "priority": 1}`, "process.scheduler.priority"},
		{"process.scheduler", `{"policy": "SCHED_FIFO", "priority": 100}`, "process.scheduler.priority"},
		{"process.scheduler", `{"policy": "SCHED_RR", "runtime": 1}`, "process.scheduler.runtime"},
		{"process.scheduler", `{"policy": "SCHED_RR", "deadline": 1}`, "process.scheduler.deadline"},
		{"process.scheduler", `{"policy": "SCHED_RR", "period": 1}`, "process.scheduler.period"},
		{"process.scheduler", `{"policy": "SCHED_RR", "flags": ["SCHED_FLAG_FOO"]}`, "process.scheduler.flags[0]"},
		{"process.ioPriority", `{"class": "IOPRIO_CLASS_NONE", "priority": 1}`, "process.ioPriority.class"},
		{"process.ioPriority", `{"class": "IOPRIO_CLASS_BE", "priority": 8}`, "process.ioPriority.priority"},
		{"process.ioPriority", `{"class": "IOPRIO_CLASS_BE", "priority": -1}`, "process.ioPriority.priority"},
		{"process.execCPUAffinity", `{"initial": "0-"}`, "process.execCPUAffinity.initial"},
		{"process.execCPUAffinity", `{"final": "70000"}`, "process.execCPUAffinity.final"},
		{"process.apparmorProfile", `"a\u0000"`, "process.apparmorProfile"},
		{"process.selinuxLabel", `"a\u0000"`, "process.selinuxLabel"},
		{"linux.namespaces", `[{"type":"mount"}]`, "hostname"},
		{"hostname", `"` + strings.Repeat("a", 65) + `"`, "hostname"},
		{"domainname", `"` + strings.Repeat("a", 65) + `"`, "domainname"},
		{"domainname", `"a\u0000"`, "domainname"},
		{"annotations", `{"": "x"}`, "annotations"},
		{"mounts", `[{"source":"/s"}]`, "mounts[0].destination"},
		{"mounts", `[{"destination":"/d"},{"destination":"/a\u0000b"}]`, "mounts[1].destination"},
		{"mounts", `[{"destination":"/d","source":"a\u0000"}]`, "mounts[0].source"},
		{"mounts", `[{"destination":"/d","type":"a\u0000"}]`, "mounts[0].type"},
		{"mounts", `[{"destination":"/d","options":["ro","a\u0000"]}]`, "mounts[0].options[1]"},
		{"mounts", `[{"destination":"/d","options":["bind"]}]`, "mounts[0].source"},
		{"mounts", `[{"destination":"/d","type":"tmpfs","options":["idmap"]}]`, "mounts[0].uidMappings"},
		{"mounts", bind(`,"idmap"]}]`), "mounts[0].uidMappings"},
		{"mounts", bind(`],"uidMappings":` + good + `}]`), "mounts[0].gidMappings"},
		{"mounts", bind(`],"gidMappings":` + good + `}]`), "mounts[0].uidMappings"},
		{"mounts", bind(`],"uidMappings":[{"containerID":0,"hostID":0}],"gidMappings":` + good + `}]`), "mounts[0].uidMappings[0].size"},
		{"hooks", `{"prestart":[{"path":"bin/true"}]}`, "hooks.prestart[0].path"},
		{"hooks", `{"createRuntime":[{"path":"/bin/true"},{}]}`, "hooks.createRuntime[1].path"},
		{"hooks", `{"createContainer":[{"path":"/a\u0000"}]}`, "hooks.createContainer[0].path"},
		{"hooks", `{"startContainer":[{"path":"/a","timeout":-1}]}`, "hooks.startContainer[0].timeout"},
		{"hooks", `{"poststart":[{"path":"/a","timeout":0}]}`, "hooks.poststart[0].timeout"},
		{"hooks", `{"poststop":[{"path":"/a","args":["a","\u0000"]}]}`, "hooks.poststop[0].args[1]"},
		{"hooks", `{"poststop":[{"path":"/a","env":["\u0000"]}]}`, "hooks.poststop[0].env[0]"},
		{"linux.namespaces", allNamespaces + `,{"type":"net"}]`, "linux.namespaces[6].type"},
		{"linux.namespaces", allNamespaces + `,{"type":"pid"}]`, "linux.namespaces[6].type"},
		{"linux.namespaces", allNamespaces + `,{"type":"time","path":"proc/1"}]`, "linux.namespaces[6].path"},
		{"linux.namespaces", allNamespaces + `,{"type":"user"}]`, "linux.uidMappings"},
		{"linux.uidMappings", good, "linux.uidMappings"},
		{"linux.gidMappings", good, "linux.gidMappings"},
		{"linux", userns(`[]`, good), "linux.uidMappings"},
		{"linux", userns(good, `[]`), "linux.gidMappings"},
		{"linux", userns(`[{"containerID":1,"hostID":1,"size":1}]`, good), "linux.uidMappings"},
		{"linux", userns(`[{"containerID":0,"hostID":1,"size":1},{"containerID":1,"hostID":9,"size":0}]`, good), "linux.uidMappings[1].size"},
		{"linux", userns(`[{"containerID":0,"hostID":1,"size":9},{"containerID":8,"hostID":90,"size":1}]`, good), "linux.uidMappings[1].containerID"},
		{"linux", userns(good, `[{"containerID":0,"hostID":1,"size":9},{"containerID":9,"hostID":9,"size":1}]`), "linux.gidMappings[1].hostID"},
		{"linux", userns(`[{"containerID":0,"hostID":4294967295,"size":1}]`, good), "linux.uidMappings[0].size"},
		{"linux", userns(`[{"containerID":0,"hostID":0,"size":1},{"containerID":4294967290,"hostID":9,"size":6}]`, good), "linux.uidMappings[1].size"},
		{"linux", userns(manyExtents(341), good), "linux.uidMappings"},
		{"linux.timeOffsets", `{"monotonic":{"secs":1}}`, "linux.timeOffsets"},
		{"linux", `{"namespaces":` + allNamespaces + `,{"type":"time","path":"/t"}],"timeOffsets":{"monotonic":{"secs":1}}}`, "linux.timeOffsets"},
		{"linux", `{"namespaces":` + allNamespaces + `,{"type":"time"}],"timeOffsets":{"realtime":{"secs":1}}}`, "linux.timeOffsets[realtime]"},
		{"linux", `{"namespaces":` + allNamespaces + `,{"type":"time"}],"timeOffsets":{"boottime":{"nanosecs":1000000000}}}`, "linux.timeOffsets.boottime.nanosecs"},
		{"linux.devices", `[{"path":"dev/a","type":"c"}]`, "linux.devices[0].path"},
		{"linux.devices", `[{"type":"c"}]`, "linux.devices[0].path"},
		{"linux.devices", `[{"path":"/dev/a","type":"x"}]`, "linux.devices[0].type"},
		{"linux.devices", `[{"path":"/dev/a","type":"c","major":-1}]`, "linux.devices[0].major"},
		{"linux.devices", `[{"path":"/dev/a","type":"b","minor":1048576}]`, "linux.devices[0].minor"},
		{"linux.netDevices", `{"eth0/1":{}}`, "linux.netDevices[eth0/1]"},
		{"linux.netDevices", `{"eth0":{"name":"a234567890123456"}}`, "linux.netDevices[eth0].name"},
		{"linux.netDevices", `{"eth0":{"name":"a"},"eth1":{"name":"a"}}`, "linux.netDevices"},
		{"linux", `{"namespaces":[{"type":"uts"}],"netDevices":{"eth0":{}}}`, "linux.netDevices"},
		{"linux.sysctl", `{"kernel.pid_max":"1"}`, "linux.sysctl[kernel.pid_max]"},
		{"linux.sysctl", `{"kernel.hostname":"a"}`, "linux.sysctl[kernel.hostname]"},
		{"linux.sysctl", `{"user.max_user_namespaces":"1"}`, "linux.sysctl[user.max_user_namespaces]"},
		{"linux.sysctl", `{"net/../kernel/pid_max":"1"}`, "linux.sysctl[net/../kernel/pid_max]"},
		{"linux.sysctl", `{"":"1"}`, "linux.sysctl[]"},
		{"linux.sysctl", `{"net.core.somaxconn":"1\u0000"}`, "linux.sysctl[net.core.somaxconn]"},
		{"linux", `{"namespaces":[{"type":"uts"}],"sysctl":{"net.core.somaxconn":"1"}}`, "linux.sysctl[net.core.somaxconn]"},
		{"linux", `{"namespaces":[{"type":"uts"}],"sysctl":{"fs.mqueue.msg_max":"1"}}`, "linux.sysctl[fs.mqueue.msg_max]"},
		{"linux", `{"namespaces":[{"type":"uts"}],"maskedPaths":["/proc/kcore"]}`, "linux.maskedPaths"},
		{"linux.maskedPaths", `["/proc/kcore","proc/x"]`, "linux.maskedPaths[1]"},
		{"linux.readonlyPaths", `[""]`, "linux.readonlyPaths[0]"},
		{"linux.rootfsPropagation", `"sharedd"`, "linux.rootfsPropagation"},
		{"linux.cgroupsPath", `"/a\u0000"`, "linux.cgroupsPath"},
		{"linux.resources.devices", `[{"allow":true,"type":"x","access":"r"}]`, "linux.resources.devices[0].type"},
		{"linux.resources.devices", `[{"allow":true}]`, "linux.resources.devices[0].access"},
		{"linux.resources.devices", `[{"allow":true,"access":"rx"}]`, "linux.resources.devices[0].access"},
		{"linux.resources.devices", `[{"allow":true,"access":"rwm"},{"access":"rx"}]`, "linux.resources.devices[1].access"},
		{"linux.resources.devices", `[{"allow":true,"access":"r","major":-2}]`, "linux.resources.devices[0].major"},
		{"linux.resources.devices", `[{"allow":true,"access":"r","minor":-2}]`, "linux.resources.devices[0].minor"},
		{"linux.resources.memory", `{"limit":-2}`, "linux.resources.memory.limit"},
		{"linux.resources.memory", `{"reservation":-2}`, "linux.resources.memory.reservation"},
		{"linux.resources.memory", `{"limit":1000,"swap":999}`, "linux.resources.memory.swap"},
		{"linux.resources.memory", `{"swappiness":101}`, "linux.resources.memory.swappiness"},
		{"linux.resources.cpu", `{"realtimeRuntime":-2}`, "linux.resources.cpu.realtimeRuntime"},
		{"linux.resources.cpu", `{"idle":2}`, "linux.resources.cpu.idle"},
		{"linux.resources.cpu", `{"quota":1000,"burst":1001}`, "linux.resources.cpu.burst"},
		{"linux.resources.cpu", `{"cpus":"3-1"}`, "linux.resources.cpu.cpus"},
		{"linux.resources.cpu", `{"mems":"a"}`, "linux.resources.cpu.mems"},
		{"linux.resources.blockIO", `{"weight":1001}`, "linux.resources.blockIO.weight"},
		{"linux.resources.blockIO", `{"leafWeight":1001}`, "linux.resources.blockIO.leafWeight"},
		{"linux.resources.blockIO", `{"weightDevice":[{"major":8,"minor":0}]}`, "linux.resources.blockIO.weightDevice[0]"},
		{"linux.resources.blockIO", `{"weightDevice":[{"major":8,"minor":-1,"weight":10}]}`, "linux.resources.blockIO.weightDevice[0].minor"},
		{"linux.resources.blockIO", `{"throttleReadIOPSDevice":[{"major":-8,"minor":0,"rate":1}]}`, "linux.resources.blockIO.throttleReadIOPSDevice[0].major"},
		{"linux.resources.hugepageLimits", `[{"pageSize":"2M","limit":1}]`, "linux.resources.hugepageLimits[0].pageSize"},
		{"linux.resources.hugepageLimits", `[{"pageSize":"../MB","limit":1}]`, "linux.resources.hugepageLimits[0].pageSize"},
		{"linux.resources.network", `{"priorities":[{"name":"","priority":1}]}`, "linux.resources.network.priorities[0].name"},
		{"linux.resources.rdma", `{"mlx5_1":{}}`, "linux.resources.rdma[mlx5_1]"},
		{"linux.resources.unified", `{"../memory.max":"1"}`, "linux.resources.unified[../memory.max]"},
		{"linux.resources.unified", `{"memory":"1"}`, "linux.resources.unified[memory]"},
		{"linux.resources.unified", `{"..":"1"}`, "linux.resources.unified[..]"},
		{"linux.resources.unified", `{"memory.max\u0000":"1"}`, "linux.resources.unified[memory.max\x00]"},
		{"linux.resources.unified", `{"cgroup.procs":"1"}`, "linux.resources.unified[cgroup.procs]"},
		{"linux.resources.unified", `{"cgroup.threads":"1"}`, "linux.resources.unified[cgroup.threads]"},
		{"linux.resources.unified", `{"cgroup.kill":"1"}`, "linux.resources.unified[cgroup.kill]"},
		{"linux.resources.unified", `{"cgroup.freeze":"0"}`, "linux.resources.unified[cgroup.freeze]"},
		{"linux.resources.unified", `{"cgroup.type":"threaded"}`, "linux.resources.unified[cgroup.type]"},
		{"linux.resources.unified", `{"cgroup.subtree_control":"+pids"}`, "linux.resources.unified[cgroup.subtree_control]"},
		{"linux.resources.unified", `{"cgroup.controllers":""}`, "linux.resources.unified[cgroup.controllers]"},
		{"linux.resources.unified", `{"cgroup.of-a-newer-kernel":"1"}`, "linux.resources.unified[cgroup.of-a-newer-kernel]"},
		{"linux.seccomp", `{"defaultAction":"SCMP_ACT_FOO"}`, "linux.seccomp.defaultAction"},
		{"linux.seccomp", `{"defaultAction":"SCMP_ACT_NOTIFY"}`, "linux.seccomp.defaultAction"},
		{"linux.seccomp", `{"defaultAction":"SCMP_ACT_ALLOW","defaultErrnoRet":1}`, "linux.seccomp.defaultErrnoRet"},
		{"linux.seccomp", `{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":4095}`, "linux.seccomp.defaultErrnoRet"},
		{"linux.seccomp", `{"defaultAction":"SCMP_ACT_ALLOW","architectures":["x86"]}`, "linux.seccomp.architectures[0]"},
		{"linux.seccomp", `{"defaultAction":"SCMP_ACT_ALLOW","flags":["FOO"]}`, "linux.seccomp.flags[0]"},
		{"linux.seccomp", `{"defaultAction":"SCMP_ACT_ALLOW","flags":["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"]}`, "linux.seccomp.flags[0]"},
		{"linux.seccomp", `{"defaultAction":"SCMP_ACT_ALLOW","listenerMetadata":"x"}`, "linux.seccomp.listenerMetadata"},
		{"linux.seccomp", `{"syscalls":[{"names":["a"],"action":"SCMP_ACT_ALLOW"}]}`, "linux.seccomp.defaultAction"},
		{"linux.seccomp", rule(`{"action":"SCMP_ACT_ALLOW"}`), "linux.seccomp.syscalls[0].names"},
		{"linux.seccomp", rule(`{"names":["a",""],"action":"SCMP_ACT_ALLOW"}`), "linux.seccomp.syscalls[0].names[1]"},
		{"linux.seccomp", rule(`{"names":["a"],"action":"allow"}`), "linux.seccomp.syscalls[0].action"},
		{"linux.seccomp", rule(`{"names":["a"],"action":"SCMP_ACT_KILL","errnoRet":1}`), "linux.seccomp.syscalls[0].errnoRet"},
		{"linux.seccomp", rule(`{"names":["a"],"action":"SCMP_ACT_TRACE","errnoRet":65536}`), "linux.seccomp.syscalls[0].errnoRet"},
		{"linux.seccomp", rule(`{"names":["a"],"action":"SCMP_ACT_NOTIFY"}`), "linux.seccomp.listenerPath"},
		{"linux.seccomp", rule(`{"names":["read","write"],"action":"SCMP_ACT_NOTIFY"}`), "linux.seccomp.syscalls[0].names[1]"},
		{"linux.seccomp", rule(`{"names":["a"],"action":"SCMP_ACT_KILL","args":[{"index":6,"op":"SCMP_CMP_EQ"}]}`), "linux.seccomp.syscalls[0].args[0].index"},
		{"linux.seccomp", rule(`{"names":["a"],"action":"SCMP_ACT_KILL","args":[{"index":5,"op":"SCMP_CMP_EQ"},{"index":1,"op":"=="}]}`), "linux.seccomp.syscalls[0].args[1].op"},
		{"linux.intelRdt", `{"closID":".."}`, "linux.intelRdt.closID"},
		{"linux.intelRdt", `{"closID":"a/b"}`, "linux.intelRdt.closID"},
		{"linux.intelRdt", `{"memBwSchema":"L3:0=1"}`, "linux.intelRdt.memBwSchema"},
		{"linux.intelRdt", `{"schemata":["L3:0=1","a\nb"]}`, "linux.intelRdt.schemata[1]"},
		{"linux.memoryPolicy", `{"mode":"MPOL_FOO","nodes":"0"}`, "linux.memoryPolicy.mode"},
		{"linux.memoryPolicy", `{"mode":"MPOL_BIND","nodes":""}`, "linux.memoryPolicy.nodes"},
		{"linux.memoryPolicy", `{"mode":"MPOL_LOCAL","nodes":"0"}`, "linux.memoryPolicy.nodes"},
		{"linux.memoryPolicy", `{"mode":"MPOL_BIND","nodes":"0,x"}`, "linux.memoryPolicy.nodes"},
		{"linux.memoryPolicy", `{"mode":"MPOL_BIND","nodes":"0","flags":["MPOL_F_FOO"]}`, "linux.memoryPolicy.flags[0]"},
		{"linux.personality", `{"domain":"LINUX64"}`, "linux.personality.domain"},
	}
	for _, tt := range tests {
		err := parseAndValidate(config(t, tt.path, tt.value))
		var fe *FieldError
		ok := errors.As(err, &fe)
		if !ok || fe.Field != tt.field {
			t.Errorf("%s = %s: got %v, want an error about %s", tt.path, tt.value, err, tt.field)
			continue
		}
		if text := err.Error(); !strings.HasPrefix(text, tt.field+": ") || strings.Contains(text, "\n") {
			t.Errorf("%s = %s: bad message %q", tt.path, tt.value, text)
		}
	}
}

// Only start needs a process (config.md).
func TestNoProcess(t *testing.T) {
	s, err := Parse(config(t, "process", ""))
	if err != nil {
		t.Fatal(err)
	}
	if err := Validate(s); err != nil {
		t.Error(err)
	}
	var field *FieldError
	if err := RequireProcess(s); !errors.As(err, &field) || field.Field != "process" {
		t.Error(err)
	}
	if err := ValidateProcess(nil, "process"); err == nil {
		t.Error("exec of no process is accepted")
	}
}

// crun runs these as plain processes too.
func TestAnnotationsThatAskForNoSandbox(t *testing.T) {
	for _, annotations := range []string{
		`{"run.oci.handler":"wasm-smart"}`, `{"module.wasm.image/variant":"compat-smart"}`, `{"run.oci.handler":""}`,
		`{"run.oci.handler":"wasm","krun.cpus":"2","io.kubernetes.cri.container-type":"sandbox"}`,
		`{"krun":"no prefix","run.oci.systemd.subgroup":"","run.oci.keep_original_groups":"1","run.oci.hooks.stderr":"/var/log/hooks"}`,
	} {
		if err := parseAndValidate(config(t, "annotations", annotations)); err != nil {
			t.Errorf("%s: %v", annotations, err)
		}
	}
	s, err := Parse(config(t, "process.args", `["/app.wasm"]`))
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"run.oci.handler", "module.wasm.image/variant"} {
		s.Annotations = map[string]string{key: "wasm-smart"}
		if err := Validate(s); err == nil {
			t.Errorf("%s: a program of WebAssembly is accepted", key)
		}
	}
}

func rule(r string) string {
	return `{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[` + r + `]}`
}

// manyExtents returns n extents of one id each, with gaps between them.
func manyExtents(n int) string {
	type m struct {
		ContainerID int `json:"containerID"`
		HostID      int `json:"hostID"`
		Size        int `json:"size"`
	}
	var list []m
	for i := range n {
		list = append(list, m{i, 2 * i, 1})
	}
	raw, _ := json.Marshal(list)
	return string(raw)
}

// TestRealConfigs checks values that engines send: Validate must accept them.
func TestRealConfigs(t *testing.T) {
	tests := []struct{ path, value string }{
		{"ociVersion", `"1.0.2-dev"`}, {"ociVersion", `"1.0.0-rc5-dev"`}, {"ociVersion", `"1.2.1"`}, {"ociVersion", `"1.3.0+dev"`},
		{"process.capabilities", `{"bounding":["CAP_FOO"]}`},
		{"process.user", `{"uid":0,"gid":0,"umask":18,"additionalGids":[0,10]}`},
		{"process.consoleSize", `{"height":0,"width":0}`},
		{"process.rlimits", `[{"type":"RLIMIT_NOFILE","hard":18446744073709551615,"soft":18446744073709551615}]`},
		{"process.oomScoreAdj", `-1000`},
		{"mounts", `[{"destination":"data","source":"/x","type":"bind","options":["rbind","rprivate"]}]`},
		{"mounts", `[{"destination":"/d","source":"rel","options":["bind"],"uidMappings":[{"containerID":0,"hostID":1,"size":1}],"gidMappings":[{"containerID":0,"hostID":1,"size":1}]}]`},
		{"linux.resources.memory", `{"limit":-1,"swap":-1,"reservation":0,"kernel":-1,"disableOOMKiller":false}`},
		{"linux.resources.memory", `{"limit":0,"swap":0,"swappiness":0}`},
		{"linux.resources.memory", `{"swappiness":18446744073709551615}`},
		{"linux.resources.cpu", `{"shares":0,"quota":0,"period":0,"cpus":"","mems":"0"}`},
		{"linux.resources.cpu", `{"quota":-9999}`},
		{"linux.resources.cpu", `{"shares":2,"quota":-1,"period":100000,"cpus":"0-3,5,7-9\n"}`},
		{"linux.resources.cpu", `{"cpus":"0, 2-3,,5,","mems":" 0"}`},
		{"linux.resources.cpu", `{"cpus":"all","mems":"all"}`},
		{"linux.resources.cpu", `{"cpus":"0-N:1/2","mems":"N"}`},
		{"linux.resources.blockIO", `{"weight":1,"leafWeight":9}`},
		{"linux.resources.pids", `{"limit":0}`}, {"linux.resources.pids", `{"limit":-1}`}, {"linux.resources.pids", `{"limit":-5}`},
		{"linux.resources.blockIO", `{"weight":0,"throttleReadBpsDevice":[{"major":8,"minor":0,"rate":1048576}]}`},
		{"linux.resources.hugepageLimits", `[{"pageSize":"2MB","limit":0},{"pageSize":"1GB","limit":9223372036854771712}]`},
		{"linux.resources.unified", `{"memory.high":"1","cgroup.max.depth":"2","cgroup.max.descendants":"3","cgroup.pressure":"1"}`},
		{"linux.devices", `[{"path":"/dev/fuse","type":"c","major":10,"minor":229,"fileMode":438,"uid":0,"gid":0},{"path":"/dev/p","type":"p","major":-1,"minor":7}]`},
		{"linux.sysctl", `{"net.ipv4.ip_unprivileged_port_start":"0","net/ipv4/conf/eno2.100/rp_filter":"1","net.ipv4.conf.eth0/1.rp_filter":"1","kernel.shm_rmid_forced":"1","kernel.domainname":"d","fs.mqueue.msg_max":"9"}`},
		{"linux.seccomp", `{"defaultAction":""}`},
		{"linux.seccomp", `{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":38,"architectures":null,"flags":null,"syscalls":[{"names":["no_such_call"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":1,"op":"SCMP_CMP_NE"},{"index":0,"value":2,"op":"SCMP_CMP_NE"}]}]}`},
		{"linux.seccomp", `{"defaultAction":"SCMP_ACT_ALLOW","listenerPath":"/run/agent.sock","flags":["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"],"syscalls":[{"names":["mkdir"],"action":"SCMP_ACT_NOTIFY"}]}`},
		{"linux.intelRdt", `{"closID":"/","schemata":["L3:0=f"],"enableMonitoring":true}`},
		{"linux.rootfsPropagation", `"rslave"`},
		{"linux.cgroupsPath", `"system.slice:docker:0123"`},
		{"linux.uidMappings", `[]`},
		{"hooks", `{"prestart":[{"path":"/proc/1/exe","args":["libnetwork-setkey"]}]}`},
		{"linux", `{"namespaces":` + allNamespaces + `,{"type":"user","path":"/proc/1/ns/user"}],"uidMappings":[{"containerID":0,"hostID":0,"size":4294967295}],"gidMappings":[{"containerID":0,"hostID":0,"size":4294967295}]}`},
		{"linux", `{"namespaces":` + allNamespaces + `,{"type":"time"}],"timeOffsets":{"monotonic":{"secs":-5,"nanosecs":1}}}`},
		{"linux", `{"namespaces":[{"type":"uts"},{"type":"mount"}]}`},
		{"windows", `{"layerFolders":[]}`},
	}
	for _, tt := range tests {
		if err := parseAndValidate(config(t, tt.path, tt.value)); err != nil {
			t.Errorf("%s = %s: %v", tt.path, tt.value, err)
		}
	}
}

func TestReadOnlyWithoutMountNamespace(t *testing.T) {
	tests := []struct{ root, mounts, field string }{
		{`{"path":"rootfs","readonly":true}`, `[]`, "root.readonly"},
		{`{"path":"rootfs"}`, `[{"destination":"/a","type":"proc"},{"destination":"/d","type":"tmpfs","options":["rw","ro"]}]`, "mounts[1]"},
		{`{"path":"rootfs"}`, `[{"destination":"dev/","source":"/dev","options":["rbind","ro"]}]`, "mounts[0]"},
		{`{"path":"rootfs"}`, `[{"destination":"//dev/.","type":"devtmpfs","options":["ro"]}]`, "mounts[0]"},
		{`{"path":"rootfs"}`, `[{"destination":"/d","type":"tmpfs","options":["ro","rw"]}]`, ""},
		{`{"path":"rootfs"}`, `[{"destination":"/d","type":"tmpfs"},{"destination":"/proc","type":"proc","options":["ro"]}]`, ""},
		{`{"path":"rootfs"}`, `[{"destination":"/d","source":"/s","type":"tmpfs","options":["bind","ro"]}]`, ""},
	}
	for _, tt := range tests {
		for _, inside := range []string{``, `,{"type":"mount"}`} {
			s, err := Parse(config(t, "linux", `{"namespaces":[{"type":"uts"}`+inside+`]}`))
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal([]byte(tt.root), s.Root); err != nil {
				t.Fatal(err)
			}
			s.Mounts = nil
			s.Root.Readonly = strings.Contains(tt.root, "readonly")
			if err := json.Unmarshal([]byte(tt.mounts), &s.Mounts); err != nil {
				t.Fatal(err)
			}
			want := tt.field
			if inside != "" {
				want = ""
			}
			var fe *FieldError
			err = Validate(s)
			if got := errors.As(err, &fe); got != (want != "") || got && fe.Field != want {
				t.Errorf("%s %s, namespaces %q: %v, want an error about %q", tt.root, tt.mounts, inside, err, want)
			}
		}
	}
}

func TestValidateMaxExtents(t *testing.T) {
	raw := config(t, "linux", `{"namespaces":`+allNamespaces+`,{"type":"user"}],"uidMappings":`+manyExtents(340)+`,"gidMappings":`+manyExtents(340)+`}`)
	if err := parseAndValidate(raw); err != nil {
		t.Error(err)
	}
}

func TestProcessOutsideMappings(t *testing.T) {
	const m = `[{"containerID":0,"hostID":1000,"size":10}]`
	linux := `{"namespaces":` + allNamespaces + `,{"type":"user"}],"uidMappings":` + m + `,"gidMappings":` + m + `}`
	tests := []struct{ user, field string }{
		{`{"uid":10}`, "process.user.uid"},
		{`{"gid":10}`, "process.user.gid"},
		{`{"additionalGids":[9,10]}`, "process.user.additionalGids[1]"},
		{`{"uid":9,"gid":9}`, ""},
	}
	for _, tt := range tests {
		var doc map[string]any
		if err := json.Unmarshal(config(t, "linux", linux), &doc); err != nil {
			t.Fatal(err)
		}
		patch(t, doc, "process.user", tt.user)
		raw, _ := json.Marshal(doc)
		err := parseAndValidate(raw)
		field := ""
		var fe *FieldError
		if errors.As(err, &fe) {
			field = fe.Field
		}
		if field != tt.field {
			t.Errorf("user %s: %v, want %q", tt.user, err, tt.field)
		}
	}
}

func TestWarnings(t *testing.T) {
	tests := []struct{ path, value, want string }{
		{"mounts", `[{"destination":"a/b","type":"tmpfs"}]`, "mounts[0].destination: relative destination path a/b is deprecated, using it as relative to /"},
		{"process.capabilities", `{"bounding":["CAP_KILL","CAP_X","CAP_A"],"ambient":["CAP_X","kill"]}`, "process.capabilities: ignoring unknown or unavailable capabilities: [CAP_A CAP_X kill]"},
		{"process.capabilities", `{"permitted":["CAP_KILL","CAP_CHOWN"],"inheritable":["CAP_KILL"],"ambient":["CAP_CHOWN"]}`, "process.capabilities.ambient: can't raise ambient capability CAP_CHOWN: not both inheritable and permitted"},
		{"process.capabilities", `{"permitted":["CAP_KILL","CAP_CHOWN"],"inheritable":["CAP_KILL"],"ambient":["CAP_CHOWN","CAP_KILL","CAP_FOWNER"]}`, "process.capabilities.ambient: can't raise ambient capability CAP_CHOWN, CAP_FOWNER: not both inheritable and permitted"},
		{"linux.personality", `{"domain":"LINUX32","flags":["A"]}`, "linux.personality.flags: ignoring unsupported personality flags: [A]"},
		{"linux.resources.memory", `{"kernel":1}`, "linux.resources.memory.kernel: kernel memory settings are ignored"},
		{"linux.resources.devices", `[{"allow":true,"access":"rwm","type":"c"},{"access":"rwa"}]`, `linux.resources.devices[1].access: ignoring what is not r, w or m in "rwa"`},
		{"linux", `{"namespaces":` + allNamespaces + `,{"type":"user","path":"/u"}],"uidMappings":[{"containerID":0,"hostID":0,"size":1}],"gidMappings":[{"containerID":0,"hostID":0,"size":1}]}`, "linux.uidMappings: both a user namespace path to join and mappings specified, you may only provide one"},
	}
	for _, tt := range tests {
		s, err := Parse(config(t, tt.path, tt.value))
		if err != nil {
			t.Fatal(err)
		}
		if err := Validate(s); err != nil {
			t.Errorf("%s: %v", tt.path, err)
		}
		if got := Warnings(s); !slices.Equal(got, []string{tt.want}) {
			t.Errorf("%s: got %q, want %q", tt.path, got, tt.want)
		}
	}
}

func TestCapabilityNumber(t *testing.T) {
	for name, want := range map[string]int{"CAP_CHOWN": 0, "CAP_SYS_ADMIN": 21, "CAP_SETFCAP": 31, "CAP_CHECKPOINT_RESTORE": 40} {
		if n, ok := CapabilityNumber(name); !ok || n != want {
			t.Errorf("%s = %d, %v", name, n, ok)
		}
	}
	if _, ok := CapabilityNumber("cap_chown"); ok {
		t.Error("lower case is known")
	}
}

func FuzzConfig(f *testing.F) {
	f.Add(config(f, "", ""))
	f.Add(config(f, "linux.seccomp", rule(`{"names":["a"],"action":"SCMP_ACT_KILL","args":[{"index":5,"op":"SCMP_CMP_EQ"}]}`)))
	f.Add(config(f, "linux.sysctl", `{"net.ipv4.conf.eth0/1.rp_filter":"1"}`))
	f.Add([]byte(`{"mounts": [{"options": ["ro", 7]}]}`))
	f.Add([]byte(`{"a": [[1, {"b": []}], "c"], "process": {"args": 1}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, err := Parse(raw)
		if err != nil {
			if s != nil {
				t.Errorf("both a spec and %v", err)
			}
			return
		}
		if err := Validate(s); err != nil {
			var fe *FieldError
			if !errors.As(err, &fe) || fe.Field == "" {
				t.Errorf("no field in %v", err)
			}
			return
		}
		Warnings(s)
		again, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if err := parseAndValidate(again); err != nil {
			t.Errorf("valid, but not after a round trip: %v", err)
		}
	})
}

func BenchmarkParseAndValidate(b *testing.B) {
	raw := config(b, "", "")
	for b.Loop() {
		if err := parseAndValidate(raw); err != nil {
			b.Fatal(err)
		}
	}
}

// What reads a validated configuration need not ask whether linux is there.
func TestLinuxIsNeverNil(t *testing.T) {
	spec := Default(false)
	spec.Linux, spec.Hostname, spec.Mounts, spec.Root.Readonly = nil, "", nil, false
	if err := Validate(spec); err != nil || spec.Linux == nil {
		t.Errorf("linux %v, %v", spec.Linux, err)
	}
	for _, raw := range []string{`{}`, `{"linux":null}`, `{"linux":null,"x":[}`} {
		if spec, err := Parse([]byte(raw)); err == nil && spec.Linux == nil {
			t.Errorf("%s: linux is nil", raw)
		}
	}
}
