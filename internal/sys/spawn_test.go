package sys

import (
	"os"
	"testing"
)

// The program's descriptor may have a lower number than those that the child gets: SpawnFile must
// not overwrite it before it executes it.
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
