package criu

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/checkpoint-restore/go-criu/v8/rpc"
	"google.golang.org/protobuf/proto"
)

// encoded returns a message as the library encodes it.
func encoded(t testing.TB, m proto.Message) message {
	t.Helper()
	data, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// holds fails the test unless the library decodes a request to want, without a field that it does not know.
func holds(t *testing.T, name string, request []byte, want *rpc.CriuReq) {
	t.Helper()
	got := &rpc.CriuReq{}
	if err := proto.Unmarshal(request, got); err != nil {
		t.Errorf("%s: %v", name, err)
	} else if !proto.Equal(got, want) {
		t.Errorf("%s:\n%v\ninstead of\n%v", name, got, want)
	}
}

// option is what a field of Request becomes in the options of CRIU.
type option struct {
	field string // its name in Request
	value any
	kinds []Kind
	want  func(*rpc.CriuOpts)
}

// long takes a length of two bytes.
var long = strings.Repeat("x", 300)

func requestOptions() []option {
	dump, restore := []Kind{Dump, PreDump}, []Kind{Restore}
	all := append(dump, restore...)
	on := proto.Bool(true)
	return []option{
		{"ImagesFD", 5, all, func(o *rpc.CriuOpts) { o.ImagesDirFd = proto.Int32(5) }},
		{"WorkFD", 1 << 20, all, func(o *rpc.CriuOpts) { o.WorkDirFd = proto.Int32(1 << 20) }},
		{"LogFile", long, all, func(o *rpc.CriuOpts) { o.LogFile = &long }},
		{"ConfigFile", "/etc/criu/runc.conf", all, func(o *rpc.CriuOpts) { o.ConfigFile = proto.String("/etc/criu/runc.conf") }},
		{"Root", "/root", all, func(o *rpc.CriuOpts) { o.Root = proto.String("/root") }},
		{"CgroupMode", CgroupMode(5), all, func(o *rpc.CriuOpts) { o.ManageCgroupsMode = rpc.CriuCgMode_STRICT.Enum() }},
		{"CgroupRoots", []CgroupRoot{{"", "/c"}, {"cpu,cpuacct", long}}, restore, func(o *rpc.CriuOpts) {
			o.CgRoot = []*rpc.CgroupRoot{{Ctrl: proto.String(""), Path: proto.String("/c")}, {Ctrl: proto.String("cpu,cpuacct"), Path: &long}}
		}},
		{"ExtMounts", []Mount{{"/a", "/b"}, {long, "c"}}, all, func(o *rpc.CriuOpts) {
			o.ExtMnt = []*rpc.ExtMountMap{{Key: proto.String("/a"), Val: proto.String("/b")}, {Key: &long, Val: proto.String("c")}}
		}},
		{"Externals", []string{"net[1]:key", long}, all, func(o *rpc.CriuOpts) { o.External = []string{"net[1]:key", long} }},
		{"InheritFDs", []InheritFD{{"pipe:[7]", 0}, {long, 1}}, restore, func(o *rpc.CriuOpts) {
			o.InheritFd = []*rpc.InheritFd{{Key: proto.String("pipe:[7]"), Fd: proto.Int32(0)}, {Key: &long, Fd: proto.Int32(1)}}
		}},
		{"JoinNS", []JoinNS{{"ipc", "/ns"}, {"uts", long}}, restore, func(o *rpc.CriuOpts) {
			o.JoinNs = []*rpc.JoinNamespace{{Ns: proto.String("ipc"), NsFile: proto.String("/ns")}, {Ns: proto.String("uts"), NsFile: &long}}
		}},
		{"TCPEstablished", true, all, func(o *rpc.CriuOpts) { o.TcpEstablished = on }},
		{"TCPSkipInFlight", true, all, func(o *rpc.CriuOpts) { o.TcpSkipInFlight = on }},
		{"ExtUnixSockets", true, all, func(o *rpc.CriuOpts) { o.ExtUnixSk = on }},
		{"ShellJob", true, all, func(o *rpc.CriuOpts) { o.ShellJob = on }},
		{"FileLocks", true, all, func(o *rpc.CriuOpts) { o.FileLocks = on }},
		{"OrphanPTS", true, all, func(o *rpc.CriuOpts) { o.OrphanPtsMaster = on }},
		{"LinkRemap", true, all, func(o *rpc.CriuOpts) { o.LinkRemap = on }},
		{"AutoDedup", true, all, func(o *rpc.CriuOpts) { o.AutoDedup = on }},
		{"LazyPages", true, all, func(o *rpc.CriuOpts) { o.LazyPages = on }},
		{"Pid", 1 << 22, dump, func(o *rpc.CriuOpts) { o.Pid = proto.Int32(1 << 22) }},
		{"LeaveRunning", true, dump, func(o *rpc.CriuOpts) { o.LeaveRunning = on }},
		{"FreezeCgroup", "/sys/fs/cgroup/x", dump, func(o *rpc.CriuOpts) { o.FreezeCgroup = proto.String("/sys/fs/cgroup/x") }},
		{"ParentImage", "../parent", dump, func(o *rpc.CriuOpts) { o.ParentImg, o.TrackMem = proto.String("../parent"), on }},
		{"PageServer", PageServer{"::1", 65535}, dump, func(o *rpc.CriuOpts) {
			o.Ps = &rpc.CriuPageServerInfo{Address: proto.String("::1"), Port: proto.Int32(65535)}
		}},
		{"LSMProfile", "apparmor:x", restore, func(o *rpc.CriuOpts) { o.LsmProfile = proto.String("apparmor:x") }},
		{"LSMMountContext", long, restore, func(o *rpc.CriuOpts) { o.LsmMountContext = &long }},
	}
}

// withoutOptions returns a request in which no option is set, and what the library knows it as.
func withoutOptions(kind Kind) (*Request, *rpc.CriuReq) {
	o := &rpc.CriuOpts{
		ImagesDirFd: proto.Int32(0), LogLevel: proto.Int32(4), NotifyScripts: proto.Bool(true), EmptyNs: proto.Uint32(0x40000000),
		ManageCgroups: proto.Bool(true), ManageCgroupsMode: rpc.CriuCgMode_IGNORE.Enum(),
	}
	types := map[Kind]rpc.CriuReqType{Dump: rpc.CriuReqType_DUMP, PreDump: rpc.CriuReqType_PRE_DUMP, Restore: rpc.CriuReqType_RESTORE}
	if kind == Restore {
		o.EvasiveDevices, o.RstSibling = proto.Bool(true), proto.Bool(true)
	} else {
		o.Pid = proto.Int32(0)
	}
	return &Request{Kind: kind, WorkFD: -1}, &rpc.CriuReq{Type: types[kind].Enum(), Opts: o}
}

// Each option alone, and all of them together.
func TestRequests(t *testing.T) {
	for _, kind := range []Kind{Dump, PreDump, Restore} {
		whole, wantWhole := withoutOptions(kind)
		holds(t, kind.String(), whole.encode(), wantWhole)
		for _, o := range requestOptions() {
			single, want := withoutOptions(kind)
			for _, r := range []*Request{single, whole} {
				reflect.ValueOf(r).Elem().FieldByName(o.field).Set(reflect.ValueOf(o.value))
			}
			for _, k := range o.kinds {
				if k == kind {
					o.want(want.Opts)
					o.want(wantWhole.Opts)
				}
			}
			holds(t, kind.String()+" with "+o.field, single.encode(), want)
		}
		holds(t, kind.String()+" with all options", whole.encode(), wantWhole)
	}
}

func TestEveryFieldOfARequestIsHeldAgainstTheLibrary(t *testing.T) {
	known := map[string]bool{"Kind": true}
	for _, o := range requestOptions() {
		known[o.field] = true
	}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[Request]()) {
		if !known[f.Name] {
			t.Errorf("%s is not in requestOptions", f.Name)
		}
	}
}

