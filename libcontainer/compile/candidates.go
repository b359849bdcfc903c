package compile

import (
	"path"
	"strings"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/libcontainer/host"
)

const longestName = 255 // NAME_MAX of the kernel's linux/limits.h

// longestPATH is the length in bytes of the longest string that execve(2) takes (MAX_ARG_STRLEN of linux/binfmts.h). PATH comes from
// the image: what is behind that would only take memory, a long name for each directory.
func longestPATH() int { return 32 * syscall.Getpagesize() }

// Candidates returns the paths at which the program of a process may be, in the order in which the stage looks for it. A name
// with a slash is a path, which begins at the working directory if it is relative. Any other is searched for in the PATH of
// process.env; without PATH it is nowhere. A relative or empty entry of PATH begins at the working directory, as for execvp(3).
func Candidates(p *specs.Process) []string {
	name := p.Args[0]
	if strings.Contains(name, "/") {
		return []string{name}
	}
	searched := host.LookupEnv(p.Env, "PATH")
	if searched == "" || len(name) > longestName {
		return nil
	}
	searched = searched[:min(len(searched), longestPATH())]
	var out []string
	seen := map[string]bool{}
	for dir := range strings.SplitSeq(searched, ":") {
		if file := path.Join(dir, name); !seen[file] {
			seen[file] = true
			out = append(out, file)
		}
	}
	return out
}
