package sys

import (
	"errors"
	"io/fs"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

func TestEvalSymlinksOfALoop(t *testing.T) {
	loop := t.TempDir() + "/loop"
	if err := os.Symlink("loop", loop); err != nil {
		t.Fatal(err)
	}
	failed := (*fs.PathError)(nil)
	if _, err := EvalSymlinks(loop); !errors.Is(err, unix.ELOOP) || !errors.As(err, &failed) || failed.Path != loop {
		t.Errorf("%v", err)
	}
	if _, err := EvalSymlinks(loop + "-not"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
	plain := loop + "-plain"
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := EvalSymlinks(plain + "/x"); !errors.Is(err, unix.ENOTDIR) || !errors.As(err, &failed) || failed.Path != plain+"/x" {
		t.Errorf("%v", err)
	}
	if path, err := EvalSymlinks("/"); path != "/" || err != nil {
		t.Errorf("%s, %v", path, err)
	}
}
