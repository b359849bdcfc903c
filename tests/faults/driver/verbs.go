package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// verb is a command of rung, with its requirements and a check that it did its work.
type verb struct {
	name    string
	configs []string
	classes []string
	needs   func(*worker) string                              // names a missing requirement
	prepare func(*worker, *trial) (args []string, _ error)    // undisturbed
	whole   func(w *worker, t *trial, o outcome) (bad string) // what is missing after a success; "" for nothing
}

var (
	all      = []string{configPlain, configUser, configHooks}
	plain    = []string{configPlain}
	both     = []string{"rung", "stage"}
	rungOnly = []string{"rung"}
)

var verbs = []verb{
	{name: "create", configs: all, classes: both, prepare: prepareCreate, whole: wholeCreate},
	{name: "run", configs: all, classes: both, prepare: prepareRun, whole: wholeRun},
	{name: "run -d", configs: plain, classes: both, prepare: prepareDetached, whole: wholeRunning},
	{name: "start", configs: []string{configPlain, configHooks}, classes: both, prepare: prepareStart, whole: wholeRunning},
	{name: "exec", configs: []string{configPlain, configUser}, classes: both, prepare: prepareExec, whole: wholeExec},
	{name: "kill", configs: plain, classes: rungOnly, prepare: running("kill", "ID", "USR1"), whole: wholeSignal},
	{name: "kill KILL", configs: plain, classes: rungOnly, prepare: running("kill", "ID", "KILL"), whole: wholeEnded},
	{name: "delete", configs: []string{configPlain, configHooks}, classes: rungOnly, prepare: prepareDelete, whole: wholeDelete},
	{name: "delete --force", configs: plain, classes: rungOnly, prepare: running("delete", "--force", "ID"), whole: wholeDelete},
	{name: "update", configs: plain, classes: rungOnly, prepare: running("update", "--memory", "50331648", "--pids-limit", "33", "--cpu-share", "700", "ID"), whole: wholeUpdate},
	{name: "pause", configs: plain, classes: rungOnly, prepare: running("pause", "ID"), whole: wholePause},
	{name: "resume", configs: plain, classes: rungOnly, prepare: prepareResume, whole: wholeResume},
	{name: "state", configs: plain, classes: rungOnly, prepare: reading("state", "ID"), whole: wholeOutput},
	{name: "list", configs: plain, classes: rungOnly, prepare: reading("list"), whole: wholeList},
	{name: "ps", configs: plain, classes: rungOnly, prepare: reading("ps", "--format", "json", "ID"), whole: wholeOutput},
	{name: "checkpoint", configs: []string{configSaved}, classes: rungOnly, needs: needsCriu, prepare: prepareCheckpoint, whole: wholeCheckpoint},
	{name: "restore", configs: []string{configSaved}, classes: both, needs: needsCriu, prepare: prepareRestore, whole: wholeRestore},
}

// ---- making containers ----

func prepareCreate(_ *worker, t *trial) ([]string, error) {
	return []string{"create", "-b", t.bundle + "-stay", t.id}, nil
}

func wholeCreate(w *worker, t *trial, _ outcome) string {
	if status := w.status(t.id); status != "created" {
		return "create succeeded, and the container is " + status
	}
	if bad := w.hooksMissing(t, "createRuntime"); bad != "" {
		return bad
	}
	if o := w.rung("start", t.id); o.status != 0 {
		return "create succeeded, and start fails: " + oneLine(o.err)
	}
	return wholeRunning(w, t, outcome{})
}

func prepareRun(_ *worker, t *trial) ([]string, error) {
	return []string{"run", "-b", t.bundle + "-once", t.id}, nil
}

// wholeRun accepts a warning that the container could not be removed: callers need the exit status of the process.
func wholeRun(w *worker, t *trial, o outcome) string {
	if bad := w.differs(t, "once", o.output); bad != "" {
		return bad
	}
	if bad := w.hooksMissing(t, "createRuntime", "poststart"); bad != "" {
		return bad
	}
	if _, err := os.Stat(w.state + "/" + t.id); err == nil && !strings.Contains(o.err, "level=warning") {
		return "run ended without a word, and the container is still there"
	}
	return ""
}

func prepareDetached(_ *worker, t *trial) ([]string, error) {
	return []string{"run", "-d", "-b", t.bundle + "-stay", t.id}, nil
}

func wholeRunning(w *worker, t *trial, _ outcome) string {
	if bad := w.differs(t, "stay", w.complete(t)); bad != "" {
		return bad
	}
	if status := w.status(t.id); status != "running" {
		return "the container is " + status
	}
	return w.hooksMissing(t, "createRuntime", "poststart")
}

