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

// A program chooses its name, which stands in the middle of the line.
func TestParseStat(t *testing.T) {
	const fields = " S 4 7 7 0 -1 4194564 1 0 0 0 0 0 0 0 20 0 1 0 4711 2 3 4 5 6 7 8 9 256"
	for name, want := range map[string]ProcessStat{
		"sleep":         {State: 'S', Pid: 7, Parent: 4, StartTime: 4711, Ending: true},
		"a) Z 1 (b":     {State: 'S', Pid: 7, Parent: 4, StartTime: 4711, Ending: true},
		"\n) R 1 1 1 1": {State: 'S', Pid: 7, Parent: 4, StartTime: 4711, Ending: true},
	} {
		for _, rest := range []string{"\n", " 0 0 17\n"} {
			if got, err := parseStat("7 (" + name + ")" + fields + rest); err != nil || got != want {
				t.Errorf("%q: %+v, %v, want %+v", name, got, err, want)
			}
		}
	}
	alive := ProcessStat{State: 'S', Pid: 7, Parent: 4, StartTime: 4711}
	if got, err := parseStat("7 (a) S 4 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 4711 2 3 4 5 6 7 8 9 0 0"); err != nil || got != alive {
		t.Errorf("%+v, %v, want %+v", got, err, alive)
	}
	for _, text := range []string{"", "7", "7 (a)", "7 (a) S 4", "7 (a)" + fields[:len(fields)-4], "x (a)" + fields, "7 (a) S x" + fields[4:]} {
		if got, err := parseStat(text); err == nil {
			t.Errorf("%q: %+v", text, got)
		}
	}
}
