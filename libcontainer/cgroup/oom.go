package cgroup

import (
	"fmt"
	"os"
	"time"

	"rung/internal/sys"
)

// OOMWatch notices when the container runs out of memory at its limit.
type OOMWatch struct {
	m     *Manager
	event *os.File // v1: an eventfd; v2: memory.events; nil without a memory cgroup
	v2    bool
	seen  uint64

	signals uint64    // v1: those that no kill was counted for yet
	due     time.Time // v1: until then a kill is expected for them
}

// On v1 the kernel signals that a cgroup is out of memory, then chooses a process, and counts when it kills it.
const (
	killLook  = 10 * time.Millisecond
	killLimit = 2 * time.Second
)

// WatchOOM begins to watch. The caller ends the watch with Close. On v1 the kernel signals an eventfd that is
// registered with memory.oom_control (Documentation/admin-guide/cgroup-v1/memory.rst, section 9). On v2 the kernel
// notifies of a change of memory.events. Without a memory cgroup the watch never counts anything.
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

// Wait returns when Count may have something to return, when the time d is over, when the waker's context ends, or when the
// process of the pidfd has ended. ended is true in the last case.
func (w *OOMWatch) Wait(waker *sys.Waker, pidfd *os.File, d time.Duration) (ended bool, err error) {
	if w.v2 {
		if _, err := sys.ReadFd(int(w.event.Fd())); err != nil && !isGone(err) { // a read arms the notification
			return false, err
		}
		if n, err := w.m.OOMKilled(); err == nil && n > w.seen {
			return false, nil
		}
	}
	if w.signals > 0 {
		d = min(d, killLook)
	}
	return sys.WaitEither(waker, pidfd, w.event, w.v2, d)
}

// Count returns how many processes the OOM killer has killed since the last call, or since WatchOOM. It returns 1 if the
// OOM killer is off and processes of a v1 cgroup begin to wait for memory instead.
//
// A signal of v1 alone is no kill: the kernel also sends it for a limit of a cgroup above, and when the cgroup is removed.
func (w *OOMWatch) Count() uint64 {
	if n := w.drain(); n > 0 {
		w.signals += n
		w.due = time.Now().Add(killLimit)
	}
	n, err := w.m.OOMKilled()
	if err != nil || n < w.seen || !w.m.Exists() {
		return 0
	}
	killed := n - w.seen
	w.seen = n
	switch {
	case killed > 0:
		w.signals -= min(killed, w.signals)
	case w.signals > 0 && w.waits():
		w.signals = 0
		return 1
	case time.Now().After(w.due):
		w.signals = 0
	}
	return killed
}

// drain returns how many signals of v1 have come since the last call.
func (w *OOMWatch) drain() uint64 {
	if w.event == nil || w.v2 {
		return 0
	}
	return sys.DrainEvent(w.event)
}

// waits reports whether the OOM killer is off, so that processes wait for memory.
func (w *OOMWatch) waits() bool {
	off, err := keyedUint(w.m.dir("memory").path, "memory.oom_control", "oom_kill_disable")
	return err == nil && off == 1
}

// Close ends the watch and closes its descriptor.
func (w *OOMWatch) Close() {
	if w.event != nil {
		w.event.Close()
	}
}
