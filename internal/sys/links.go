package sys

import (
	"errors"
	"io/fs"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// EvalSymlinks is filepath.EvalSymlinks with a *fs.PathError for a loop of links too, whose error has neither path nor errno.
func EvalSymlinks(path string) (string, error) {
	resolved, err := filepath.EvalSymlinks(path)
	if failed := (*fs.PathError)(nil); err != nil && !errors.As(err, &failed) {
		err = &fs.PathError{Op: "stat", Path: path, Err: unix.ELOOP}
	}
	return resolved, err
}