// hooksMissing returns the name of a hook that has not run, or "".
func (w *worker) hooksMissing(t *trial, names ...string) string {
	if configOf(t) != configHooks {
		return ""
	}
	ran, _ := os.ReadFile(w.dir + "/hooks")
	for _, name := range names {
		if !strings.Contains(string(ran), name+"\n") {
			return "success without the hook " + name
		}
	}
	return ""
}

func prepareStart(w *worker, t *trial) ([]string, error) {
	if o := w.run(t.stdout, w.settings.rung, "--root", w.state, "create", "-b", t.bundle+"-stay", t.id); o.status != 0 {
		return nil, fmt.Errorf("undisturbed create: status %d: %s", o.status, oneLine(o.err))
	}
	t.waiting = w.pidOf(t.id)
	return []string{"start", t.id}, nil
}

func prepareExec(w *worker, t *trial) ([]string, error) {
	if err := w.runDetached(t); err != nil {
		return nil, err
	}
	t.stdout += "-exec"
	return append([]string{"exec", t.id, "/snapshot", "once"}, shown...), nil
}

func wholeExec(w *worker, t *trial, o outcome) string {
	if bad := w.differs(t, "exec", o.output); bad != "" {
		return bad
	}
	if status := w.status(t.id); status != "running" {
		return "the container is " + status
	}
	return ""
}

// ---- changing them ----

// running prepares a verb that needs a running container. "ID" in args means its name.
func running(args ...string) func(*worker, *trial) ([]string, error) {
	return func(w *worker, t *trial) ([]string, error) {
		return named(args, t.id), w.runDetached(t)
	}
}

func named(args []string, id string) []string {
	out := append([]string(nil), args...)
	for i := range out {
		if out[i] == "ID" {
			out[i] = id
		}
	}
	return out
}

func wholeSignal(_ *worker, t *trial, _ outcome) string {
	if until(2*time.Second, func() bool {
		text, _ := os.ReadFile(t.stdout)
		return strings.HasSuffix(string(text), "signal "+strconv.Itoa(int(syscall.SIGUSR1))+"\n")
	}) {
		return ""
	}
	return "kill succeeded, and the process got no signal"
}

func wholeEnded(_ *worker, t *trial, _ outcome) string {
	if until(2*time.Second, func() bool { return ended(t.pid) }) {
		return ""
	}
	return "kill succeeded, and the process lives"
}

func ended(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || strings.Contains(string(stat), ") Z ")
}

func prepareDelete(w *worker, t *trial) ([]string, error) {
	if err := w.runDetached(t); err != nil {
		return nil, err
	}
	if err := syscall.Kill(t.pid, syscall.SIGKILL); err != nil {
		return nil, err
	}
	if !until(5*time.Second, func() bool { reap(); return ended(t.pid) }) {
		return nil, fmt.Errorf("the container does not end")
	}
	return []string{"delete", t.id}, nil
}

func wholeDelete(w *worker, t *trial, o outcome) string {
	if bad := w.hooksMissing(t, "poststop"); bad != "" && !strings.Contains(o.err, "level=warning") {
		return bad
	}
	until(time.Second, func() bool { return w.leftovers(t) == "" })
	if found := w.leftovers(t); found != "" {
		return "delete succeeded, and there is left: " + found
	}
	return ""
}

// updated has the files that the verb update changes, on v1 and on v2, with their new content.
var updated = map[string]string{
	"memory.limit_in_bytes": "50331648", "memory.max": "50331648", "pids.max": "33", "cpu.shares": "700", "cpu.weight": "28",
}

func wholeUpdate(w *worker, t *trial, _ outcome) string {
	seen := 0
	for _, dir := range w.cgroupsOf(t.id) {
		for name, want := range updated {
			text, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				continue
			}
			if seen++; strings.TrimSpace(string(text)) != want {
				return fmt.Sprintf("update succeeded, and %s is %s", name, oneLine(string(text)))
			}
		}
	}
	if seen < 3 {
		return "update succeeded, and there are no limits"
	}
	return ""
}

func wholePause(w *worker, t *trial, _ outcome) string {
	if !w.frozen(t.id) {
		return "pause succeeded, and the container is not frozen"
	}
	return ""
}

func (w *worker) frozen(id string) bool {
	for _, dir := range w.cgroupsOf(id) {
		state, _ := os.ReadFile(dir + "/freezer.state")
		events, _ := os.ReadFile(dir + "/cgroup.events")
		if string(state) == "FROZEN\n" || strings.Contains(string(events), "frozen 1") {
			return true
		}
	}
	return false
}

