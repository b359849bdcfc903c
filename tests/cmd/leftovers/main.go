// leftovers prints what a test of containers has left on the machine, a line each, tab-separated:
//
//	process PID COMMAND
//	cgroup  PATH, the deepest first
//	mount   LINE OF MOUNTINFO
//	state   PATH
//	rootfs  PATH, in /dev of the root file system that all tests share
//
// It runs after each test, which is why it is a program: grep over all of /proc takes about as long as the test.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// search is where a test works.
type search struct {
	run   string // directory of the whole run, below which every bundle is
	test  string // directory of the test
	id    string // what the names of its cgroups contain
	state string // directory of rung's state
	shell int    // the process that runs the test: it is none of the leftovers
}

func main() {
	var s search
	flag.StringVar(&s.run, "run", "", "directory of the run")
	flag.StringVar(&s.test, "test", "", "directory of the test")
	flag.StringVar(&s.id, "id", "", "container id")
	flag.StringVar(&s.state, "state", "", "rung's --root")
	flag.IntVar(&s.shell, "shell", 0, "pid of the test itself")
	flag.Parse()
	if s.run == "" || s.test == "" || s.id == "" || s.state == "" {
		fmt.Fprintln(os.Stderr, "leftovers: needs -run, -test, -id and -state")
		os.Exit(2)
	}
	s.processes()
	s.cgroups()
	s.mounts()
	show("state", slices.DeleteFunc(entries(s.state), hidden)) // rung's caches
	show("rootfs", entries(filepath.Join(s.run, "rootfs/dev")))
}

func show(kind string, found []string) {
	for _, what := range found {
		fmt.Println(kind + "\t" + what)
	}
}

// entries are the paths in a directory, none if it is not there.
func entries(dir string) (paths []string) {
	list, _ := os.ReadDir(dir)
	for _, entry := range list {
		paths = append(paths, filepath.Join(dir, entry.Name()))
	}
	return paths
}

func hidden(path string) bool { return strings.HasPrefix(filepath.Base(path), ".") }

// processes are those with the test's directory on their command line, and those whose root is one of the
// run's bundles: they are in a container or on their way there.
func (s *search) processes() {
	own, _ := os.Readlink("/proc/self/ns/mnt")
	contained := map[string]bool{own: false}
	for _, dir := range entries("/proc") {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil || pid == os.Getpid() || pid == s.shell {
			continue
		}
		command, err := os.ReadFile(dir + "/cmdline")
		if err != nil {
			continue // it ended
		}
		if bytes.Contains(command, []byte(s.test)) || s.inBundle(dir, contained) {
			fmt.Printf("process\t%d\t%s\n", pid, bytes.ReplaceAll(bytes.TrimRight(command, "\x00"), []byte{0}, []byte{' '}))
		}
	}
}

// inBundle reports whether a process has one of the run's root file systems as its own. That is asked
// once for a mount namespace; which one it is cannot be told of an undumpable process of this user.
func (s *search) inBundle(dir string, known map[string]bool) bool {
	namespace, err := os.Readlink(dir + "/ns/mnt")
	if err == nil {
		if answer, ok := known[namespace]; ok {
			return answer
		}
	}
	below := "/" + filepath.Base(s.run) + "/"
	answer := slices.ContainsFunc(lines(dir+"/mountinfo"), func(line string) bool {
		fields := strings.SplitN(line, " ", 6) // proc_pid_mountinfo(5): the fourth is the root, the fifth the place
		return len(fields) == 6 && strings.Contains(fields[3], below) && fields[4] == "/"
	})
	if err == nil {
		known[namespace] = answer
	}
	return answer
}

func (s *search) cgroups() {
	var found []string
	// What goes away meanwhile is left by nobody.
	_ = filepath.WalkDir("/sys/fs/cgroup", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && strings.Contains(entry.Name(), s.id) {
			found = append(found, path)
		}
		return nil
	})
	slices.Reverse(found)
	show("cgroup", found)
}

func (s *search) mounts() {
	for _, line := range lines("/proc/self/mountinfo") {
		if strings.Contains(line, s.run) {
			fmt.Println("mount\t" + line)
		}
	}
}

func lines(path string) []string {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}
