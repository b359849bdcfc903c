package sys

import (
	"errors"
	"io/fs"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// EvalSymlinks is filepath.EvalSymlinks with a *fs.PathError always. Of a file in the place of a directory it has no path, of a loop of
// links neither path nor errno.
func EvalSymlinks(path string) (string, error) {
	resolved, err := filepath.EvalSymlinks(path)
	if failed := (*fs.PathError)(nil); err == nil || errors.As(err, &failed) {
		return resolved, err
	}
	errno := unix.ELOOP
	errors.As(err, &errno)
	return "", &fs.PathError{Op: "stat", Path: path, Err: errno}
}
