package launch

import (
	"os"
	"sync"
	"sync/atomic"
	"testing"
)

// Of containers that are made at the same time, one gets the stage that was spawned early.
func TestTakeEarlyOnce(t *testing.T) {
	l := &Launcher{}
	request := Request{Stdio: [3]*os.File{os.Stdin, os.Stdout, os.Stderr}}
	if l.takeEarly(request) != nil {
		t.Error("there is none")
	}
	l.early.Store(&early{pid: 1})
	if l.takeEarly(Request{}) != nil {
		t.Error("a request with other standard streams got it")
	}
	var got atomic.Int32
	var done sync.WaitGroup
	for range 8 {
		done.Add(1)
		go func() {
			defer done.Done()
			if l.takeEarly(request) != nil {
				got.Add(1)
			}
		}()
	}
	done.Wait()
	if got.Load() != 1 {
		t.Errorf("%d got it", got.Load())
	}
}
