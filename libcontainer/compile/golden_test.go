package compile

import (
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/host"
	"rung/libcontainer/plan"
)

var update = flag.Bool("update", false, "write testdata/*/plan.golden anew")

// golden is one directory of testdata. The input is config.json, and for exec process.json; the
// output is plan.golden. The facts are invented.
type golden struct {
	facts   func() *host.Facts
	options func(o *Options)
	home    string
	restore bool // compile the plan of CRIU's process instead of the container's
}

const allCapabilities = 1<<41 - 1

func rootFacts(c *host.Cgroups) *host.Facts {
	return &host.Facts{
		Capabilities: allCapabilities, LastCapability: 40, Kcore: true, ApparmorAttr: "apparmor/", Cgroups: c,
		Sources: map[string]host.Source{
			"/srv/dir": {Directory: true}, "/srv/data": {Directory: true}, "/bundle/hosts": {}, "/dev": {Directory: true},
		},
		Devices: map[string]host.Device{"/dev/fuse": {Kind: 0o020000, Rdev: 10<<8 | 229}, "/dev/other": {Kind: 0o020000, Rdev: 1}},
		Targets: map[string]host.Target{"/tmp": {Mode: 0o1777}, "/strict": {Mode: 0o700, UID: 5}},
	}
}

// v1Cgroups returns nine v1 hierarchies, as on Debian 9 and 10 and older Docker hosts.
func v1Cgroups() *host.Cgroups {
	c := &host.Cgroups{Mode: host.CgroupV1}
	for _, name := range []string{"cpuset", "cpu,cpuacct", "blkio", "memory", "devices", "freezer", "net_cls,net_prio", "pids"} {
		c.Hierarchies = append(c.Hierarchies, host.Hierarchy{
			Mountpoint: "/sys/fs/cgroup/" + name, Controllers: strings.Split(name, ","), Root: "/", Own: "/user.slice",
		})
	}
	c.Hierarchies = append(c.Hierarchies, host.Hierarchy{Mountpoint: "/sys/fs/cgroup/systemd", Name: "systemd", Root: "/", Own: "/user.slice"})
	return c
}

func hybridCgroups() *host.Cgroups {
	c := v1Cgroups()
	c.Mode = host.CgroupHybrid
	c.Hierarchies = append(c.Hierarchies, host.Hierarchy{Mountpoint: "/sys/fs/cgroup/unified", V2: true, Root: "/", Own: "/user.slice"})
	return c
}

func v2Cgroups() *host.Cgroups {
	return &host.Cgroups{Mode: host.CgroupV2, Hierarchies: []host.Hierarchy{
		{Mountpoint: "/sys/fs/cgroup", V2: true, Root: "/", Own: "/user.slice"},
	}}
}

func v1() *host.Facts { return rootFacts(v1Cgroups()) }

func foreignIPC() *host.Facts {
	f := v2()
	f.Foreign = []specs.LinuxNamespaceType{specs.IPCNamespace}
	return f
}

func newProc() *host.Facts {
	f := v2()
	f.ProcPidns = true
	return f
}

func pieceByPiece() *host.Facts {
	f := v2()
	f.LowerdirPieces = true
	return f
}

func revealing() *host.Facts {
	f := v1()
	f.Revealing = []string{"/proc", "/sys"}
	return f
}

func selinux() *host.Facts {
	f := v2()
	f.Selinux = true
	return f
}

func v2() *host.Facts     { return rootFacts(v2Cgroups()) }
func hybrid() *host.Facts { return rootFacts(hybridCgroups()) }

func rootless(f *host.Facts) *host.Facts {
	f.EUID, f.EGID, f.Capabilities = 1000, 1000, 0
	f.Sources["/sys"] = host.Source{Directory: true}
	return f
}

func v1Rootless() *host.Facts { return rootless(v1()) }
func v2Rootless() *host.Facts { return rootless(v2()) }

