// leftovers prints what a test has left on the machine, in tab-separated lines:
//
//	process PID COMMAND
//	cgroup  PATH, the deepest first
//	mount   LINE OF MOUNTINFO
//	state   PATH
//	rootfs  PATH, in /dev of the root file system that all tests share
//
// It is a program because it runs after each test: grep over all of /proc takes about as long as a test.
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

	"rung/internal/sys"
)

// search has the places where a test works.
type search struct {
	run   string // directory of the whole run, which has all bundles
	test  string // directory of the test
	id    string // part of the names of its cgroups
	state string // directory of rung's state
	shell int    // the process that runs the test, which is no leftover
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

// entries returns the paths in a directory, or none if it does not exist.
func entries(dir string) (paths []string) {
	list, _ := os.ReadDir(dir)
	for _, entry := range list {
		paths = append(paths, filepath.Join(dir, entry.Name()))
	}
	return paths
}

func hidden(path string) bool { return strings.HasPrefix(filepath.Base(path), ".") }

// processes prints processes with the test's directory on their command line, and processes whose root is in one of the
// run's bundles: they are in a container or become one.
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
		if bytes.Contains(command, []byte(s.test)) || s.inBundle(pid, contained) {
			fmt.Printf("process\t%d\t%s\n", pid, bytes.ReplaceAll(bytes.TrimRight(command, "\x00"), []byte{0}, []byte{' '}))
		}
	}
}

// inBundle reports whether the root of a process is in a bundle of the run. It looks once for each mount namespace. An
// undumpable process does not show its namespace to a plain user.
func (s *search) inBundle(pid int, known map[string]bool) bool {
	namespace, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/mnt", pid))
	if err == nil {
		if answer, ok := known[namespace]; ok {
			return answer
		}
	}
	below := "/" + filepath.Base(s.run) + "/"
	mounts, _ := sys.Mounts(pid) // none if the process has ended
	answer := slices.ContainsFunc(mounts, func(m *sys.Mount) bool {
		return strings.Contains(m.Root, below) && m.Mountpoint == "/"
	})
	if err == nil {
		known[namespace] = answer
	}
	return answer
}

func (s *search) cgroups() {
	var found []string
	// Ignore errors: a cgroup that vanishes during the walk is no leftover.
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
