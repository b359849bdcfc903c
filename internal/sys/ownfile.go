package sys

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
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
	own := "/proc/" + strconv.Itoa(os.Getpid())
	at, todo := "/", strings.Split(path, "/")
	for links := 0; len(todo) > 0 && links <= mostLinks; {
		name := todo[0]
		todo = todo[1:]
		next := filepath.Join(at, name)
		inside, below := strings.CutPrefix(next, own+"/")
		if below {
			return kindOf(inside, todo)
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
	if at == own {
		return OwnOther
	}
	return NotOwn
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
