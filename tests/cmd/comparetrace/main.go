// Command comparetrace checks that the tasks of a container made exactly the system calls that
// `rung explain --format json` lists, in that order, from the start of the plan to execve.
//
//	comparetrace EXPLANATION TRACE
//
// TRACE is the prefix of the files that `strace -ff -o TRACE` wrote, one for each task. The command
// prints the number of ops and calls. If an op does not fit, it prints the first such op, and ends
// with status 1.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

type op struct {
	Op       string `json:"op"`
	Operands string `json:"operands"`
	Syscalls string `json:"syscalls"`
}

type call struct{ name, line string }

// begins is the last call of the stage before the first op.
const begins = `prctl(PR_SET_NAME, "rung:init"`

func main() {
	if len(os.Args) != 3 {
		quit("usage: comparetrace EXPLANATION TRACE")
	}
	ops := explained(os.Args[1])
	calls := traced(os.Args[2])
	compare(ops, calls)
	fmt.Printf("%d ops, %d system calls\n", len(ops), len(calls))
}

func quit(format string, args ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
	os.Exit(1)
}

func explained(path string) (ops []op) {
	data, err := os.ReadFile(path)
	if err != nil {
		quit("%v", err)
	}
	var explanation struct {
		Segments [][]op `json:"segments"`
		Unknown  string `json:"unknown"`
	}
	if err := json.Unmarshal(data, &explanation); err != nil {
		quit("%s: %v", path, err)
	}
	if explanation.Unknown != "" {
		quit("the explanation is not whole: %s", explanation.Unknown)
	}
	for _, segment := range explanation.Segments {
		ops = append(ops, segment...)
	}
	return ops
}

// traced returns the calls of the process that received the plan up to its end, followed by those of
// the process that it made up to execve.
func traced(prefix string) (calls []call) {
	files, err := filepath.Glob(prefix + ".*")
	if err != nil || len(files) == 0 {
		quit("no trace in %s.*: %v", prefix, err)
	}
	for _, file := range files {
		lines := read(file)
		start := slices.IndexFunc(lines, func(c call) bool { return strings.HasPrefix(c.line, begins) })
		if start < 0 {
			continue
		}
		stage := lines[start+1:]
		for len(stage) > 0 && strings.Contains(stage[0].line, "F_GETFD") {
			stage = stage[1:] // the call that finds out which inherited slots are filled
		}
		for _, last := range []string{"exit_group", "sched_yield"} {
			if n := len(stage); n == 0 || stage[n-1].name != last {
				quit("%s does not end with %s", file, last)
			}
			stage = stage[:len(stage)-1]
		}
		made := stage[len(stage)-1]
		if made.name != "clone3" {
			quit("the last call of %s is %s", file, made.line)
		}
		child := read(prefix + "." + strings.TrimSpace(made.line[strings.LastIndex(made.line, "=")+1:]))
		end := slices.IndexFunc(child, func(c call) bool { return c.name == "execve" })
		if end < 0 {
			quit("the container process made no execve")
		}
		return append(stage, child[:end+1]...)
	}
	quit("no task of %s.* began a plan", prefix)
	return nil
}

// read skips lines that are no calls: signals and ends of processes.
func read(path string) (calls []call) {
	file, err := os.Open(path)
	if err != nil {
		quit("%v", err)
	}
	defer file.Close()
	scanner := bufio.NewScanner(file)
	scanner.Buffer(nil, 1<<22)
	for scanner.Scan() {
		name, _, ok := strings.Cut(scanner.Text(), "(")
		if ok && !strings.ContainsAny(name, " +-<") {
			calls = append(calls, call{name, scanner.Text()})
		}
	}
	return calls
}

// compare matches the names of the calls with an expression made from the ops. If that fails, it
// looks for the first op with which the match fails.
func compare(ops []op, calls []call) {
	var text strings.Builder
	for _, c := range calls {
		text.WriteString(c.name + " ")
	}
	var pattern strings.Builder
	pattern.WriteString("^")
	for i, o := range ops {
		pattern.WriteString(expression(o))
		found := regexp.MustCompile(pattern.String()).FindString(text.String())
		if found == "" {
			quit("op %d, %s %s: no call of the trace is its: %s", i, o.Op, o.Operands, o.Syscalls)
		}
	}
	longest := regexp.MustCompile(pattern.String())
	longest.Longest()
	if found := longest.FindString(text.String()); found != text.String() {
		quit("after the last op the trace has: %s", at(calls, len(strings.Fields(found))))
	}
}

// expression returns the expression for an op. An op with a condition, or with slots that may be
// empty, may make no call. An op with a set, several commands or several calls makes any number of
// them.
func expression(o op) string {
	one := "(?:" + strings.ReplaceAll(o.Syscalls, " ", "|") + ") "
	switch {
	case o.Op == "CLONE":
		return "clone3 "
	case o.Op == "CLOSE", strings.Contains(o.Operands, "if-open"), strings.Contains(o.Operands, "unless:"):
		return "(?:" + one + ")*"
	case strings.Contains(o.Syscalls, " "), slices.Contains(repeated[:], o.Op):
		return "(?:" + one + ")+"
	}
	return one
}

// repeated lists the ops that make one system call for each member of a set or command.
var repeated = [...]string{"BOUNDING", "AMBIENT", "KEYRING"}

func at(calls []call, i int) string {
	if i < len(calls) {
		return calls[i].line
	}
	return "nothing more"
}
