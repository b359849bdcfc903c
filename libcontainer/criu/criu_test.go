package criu

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rung/internal/sys"
)

// list decodes a message with every field that it has, in their order.
func list(t *testing.T, data []byte) (out []int) {
	t.Helper()
	for len(data) > 0 {
		got, err := fields(data[:1+fieldSize(t, data)])
		if err != nil {
			t.Fatal(err)
		}
		for field := range got {
			out = append(out, field)
		}
		data = data[1+fieldSize(t, data):]
	}
	return out
}

// fieldSize is the size of the first field behind its key, for keys of one byte.
func fieldSize(t *testing.T, data []byte) int {
	t.Helper()
	_, size := decode(int(data[0]&7), data[1:])
	if size < 0 {
		t.Fatalf("no field: %x", data)
	}
	return size
}

func options(t *testing.T, r *Request) map[int]value {
	t.Helper()
	request, err := fields(r.encode())
	if err != nil {
		t.Fatal(err)
	}
	if Kind(request[reqType].number) != r.Kind {
		t.Errorf("type %d", request[reqType].number)
	}
	out, err := fields(request[reqOptions].bytes)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// The numbers are those of criu_opts in CRIU's images/rpc.proto.
func TestFlags(t *testing.T) {
	tests := []struct {
		name  string
		field int
		kind  Kind
		set   func(*Request)
	}{
		{"leave running", 3, Dump, func(r *Request) { r.LeaveRunning = true }},
		{"external unix sockets", 4, Dump, func(r *Request) { r.ExtUnixSockets = true }},
		{"tcp", 5, Restore, func(r *Request) { r.TCPEstablished = true }},
		{"shell job", 7, Restore, func(r *Request) { r.ShellJob = true }},
		{"file locks", 8, Dump, func(r *Request) { r.FileLocks = true }},
		{"auto dedup", 16, Dump, func(r *Request) { r.AutoDedup = true }},
		{"link remap", 18, Dump, func(r *Request) { r.LinkRemap = true }},
		{"skip in flight", 46, Dump, func(r *Request) { r.TCPSkipInFlight = true }},
		{"orphan pts", 50, Dump, func(r *Request) { r.OrphanPTS = true }},
		{"lazy pages", 48, Restore, func(r *Request) { r.LazyPages = true }},
	}
	for _, tt := range tests {
		r := &Request{Kind: tt.kind, WorkFD: -1}
		if got := options(t, r)[tt.field]; got.number != 0 {
			t.Errorf("%s: set by default", tt.name)
		}
		tt.set(r)
		if got := options(t, r)[tt.field]; got.number != 1 {
			t.Errorf("%s: field %d is not set", tt.name, tt.field)
		}
	}
}

func TestDumpOptions(t *testing.T) {
	o := options(t, &Request{
		Kind: PreDump, ImagesFD: 5, WorkFD: 6, LogFile: "dump.log", ConfigFile: "/etc/criu/runc.conf", Root: "/root",
		Pid: 1234567, FreezeCgroup: "/sys/fs/cgroup/x", ParentImage: "../parent", PageServer: PageServer{"::1", 65535},
		ExtMounts: []Mount{{"/a", "/b"}}, Externals: []string{"net[1]:key"},
	})
	for field, want := range map[int]int64{1: 5, 2: 1234567, 9: 4, 12: 1, 15: 1, 17: 6, 24: 1, 38: 0x40000000} {
		if o[field].number != want {
			t.Errorf("field %d is %d instead of %d", field, o[field].number, want)
		}
	}
	for field, want := range map[int]string{
		10: "dump.log", 13: "/root", 14: "../parent", 37: "net[1]:key", 44: "/sys/fs/cgroup/x", 51: "/etc/criu/runc.conf",
		11: "\x0a\x03::1\x10\xff\xff\x03", 23: "\x0a\x02/a\x12\x02/b",
	} {
		if got := string(o[field].bytes); got != want {
			t.Errorf("field %d is %q instead of %q", field, got, want)
		}
	}
	for _, field := range []int{25, 26, 27, 39} {
		if _, ok := o[field]; ok {
			t.Errorf("field %d is for a restore", field)
		}
	}
}

func TestRestoreOptions(t *testing.T) {
	o := options(t, &Request{
		Kind: Restore, WorkFD: -1, CgroupMode: 3, CgroupRoots: []CgroupRoot{{"", "/c"}}, JoinNS: []JoinNS{{"ipc", "/ns"}},
		InheritFDs: []InheritFD{{"pipe:[7]", 0}}, LSMProfile: "apparmor:x", LSMMountContext: "c",
	})
	for field, want := range map[int]string{
		25: "\x0a\x00\x12\x02/c", 27: "\x0a\x08pipe:[7]\x10\x00", 39: "\x0a\x03ipc\x12\x03/ns", 53: "apparmor:x", 63: "c",
	} {
		if got := string(o[field].bytes); got != want {
			t.Errorf("field %d is %q instead of %q", field, got, want)
		}
	}
	if o[26].number != 1 || o[6].number != 1 || o[34].number != 3 {
		t.Errorf("sibling, evasive devices or the mode of cgroups is missing: %v", o)
	}
	if _, ok := o[17]; ok {
		t.Error("a work directory that was not given")
	}
}

func TestMountNames(t *testing.T) {
	for _, m := range []Mount{{"", "x"}, {"/a", ""}, {"/a]:/etc", "x"}, {"/a\nb", "x"}, {"/a", "x\x00"}} {
		if m.Validate() == nil {
			t.Errorf("%q is taken", m)
		}
	}
	for _, key := range []string{"/a", "/a]b", "/a:b", "/a b", "/[x]"} {
		if err := (Mount{key, "x"}).Validate(); err != nil {
			t.Error(err)
		}
	}
}

func TestCgroupModes(t *testing.T) {
	for mode, want := range map[string]CgroupMode{"": 6, "ignore": 0, "soft": 3, "full": 4, "strict": 5} {
		if got, err := ParseCgroupMode(mode); got != want || err != nil {
			t.Errorf("%q is %d, %v", mode, got, err)
		}
	}
	if _, err := ParseCgroupMode("props"); err == nil || err.Error() != "invalid manage-cgroups-mode value" {
		t.Error(err)
	}
}

func FuzzFields(f *testing.F) {
	f.Add([]byte("\x08\x02\x10\x01\x2a\x04\x0a\x02ab"))
	f.Add([]byte{0x0d, 1, 2, 3, 4, 0x09})
	f.Fuzz(func(_ *testing.T, data []byte) {
		_, _ = fields(data)
	})
}

func TestFieldsThatEndEarly(t *testing.T) {
	for _, data := range []string{"\x08", "\x0a\x05abc", "\x0d\x01", "\x09\x01", "\x0b", "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "\xff"} {
		if got, err := fields([]byte(data)); err == nil {
			t.Errorf("%q is %v", data, got)
		}
	}
	if got := list(t, []byte("\x08\x01\x12\x00\x1d\x00\x00\x00\x00\x21\x00\x00\x00\x00\x00\x00\x00\x00")); !slices.Equal(got, []int{1, 2, 3, 4}) {
		t.Error(got)
	}
}

// serve is a CRIU that sends these messages, one after each that it gets.
func serve(t *testing.T, messages ...message) (*Conn, <-chan string) {
	t.Helper()
	conn, theirs, err := Pair()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	got := make(chan string, len(messages))
	go func() {
		defer close(got)
		defer theirs.Close()
		buffer := make([]byte, maxMessage)
		for _, m := range messages {
			n, _, err := sys.ReceiveMessage(theirs, buffer)
			if err != nil || n == 0 {
				return
			}
			got <- string(buffer[:n])
			if m == nil {
				return
			}
			if sys.SendMessage(theirs, m) != nil {
				return
			}
		}
	}()
	return conn, got
}

func answer(kind Kind, success int64, more ...func(*message)) (m message) {
	m.number(respType, int64(kind))
	m.number(respSuccess, success)
	for _, f := range more {
		f(&m)
	}
	return m
}

func script(name string) func(*message) {
	return func(m *message) {
		var n message
		n.text(1, name)
		n.number(2, 99)
		m.bytes(respNotify, n)
	}
}

func TestRestoreWithNotifications(t *testing.T) {
	conn, got := serve(t, answer(notify, 1, script("setup-namespaces")), answer(notify, 1, script("post-restore")),
		answer(Restore, 1, func(m *message) { m.bytes(respRestore, message("\x08\x63")) }))
	var seen []string
	pid, err := conn.Do(&Request{Kind: Restore}, func(n Notification) error {
		if n.Pid != 99 {
			t.Errorf("pid %d", n.Pid)
		}
		seen = append(seen, n.Script)
		return nil
	})
	if err != nil || pid != 99 || !slices.Equal(seen, []string{"setup-namespaces", "post-restore"}) {
		t.Errorf("%d %v %v", pid, err, seen)
	}
	<-got // the request
	for range 2 {
		if text := <-got; text != "\x08\x06\x18\x01" {
			t.Errorf("answer %q", text)
		}
	}
}

func TestARefusedNotificationIsTold(t *testing.T) {
	conn, got := serve(t, answer(notify, 1, script("setup-namespaces")), nil)
	refusal := errors.New("hook failed")
	if _, err := conn.Do(&Request{Kind: Restore}, func(Notification) error { return refusal }); !errors.Is(err, refusal) {
		t.Error(err)
	}
	<-got
	if text := <-got; text != "\x08\x06\x18\x00" {
		t.Errorf("answer %q", text)
	}
}

func TestFailures(t *testing.T) {
	conn, _ := serve(t, answer(Dump, 0, func(m *message) {
		m.number(respErrno, 52)
		m.text(respErrorMessage, "Error: it is so\n")
	}))
	_, err := conn.Do(&Request{Kind: Dump}, nil)
	var failure *Error
	if !errors.As(err, &failure) || failure.Error() != "criu failed: type DUMP errno 52: Error: it is so" {
		t.Error(err)
	}
	failure.Cause, failure.Log = "no such mount", "/w/dump.log"
	if got := failure.Error(); got != "criu failed: type DUMP errno 52: no such mount (log file: /w/dump.log)" {
		t.Error(got)
	}
	failure.Cause, failure.Log, failure.Message = "", "", "Error (criu/util.c:1534): rlimit: Can't setup RLIMIT_NOFILE for self: Operation not permitted"
	if got := failure.Error(); got != "criu failed: type DUMP errno 52" {
		t.Error(got)
	}
	for name, m := range map[string]message{"another answer": answer(PreDump, 1), "no message": message("\xff")} {
		conn, _ := serve(t, m)
		if _, err := conn.Do(&Request{Kind: Dump}, nil); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	conn, _ = serve(t)
	if _, err := conn.Do(&Request{Kind: Dump}, nil); err == nil {
		t.Error("no answer at all is taken")
	}
}

func TestReadLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dump.log")
	text := "one\n(00.1) Error (criu/util.c:1534): rlimit: Can't setup RLIMIT_NOFILE for self: Operation not permitted\n" +
		strings.Repeat("(00.2) work\n", 10) + "(00.3) 7: Error (criu/files-reg.c:1790): Can't lookup mount=24 for fd=0 path=/x\n" +
		"(00.4) Error (criu/cr-dump.c:1975): Dumping FAILED.\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cause, lines := ReadLog(path)
	if cause != "Can't lookup mount=24 for fd=0 path=/x" {
		t.Error(cause)
	}
	want := []string{"1:one", lines[1], "...", "8:(00.2) work", "9:(00.2) work", "10:(00.2) work", "11:(00.2) work", "12:(00.2) work", lines[8], lines[9]}
	if !slices.Equal(lines, want) || !strings.HasPrefix(lines[8], "13:") || !strings.HasPrefix(lines[9], "14:") {
		t.Errorf("%q", lines)
	}
	if cause, lines := ReadLog(path + ".none"); cause != "" || lines != nil {
		t.Error(cause, lines)
	}
}

func TestTheEndOfALongLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dump.log")
	text := "Error (a): first\n" + strings.Repeat(strings.Repeat("x", 99)+"\n", logRead/100+10) + "Error (b): last\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if cause, _ := ReadLog(path); cause != "last" {
		t.Error(cause)
	}
}

