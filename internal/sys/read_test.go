package sys

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// What stands in the place of a file that rung reads may be anything: nothing is waited for, and memory is bounded.
func TestReadRegular(t *testing.T) {
	const most = 1000
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	for name, size := range map[string]int64{"file": 3, "full": most, "large": most + 1} {
		if err := os.WriteFile(path(name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(path(name), size); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(path("fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	for link, target := range map[string]string{"link": "file", "device": "/dev/zero", "dangling": "nowhere"} {
		if err := os.Symlink(target, path(link)); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{
		"file": "", "full": "", "link": "", "large": "not a regular file of at most 1000 bytes", "fifo": "not a regular file",
		"device": "not a regular file", ".": "not a regular file", "dangling": "no such file",
	} {
		data, err := ReadRegular(path(name), most)
		switch {
		case want == "" && (err != nil || len(data) == 0):
			t.Errorf("%s: %d bytes, %v", name, len(data), err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
	// A file that grows, or that shows no size, is bounded while it is read.
	if _, err := readFile("/dev/zero", 0, func(fd int) ([]byte, error) { return readAll(fd, most) }); err == nil {
		t.Error("a file without an end is read")
	}
}
