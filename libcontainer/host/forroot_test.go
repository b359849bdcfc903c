package host

import (
	"os"
	"reflect"
	"syscall"
	"testing"
)

// For root the facts are the caller's own.
func TestProbeForRootAsRoot(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("requires root")
	}
	own, err := Probe()
	check(t, err)
	got, err := ProbeForRoot()
	check(t, err)
	if !reflect.DeepEqual(got, own) {
		t.Errorf("%+v, want %+v", got, own)
	}
}

func TestProbeForRootAsUser(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("requires a plain user")
	}
	f, err := ProbeForRoot()
	if err == errNoRoot {
		t.Skip("requires a user namespace with root")
	}
	check(t, err)
	if f.Rootless() || !f.Privileged() || !f.MapsIDs || f.EGID != 0 {
		t.Errorf("%+v", f)
	}
}

func TestClosedTo(t *testing.T) {
	tests := []struct {
		forRoot bool
		err     error
		want    bool
	}{
		{true, syscall.EACCES, true},
		{true, &os.PathError{Op: "open", Path: "/x", Err: syscall.EACCES}, true},
		{true, syscall.ENOENT, false},
		{true, nil, false},
		{false, syscall.EACCES, false}, // the facts are the caller's own
	}
	for _, test := range tests {
		f := &Facts{forRoot: test.forRoot}
		got := f.closedTo(test.err, "/x", "a directory")
		if got != test.want {
			t.Errorf("%+v: %v", test, got)
		}
		if listed := len(f.Unseen) == 1 && f.Unseen[0] == "/x: taken for a directory"; listed != test.want {
			t.Errorf("%+v: unseen %q", test, f.Unseen)
		}
	}
}

func TestMapsRoot(t *testing.T) {
	for text, want := range map[string]bool{
		"         0          0 4294967295\n": true,
		"0 1000 1\n":                         true,
		"1 100000 65535\n0 1000 1\n":         true,
		"1 100000 65535\n":                   false,
		"10 0 1\n":                           false,
		"":                                   false,
	} {
		if got := hasZero(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}
