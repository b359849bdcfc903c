package compile

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/host"
	"rung/libcontainer/plan"
)

func isErrno(err error, errno syscall.Errno) bool { return errors.Is(err, errno) }

func TestOptions(t *testing.T) {
	tests := []struct {
		options string
		want    mountOptions
	}{
		{"ro,nosuid,nodev,noexec", mountOptions{set: 0xf}},
		{"ro,rw", mountOptions{clear: sys.MOUNT_ATTR_RDONLY}},
		{"rw,ro", mountOptions{set: sys.MOUNT_ATTR_RDONLY}},
		{"noatime", mountOptions{set: sys.MOUNT_ATTR_NOATIME, clear: sys.MOUNT_ATTR__ATIME}},
		{"noatime,strictatime", mountOptions{set: sys.MOUNT_ATTR_STRICTATIME, clear: sys.MOUNT_ATTR__ATIME}},
		{"noatime,relatime", mountOptions{clear: sys.MOUNT_ATTR__ATIME}},
		{"noatime,atime", mountOptions{}},
		{"strictatime,atime", mountOptions{set: sys.MOUNT_ATTR_STRICTATIME, clear: sys.MOUNT_ATTR__ATIME}},
		{"strictatime,nostrictatime", mountOptions{}},
		{"relatime,norelatime", mountOptions{}},
		{"nodiratime,noatime,atime", mountOptions{set: sys.MOUNT_ATTR_NODIRATIME}},
		{"ratime", mountOptions{recClear: sys.MOUNT_ATTR__ATIME}},
		{"rnoatime,rnostrictatime", mountOptions{recClear: sys.MOUNT_ATTR__ATIME}},
		{"rro,rnoexec", mountOptions{recSet: sys.MOUNT_ATTR_RDONLY | sys.MOUNT_ATTR_NOEXEC}},
		{"rrw", mountOptions{recClear: sys.MOUNT_ATTR_RDONLY}},
		{"rdev,rsuid,rexec", mountOptions{recClear: sys.MOUNT_ATTR_NODEV | sys.MOUNT_ATTR_NOSUID | sys.MOUNT_ATTR_NOEXEC}},
		{"rrelatime", mountOptions{recClear: sys.MOUNT_ATTR__ATIME}},
		{"rbind", mountOptions{bind: true, recursive: true}},
		{"bind,rbind", mountOptions{bind: true, recursive: true}},
		{"rbind,bind", mountOptions{bind: true, recursive: true}},
		{"ridmap", mountOptions{idmap: "ridmap"}},
		{"rslave", mountOptions{propagation: []plan.Attr{{Propagation: sys.MS_SLAVE, Recursive: true}}}},
		{"defaults,remount", mountOptions{remount: true}},
		{"sync,dirsync,async,lazytime,silent,loud", mountOptions{superblock: sys.MS_DIRSYNC | sys.MS_LAZYTIME}},
		{"size=5k,huge", mountOptions{data: []plan.Option{{Key: "size", Value: "5k"}, {Key: "huge"}}}},
		{"lowerdir=/a=b", mountOptions{data: []plan.Option{{Key: "lowerdir", Value: "/a=b"}}}},
		{"rosuid", mountOptions{data: []plan.Option{{Key: "rosuid"}}}},
	}
	for _, test := range tests {
		got := parseOptions(strings.Split(test.options, ","))
		got.named, got.atime = false, false // TestNamedOptions tests these
		if !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s:\ngot  %+v\nwant %+v", test.options, got, test.want)
		}
	}
}

// What an engine leaves among the options of a bind mount is for nobody any more. Other mounts have file systems of which it
// could be an option.
func TestOptionsOfTheEngine(t *testing.T) {
	left := []string{"z", "Z", "U", "copy", "nocopy", "volume-opt=type=tmpfs", "volume-opt=o=uid=1000,gid=1000"}
	for _, bind := range []string{"bind", "rbind"} {
		for _, options := range [][]string{append([]string{bind}, left...), append(slices.Clone(left), bind)} {
			if o := parseOptions(options); o.notForBind() != "" || !o.bind {
				t.Errorf("%q: %q is left", options, o.notForBind())
			}
		}
	}
	if o := parseOptions(left); len(o.data) != len(left)+1 { // the last one has a comma
		t.Errorf("without bind: %q", o.data)
	}
	for _, other := range []string{"volume-opt", "subpath=x", "idmap=uids=0-1-1", "O", "consistency=cached", "size=1"} {
		if o := parseOptions([]string{"bind", other}); o.notForBind() == "" {
			t.Errorf("%s is ignored", other)
		}
	}
}

