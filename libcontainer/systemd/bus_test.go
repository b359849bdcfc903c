package systemd

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"rung/internal/sys"
	"rung/libcontainer/systemd/fakebus"
)

func newBus(t *testing.T) (*fakebus.Bus, *Bus) {
	t.Helper()
	fake := fakebus.New(t)
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", fake.Address())
	b := &Bus{timeout: 5 * time.Second}
	t.Cleanup(b.Close)
	return fake, b
}

func start(b *Bus, unit string, list ...Property) error {
	s, err := b.Begin(unit, list)
	if err != nil {
		return err
	}
	return s.Wait()
}

func TestStart(t *testing.T) {
	fake, b := newBus(t)
	fake.Dribble = true
	err := start(b, "a-b.scope", Property{"Delegate", Bool(true)}, Property{"MemoryMax", Infinity},
		Property{"PIDs", Array{"u", []Value{Uint32(7)}}}, Property{"AllowedCPUs", Bytes([]byte{3})},
		Property{"DeviceAllow", Array{"(ss)", []Value{Struct{String("/dev/null"), String("rw")}}}},
		Property{"Slice", String("x.slice")}, Property{"DeviceAllow2", Array{Elem: "(ss)"}})
	if err != nil {
		t.Fatal(err)
	}
	c := fake.Calls("StartTransientUnit")[0]
	if c.Destination != service || c.Path != objectPath || c.Interface != managerInterface {
		t.Errorf("called %+v", c)
	}
	if c.Args[0] != "a-b.scope" || c.Args[1] != "replace" || len(c.Args[3].([]any)) != 0 {
		t.Errorf("arguments %v", c.Args)
	}
	want := map[string]any{
		"Delegate": true, "MemoryMax": uint64(1<<64 - 1), "PIDs": []any{uint32(7)}, "AllowedCPUs": []any{byte(3)},
		"DeviceAllow": []any{[]any{"/dev/null", "rw"}}, "Slice": "x.slice", "DeviceAllow2": []any{},
	}
	if got := fakebus.PropertiesOf(c.Args[2]); !reflect.DeepEqual(got, want) {
		t.Errorf("properties %v, want %v", got, want)
	}
	// dbus-broker never matches an argument after one that is not a string.
	if rule := fake.Calls("AddMatch")[0].Args[0].(string); !strings.Contains(rule, "member='JobRemoved'") || strings.Contains(rule, "arg") {
		t.Errorf("rule %s", rule)
	}
}

// Begin sends the call together with the greeting, and waits for no answer before that.
func TestOnePacket(t *testing.T) {
	fake, b := newBus(t)
	if _, err := b.Begin("a.scope", nil); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(5 * time.Second); len(fake.Calls("StartTransientUnit")) == 0; {
		if time.Now().After(end) {
			t.Fatal("the call was not sent before an answer was read")
		}
		time.Sleep(time.Millisecond)
	}
}

// On its private socket systemd does not handle a call that comes in one packet with the greeting.
func TestPrivateSocket(t *testing.T) {
	fake := fakebus.New(t)
	fake.Private = true
	c, err := dial(t.Context(), fake.Socket, true, false)
	if err != nil {
		t.Fatal(err)
	}
	b := &Bus{conn: c, timeout: time.Second}
	defer b.Close()
	if err := b.Stop("a.scope"); err != nil {
		t.Error(err)
	}
	if n := len(fake.Calls("Hello")) + len(fake.Calls("AddMatch")); n > 0 {
		t.Errorf("%d calls for a bus", n)
	}
}

func TestGreeting(t *testing.T) {
	fake, b := newBus(t)
	if err := start(b, "a.scope"); err != nil {
		t.Fatal(err)
	}
	if got := fake.Greeting(); !strings.HasPrefix(got, "\x00AUTH EXTERNAL 3") || strings.Contains(got, "DATA") {
		t.Errorf("greeting %q", got)
	}
	anonymous := &Bus{timeout: 5 * time.Second, Anonymous: true}
	defer anonymous.Close()
	if err := start(anonymous, "b.scope"); err != nil {
		t.Fatal(err)
	}
	if got := fake.Greeting(); got != "\x00AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n" {
		t.Errorf("greeting %q", got)
	}
}

