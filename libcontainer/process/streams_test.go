package process

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestIsStream(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	defer write.Close()
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	socket, other := os.NewFile(uintptr(pair[0]), "socket"), os.NewFile(uintptr(pair[1]), "socket")
	defer socket.Close()
	defer other.Close()
	file, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	for name, c := range map[string]struct {
		file *os.File
		want bool
	}{"a pipe": {write, true}, "a socket": {socket, true}, "a regular file": {file, false}, "/dev/null": {null, false}, "none": {nil, false}} {
		if isStream(c.file) != c.want {
			t.Errorf("%s: %v", name, !c.want)
		}
	}
}

func TestOwnerOutside(t *testing.T) {
	if owner, mapped, err := ownerOutside(os.Getpid(), uint32(os.Getuid())); err != nil || !mapped || owner != uint32(os.Getuid()) {
		t.Errorf("this process's own user is %d: %v", owner, err)
	}
	const none = 1<<32 - 1 // no namespace maps it
	if owner, mapped, err := ownerOutside(os.Getpid(), none); err != nil || mapped {
		t.Errorf("a user that is not mapped is %d: %v", owner, err)
	}
}
