package sys

import (
	"os"
	"os/exec"
	"testing"
)

// At every moment between the signal and the reaping a killed process is known as one. This ends many, because the moments in
// which it was not were short.
func TestKilled(t *testing.T) {
	if killed, err := Killed(os.Getpid()); killed || err != nil {
		t.Errorf("this process: %v, %v", killed, err)
	}
	for range 50 {
		child := exec.Command("sleep", "100")
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		if err := child.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for exiting := false; !exiting; {
			stat, err := ReadProcessStat(child.Process.Pid)
			killed, errKilled := Killed(child.Process.Pid)
			if err != nil || errKilled != nil || !killed {
				t.Fatalf("a killed process: %+v, %v; killed %v, %v", stat, err, killed, errKilled)
			}
			exiting = stat.Exiting
		}
		_ = child.Wait() // the error says that the child was killed
		if killed, err := Killed(child.Process.Pid); !Ended(child.Process.Pid, err) {
			t.Fatalf("a reaped process: %v, %v", killed, err)
		}
	}
}

func TestKilledIn(t *testing.T) {
	for text, want := range map[string]bool{
		"Name:\tsleep\nSigPnd:\t0000000000000000\nShdPnd:\t0000000000000100\nSigBlk:\t0000000000000000\n": true,
		"Name:\tsleep\nSigPnd:\t0000000000000100\nShdPnd:\t0000000000000000\nSigBlk:\t0000000000000000\n": true,
		"Name:\tsleep\nSigPnd:\t0000000000000200\nShdPnd:\t0000000000000200\nSigBlk:\t0000000000000100\n": false,
		"Name:\t\\nShdPnd:\t0000000000000100\nSigPnd:\t0000000000000000\nShdPnd:\t0000000000000000\n":     false,
	} {
		if got, err := killedIn(text); got != want || err != nil {
			t.Errorf("%q: %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "Name:\tsleep\nSigPnd:\t0\n", "Name:\tsleep\nShdPnd:\t0\n", "Name:\tsleep\nSigPnd:\t0\nShdPnd:\tx\n"} {
		if got, err := killedIn(text); got || err == nil {
			t.Errorf("%q: %v, %v, want an error", text, got, err)
		}
	}
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
	const fields = " S 4 7 7 0 -1 4194564 1 0 0 0 0 0 0 0 20 0 1 0 4711"
	for name, want := range map[string]ProcessStat{
		"sleep":         {State: 'S', Pid: 7, Parent: 4, StartTime: 4711, Exiting: true},
		"a) Z 1 (b":     {State: 'S', Pid: 7, Parent: 4, StartTime: 4711, Exiting: true},
		"\n) R 1 1 1 1": {State: 'S', Pid: 7, Parent: 4, StartTime: 4711, Exiting: true},
	} {
		for _, rest := range []string{"\n", " 0 0 17\n"} {
			if got, err := parseStat("7 (" + name + ")" + fields + rest); err != nil || got != want {
				t.Errorf("%q: %+v, %v, want %+v", name, got, err, want)
			}
		}
	}
	alive := ProcessStat{State: 'S', Pid: 7, Parent: 4, StartTime: 4711}
	if got, err := parseStat("7 (a) S 4 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 4711 2 3 4 5"); err != nil || got != alive {
		t.Errorf("%+v, %v, want %+v", got, err, alive)
	}
	for _, text := range []string{"", "7", "7 (a)", "7 (a) S 4", "7 (a)" + fields[:len(fields)-5], "x (a)" + fields, "7 (a) S x" + fields[4:]} {
		if got, err := parseStat(text); err == nil {
			t.Errorf("%q: %+v", text, got)
		}
	}
}
