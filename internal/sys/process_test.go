package sys

import (
	"os"
	"os/exec"
	"testing"
)

// The program's own descriptor may be lower than those that the child is given: it must not
// be overwritten before it is executed.
func TestSpawnFileWithLowDescriptor(t *testing.T) {
	program, err := OpenPath("/bin/true")
	if err != nil {
		t.Fatal(err)
	}
	defer program.Close()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	files := make([]*os.File, int(program.Fd())+10)
	for i := range files {
		files[i] = null
	}
	pid, err := SpawnFile(program, []string{"true"}, nil, files)
	if err != nil {
		t.Fatal(err)
	}
	if status, err := Wait(pid); err != nil || status.ExitStatus() != 0 {
		t.Errorf("status %v, %v", status, err)
	}
}

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
	killed, err := ReadProcessStat(child.Process.Pid) // it is still there, as nobody has waited for it
	if err != nil || !killed.Ending {
		t.Errorf("a killed process: %+v, %v", killed, err)
	}
	_ = child.Wait() // it says that the child was killed
}
