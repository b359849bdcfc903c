package sys

import (
	"maps"
	"os"
	"runtime"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// needed are the calls that rung cannot do without.
func needed() map[string]call {
	calls := newCalls()
	maps.Copy(calls, oldCalls())
	return calls
}

func TestProbesAnswerAsTheKernelDoes(t *testing.T) {
	for name, call := range needed() {
		p := call.probed()
		if p.filtered && p.errno != call.answer {
			t.Skipf("needs a process that no seccomp filter denies %s", name)
		}
		if !p.may {
			continue
		}
		if p.errno != call.answer {
			t.Errorf("the probe of %s: %v, want %v", name, p.errno, call.answer)
		}
		if why := WhyRefused(name, unix.EPERM); why != "" {
			t.Errorf("%s is free, and is said to be refused: %s", name, why)
		}
	}
}

func TestCause(t *testing.T) {
	calls := newCalls()
	openat2, fsopen, move := calls["openat2"], calls["fsopen"], calls["move_mount"]
	for name, c := range map[string]struct {
		call   *call
		probe  probe
		access bool
		want   string // part of the cause; "" for none
	}{
		"a filter's EPERM":                       {&openat2, probe{errno: unix.EPERM, filtered: true, may: true, release: "6.1.0"}, false, "seccomp filter"},
		"a filter's ENOSYS":                      {&openat2, probe{errno: unix.ENOSYS, filtered: true, release: "6.1.0"}, false, "seccomp filter"},
		"an old kernel":                          {&openat2, probe{errno: unix.ENOSYS, release: "5.4.0-1"}, false, "this kernel (5.4.0-1) does not have it: it is of Linux 5.6"},
		"an old kernel, and a filter":            {&openat2, probe{errno: unix.ENOSYS, filtered: true, release: "5.4.0-1"}, false, "this kernel"},
		"a kernel without it":                    {&openat2, probe{errno: unix.ENOSYS, release: "6.1.0"}, false, "was built without it"},
		"no filter, and EPERM":                   {&openat2, probe{errno: unix.EPERM, release: "6.1.0"}, false, ""},
		"nothing in the way":                     {&openat2, probe{errno: unix.EINVAL, filtered: true, release: "6.1.0"}, false, ""},
		"a plain user's EPERM":                   {&fsopen, probe{errno: unix.EPERM, filtered: true}, false, ""},
		"root's EPERM":                           {&fsopen, probe{errno: unix.EPERM, filtered: true, may: true}, false, "seccomp filter"},
		"a profile":                              {&move, probe{errno: unix.EINVAL, profile: "docker-default (enforce)"}, true, "(docker-default (enforce)) denies it"},
		"a profile, but an error of another":     {&move, probe{errno: unix.EINVAL, profile: "docker-default (enforce)"}, false, ""},
		"a profile, but a call that takes paths": {&openat2, probe{errno: unix.EINVAL, profile: "docker-default (enforce)"}, true, ""},
		"EACCES of an unconfined process":        {&move, probe{errno: unix.EINVAL}, true, ""},
	} {
		got := c.probe.cause(c.call, c.access)
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestOlder(t *testing.T) {
	for release, want := range map[string]bool{"5.5.9": true, "5.6.0": false, "4.18.0-553.el8": true, "6.1": false, "x": false, "": false} {
		if Older(release, [2]int{5, 6}) != want {
			t.Errorf("Older(%q, 5.6) is not %v", release, want)
		}
	}
}

// WhyRefused names a filter that really denies a call. Each filter is on one thread, which ends with its goroutine.
func TestRefusedUnderAFilter(t *testing.T) {
	for name, call := range needed() {
		if name == "read" || name == "openat" {
			continue // the probe itself needs them
		}
		for _, errno := range []unix.Errno{unix.EPERM, unix.ENOSYS} {
			text := make(chan string)
			go func() {
				runtime.LockOSThread()
				if err := deny(call.number, errno); err != nil {
					text <- err.Error()
					return
				}
				text <- refused(name, errno).Error()
			}()
			got := <-text
			if errno == unix.EPERM && call.capability != anybody && os.Geteuid() != 0 {
				continue // without that capability the kernel answers the same
			}
			if !strings.Contains(got, "(rung needs "+name+"(2) ") || !strings.Contains(got, "a seccomp filter that rung itself runs under denies it") {
				t.Errorf("%s: %q does not tell of the filter", name, got)
			}
		}
	}
}

// deny makes a system call fail on this thread.
func deny(number uintptr, errno unix.Errno) error {
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS}, // the number
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: uint32(number), Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(errno)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if _, _, errno := unix.RawSyscall6(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0); errno != 0 {
		return errno
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_PRCTL, unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&program))); errno != 0 {
		return errno
	}
	return nil
}

func TestProbeCalls(t *testing.T) {
	calls := ProbeCalls()
	if len(calls) != len(newCalls())+len(replaceable()) {
		t.Errorf("%d calls", len(calls))
	}
	for i, call := range calls {
		if call.Refusal != "" || call.Missing { // the tests run without a filter, on a kernel that rung supports
			t.Errorf("%+v", call)
		}
		if call.Need == "" || i > 0 && calls[i-1].Name >= call.Name {
			t.Errorf("%+v", call)
		}
	}
}