// cgroupPaths returns the cgroups that package cgroup would make for a container called "golden".
func cgroupPaths(c *host.Cgroups) map[string]string {
	paths := map[string]string{}
	for _, h := range c.Hierarchies {
		at := h.Mountpoint + "/golden"
		for _, controller := range h.Controllers {
			paths[controller] = at
		}
		if h.Name != "" {
			paths["name="+h.Name] = at
		}
		if h.V2 {
			paths[""] = at
		}
	}
	return paths
}

func await(o *Options)           { o.Await = true }
func console(o *Options)         { o.Console = true }
func awaitConsole(o *Options)    { o.Await, o.Console = true, true }
func noPivot(o *Options)         { o.NoPivot = true }
func setgroupsOff(o *Options)    { o.SetgroupsOff = true }
func noCgroup(o *Options)        { o.CgroupPaths = nil }
func socketActivated(o *Options) { o.ListenFDs, o.PreserveFDs, o.NoKeyring = 2, 2, true }
func rootlessV1(o *Options)      { noCgroup(o); setgroupsOff(o) }

func filtered(o *Options) {
	o.Await = true
	o.Seccomp = &Filter{Program: make([]byte, 8*12), Flags: 2}
}

func listening(o *Options) {
	filtered(o)
	o.Seccomp.Flags, o.Seccomp.Listener = 8, true
}

// bySystemd has systemd make the cgroup: it makes a unit only for a process that exists.
func bySystemd(o *Options) { await(o); o.CgroupLate = true }

// passing has a filter that allows the calls of the wait for start.
func passing(o *Options)         { listening(o); o.Seccomp.Waits = true }
func passingRootless(o *Options) { passing(o); setgroupsOff(o) }

func listeningRootless(o *Options) { listening(o); setgroupsOff(o) }

var goldens = map[string]golden{
	"default-v1":     {facts: v1, options: await},
	"default-v2":     {facts: v2, options: await},
	"default-hybrid": {facts: hybrid, options: await},
	"systemd-v2":     {facts: v2, options: bySystemd},
	"rootless-v1":    {facts: v1Rootless, options: rootlessV1},
	"rootless-v2":    {facts: v2Rootless, options: setgroupsOff},
	"userns":         {facts: v2, options: await},

	"joined-namespaces":              {facts: v2},
	"foreign-namespaces":             {facts: v2},
	"foreign-joined":                 {facts: foreignIPC},
	"foreign-pid":                    {facts: newProc},
	"joined-mount-namespace":         {facts: v1},
	"no-mount-namespace":             {facts: v1},
	"no-mount-namespace-with-mounts": {facts: v1},
	"no-pivot":                       {facts: revealing, options: noPivot},
	"time-namespace":                 {facts: v2},
	"hooks":                          {facts: v2, options: await},

	"propagation-private":    {facts: v2},
	"propagation-rslave":     {facts: v2},
	"propagation-shared":     {facts: v2},
	"propagation-unbindable": {facts: v2},

	"readonly":            {facts: v2},
	"binds":               {facts: v2},
	"idmap":               {facts: v2},
	"idmap-joined-userns": {facts: v2},
	"idmap-filesystems":   {facts: v2},
	"remount":             {facts: v2},
	"tmpfs":               {facts: v2},
	"tmpcopyup-v1":        {facts: v1},
	"tmpcopyup-userns":    {facts: v2},
	"overlay":             {facts: v2},
	"overlay-pieces":      {facts: pieceByPiece},
	"masks":               {facts: v2},
	"sysctl":              {facts: v2},
	"netdevices":          {facts: v2},
	"resctrl":             {facts: v2},
	"rlimits":             {facts: v2},
	"memory-policy":       {facts: v2, options: filtered},

	"cgroup-mount-v1":          {facts: v1},
	"cgroup-mount-v1-cgroupns": {facts: hybrid},
	"cgroup-mount-v2":          {facts: v2},
	"cgroup-mount-v2-cgroupns": {facts: v2},
	"cgroup-mount-v2-rootless": {facts: v2Rootless},
	// CVE-2023-25809: read-only all the same
	"cgroup-mount-v2-rootless-writable": {facts: v2Rootless},

	"devices":              {facts: v2},
	"devices-userns":       {facts: v2},
	"devices-bound":        {facts: v2},
	"sysfs-userns":         {facts: hybrid},
	"sysfs-rootless":       {facts: v2Rootless, options: setgroupsOff},
	"cgroup2-mount-hybrid": {facts: hybrid},

	"selinux":                           {facts: selinux, options: awaitConsole},
	"terminal":                          {facts: v1, options: awaitConsole},
	"process":                           {facts: selinux, options: await, home: "/home/me"},
	"environment":                       {facts: v2, options: socketActivated, home: "/root"},
	"seccomp":                           {facts: v2, options: filtered},
	"seccomp-without-no-new-privileges": {facts: v2, options: filtered},
	"seccomp-notify":                    {facts: v2, options: listening},
	"seccomp-notify-rootless":           {facts: v2Rootless, options: listeningRootless},
	"seccomp-notify-create":             {facts: v2, options: passing},
	"seccomp-notify-create-rootless":    {facts: v2Rootless, options: passingRootless},

	"exec-v1":              {facts: v1},
	"exec-v2":              {facts: v2},
	"exec-resctrl":         {facts: v2},
	"exec-affinity":        {facts: v2},
	"exec-userns":          {facts: v2},
	"exec-userns-cgroupns": {facts: v2},
	"exec-terminal":        {facts: v1, options: console},
	"exec-rootless":        {facts: v2Rootless, options: setgroupsOff},

	"restore":        {facts: v1, restore: true},
	"restore-userns": {facts: v2, restore: true},
}

