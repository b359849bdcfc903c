package sys

import (
	"os"

	"golang.org/x/sys/unix"
)

// IsProc reports whether path is on a proc file system.
func IsProc(path string) bool {
	var fs unix.Statfs_t
	return unix.Statfs(path, &fs) == nil && fs.Type == unix.PROC_SUPER_MAGIC
}

// FilesystemType returns the magic number of the file system that a descriptor is on (statfs(2));
// 0 if statfs fails.
func FilesystemType(file *os.File) uint32 {
	var fs unix.Statfs_t
	if unix.Fstatfs(int(file.Fd()), &fs) != nil {
		return 0
	}
	return uint32(fs.Type)
}
