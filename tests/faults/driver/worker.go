package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// worker makes one injection after the other, each with a container of its own. Beside it runs another container, the
// bystander, which must not change.
type worker struct {
	settings  settings
	dir       string // holds everything that it makes
	state     string // rung's --root
	path      string // PATH
	number    int    // the number of the next container
	bystander bystander
	wanted    map[string]string // undisturbed snapshots
	null      *os.File          // standard input of all commands
	secret    *os.File          // open in all commands too
}

// trial is a container with the facts that a verb needs.
type trial struct {
	id, bundle, stdout string
	waiting            int // pid of the stage that waits for start
	pid                int
	before             string // output or values before the injection
}

func serve(s settings) {
	w, err := newWorker(s)
	answers := json.NewEncoder(os.Stdout)
	jobs := json.NewDecoder(bufio.NewReader(os.Stdin))
	var j job
	for jobs.Decode(&j) == nil {
		r := result{Job: j}
		if err != nil {
			r.Error = err.Error()
		} else {
			w.try(j, &r)
		}
		_ = answers.Encode(r)
	}
	if w != nil {
		err = w.close()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "faults: worker:", err)
		os.Exit(1)
	}
}

const prSetChildSubreaper = 36 // prctl(2)

func newWorker(s settings) (*worker, error) {
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, prSetChildSubreaper, 1, 0); errno != 0 {
		return nil, errno
	}
	syscall.Umask(0o022)
	signal.Ignore(syscall.SIGHUP, syscall.SIGPIPE) // as conmon and nohup do: in containers they must not be ignored
	dir, err := os.MkdirTemp("/tmp", "rung-faults.")
	if err != nil {
		return nil, err
	}
	w := &worker{settings: s, dir: dir, state: dir + "/state", path: os.Getenv("PATH"), wanted: map[string]string{}}
	if s.criu != "" {
		w.path = s.criu + ":" + w.path
	}
	if w.null, err = os.Open(os.DevNull); err != nil {
		return w, err
	}
	if w.secret, err = os.Open("/etc/hostname"); err != nil {
		return w, err
	}
	if err := w.makeBundles(); err != nil {
		return w, err
	}
	return w, w.startBystander()
}

// close ends the bystander, and returns an error if a cgroup is left.
func (w *worker) close() error {
	if w.bystander.trial != nil {
		w.rung("delete", "--force", w.bystander.trial.id)
		reap()
	}
	_ = os.RemoveAll(w.dir)
	if left := cgroupsBelow("/sys/fs/cgroup", fmt.Sprintf("faults-%d-", os.Getpid())); len(left) > 0 {
		return fmt.Errorf("left behind: %s", strings.Join(left, ", "))
	}
	return nil
}

// try makes one injection.
func (w *worker) try(j job, r *result) {
	at := slices.IndexFunc(verbs, func(v verb) bool { return v.name == j.Verb })
	if at < 0 {
		r.Error = "no such verb"
		return
	}
	v := verbs[at]
	if v.needs != nil {
		if r.Skip = v.needs(w); r.Skip != "" {
			return
		}
	}
	if err := w.wantSnapshots(j.Config); err != nil {
		r.Error = err.Error()
		return
	}
	t := w.newTrial(j.Config)
	defer func() { w.tidy(t) }()
	args, err := v.prepare(w, t)
	if err != nil {
		r.Error = err.Error()
		w.removed(t, func(string, string) {})
		return
	}
	before := w.fingerprint()
	o := w.injected(j, t, args)
	w.readReport(r)
	r.Status, r.Message = o.status, o.err
	add := func(kind, text string) {
		if text != "" {
			r.Problems = append(r.Problems, problem{Kind: kind, Text: text})
		}
	}
	if o.hung {
		add(kindHang, fmt.Sprintf("took more than %v: %s", patience, oneLine(o.err)))
	}
	trace := goTrace(o.err)
	add(kindTrace, trace)
	switch {
	case o.hung, trace != "":
	case o.status == 0:
		add(kindSuccess, v.whole(w, t, o))
	case j.Class == "rung" && j.Action == "kill": // a killed rung prints no message
	default:
		add(kindMessage, poorMessage(o.err))
	}
	w.removed(t, add)
	if after := w.fingerprint(); after != before {
		add(kindOther, difference(before, after))
	}
}

func (w *worker) newTrial(config string) *trial {
	w.number++
	_ = os.Remove(w.dir + "/hooks")
	id := fmt.Sprintf("faults-%d-%d", os.Getpid(), w.number)
	return &trial{id: id, bundle: w.dir + "/" + config, stdout: w.dir + "/out-" + id}
}

// tidy removes the driver's own files of a trial.
func (w *worker) tidy(t *trial) {
	made, _ := filepath.Glob(w.dir + "/*-" + t.id + "*")
	for _, name := range made {
		_ = os.RemoveAll(name)
	}
}