func readJSON[T any](t *testing.T, path string) *T {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	out := new(T)
	if err := json.Unmarshal(text, out); err != nil {
		t.Fatal(err)
	}
	return out
}

func (g *golden) input(spec *specs.Spec) Input {
	facts := g.facts()
	options := Options{ID: "golden", Bundle: "/bundle", Rootfs: "/bundle/rootfs", CgroupPaths: cgroupPaths(facts.Cgroups)}
	if g.options != nil {
		g.options(&options)
	}
	return Input{Spec: spec, Facts: facts, Options: options}
}

func (g *golden) homeInside() string {
	return cmp.Or(g.home, "/")
}

// compileText compiles the input and returns the whole result as text.
func (g *golden) compileText(in Input, process *specs.Process) (string, error) {
	if process != nil {
		userns := slices.ContainsFunc(in.Spec.Linux.Namespaces, func(n specs.LinuxNamespace) bool { return n.Type == specs.UserNamespace })
		p, err := Exec(ExecInput{
			Spec: in.Spec, Process: process, Facts: in.Facts, Options: in.Options, Home: g.homeInside(), UserNS: userns,
		})
		if err != nil {
			return "", err
		}
		return programText(p), nil
	}
	if g.restore {
		return restoreText(in)
	}
	p, err := create(in)
	if err != nil {
		return "", err
	}
	third, err := p.Inside(g.homeInside())
	if err != nil {
		return "", err
	}
	return programText(p, p.Second, third), nil
}

func restoreText(in Input) (string, error) {
	input := RestoreInput{
		Input: in, Dir: "/run/rung/golden", Path: "/usr/sbin/criu", Args: []string{"criu", "swrk", "3"}, Env: []string{"PATH=/bin"},
	}
	if len(in.Spec.Linux.UIDMappings) > 0 {
		input.Alone = []string{"/srv"}
	}
	r, err := Restore(input)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	for i, e := range Externals(in) {
		fmt.Fprintf(&out, "external %s at %s: %s # %s\n", e.Name, e.Destination, r.Paths[i], e.Field)
	}
	return out.String() + "root " + r.Root + "\n" + programText(r.Program), nil
}

// create compiles the segments before SYNC inside.
func create(in Input) (*Program, error) {
	p, err := Create(in)
	if err != nil {
		return nil, err
	}
	return p, p.Mounts(in.Options.Rootfs, in.Options.Seccomp)
}

var sourceNames = map[SourceKind]string{
	SourceTree: "tree", SourceNamespace: "namespace", SourceProc: "proc", SourceUserNS: "user namespace", SourceCgroup: "cgroup",
	SourceTasks: "tasks", SourceStart: "start", SourceConsole: "console", SourcePidfd: "pidfd", SourceRoot: "root",
	SourceFilesystem: "filesystem", SourceDevice: "device", SourceHostRoot: "host root",
}