func failOnce(member, name, text string) func(*fakebus.Call) (string, string) {
	failed := false
	return func(c *fakebus.Call) (string, string) {
		if c.Member != member || failed {
			return "", ""
		}
		failed = true
		return name, text
	}
}

// https://github.com/opencontainers/runc/pull/3780: a failed unit of the same name is reset, and any other unit of that
// name is an error.
func TestUnitExists(t *testing.T) {
	fake, b := newBus(t)
	fake.Fail = failOnce("StartTransientUnit", unitExists, "Unit a.scope was already loaded.")
	if err := start(b, "a.scope"); err != nil {
		t.Fatalf("a failed unit of the same name was not reset: %v", err)
	}
	if n := len(fake.Calls("ResetFailedUnit")); n != 1 {
		t.Errorf("reset %d times", n)
	}
	fake.Fail = func(c *fakebus.Call) (string, string) {
		if c.Member == "StartTransientUnit" {
			return unitExists, "Unit a.scope was already loaded."
		}
		return "", ""
	}
	s, err := b.Begin("a.scope", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err = s.Wait(); s.Accepted() {
		t.Error("Accepted is true for another's unit, which would be stopped")
	}
	if !errors.Is(err, ErrUnitExists) || !strings.Contains(err.Error(), `unable to start unit "a.scope"`) {
		t.Errorf("error %v", err)
	}
}

func TestStartErrors(t *testing.T) {
	for name, test := range map[string]struct {
		set  func(*fakebus.Bus)
		want string
		is   error
	}{
		"job": {func(f *fakebus.Bus) { f.Results["a.scope"] = "failed" }, "error creating systemd unit `a.scope`: got `failed`", nil},
		"slow job": {
			func(f *fakebus.Bus) { f.Results["a.scope"] = "" }, "timeout waiting for systemd to create a.scope",
			os.ErrDeadlineExceeded,
		},
		"slow bus": {
			func(f *fakebus.Bus) { f.Silent = true }, `unable to start unit "a.scope": StartTransientUnit: systemd has not answered`,
			os.ErrDeadlineExceeded,
		},
		"rejected": {func(f *fakebus.Bus) { f.Reject = true }, "authentication failed: REJECTED EXTERNAL", nil},
		"garbage":  {func(f *fakebus.Bus) { f.Garbage = true }, errMalformed.Error(), errMalformed},
		"hangup":   {func(f *fakebus.Bus) { f.Hangup = true }, "unexpected EOF", io.ErrUnexpectedEOF},
		"refused property": {func(f *fakebus.Bus) {
			f.Fail = failOnce("StartTransientUnit", "org.freedesktop.DBus.Error.PropertyReadOnly", "Cannot set property Foo, or unknown property.")
		}, "Cannot set property Foo, or unknown property", nil},
		"no hello": {func(f *fakebus.Bus) {
			f.Fail = failOnce("Hello", "org.freedesktop.DBus.Error.LimitsExceeded", "too many")
		}, "Hello: too many", nil},
		"no match": {func(f *fakebus.Bus) { f.Fail = failOnce("AddMatch", "x.Y", "") }, "AddMatch: x.Y", nil},
	} {
		t.Run(name, func(t *testing.T) {
			fake, b := newBus(t)
			b.timeout = 300 * time.Millisecond
			test.set(fake)
			err := start(b, "a.scope")
			if err == nil || !strings.Contains(err.Error(), test.want) || (test.is != nil && !errors.Is(err, test.is)) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}

func TestStop(t *testing.T) {
	fake, b := newBus(t)
	if err := b.Stop("a.scope"); err != nil {
		t.Fatal(err)
	}
	if len(fake.Calls("StopUnit")) != 1 || len(fake.Calls("ResetFailedUnit")) != 1 {
		t.Errorf("calls %+v", fake.Calls(""))
	}
	fake.Fail = failOnce("StopUnit", noSuchUnit, "Unit b.scope not loaded.")
	if err := b.Stop("b.scope"); err != nil {
		t.Errorf("a unit that is gone: %v", err)
	}
	fake.Results["c.scope"] = ""
	b.timeout = 200 * time.Millisecond
	if err := b.Stop("c.scope"); err == nil || !strings.Contains(err.Error(), "timeout waiting for systemd to remove c.scope") {
		t.Errorf("error %v", err)
	}
}

func TestCalls(t *testing.T) {
	fake, b := newBus(t)
	fake.Properties = map[string]string{"Version": "252.38-1~deb12u1", "ControlGroup": "/user.slice", "Result": "oom-kill"}
	if v, err := b.Version(); v != 252 || err != nil {
		t.Errorf("version %d, %v", v, err)
	}
	if s, err := b.ControlGroup(); s != "/user.slice" || err != nil {
		t.Errorf("control group %q, %v", s, err)
	}
	if s, err := b.Result("1a-b.scope"); s != "oom-kill" || err != nil {
		t.Errorf("result %q, %v", s, err)
	}
	if path := fake.Calls("Get")[2].Path; path != "/org/freedesktop/systemd1/unit/_31a_2db_2escope" {
		t.Errorf("object %s", path)
	}
	if err := b.SetProperties("a.scope", []Property{{"TasksMax", Uint64(5)}}); err != nil {
		t.Error(err)
	}
	if c := fake.Calls("SetUnitProperties")[0]; c.Args[0] != "a.scope" || c.Args[1] != true ||
		fakebus.PropertiesOf(c.Args[2])["TasksMax"] != uint64(5) {
		t.Errorf("set %v", c.Args)
	}
	if err := b.Attach("a.scope", "/b", 9); err != nil {
		t.Error(err)
	}
	if c := fake.Calls("AttachProcessesToUnit")[0]; !reflect.DeepEqual(c.Args, []any{"a.scope", "/b", []any{uint32(9)}}) {
		t.Errorf("attach %v", c.Args)
	}
	fake.Fail = failOnce("SetUnitProperties", noSuchUnit, "Unit a.scope not loaded.")
	if err := b.SetProperties("a.scope", nil); err == nil || !strings.Contains(err.Error(), "a.scope") {
		t.Errorf("error %v", err)
	}
}

func TestNoBus(t *testing.T) {
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path="+filepath.Join(t.TempDir(), "none"))
	b := &Bus{}
	if exists, err := sys.Exists(privateSocket); exists || err != nil {
		t.Skip("needs a machine without systemd")
	}
	if err := b.Connect(); !errors.Is(err, syscall.ENOENT) || !strings.Contains(err.Error(), "failed to connect to dbus") {
		t.Errorf("error %v", err)
	}
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "")
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	user := &Bus{User: true}
	if err := user.Connect(); err == nil || !strings.Contains(err.Error(), "DBUS_SESSION_BUS_ADDRESS") {
		t.Errorf("error %v", err)
	}
}

// https://github.com/opencontainers/runc/issues/3904: a bus that does not accept connections.
func TestFullQueue(t *testing.T) {
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	path := filepath.Join(t.TempDir(), "s")
	if err := syscall.Bind(fd, &syscall.SockaddrUnix{Name: path}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		client, err := sys.DialStream(path, 50*time.Millisecond)
		if errors.Is(err, syscall.EAGAIN) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		defer sys.CloseFd(client)
	}
	t.Error("no client was refused")
}

// Each wait ends with the context, and the Bus can be used with another context then.
func TestContext(t *testing.T) {
	errCause := errors.New("ended by SIGTERM")
	for name, set := range map[string]func(*fakebus.Bus){
		"answer": func(f *fakebus.Bus) { f.Silent = true },
		"job":    func(f *fakebus.Bus) { f.Results["a.scope"] = "" },
	} {
		t.Run(name, func(t *testing.T) {
			fake, b := newBus(t)
			set(fake)
			ctx, cancel := context.WithCancelCause(t.Context())
			b.Context = ctx
			if err := b.Connect(); err != nil { // so that an emulated machine has come to the answer in that time
				t.Fatal(err)
			}
			time.AfterFunc(20*time.Millisecond, func() { cancel(errCause) })
			begin := time.Now()
			err := start(b, "a.scope")
			if !errors.Is(err, errCause) || !strings.Contains(err.Error(), "waiting for an answer of systemd: ended by SIGTERM") {
				t.Errorf("error %v", err)
			}
			if took := time.Since(begin); took > Timeout/2 {
				t.Errorf("took %v", took)
			}
			fake.Silent = false
			b.Context = t.Context()
			if err := b.Stop("b.scope"); err != nil {
				t.Errorf("after another context: %v", err)
			}
		})
	}
}
