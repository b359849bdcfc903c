package main

import (
	"fmt"
	"os"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"time"
)

var (
	mountLine  = regexp.MustCompile(`(?m)^(/proc/self/mountinfo )\d+ \d+ (\d+:\d+) `)
	peerGroup  = regexp.MustCompile(`(shared|master|propagate_from):\d+`)
	anonymous  = regexp.MustCompile(`\b0:\d+\b`)
	pipeNumber = regexp.MustCompile(`(pipe|socket):\[\d+\]`)
	namespace  = regexp.MustCompile(`(/proc/self/ns/\S+ \w+:\[\d+\])`)
)

// plainText removes numbers that the kernel chose, and names of the trial. Snapshots of equal containers are the same then.
func (w *worker) plainText(text, id string) string {
	text = strings.ReplaceAll(text, id, "ID")
	text = strings.ReplaceAll(text, w.dir, "DIR")
	text = mountLine.ReplaceAllString(text, "$1$2 ")
	text = peerGroup.ReplaceAllString(text, "$1")
	text = anonymous.ReplaceAllString(text, "0:*")
	text = pipeNumber.ReplaceAllString(text, "$1")
	return namespace.ReplaceAllStringFunc(text, func(line string) string {
		path, target, _ := strings.Cut(line, " ")
		if own, err := os.Readlink(path); err == nil && own == target {
			return path + " the host's"
		}
		return path + " its own"
	})
}

// wantSnapshots takes each kind of snapshot of an undisturbed container twice. Both must be the same; otherwise snapshots
// could not be compared.
func (w *worker) wantSnapshots(config string) error {
	for _, how := range []string{"once", "stay", "exec"} {
		key := config + "-" + how
		if _, ok := w.wanted[key]; ok {
			continue
		}
		first, err := w.takeSnapshot(config, how)
		if err != nil {
			return err
		}
		second, err := w.takeSnapshot(config, how)
		if err != nil {
			return err
		}
		if first != second {
			return fmt.Errorf("two snapshots of undisturbed containers differ: %s", difference(first, second))
		}
		w.wanted[key] = first
	}
	return nil
}

func (w *worker) takeSnapshot(config, how string) (string, error) {
	t := w.newTrial(config)
	defer func() {
		w.rung("delete", "--force", t.id)
		reap()
		w.tidy(t)
	}()
	if how == "once" {
		o := w.run(t.stdout, w.settings.rung, "--root", w.state, "run", "-b", t.bundle+"-once", t.id)
		if o.status != 0 {
			return "", fmt.Errorf("undisturbed run: status %d: %s", o.status, oneLine(o.err))
		}
		return w.plainText(o.output, t.id), nil
	}
	if err := w.runDetached(t); err != nil {
		return "", err
	}
	if how == "stay" {
		return w.plainText(w.complete(t), t.id), nil
	}
	o := w.run(t.stdout+"-exec", append([]string{w.settings.rung, "--root", w.state, "exec", t.id, "/snapshot", "once"}, shown...)...)
	if o.status != 0 {
		return "", fmt.Errorf("undisturbed exec: status %d: %s", o.status, oneLine(o.err))
	}
	return w.plainText(o.output, t.id), nil
}

// runDetached starts the container of a trial undisturbed.
func (w *worker) runDetached(t *trial) error {
	o := w.run(t.stdout, w.settings.rung, "--root", w.state, "run", "-d", "-b", t.bundle+"-stay", t.id)
	if o.status != 0 {
		return fmt.Errorf("undisturbed run -d: status %d: %s", o.status, oneLine(o.err))
	}
	if !strings.Contains(w.complete(t), "\nend\n") {
		return fmt.Errorf("an undisturbed container gave no snapshot")
	}
	t.pid = w.pidOf(t.id)
	return nil
}

// complete waits until a container that runs on has printed its whole snapshot.
func (w *worker) complete(t *trial) (text string) {
	until(5*time.Second, func() bool {
		data, _ := os.ReadFile(t.stdout)
		text = string(data)
		return strings.HasSuffix(text, "\nend\n")
	})
	return text
}

// pidOf reads the state file itself, because rung is what is tested.
func (w *worker) pidOf(id string) int {
	data, _ := os.ReadFile(w.state + "/" + id + "/state.json")
	_, rest, _ := strings.Cut(string(data), `"pid":`)
	digits, _, _ := strings.Cut(rest, ",")
	pid, _ := strconv.Atoi(digits)
	return pid
}

// differs compares a snapshot with the undisturbed one. It returns "" if they have the same lines: mounts are listed by their age,
// and a source that rung opens in the place of the stage is older.
func (w *worker) differs(t *trial, how, text string) string {
	lines := difference(w.wanted[configOf(t)+"-"+how], w.plainText(text, t.id))
	if lines == "" {
		return ""
	}
	return "the container differs: " + lines
}

func configOf(t *trial) string { return t.bundle[strings.LastIndex(t.bundle, "/")+1:] }

// difference lists the lines that only one of two texts has.
func difference(wanted, got string) string {
	count := map[string]int{}
	for _, line := range strings.Split(wanted, "\n") {
		count[line]++
	}
	for _, line := range strings.Split(got, "\n") {
		count[line]--
	}
	var lines []string
	for line, n := range count {
		switch {
		case n > 0:
			lines = append(lines, "-"+line)
		case n < 0:
			lines = append(lines, "+"+line)
		}
	}
	sort.Strings(lines)
	return oneLine(strings.Join(lines, " | "))
}
