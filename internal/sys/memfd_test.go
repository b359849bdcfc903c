package sys

import (
	"errors"
	"os"
	"syscall"
	"testing"
)

// MayStore leaves nothing, and takes a file system without unnamed files to have room.
func TestMayStore(t *testing.T) {
	dir := t.TempDir()
	if err := MayStore(dir, 1<<16); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("%v is left, %v", left, err)
	}
	for _, place := range []string{"/proc", dir + "/missing"} {
		if err := MayStore(place, 1); err != nil {
			t.Errorf("%s: %v", place, err)
		}
	}
	if err := MayStore("/dev/null", 1); !errors.Is(err, syscall.ENOTDIR) {
		t.Errorf("no directory: %v", err)
	}
}

func TestNeedsDevice(t *testing.T) {
	for _, fstype := range []string{"tmpfs", "proc", "no-such-fs", ""} {
		if NeedsDevice(fstype) {
			t.Errorf("%q needs a device", fstype)
		}
	}
}
