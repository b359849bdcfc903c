package main

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// patience is the time after which a command counts as hanging.
const patience = 10 * time.Second

// outcome is how a command has ended.
type outcome struct {
	status      int
	hung        bool
	output, err string
}

// run runs a command, and kills it after a time. The output goes to files, because nobody waits for a container that keeps a
// file open. If standard output is /dev/null, messages go there too.
func (w *worker) run(stdout string, argv ...string) outcome {
	out, err := os.OpenFile(stdout, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o644)
	if err != nil {
		return outcome{status: -1, err: err.Error()}
	}
	defer out.Close()
	errPath := w.dir + "/stderr"
	if stdout == os.DevNull {
		errPath = stdout
	}
	errFile, err := os.Create(errPath)
	if err != nil {
		return outcome{status: -1, err: err.Error()}
	}
	defer errFile.Close()
	pid, err := syscall.ForkExec(argv[0], argv, &syscall.ProcAttr{
		Dir: w.dir, Env: []string{"PATH=" + w.path, "LANG=C"},
		// The last descriptor is the caller's, and must not reach a container.
		Files: []uintptr{w.null.Fd(), out.Fd(), errFile.Fd(), w.secret.Fd()},
	})
	if err != nil {
		return outcome{status: -1, err: err.Error()}
	}
	late := time.AfterFunc(patience, func() { _ = syscall.Kill(pid, syscall.SIGKILL) }) // the kernel then kills all that inject traces
	status := waitFor(pid)
	o := outcome{hung: !late.Stop(), status: status.ExitStatus()}
	text, _ := os.ReadFile(errPath)
	o.err = string(text)
	text, _ = os.ReadFile(stdout)
	o.output = string(text)
	return o
}

// waitFor reaps a process, and others that have ended in the meantime: the init of a PID namespace ends only after the
// processes in the namespace are reaped.
func waitFor(wanted int) (status syscall.WaitStatus) {
	for {
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		if pid == wanted || err != nil && err != syscall.EINTR {
			return status
		}
	}
}

// rung runs rung undisturbed.
func (w *worker) rung(args ...string) outcome {
	stdout := w.dir + "/stdout"
	_ = os.Remove(stdout)
	return w.run(stdout, append([]string{w.settings.rung, "--root", w.state}, args...)...)
}

// injected runs rung with the job's fault.
func (w *worker) injected(j job, t *trial, args []string) outcome {
	number := j.Action
	if errno, ok := errnos[j.Action]; ok {
		number = strconv.Itoa(errno)
	}
	report := w.dir + "/report"
	_ = os.Remove(report)
	argv := []string{w.settings.tools + "/inject", "-o", report}
	argv = append(argv, "-x", strings.Join(ofGo, ","))
	if only := onlyFor[j.Action]; only != "" {
		argv = append(argv, "-y", only)
	}
	if t.waiting != 0 {
		argv = append(argv, "-p", strconv.Itoa(t.waiting))
	}
	argv = append(argv, j.Class, strconv.Itoa(j.K), number, "--", w.settings.rung, "--root", w.state)
	return w.run(t.stdout, append(argv, args...)...)
}

// readReport reads which call inject has hit.
func (w *worker) readReport(r *result) {
	text, _ := os.ReadFile(w.dir + "/report")
	for _, line := range strings.Split(string(text), "\n") {
		fields := strings.Split(line, "\t")
		switch {
		case fields[0] == "hit" && len(fields) == 4:
			r.Hit, r.Call, r.Args, r.Text = true, fields[1], fields[2], strings.TrimSpace(fields[3])
		case fields[0] == "total" && len(fields) == 2:
			r.Total, _ = strconv.Atoi(fields[1])
		}
	}
}

// children returns the children of this process, with orphans that it has become the parent of.
func children() (pids []int) {
	tasks, _ := os.ReadDir("/proc/self/task")
	for _, task := range tasks {
		text, _ := os.ReadFile("/proc/self/task/" + task.Name() + "/children")
		for _, field := range bytes.Fields(text) {
			if pid, err := strconv.Atoi(string(field)); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// reap collects children that have ended.
func reap() {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		if pid <= 0 || err != nil {
			return
		}
	}
}

// until waits until a condition holds, for at most limit.
func until(limit time.Duration, holds func() bool) bool {
	for end := time.Now().Add(limit); ; time.Sleep(2 * time.Millisecond) {
		if holds() {
			return true
		}
		if time.Now().After(end) {
			return false
		}
	}
}