func mountImage(entries ...message) []byte {
	image := binary.NativeEndian.AppendUint32(nil, magicCommon)
	image = binary.NativeEndian.AppendUint32(image, magicMounts)
	for _, e := range entries {
		image = append(binary.NativeEndian.AppendUint32(image, uint32(len(e))), e...)
	}
	return image
}

func mountEntry(point, key string) (m message) {
	m.number(1, 2)
	m.text(mntPoint, point)
	m.text(mntExternalKey, key)
	return m
}

func TestExternalMounts(t *testing.T) {
	got, err := ExternalMounts(mountImage(mountEntry("/a", "/name"), mountEntry("/proc", ""), mountEntry("/b", "/a//b")))
	if want := []ExternalMount{{"/name", "/a"}, {"/a//b", "/b"}}; err != nil || !slices.Equal(got, want) {
		t.Error(got, err)
	}
	whole := mountImage(mountEntry("/a", "/name"))
	for n := range whole {
		if _, err := ExternalMounts(whole[:n]); err == nil && n != len(mountImage()) {
			t.Errorf("%d bytes are taken", n)
		}
	}
}

func FuzzExternalMounts(f *testing.F) {
	f.Add(mountImage(mountEntry("/a", "/name"), mountEntry("/proc", "")))
	f.Fuzz(func(_ *testing.T, image []byte) {
		_, _ = ExternalMounts(image)
	})
}