func programText(p *Program, more ...*plan.Plan) string {
	var out strings.Builder
	for _, s := range p.Sources {
		fmt.Fprintf(&out, "inherit @%-3d %s\n", s.Slot, sourceText(s))
	}
	for _, point := range slices.Sorted(maps.Keys(p.Actions)) {
		for _, a := range p.Actions[point] {
			fmt.Fprintf(&out, "at %-8s %s\n", point, originText(a.Origin))
		}
	}
	for _, m := range p.Maps {
		fmt.Fprintf(&out, "map %s # %s\n", mappingText(m.Mapping), originText(m.Origin))
	}
	out.WriteString("first segment\n" + p.First.Format())
	for i, segment := range more {
		out.WriteString([]string{"second", "third"}[i] + " segment\n" + segment.Format())
	}
	return out.String()
}

func sourceText(s Source) string {
	text := sourceNames[s.Kind]
	if s.Kind == SourceTasks {
		text += fmt.Sprintf(" %d", s.Index)
	}
	if s.Device != nil {
		text += fmt.Sprintf(" %#o %#x %d:%d", s.Device.Mode, s.Device.Number, s.Device.UID, s.Device.GID)
	}
	if s.Type != "" {
		text += fmt.Sprintf(" %s %v %#x", s.Type, s.Params, s.Attrs)
	}
	if s.Path != "" {
		text += " " + s.Path
	}
	if s.Recursive {
		text += " recursive"
	}
	return text + mappingText(s.Mapping) + " # " + originText(s.Origin)
}

func mappingText(mapping IDMapping) (text string) {
	for _, m := range mapping.UIDs {
		text += fmt.Sprintf(" uid=%d:%d:%d", m.ContainerID, m.HostID, m.Size)
	}
	for _, m := range mapping.GIDs {
		text += fmt.Sprintf(" gid=%d:%d:%d", m.ContainerID, m.HostID, m.Size)
	}
	if mapping.Namespace != "" {
		text += " mapped by " + mapping.Namespace
	}
	if mapping.Recursive {
		text += " map-recursive"
	}
	return text
}

func originText(o plan.Origin) string {
	if o.Field == "" {
		return o.Purpose
	}
	return o.Field + ": " + o.Purpose
}

// allCPUsText is the 1024 bytes of the affinity mask as text, which golden files shorten.
var allCPUsText = fmt.Sprintf("%q", allCPUs())

func TestGolden(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(goldens)) {
		t.Run(name, func(t *testing.T) {
			g := goldens[name]
			dir := filepath.Join("testdata", name)
			got, err := g.compileText(g.input(readJSON[specs.Spec](t, filepath.Join(dir, "config.json"))), processOf(t, dir))
			if err != nil {
				t.Fatal(err)
			}
			compare(t, filepath.Join(dir, "plan.golden"), strings.ReplaceAll(got, allCPUsText, "<all CPUs>"))
		})
	}
}

func processOf(t *testing.T, dir string) *specs.Process {
	path := filepath.Join(dir, "process.json")
	if _, err := os.Stat(path); err != nil {
		return nil
	}
	return readJSON[specs.Process](t, path)
}

func compare(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v: run go test -update", err)
	}
	if got == string(want) {
		return
	}
	gotLines, wantLines := strings.Split(got, "\n"), strings.Split(string(want), "\n")
	for i := range min(len(gotLines), len(wantLines)) {
		if gotLines[i] != wantLines[i] {
			t.Fatalf("%s:%d differs\ngot  %s\nwant %s\n(-update accepts it)", path, i+1, gotLines[i], wantLines[i])
		}
	}
	t.Fatalf("%s: got %d lines, want %d", path, len(gotLines), len(wantLines))
}

func TestEveryGoldenDirectoryIsTested(t *testing.T) {
	entries, err := os.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if _, ok := goldens[e.Name()]; !ok {
			t.Errorf("testdata/%s has no entry in goldens", e.Name())
		}
	}
	if len(entries) != len(goldens) {
		t.Errorf("%d directories, %d entries", len(entries), len(goldens))
	}
}

