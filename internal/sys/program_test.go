package sys

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// falseProgram returns /bin/false, which ends with status 1.
func falseProgram(t *testing.T) []byte {
	t.Helper()
	data, err := os.ReadFile("/bin/false")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func executes(t *testing.T, file *os.File) {
	t.Helper()
	defer file.Close()
	if flags, err := unix.FcntlInt(file.Fd(), unix.F_GETFL, 0); err != nil || flags&unix.O_ACCMODE != unix.O_RDONLY {
		t.Errorf("flags %#o, %v", flags, err)
	}
	command := exec.Command(FDPath(file))
	if err := command.Run(); command.ProcessState == nil || command.ProcessState.ExitCode() != 1 {
		t.Errorf("the program: %v", err)
	}
}

func TestProgramIn(t *testing.T) {
	dir := t.TempDir()
	file, err := programIn(dir, falseProgram(t))
	if err != nil {
		t.Fatal(err)
	}
	executes(t, file)
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left in the directory: %v, %v", left, err)
	}
	if _, err := programIn(filepath.Join(dir, "missing"), falseProgram(t)); err == nil {
		t.Error("no error without the directory")
	}
}

func TestProgramOnTmpfs(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	file, err := programOnTmpfs("program", falseProgram(t))
	if err != nil {
		t.Fatal(err)
	}
	if again, err := os.OpenFile(FDPath(file), os.O_RDWR, 0); err == nil {
		again.Close()
		t.Error("the program can be changed")
	}
	executes(t, file)
}