// A program that answers like CRIU's "swrk", to be found in PATH.
func TestVersionsAndFeatures(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "criu")
	say := func(answer string) {
		t.Helper()
		text := "#!/bin/sh\n[ \"$1 $2\" = 'swrk 3' ] || exit 9\nprintf '" + answer + "' >&3\nread -r x <&3 || :\n"
		if err := os.WriteFile(program, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir)
	if found, err := Find(); err == nil {
		t.Errorf("found %s", found)
	}
	say(`\010\012\020\001\122\006\010\003\020\021\040\001`)
	if found, err := Find(); found != program || err != nil {
		t.Error(found, err)
	}
	if n, err := Version(program); n != 31701 || err != nil {
		t.Error(n, err)
	}
	say(`\010\012\020\001\122\004\010\003\020\017`)
	if err := CheckVersion(program); err == nil || err.Error() != "CRIU version 31500 must be 31600 or higher" {
		t.Error(err)
	}
	say(`\010\011\020\001\102\004\010\001\020\000`)
	if err := CheckFeatures(program, MemTrack); err != nil {
		t.Error(err)
	}
	if err := CheckFeatures(program, MemTrack, LazyPages); err == nil || err.Error() != "criu is missing features: [LazyPages]" {
		t.Error(err)
	}
}