// A process of exec can reach the descriptors of a container that waits for start, so none may lead to the host.
func TestNothingOfTheHostIsOpenAtStart(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(goldens)) {
		dir := filepath.Join("testdata", name)
		if processOf(t, dir) != nil || goldens[name].restore {
			continue
		}
		t.Run(name, func(t *testing.T) {
			g := goldens[name]
			in := g.input(readJSON[specs.Spec](t, filepath.Join(dir, "config.json")))
			in.Options.Await = true
			p, err := create(in)
			if err != nil {
				t.Fatal(err)
			}
			third, err := p.Inside(g.homeInside())
			if err != nil {
				t.Fatal(err)
			}
			for slot, op := range leftOpen(p.Sources, p.First, p.Second, third) {
				t.Errorf("slot %d is open: %s", slot, op)
			}
		})
	}
}

// leftOpen returns the slots that are open at AWAIT_START, except the operands of that op.
func leftOpen(sources []Source, segments ...*plan.Plan) map[plan.Slot]string {
	open := map[plan.Slot]string{}
	for _, s := range sources {
		open[s.Slot] = "given by the parent"
	}
	for _, segment := range segments {
		for i := range segment.Ops {
			op := &segment.Ops[i]
			switch op.Code {
			case plan.AwaitStart:
				delete(open, op.Slots[0])
				delete(open, op.Slots[1])
				return open
			}
			for _, s := range op.Emptied() {
				delete(open, s)
			}
			for _, s := range (&plan.Plan{Ops: segment.Ops[i : i+1], Slots: segment.Slots}).Filled() {
				open[s] = op.Format()
			}
		}
	}
	return open
}

// TestPure checks that the same input gives the same text, and that the compilation does not change the input.
func TestPure(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(goldens)) {
		t.Run(name, func(t *testing.T) {
			g := goldens[name]
			dir := filepath.Join("testdata", name)
			in, process := g.input(readJSON[specs.Spec](t, filepath.Join(dir, "config.json"))), processOf(t, dir)
			before := asJSON(t, in, process)
			first, err := g.compileText(in, process)
			if err != nil {
				t.Fatal(err)
			}
			second, err := g.compileText(in, process)
			if err != nil {
				t.Fatal(err)
			}
			if first != second {
				t.Error("the same input gave another plan")
			}
			if after := asJSON(t, in, process); after != before {
				t.Errorf("the input was changed\nfrom %s\nto   %s", before, after)
			}
		})
	}
}

