// faults makes every system call of rung, and of its stage, fail once, or kills the process there, and looks what becomes
// of the container: each verb that succeeds has to have made a whole one, each that fails has to say why in one line, and
// "delete --force" has to remove all that is left.
//
//	faults -rung RUNG -tools DIR -source TREE [-verbs REGEXP] [-actions LIST] [-every N] [-jobs N] [-tap] [-report FILE] [-list FILE]
//
// DIR has the programs inject and snapshot. With -every only each N-th injection is made, always the same ones. What was
// found goes to standard error, a line each; the exit status is 1 where something is left that no entry of explained.go
// has a reason for.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// settings are the options, which workers get too.
type settings struct {
	rung, tools, source string
	criu                string // directory of a CRIU that works, or ""
	verbs               *regexp.Regexp
	actions             []string
	every, jobs         int
	tap                 bool
	report, list        string
	only                string
}

func main() {
	var s settings
	verbs := flag.String("verbs", ".", "regular expression of `VERB CONFIGURATION CLASS`")
	actions := flag.String("actions", strings.Join(allActions, ","), "errnos, and kill")
	flag.StringVar(&s.rung, "rung", "./rung", "the binary")
	flag.StringVar(&s.tools, "tools", "build/tests/faults", "directory of inject and snapshot")
	flag.StringVar(&s.source, "source", ".", "the tree")
	flag.StringVar(&s.criu, "criu", "", "directory of a criu that works on this kernel")
	flag.IntVar(&s.every, "every", 1, "make each N-th injection only")
	flag.IntVar(&s.jobs, "jobs", 2, "workers")
	flag.BoolVar(&s.tap, "tap", false, "print TAP, a line for each verb and class")
	flag.StringVar(&s.report, "report", "", "write a Markdown report")
	flag.StringVar(&s.list, "list", "", "write a line for each injection")
	flag.StringVar(&s.only, "only", "", "one injection, as -list names it: VERB/CONFIGURATION/CLASS/ACTION/K")
	worker := flag.Bool("worker", false, "for its own use")
	flag.Parse()
	s.verbs, s.actions = regexp.MustCompile(*verbs), strings.Split(*actions, ",")
	for _, path := range []*string{&s.rung, &s.tools, &s.source} {
		*path, _ = filepath.Abs(*path)
	}
	if *worker {
		serve(s)
		return
	}
	started := time.Now()
	results, err := campaign(s)
	if err != nil {
		fmt.Fprintln(os.Stderr, "faults:", err)
		os.Exit(2)
	}
	table := summarize(results)
	table.duration, table.every = time.Since(started), s.every
	if err := table.write(s, results); err != nil {
		fmt.Fprintln(os.Stderr, "faults:", err)
		os.Exit(2)
	}
	if table.unexplained > 0 {
		os.Exit(1)
	}
}