func TestQuestions(t *testing.T) {
	holds(t, "version", question(version), &rpc.CriuReq{Type: rpc.CriuReqType_VERSION.Enum()})
	check, on := rpc.CriuReqType_FEATURE_CHECK.Enum(), proto.Bool(true)
	holds(t, "one", question(featureCheck, MemTrack), &rpc.CriuReq{Type: check, Features: &rpc.CriuFeatures{MemTrack: on}})
	holds(t, "two", question(featureCheck, MemTrack, LazyPages),
		&rpc.CriuReq{Type: check, Features: &rpc.CriuFeatures{MemTrack: on, LazyPages: on}})
}

func TestKindsHaveTheNamesOfTheLibrary(t *testing.T) {
	for _, k := range []Kind{Dump, Restore, PreDump, notify, featureCheck, version} {
		if want := rpc.CriuReqType(k).String(); k.String() != want {
			t.Errorf("%d is %s instead of %s", int(k), k, want)
		}
	}
}

// answers returns an answer of each kind that CRIU gives.
func answers() []*rpc.CriuResp {
	on, off := proto.Bool(true), proto.Bool(false)
	return []*rpc.CriuResp{
		{Type: rpc.CriuReqType_DUMP.Enum(), Success: on, Dump: &rpc.CriuDumpResp{Restored: on}},
		{Type: rpc.CriuReqType_PRE_DUMP.Enum(), Success: on},
		{Type: rpc.CriuReqType_RESTORE.Enum(), Success: on, Restore: &rpc.CriuRestoreResp{Pid: proto.Int32(1 << 22)}, Status: proto.Int32(-1)},
		{Type: rpc.CriuReqType_NOTIFY.Enum(), Success: on, Notify: &rpc.CriuNotify{Script: &long, Pid: proto.Int32(-1)}},
		{Type: rpc.CriuReqType_DUMP.Enum(), Success: off, CrErrno: proto.Int32(-52), CrErrmsg: &long},
		{Type: rpc.CriuReqType_FEATURE_CHECK.Enum(), Success: on, Features: &rpc.CriuFeatures{
			MemTrack: off, LazyPages: on, PidfdStore: on}},
		{Type: rpc.CriuReqType_VERSION.Enum(), Success: on, Ps: &rpc.CriuPageServerInfo{Port: proto.Int32(1)}, Version: &rpc.CriuVersion{
			MajorNumber: proto.Int32(4), MinorNumber: proto.Int32(2), Sublevel: proto.Int32(1), Extra: proto.Int32(7), Name: &long}},
		{Type: rpc.CriuReqType_VERSION.Enum(), Success: on, Version: &rpc.CriuVersion{
			MajorNumber: proto.Int32(3), MinorNumber: proto.Int32(19), Gitid: proto.String("v3.19-7-g0"), Sublevel: proto.Int32(9)}},
	}
}