func asJSON(t *testing.T, v ...any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// specOf returns a configuration that compiles. A test then makes one thing in it wrong.
func specOf() *specs.Spec {
	return &specs.Spec{
		Version: specs.Version, Root: &specs.Root{Path: "rootfs"},
		Process: &specs.Process{Args: []string{"true"}, Cwd: "/", NoNewPrivileges: true},
		Linux:   &specs.Linux{Namespaces: []specs.LinuxNamespace{{Type: "pid"}, {Type: "mount"}}},
	}
}

func bind(s *specs.Spec, destination, source string, options ...string) {
	s.Mounts = append(s.Mounts, specs.Mount{Destination: destination, Source: source, Options: append(options, "bind")})
}

func TestErrorsNameTheField(t *testing.T) {
	tests := []struct {
		name, want string
		spoil      func(in *Input)
	}{
		{"mounts of a user namespace without a mount namespace", "mounts: cannot be mounted in a user namespace without a mount namespace in linux.namespaces: operation not permitted", func(in *Input) {
			in.Spec.Linux.Namespaces = []specs.LinuxNamespace{{Type: specs.UserNamespace}}
			bind(in.Spec, "/data", "/srv/dir")
		}},
		{"devices of a user namespace without a mount namespace", "linux.devices: cannot be bound in a user namespace without a mount namespace in linux.namespaces: operation not permitted", func(in *Input) {
			in.Spec.Linux.Namespaces = []specs.LinuxNamespace{{Type: specs.UserNamespace}}
			in.Spec.Mounts, in.Spec.Root.Readonly = nil, false
			in.Spec.Linux.Devices = []specs.LinuxDevice{{Path: "/dev/fuse", Type: "c", Major: 10, Minor: 229}}
		}},
		{"the host's IPC namespace, without rights", "mounts[0]: mqueue shows the ipc namespace, which does not belong to the container's user namespace: list a new one in linux.namespaces, or bind the host's /dev/mqueue: operation not permitted", func(in *Input) {
			in.Facts.Capabilities = 0
			in.Spec.Linux.Namespaces = append(in.Spec.Linux.Namespaces, specs.LinuxNamespace{Type: specs.UserNamespace})
			in.Spec.Mounts = []specs.Mount{{Destination: "/dev/mqueue", Type: "mqueue", Source: "mqueue"}}
		}},
		{"a PID namespace of another, on an old kernel", "mounts[0]: proc shows the pid namespace", func(in *Input) {
			in.Spec.Linux.Namespaces = []specs.LinuxNamespace{{Type: specs.UserNamespace}, {Type: specs.MountNamespace}, {Type: specs.PIDNamespace, Path: "/proc/42/ns/pid"}}
			in.Spec.Mounts = []specs.Mount{{Destination: "/proc", Type: "proc", Source: "proc"}}
		}},
		{"superblock option on a bind", `mounts[0].options: bind mounts cannot have any filesystem-specific options applied: "sync"`, func(in *Input) {
			in.Spec.Mounts = []specs.Mount{{Destination: "/data", Type: "bind", Source: "/srv/dir", Options: []string{"bind", "sync"}}}
		}},
		{"a locked flag in a user namespace", "mounts[0].options: cannot clear locked flags of the source in a user namespace: operation not permitted", func(in *Input) {
			in.Spec.Linux.Namespaces = append(in.Spec.Linux.Namespaces, specs.LinuxNamespace{Type: specs.UserNamespace})
			in.Facts.Sources["/locked"] = host.Source{Directory: true, Flags: sys.MOUNT_ATTR_RDONLY | 0x1000}
			in.Spec.Mounts = []specs.Mount{{Destination: "/data", Source: "/locked", Options: []string{"bind", "rw"}}}
		}},
		{"another access time in a user namespace", "mounts[0].options: cannot change locked atime flags", func(in *Input) {
			in.Spec.Linux.Namespaces = append(in.Spec.Linux.Namespaces, specs.LinuxNamespace{Type: specs.UserNamespace})
			in.Facts.Sources["/locked"] = host.Source{Directory: true, Flags: 0x1000}
			in.Spec.Mounts = []specs.Mount{{Destination: "/data", Source: "/locked", Options: []string{"bind", "noatime"}}}
		}},
		{"no access times of directories in a user namespace", "mounts[0].options: cannot change locked atime flags", func(in *Input) {
			in.Spec.Linux.Namespaces = append(in.Spec.Linux.Namespaces, specs.LinuxNamespace{Type: specs.UserNamespace})
			in.Facts.Sources["/locked"] = host.Source{Directory: true, Flags: 0x1000}
			in.Spec.Mounts = []specs.Mount{{Destination: "/data", Source: "/locked", Options: []string{"bind", "nodiratime"}}}
		}},
		{"masks without a mount namespace", "linux.maskedPaths: unable to restrict sys entries without a private MNT namespace", func(in *Input) {
			in.Spec.Linux.Namespaces = nil
			in.Spec.Linux.MaskedPaths = []string{"/proc/kcore"}
		}},
		{"a source that is missing", "mounts[1].source: stat /missing: no such file or directory", func(in *Input) {
			in.Facts.Sources["/missing"] = host.Source{Err: syscall.ENOENT}
			bind(in.Spec, "/a", "/srv/dir")
			bind(in.Spec, "/b", "/missing")
		}},
		{"a file system option of a bind", `mounts[0].options: bind mounts cannot have any filesystem-specific options applied: "size"`, func(in *Input) {
			bind(in.Spec, "/a", "/srv/dir", "size=5")
		}},
		{"part of a volume", `mounts[0].options: bind mounts cannot have any filesystem-specific options applied: "subpath"`, func(in *Input) {
			bind(in.Spec, "/a", "/srv/dir", "nocopy", "subpath=x")
		}},
		{"no type", "mounts[0].type: must not be empty for a mount that is not a bind mount", func(in *Input) {
			in.Spec.Mounts = []specs.Mount{{Destination: "/a", Source: "x"}}
		}},
		{"a tmpfs on /proc", `mounts[0]: "/proc" cannot be mounted because it is not of type proc`, func(in *Input) {
			in.Spec.Mounts = []specs.Mount{{Destination: "/proc", Type: "tmpfs", Source: "tmpfs"}}
		}},
		{"a bind of no proc on /proc", `mounts[0]: "/proc" cannot be mounted because it is not of type proc`, func(in *Input) {
			bind(in.Spec, "/proc", "/srv/dir")
		}},
		{"something inside /proc", `mounts[0]: "/proc/sys" cannot be mounted because it is inside /proc`, func(in *Input) {
			bind(in.Spec, "/x/../proc//sys/", "/srv/dir")
		}},
		{"a relative destination inside /proc", `mounts[0]: "/proc/self/attr" cannot be mounted because it is inside /proc`, func(in *Input) {
			bind(in.Spec, "proc/self/attr", "/srv/dir")
		}},
		{"network devices of a plain user", "linux.netDevices: network devices are not supported for rootless", func(in *Input) {
			in.Facts.EUID = 1000
			in.Spec.Linux.NetDevices = map[string]specs.LinuxNetDevice{"eth1": {}}
		}},
		{"a mount label", "linux.mountLabel: selinux label is specified in config, but selinux is disabled or not supported", func(in *Input) { in.Spec.Linux.MountLabel = "label" }},
		{"tmpcopyup", "mounts[0].options: tmpcopyup is for a tmpfs, not for ramfs", func(in *Input) {
			in.Spec.Mounts = []specs.Mount{{Destination: "/a", Type: "ramfs", Source: "ramfs", Options: []string{"tmpcopyup"}}}
		}},
		{"an unknown device type", `linux.devices[0].type: unknown device type "x"`, func(in *Input) {
			in.Spec.Linux.Devices = []specs.LinuxDevice{{Path: "/dev/x", Type: "x"}}
		}},
		{"groups where setgroups is denied", "process.user.additionalGids: cannot set any additional groups in a rootless container", func(in *Input) {
			in.Options.SetgroupsOff = true
			in.Spec.Process.User.AdditionalGids = []uint32{5}
		}},
		{"groups in a user namespace that denies them", "process.user.additionalGids: cannot set any", func(in *Input) {
			in.Facts.SetgroupsDeny = true
			in.Spec.Process.User.AdditionalGids = []uint32{5}
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			g := golden{facts: v2}
			in := g.input(specOf())
			if _, err := g.compileText(in, nil); err != nil {
				t.Fatalf("what is to be spoilt: %v", err)
			}
			in = g.input(specOf())
			test.spoil(&in)
			_, err := g.compileText(in, nil)
			if err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
}

func TestErrorsKeepTheErrno(t *testing.T) {
	g := golden{facts: v2}
	in := g.input(specOf())
	in.Facts.Sources["/missing"] = host.Source{Err: syscall.EACCES}
	bind(in.Spec, "/a", "/missing")
	if _, err := create(in); err == nil || !strings.Contains(err.Error(), "permission denied") || !isErrno(err, syscall.EACCES) {
		t.Errorf("got %v", err)
	}
}

func TestFilesOfProcMayBeCovered(t *testing.T) {
	for _, file := range procFiles {
		g := golden{facts: v2}
		in := g.input(specOf())
		bind(in.Spec, file, "/bundle/hosts")
		if _, err := g.compileText(in, nil); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
	g := golden{facts: v2}
	in := g.input(specOf())
	in.Facts.Sources["/proc"] = host.Source{Directory: true, Proc: true}
	bind(in.Spec, "/proc", "/proc", "rbind")
	if _, err := g.compileText(in, nil); err != nil {
		t.Errorf("a bind of a proc file system on /proc: %v", err)
	}
}
