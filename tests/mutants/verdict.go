package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// patience is the time that a test may take. A test that takes longer hangs: it has noticed the change.
const patience = 3 * time.Minute

// verdict is the result of a test on the tree in its current state.
type verdict struct {
	failed bool
	by     string // the test that failed, or that it hangs
	why    string // the reason why a test could not be run
}

var errBuild = errors.New("does not build")

// command runs a program in the tree, in a process group of its own, and returns its output.
func (r *runner) command(dir string, argv ...string) (output string, hung bool, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = filepath.Join(r.tree, dir), r.env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second // another process may still have the pipe open
	out, err := cmd.CombinedOutput()
	return string(out), ctx.Err() != nil, err
}

// build builds what a kind of test needs from the tree in its current state.
func (r *runner) build(t test) error {
	argv := []string{"scripts/build.sh", "rung"}
	switch t.kind {
	case "c":
		argv = []string{"make", "--no-print-directory", "-C", "nsenter/test", "../../build/nsenter-test/stage-test", "OUT=../../build/nsenter-test"}
	case "go":
		argv = []string{"scripts/go", "test", "-c", "-vet=off", "-tags", "netgo,osusergo", "-o", r.goTest(t), "./" + t.where}
	}
	if r.built[argv[len(argv)-1]] {
		return nil
	}
	if output, _, err := r.command(".", argv...); err != nil {
		return fmt.Errorf("%w: %s", errBuild, output)
	}
	r.built[argv[len(argv)-1]] = true
	return nil
}

func (r *runner) goTest(t test) string {
	return filepath.Join(r.tree, "build", strings.ReplaceAll(t.where, "/", "-")+".test")
}

// run runs one test.
func (r *runner) run(t test) (verdict, error) {
	if err := r.build(t); err != nil {
		return verdict{}, err
	}
	var (
		output string
		hung   bool
	)
	switch t.kind {
	case "c":
		output, hung, _ = r.command("nsenter/test", "env", "ASAN_OPTIONS=detect_leaks=0", "../../build/nsenter-test/stage-test")
	case "go":
		output, hung, _ = r.command(t.where, r.goTest(t), "-test.v", "-test.run", goFilter(t.name))
	case "bats":
		output, hung, _ = r.command(".", "bats", "--formatter", "tap", "--filter", t.name, "tests/integration/"+t.where)
	}
	if r.verbose {
		fmt.Fprintln(os.Stderr, output)
	}
	if hung {
		return verdict{failed: true, by: t.String() + ": it hangs"}, nil
	}
	if t.kind == "go" {
		return goVerdict(t, output), nil
	}
	return tapVerdict(t, output), nil
}

// goFilter returns the -run expression for exactly one test, or for a subtest if the name has a slash.
func goFilter(name string) string {
	parts := strings.Split(name, "/")
	for i := range parts {
		parts[i] = "^" + parts[i] + "$"
	}
	return strings.Join(parts, "/")
}

func goVerdict(t test, output string) verdict {
	switch {
	case strings.Contains(output, "--- FAIL: ") || strings.Contains(output, "\npanic: ") || strings.HasPrefix(output, "panic: "):
		return verdict{failed: true, by: t.String()}
	case strings.Contains(output, "--- SKIP: "+t.name):
		return verdict{why: "skipped: " + output}
	case strings.Contains(output, "--- PASS: "+t.name):
		return verdict{}
	}
	return verdict{why: "no test was run: " + output}
}

var tapLine = regexp.MustCompile(`(?m)^(not ok|ok) \d+ (?:- )?(.*?)( # skip.*)?$`)

// tapVerdict returns the result of one C test. All C tests run, and only the named one counts.
func tapVerdict(t test, output string) verdict {
	ran := 0
	for _, m := range tapLine.FindAllStringSubmatch(output, -1) {
		if t.kind == "c" && m[2] != t.name {
			continue
		}
		if m[3] != "" {
			return verdict{why: "skipped:" + strings.TrimPrefix(m[3], " # skip")}
		}
		if ran++; m[1] == "not ok" {
			by := "c " + m[2]
			if t.kind == "bats" {
				by = t.where + ": " + m[2]
			}
			return verdict{failed: true, by: by}
		}
	}
	if ran == 0 {
		return verdict{why: "no test was run: " + output}
	}
	return verdict{}
}