// compare fails the test unless rung's decoder finds in data what the library has in resp.
func compare(t *testing.T, resp *rpc.CriuResp, data []byte) {
	t.Helper()
	kind, answer, err := parse(data)
	if kind != Kind(resp.GetType()) {
		t.Errorf("the type is %d: %v", kind, resp)
	}
	if !resp.GetSuccess() {
		want := Error{Kind: kind, Errno: int(resp.GetCrErrno()), Message: resp.GetCrErrmsg()}
		if failure := new(Error); !errors.As(err, &failure) || *failure != want {
			t.Errorf("the error is %v: %v", err, resp)
		}
		return
	}
	n, err2 := notification(answer)
	pid, err3 := restoredPid(answer)
	if err := errors.Join(err, err2, err3); err != nil {
		t.Errorf("%v: %v", err, resp)
	}
	if n.Script != resp.GetNotify().GetScript() || n.Pid != int(resp.GetNotify().GetPid()) || pid != int(resp.GetRestore().GetPid()) {
		t.Errorf("the notification is %v, the pid %d: %v", n, pid, resp)
	}
	compareVersion(t, resp.GetVersion(), answer)
	compareFeatures(t, resp.GetFeatures(), answer)
}

func compareFeatures(t *testing.T, have *rpc.CriuFeatures, answer map[int]value) {
	t.Helper()
	var want []string
	if !have.GetMemTrack() {
		want = append(want, "MemTrack")
	}
	if !have.GetLazyPages() {
		want = append(want, "LazyPages")
	}
	if got, err := missingFeatures(answer, []Feature{MemTrack, LazyPages}); !slices.Equal(got, want) || err != nil {
		t.Errorf("%v are missing, %v: %v", got, err, have)
	}
}

func compareVersion(t *testing.T, v *rpc.CriuVersion, answer map[int]value) {
	t.Helper()
	want := int(v.GetMajorNumber())*10000 + int(v.GetMinorNumber())*100
	if v.GetGitid() != "" {
		want += 100
	} else {
		want += int(v.GetSublevel())
	}
	if got, err := versionNumber(answer); got != want || err != nil {
		t.Errorf("the version is %d, %v: %v", got, err, v)
	}
}

func TestAnswers(t *testing.T) {
	for _, resp := range answers() {
		compare(t, resp, encoded(t, resp))
	}
}

// What the library decodes, and encodes again as CRIU would, is the same to rung's decoder. As it comes it may differ: for
// the library an answer that is there twice is both of them together.
func FuzzAnswers(f *testing.F) {
	for _, resp := range answers() {
		f.Add([]byte(encoded(f, resp)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		resp := &rpc.CriuResp{}
		if (proto.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(data, resp) == nil {
			compare(t, resp, encoded(t, resp))
		}
	})
}

// A message that the library does not decode at any length is no answer to rung either, unless it ends between two fields.
func TestAnswersThatEndEarly(t *testing.T) {
	for _, resp := range answers() {
		whole := encoded(t, resp)
		for n := range whole {
			err := (proto.UnmarshalOptions{AllowPartial: true}).Unmarshal(whole[:n], &rpc.CriuResp{})
			if _, got := fields(whole[:n]); (err == nil) != (got == nil) {
				t.Errorf("%q: %v instead of %v", whole[:n], got, err)
			}
		}
	}
}