func prepareResume(w *worker, t *trial) ([]string, error) {
	if err := w.runDetached(t); err != nil {
		return nil, err
	}
	if o := w.rung("pause", t.id); o.status != 0 {
		return nil, fmt.Errorf("undisturbed pause: %s", oneLine(o.err))
	}
	return []string{"resume", t.id}, nil
}

func wholeResume(w *worker, t *trial, _ outcome) string {
	if w.frozen(t.id) {
		return "resume succeeded, and the container is frozen"
	}
	return ""
}

// ---- reading them ----

func (w *worker) status(id string) string {
	o := w.rung("state", id)
	_, rest, _ := strings.Cut(o.output, `"status": "`)
	status, _, ok := strings.Cut(rest, `"`)
	if o.status != 0 || !ok {
		return "unknown: " + oneLine(o.err)
	}
	return status
}

// reading prepares a verb that only prints. Its output is compared with that of the same command before the injection.
func reading(args ...string) func(*worker, *trial) ([]string, error) {
	return func(w *worker, t *trial) ([]string, error) {
		if err := w.runDetached(t); err != nil {
			return nil, err
		}
		command := named(args, t.id)
		o := w.rung(command...)
		if o.status != 0 {
			return nil, fmt.Errorf("undisturbed %s: %s", args[0], oneLine(o.err))
		}
		t.before = o.output
		t.stdout += "-reading"
		return command, nil
	}
}

func wholeOutput(_ *worker, t *trial, o outcome) string {
	if o.output != t.before {
		return "another output: " + difference(t.before, o.output)
	}
	return ""
}

// wholeList accepts a message on standard error about a container that cannot be read, if the others are listed, as with runc.
func wholeList(w *worker, t *trial, o outcome) string {
	if o.err == "" {
		return wholeOutput(w, t, o)
	}
	listed := strings.Join(strings.Fields(o.output), " ")
	for _, line := range strings.Split(t.before, "\n")[1:] {
		fields := strings.Fields(line)
		if len(fields) > 0 && !strings.Contains(o.err, fields[0]) && !strings.Contains(listed, strings.Join(fields, " ")) {
			return "neither listed nor told of: " + line
		}
	}
	return ""
}

// ---- checkpoint and restore ----

func needsCriu(w *worker) string {
	if w.settings.criu == "" {
		return "needs a CRIU that works on this kernel (criu check)"
	}
	return ""
}

func prepareCheckpoint(w *worker, t *trial) ([]string, error) {
	images := w.dir + "/images-" + t.id
	// CRIU saves no file of the host.
	o := w.run(os.DevNull, w.settings.rung, "--root", w.state, "run", "-d", "-b", t.bundle+"-stay", t.id)
	if o.status != 0 {
		return nil, fmt.Errorf("undisturbed run -d: %s", oneLine(o.err))
	}
	t.pid = w.pidOf(t.id)
	return []string{"checkpoint", "--image-path", images, "--work-path", images, t.id}, nil
}

func wholeCheckpoint(w *worker, t *trial, _ outcome) string {
	if !ended(t.pid) {
		return "checkpoint succeeded, and the container runs"
	}
	o := w.rung("delete", "--force", t.id)
	if o.status != 0 {
		return "checkpoint succeeded, and delete fails: " + oneLine(o.err)
	}
	o = w.rung(w.restoring(t)...)
	if o.status != 0 {
		return "checkpoint succeeded, and restore fails: " + oneLine(o.err)
	}
	return wholeRestore(w, t, o)
}

func (w *worker) restoring(t *trial) []string {
	images := w.dir + "/images-" + t.id
	return []string{"restore", "-d", "--image-path", images, "--work-path", images, "-b", t.bundle + "-stay", t.id}
}

func prepareRestore(w *worker, t *trial) ([]string, error) {
	args, err := prepareCheckpoint(w, t)
	if err != nil {
		return nil, err
	}
	if o := w.rung(args...); o.status != 0 {
		return nil, fmt.Errorf("undisturbed checkpoint: %s", oneLine(o.err))
	}
	w.rung("delete", "--force", t.id)
	reap()
	return w.restoring(t), nil
}

func wholeRestore(w *worker, t *trial, _ outcome) string {
	if status := w.status(t.id); status != "running" {
		return "restore succeeded, and the container is " + status
	}
	pid := w.pidOf(t.id)
	if o := w.rung("kill", t.id, "TERM"); o.status != 0 {
		return "restore succeeded, and kill fails: " + oneLine(o.err)
	}
	if !until(2*time.Second, func() bool { return ended(pid) }) {
		return "restore succeeded, and the program does not go on"
	}
	return ""
}
