package launch

import (
	"syscall"
	"testing"

	"rung/libcontainer/plan"
)

// Engines match these words, which are runc's.
func TestFailureOfAProgram(t *testing.T) {
	for _, c := range []struct {
		args0     string
		candidate int
		errno     syscall.Errno
		call      string
		want      string
	}{
		{"sh", 1, syscall.ENOENT, "statx", `exec: "sh": executable file not found in $PATH`},
		{"sh", 1, syscall.EISDIR, "", `exec: "sh": executable file not found in $PATH`},
		{"sh", 0, syscall.EACCES, "statx", `exec: "sh": executable file not found in $PATH (no right to search the directories above /a/sh)`},
		{"sh", 0, syscall.EACCES, "faccessat2", `exec: "sh": executable file not found in $PATH (no right to execute /a/sh)`},
		{"sh", 1, syscall.EIO, "statx", `exec: "sh": stat /b/sh: input/output error`},
		{"", 0, syscall.ENOENT, "", `exec: "": executable file not found in $PATH`},
		{"/a/sh", 0, syscall.ENOENT, "statx", `exec: "/a/sh": stat /a/sh: no such file or directory`},
		{"/a/sh", 0, syscall.EACCES, "statx", `exec: "/a/sh": stat /a/sh: permission denied`},
		{"/a/sh", 0, syscall.EACCES, "faccessat2", `exec: "/a/sh": permission denied`},
		{"/a/sh", 0, syscall.EACCES, "", `exec: "/a/sh": permission denied`},
		{"/a/sh", 0, syscall.EISDIR, "", `exec: "/a/sh": is a directory (permission denied)`},
	} {
		b := plan.NewBuilder()
		b.FindProgram([]string{"/a/sh", "/b/sh"})
		b.Exec("", []string{c.args0}, nil)
		page := copying(t, c.errno, "", c.call)
		page.data[16], page.data[508] = 0, byte(c.candidate)
		failure, ok := Outcome(page, []*plan.Plan{b.Plan(true)}).(*Failure)
		if !ok || failure.Error() != c.want || !failure.OfProcess() {
			t.Errorf("got  %v\nwant %s", failure, c.want)
		}
	}
}

// The end of a segment may have been sent anew, without FIND_PROGRAM.
func TestFailureOfExecNamesTheFoundProgram(t *testing.T) {
	b := plan.NewBuilder()
	b.FindProgram([]string{"/a/sh", "/b/sh"})
	b.Exec("", []string{"sh"}, nil)
	end := plan.NewBuilder()
	end.Exec("", []string{"sh"}, nil)
	page := copying(t, syscall.ENOEXEC, "", "")
	page.data[12], page.data[16], page.data[508] = 1, 0, 1
	failure := Outcome(page, []*plan.Plan{b.Plan(true), end.Plan(false)})
	if want := "exec /b/sh: exec format error"; failure.Error() != want {
		t.Errorf("got  %v\nwant %s", failure, want)
	}
}

// People search for runc's words.
func TestFailureOfTheWorkingDirectory(t *testing.T) {
	for _, c := range []struct {
		op   plan.Op
		call string
		want string
	}{
		{plan.Op{Code: plan.Chdir, Text: [3]string{"/x"}}, "", `process.cwd: chdir to cwd ("/x"): chdir: not a directory`},
		{plan.Op{Code: plan.Mkpath, Text: [3]string{"/x/y"}}, "mkdirat", `process.cwd: chdir to cwd ("/x/y"): mkdirat: not a directory`},
	} {
		c.op.Origin = plan.Origin{Field: "process.cwd", Purpose: "a purpose"}
		if err := Outcome(copying(t, syscall.ENOTDIR, "", c.call), []*plan.Plan{{Ops: []plan.Op{c.op}}}); err.Error() != c.want {
			t.Errorf("got  %v\nwant %s", err, c.want)
		}
	}
	other := plan.Op{Code: plan.Chdir, Text: [3]string{"/"}, Origin: plan.Origin{Field: "root.path", Purpose: "enter"}}
	if err := Outcome(copying(t, syscall.EACCES, "", ""), []*plan.Plan{{Ops: []plan.Op{other}}}); err.Error() != "root.path: enter: chdir: permission denied" {
		t.Error(err)
	}
}