// An option may hold several in one string, as for mount(2).
func TestSplitData(t *testing.T) {
	for text, want := range map[string][]string{
		"size=1m":                         {"size=1m"},
		"size=1m,mode=700":                {"size=1m", "mode=700"},
		",a,,b=c,":                        {"a", "b=c"},
		"mpol=bind:0,2":                   {"mpol=bind:0,2"},
		"mpol=bind:0,2,size=5":            {"mpol=bind:0,2", "size=5"},
		`lowerdir=/a\,b:/c,index=off`:     {`lowerdir=/a\,b:/c`, "index=off"},
		`context="u:r:t:s0:c1,c2",size=5`: {`context="u:r:t:s0:c1,c2"`, "size=5"},
	} {
		if got := slices.Collect(splitData(text)); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
	o := parseOptions([]string{`context="u:r:t:s0:c1,c2",size=5`})
	if want := []plan.Option{{Key: "context", Value: "u:r:t:s0:c1,c2"}, {Key: "size", Value: "5"}}; !reflect.DeepEqual(o.data, want) {
		t.Errorf("%q, want %q", o.data, want)
	}
	if got := mountData(o.data); got != `context="u:r:t:s0:c1,c2",size=5` {
		t.Errorf("for mount(2): %s", got)
	}
}

// A bind mount keeps the flags of its source only if no option names one, and the access time only if
// no option names that.
func TestNamedOptions(t *testing.T) {
	for options, want := range map[string][2]bool{
		"bind": {false, false}, "rbind,rslave,rro": {false, false}, "ro": {true, false}, "rw": {true, false},
		"atime": {true, false}, "noatime": {true, true}, "relatime": {true, true}, "strictatime": {true, true}, "nodiratime": {true, true},
		"noatime,atime": {true, false}, "nodiratime,noatime,atime": {true, true},
	} {
		if o := parseOptions(strings.Split(options, ",")); o.named != want[0] || o.atime != want[1] {
			t.Errorf("%s: named %v, atime %v", options, o.named, o.atime)
		}
	}
}

func TestMountFlags(t *testing.T) {
	o := parseOptions(strings.Split("ro,nosuid,nodev,noexec,nodiratime,nosymfollow,strictatime", ","))
	if got, want := mountFlags(o.attributes()), uint64(1|2|4|8|0x800|0x100|1<<24); got != want {
		t.Errorf("got %#x, want %#x", got, want)
	}
	o = parseOptions([]string{"noatime", "rw"})
	if got := mountFlags(o.attributes()); got != 0x400 {
		t.Errorf("noatime: %#x", got)
	}
}

// rung must understand every option that `features` lists, and not pass it to the file system.
func TestKnownOptionsAreUnderstood(t *testing.T) {
	names := MountOptions()
	if !slices.IsSorted(names) || len(slices.Compact(slices.Clone(names))) != len(names) {
		t.Error("the list is not sorted, or names one twice")
	}
	for _, name := range names {
		if o := parseOptions([]string{"bind", name}); len(o.data) > 0 {
			t.Errorf("%s is given to the file system", name)
		}
	}
	for _, name := range []string{"bind", "rro", "rnostrictatime", "runbindable", "symfollow", "ridmap"} {
		if !slices.Contains(names, name) {
			t.Errorf("%s is missing", name)
		}
	}
}

func TestEnvironmentKeepsTheLast(t *testing.T) {
	got := lastOfEach([]string{"A=1", "B=", "A=2", "C", "B=3", "A=4=5"})
	if want := []string{"C", "B=3", "A=4=5"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestCapabilities(t *testing.T) {
	set := []string{"CAP_CHOWN", "CAP_BPF", "CAP_NO_SUCH"}
	p := &specs.Process{Capabilities: &specs.LinuxCapabilities{Bounding: set, Effective: set}}
	if got := parseCapabilities(p, 40); got.bounding != 1|1<<39 || got.effective != got.bounding || got.inheritable|got.permitted|got.ambient != 0 {
		t.Errorf("got %+v", got)
	}
	if got := parseCapabilities(p, 37); got.bounding != 1 {
		t.Errorf("a capability that the kernel lacks: %+v", got)
	}
	if got := parseCapabilities(&specs.Process{}, 40); got != (capabilities{}) {
		t.Errorf("no capabilities: %+v", got)
	}
}

func TestOwnCgroup(t *testing.T) {
	tests := []struct{ root, own, want string }{
		{"/", "/", "/m"},
		{"/", "/user.slice/a", "/m/user.slice/a"},
		{"/docker/x", "/docker/x/y", "/m/y"},
		{"/docker/x", "/docker/x", "/m"},
		{"/docker/x", "/docker/xy", "/m"},
		{"/docker/x", "/other", "/m"},
		{"/", "/../up", "/m"},
	}
	for _, test := range tests {
		if got := ownCgroup(&host.Hierarchy{Mountpoint: "/m", Root: test.root, Own: test.own}); got != test.want {
			t.Errorf("%s at a mount of %s: %s, want %s", test.own, test.root, got, test.want)
		}
	}
}

// The layout is that of struct sched_attr in sched_setattr(2).
func TestSchedAttr(t *testing.T) {
	got := schedAttr(&specs.Scheduler{
		Policy: specs.SchedRR, Nice: -5, Priority: 7, Runtime: 1, Deadline: 2, Period: 3,
		Flags: []specs.LinuxSchedulerFlag{specs.SchedFlagResetOnFork, specs.SchedFlagUtilClampMax},
	})
	want := "\x38\x00\x00\x00\x02\x00\x00\x00\x41\x00\x00\x00\x00\x00\x00\x00\xfb\xff\xff\xff\x07\x00\x00\x00" +
		"\x01\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x00\x00\x00\x00" + strings.Repeat("\x00", 8)
	if isLittleEndian() && got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if len(got) != 56 {
		t.Errorf("%d bytes", len(got))
	}
}

func isLittleEndian() bool { return schedAttr(&specs.Scheduler{})[0] == 56 }

func TestIOPriority(t *testing.T) {
	for class, want := range map[specs.IOPriorityClass]uint64{specs.IOPRIO_CLASS_RT: 1<<13 | 4, specs.IOPRIO_CLASS_BE: 2<<13 | 4, specs.IOPRIO_CLASS_IDLE: 3<<13 | 4} {
		if got := ioPriority(&specs.LinuxIOPriority{Class: class, Priority: 4}); got != want {
			t.Errorf("%s: %#x, want %#x", class, got, want)
		}
	}
}

// Outside of a user namespace, capabilities that rung lacks are left out with a warning (config.md).
func TestCapabilitiesThatRungLacks(t *testing.T) {
	facts := &host.Facts{LastCapability: 40, Capabilities: (1<<41 - 1) &^ (1 << 21)}
	process := &specs.Process{Capabilities: &specs.LinuxCapabilities{
		Bounding: []string{"CAP_SYS_ADMIN"}, Permitted: []string{"CAP_SYS_ADMIN", "CAP_KILL"}, Effective: []string{"CAP_SYS_ADMIN"},
	}}
	for _, namespaces := range [][]specs.LinuxNamespace{nil, {{Type: specs.UserNamespace}}} {
		c := &compiler{spec: &specs.Spec{Linux: &specs.Linux{Namespaces: namespaces}}, facts: facts, prog: &Program{}}
		c.noteCapabilities(process, "process")
		want, warnings := capabilities{bounding: 1 << 21, permitted: 1 << 5}, 1
		if namespaces != nil {
			want, warnings = capabilities{bounding: 1 << 21, permitted: 1<<21 | 1<<5, effective: 1 << 21}, 0
		}
		if got := c.granted(process); got != want || len(c.prog.Notices) != warnings {
			t.Errorf("%v: %+v, %q", namespaces, got, c.prog.Notices)
		}
	}
}
