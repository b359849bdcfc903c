package cgroup

import (
	"fmt"
	"os"
	"time"

	"rung/internal/sys"
)

// OOMWatch notices when the container runs out of its memory limit.
type OOMWatch struct {
	m     *Manager
	event *os.File // v1: an eventfd; v2: memory.events; nil without a memory cgroup
	v2    bool
	seen  uint64
}

// WatchOOM begins to watch. On v1 the kernel signals an eventfd that is registered with
// memory.oom_control (Documentation/admin-guide/cgroup-v1/memory.rst, section 9); on v2
// memory.events is notified as it changes.
func (m *Manager) WatchOOM() (*OOMWatch, error) {
	w := &OOMWatch{m: m}
	var err error
	if w.seen, err = m.OOMKilled(); err != nil {
		return nil, err
	}
	if d := m.dir("memory"); d != nil {
		w.event, err = sys.WatchControl(d.path, "memory.oom_control")
		if err != nil {
			return nil, fmt.Errorf("watch memory.oom_control of cgroup %s: %w", d.path, err)
		}
		return w, nil
	}
	d := m.dir("")
	if d == nil || !exists(d.path+"/memory.events") {
		return w, nil
	}
	w.v2 = true
	if w.event, err = os.Open(d.path + "/memory.events"); err != nil {
		return nil, fmt.Errorf("watch cgroup %s: %w", d.path, err)
	}
	return w, nil
}

// Wait returns when there may be something to count, when the time is over, or when the
// process of the pidfd has ended, which it reports.
func (w *OOMWatch) Wait(pidfd *os.File, d time.Duration) (ended bool, err error) {
	if w.v2 {
		if _, err := sys.ReadFd(int(w.event.Fd())); err != nil && !isGone(err) { // arms the notification
			return false, err
		}
		if n, err := w.m.OOMKilled(); err == nil && n > w.seen {
			return false, nil
		}
	}
	return sys.WaitEither(pidfd, w.event, w.v2, d)
}

// Count returns how often the container ran out of memory since the last call: the processes
// that were killed, or 1 where the OOM killer is off and they wait.
func (w *OOMWatch) Count() uint64 {
	signalled := w.event != nil && !w.v2 && sys.DrainEvent(w.event) > 0
	n, err := w.m.OOMKilled()
	if err != nil || n < w.seen || !w.m.Exists() { // v1 signals the end of a cgroup too
		return 0
	}
	killed := n - w.seen
	w.seen = n
	if killed == 0 && signalled {
		return 1
	}
	return killed
}

// Close ends the watch.
func (w *OOMWatch) Close() {
	if w.event != nil {
		w.event.Close()
	}
}
