package sys

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// ProcOwner says which process a path in /proc is about.
type ProcOwner int

const (
	// NotOwn is a path that leads every process to the same file.
	NotOwn ProcOwner = iota
	// OwnDescriptor is a descriptor of the calling process, or a path below one.
	OwnDescriptor
	// OwnOther is any other file of the calling process, such as /proc/self/exe.
	OwnOther
)

// mostLinks is how many symbolic links a path may go through, as in the kernel (MAXSYMLINKS).
const mostLinks = 40

// ProcOwnerOf follows the links of an absolute path, up to the first that is of a process. A path that cannot be followed is NotOwn:
// who opens it gets the error.
func ProcOwnerOf(path string) ProcOwner {
	own := strconv.Itoa(os.Getpid())
	at, todo := "/", strings.Split(path, "/")
	for links := 0; len(todo) > 0 && links <= mostLinks; {
		name := todo[0]
		todo = todo[1:]
		next := filepath.Join(at, name)
		if name != "" && name != "." && name != ".." && isProcess(at, own) {
			return kindOf(name, todo)
		}
		target, err := os.Readlink(next)
		if err != nil { // no link, or nothing
			at = next
			continue
		}
		links++
		todo = append(strings.Split(target, "/"), todo...)
		if filepath.IsAbs(target) {
			at = "/"
		}
	}
	if isProcess(at, own) {
		return OwnOther
	}
	return NotOwn
}

// isProcess reports whether a path is the directory of a process in a proc file system, wherever that is mounted.
func isProcess(path, pid string) bool {
	if filepath.Base(path) != pid {
		return false
	}
	magic, err := FsMagic(path)
	return err == nil && magic == unix.PROC_SUPER_MAGIC
}

// kindOf tells by the path below the directory of the process. The descriptors of a thread are those of its process.
func kindOf(first string, rest []string) ProcOwner {
	names := append([]string{first}, rest...)
	if len(names) > 2 && names[0] == "task" {
		names = names[2:]
	}
	if len(names) > 1 && names[0] == "fd" {
		return OwnDescriptor
	}
	return OwnOther
}
