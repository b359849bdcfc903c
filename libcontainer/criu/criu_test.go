package criu

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/checkpoint-restore/go-criu/v8/crit/images/mnt"
	"github.com/checkpoint-restore/go-criu/v8/magic"
	"github.com/checkpoint-restore/go-criu/v8/rpc"
	"google.golang.org/protobuf/proto"

	"rung/internal/sys"
)

func TestMountNames(t *testing.T) {
	for _, m := range []Mount{{"", "x"}, {"/a", ""}, {"/a]:/etc", "x"}, {"/a\nb", "x"}, {"/a", "x\x00"}} {
		if m.Validate() == nil {
			t.Errorf("%q is accepted", m)
		}
	}
	for _, key := range []string{"/a", "/a]b", "/a:b", "/a b", "/[x]"} {
		if err := (Mount{key, "x"}).Validate(); err != nil {
			t.Error(err)
		}
	}
}

func TestCgroupModes(t *testing.T) {
	for mode, want := range map[string]rpc.CriuCgMode{
		"": rpc.CriuCgMode_DEFAULT, "ignore": rpc.CriuCgMode_IGNORE, "soft": rpc.CriuCgMode_SOFT, "full": rpc.CriuCgMode_FULL,
		"strict": rpc.CriuCgMode_STRICT,
	} {
		if got, err := ParseCgroupMode(mode); got != CgroupMode(want) || err != nil {
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
	all, err := fields([]byte("\x08\x01\x12\x00\x1d\x00\x00\x00\x00\x21\x00\x00\x00\x00\x00\x00\x00\x00"))
	if got := slices.Sorted(maps.Keys(all)); !slices.Equal(got, []int{1, 2, 3, 4}) || err != nil {
		t.Error(got, err)
	}
}

// serve plays a CRIU that answers each message that it gets with the next of messages.
func serve(t *testing.T, messages ...message) (*Conn, <-chan string) {
	t.Helper()
	conn, theirs, err := Pair(t.Context())
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

func answer(kind Kind, success bool) *rpc.CriuResp {
	return &rpc.CriuResp{Type: rpc.CriuReqType(kind).Enum(), Success: &success}
}

func notified(t *testing.T, script string) message {
	t.Helper()
	resp := answer(notify, true)
	resp.Notify = &rpc.CriuNotify{Script: &script, Pid: proto.Int32(99)}
	return encoded(t, resp)
}

// replied fails the test unless text is the reply to a notification.
func replied(t *testing.T, text string, success bool) {
	t.Helper()
	holds(t, "reply", []byte(text), &rpc.CriuReq{Type: rpc.CriuReqType_NOTIFY.Enum(), NotifySuccess: &success})
}

func TestRestoreWithNotifications(t *testing.T) {
	done := answer(Restore, true)
	done.Restore = &rpc.CriuRestoreResp{Pid: proto.Int32(99)}
	conn, got := serve(t, notified(t, "setup-namespaces"), notified(t, "post-restore"), encoded(t, done))
	var seen []string
	pid, err := conn.Do(&Request{Kind: Restore}, func(n Notification) error {
		if n.Pid != 99 {
			t.Errorf("pid %d", n.Pid)
		}
		seen = append(seen, n.Script)
		return nil
	})
	if err != nil || pid != 99 || !slices.Equal(seen, []string{"setup-namespaces", "post-restore"}) {
		t.Fatalf("%d %v %v", pid, err, seen)
	}
	<-got // the request
	for range 2 {
		replied(t, <-got, true)
	}
}

func TestDoTellsOfARefusedNotification(t *testing.T) {
	conn, got := serve(t, notified(t, "setup-namespaces"), nil)
	refusal := errors.New("hook failed")
	if _, err := conn.Do(&Request{Kind: Restore}, func(Notification) error { return refusal }); !errors.Is(err, refusal) {
		t.Fatal(err)
	}
	<-got
	replied(t, <-got, false)
}

func TestFailures(t *testing.T) {
	failed := answer(Dump, false)
	failed.CrErrno, failed.CrErrmsg = proto.Int32(52), proto.String("Error: it is so\n")
	conn, _ := serve(t, encoded(t, failed))
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
	for m, want := range map[string]string{
		string(encoded(t, answer(PreDump, true))): "unable to parse the response: criu answers PRE_DUMP to DUMP",
		"\xff": "criu sent a malformed message",
		string(encoded(t, answer(Dump, true))) + strings.Repeat("\x18\x01", maxMessage/2): "criu sent a message of more than 65536 bytes",
	} {
		conn, _ := serve(t, message(m))
		if _, err := conn.Do(&Request{Kind: Dump}, nil); err == nil || err.Error() != want {
			t.Errorf("%v instead of %s", err, want)
		}
	}
	conn, _ = serve(t)
	if _, err := conn.Do(&Request{Kind: Dump}, nil); err == nil {
		t.Error("the end of the connection is accepted as an answer")
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

// A FIFO in the place of the log does not make rung wait.
func TestLogThatIsAFIFO(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dump.log")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if text, err := logEnd(path); text != "" || err != nil {
		t.Errorf("%q, %v", text, err)
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

func mountEntry(t testing.TB, point, key string) message {
	t.Helper()
	n, text := proto.Uint32(2), proto.String("x")
	entry := &mnt.MntEntry{Fstype: n, MntId: n, RootDev: n, ParentMntId: n, Flags: n, Root: text, Mountpoint: &point, Source: text, Options: text}
	if key != "" {
		entry.ExtKey = &key
	}
	return encoded(t, entry)
}

func TestMagicNumbers(t *testing.T) {
	if known := magic.LoadMagic().ByName; known["IMG_COMMON"] != magicCommon || known["MNTS"] != magicMounts {
		t.Errorf("%x, %x", known["IMG_COMMON"], known["MNTS"])
	}
}

func TestExternalMounts(t *testing.T) {
	got, err := ExternalMounts(mountImage(mountEntry(t, "/a", "/name"), mountEntry(t, "/proc", ""), mountEntry(t, "/b", "/a//b")))
	if want := []ExternalMount{{"/name", "/a"}, {"/a//b", "/b"}}; err != nil || !slices.Equal(got, want) {
		t.Error(got, err)
	}
	whole := mountImage(mountEntry(t, "/a", "/name"))
	for n := range whole {
		if _, err := ExternalMounts(whole[:n]); err == nil && n != len(mountImage()) {
			t.Errorf("%d bytes are accepted", n)
		}
	}
}

func FuzzExternalMounts(f *testing.F) {
	f.Add(mountImage(mountEntry(f, "/a", "/name"), mountEntry(f, "/proc", "")))
	f.Fuzz(func(_ *testing.T, image []byte) {
		_, _ = ExternalMounts(image)
	})
}

// The test puts a script that answers like "criu swrk" into PATH.
func TestVersionsAndFeatures(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "criu")
	say := func(answer *rpc.CriuResp) {
		t.Helper()
		octal := ""
		for _, b := range encoded(t, answer) {
			octal += fmt.Sprintf(`\%03o`, b)
		}
		text := "#!/bin/sh\n[ \"$1 $2\" = 'swrk 3' ] || exit 9\nprintf '" + octal + "' >&3\nread -r x <&3 || :\n"
		if err := os.WriteFile(program, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir)
	if found, err := Find(); err == nil {
		t.Errorf("found %s", found)
	}
	is := func(major, minor, sublevel int32) *rpc.CriuResp {
		resp := answer(version, true)
		resp.Version = &rpc.CriuVersion{MajorNumber: &major, MinorNumber: &minor, Sublevel: &sublevel}
		return resp
	}
	say(is(3, 17, 1))
	if found, err := Find(); found != program || err != nil {
		t.Error(found, err)
	}
	if n, err := Version(t.Context(), program); n != 31701 || err != nil {
		t.Error(n, err)
	}
	say(is(3, 15, 0))
	if err := CheckVersion(t.Context(), program); err == nil || err.Error() != "CRIU version 31500 must be 31600 or higher" {
		t.Error(err)
	}
	checked := answer(featureCheck, true)
	checked.Features = &rpc.CriuFeatures{MemTrack: proto.Bool(true), LazyPages: proto.Bool(false)}
	say(checked)
	if err := CheckFeatures(t.Context(), program, MemTrack); err != nil {
		t.Error(err)
	}
	if err := CheckFeatures(t.Context(), program, MemTrack, LazyPages); err == nil || err.Error() != "criu is missing features: [LazyPages]" {
		t.Error(err)
	}
}
