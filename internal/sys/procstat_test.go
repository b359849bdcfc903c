package sys

import (
	"os"
	"os/exec"
	"testing"
	"time"
)

func TestEnding(t *testing.T) {
	self, err := ReadProcessStat(os.Getpid())
	if err != nil || self.Ending {
		t.Errorf("this process: %+v, %v", self, err)
	}
	child := exec.Command("sleep", "100")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	// It becomes a zombie, because this test does not wait for it yet. On a busy machine that takes its time.
	killed, err := ReadProcessStat(child.Process.Pid)
	for end := time.Now().Add(10 * time.Second); err == nil && !killed.Ending && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
		killed, err = ReadProcessStat(child.Process.Pid)
	}
	if err != nil || !killed.Ending {
		t.Errorf("a killed process: %+v, %v", killed, err)
	}
	_ = child.Wait() // the error says that the child was killed
}

func TestAncestors(t *testing.T) {
	self, err := OwnProcessStat()
	if err != nil || self.Pid != os.Getpid() || self.Parent != os.Getppid() {
		t.Errorf("%+v, %v, want pid %d, parent %d", self, err, os.Getpid(), os.Getppid())
	}
	if above := Ancestors(); len(above) == 0 || above[0] != os.Getppid() {
		t.Errorf("%v, want %d first", above, os.Getppid())
	}
}
