// faults makes every system call of rung and of its stage fail once, or kills the process there, and then checks the
// container. A command that succeeds must have made a whole container. A command that fails must give the reason in one
// line. "delete --force" must remove everything that is left.
//
//	faults -rung RUNG -tools DIR -source TREE [-verbs REGEXP] [-actions LIST] [-every N] [-jobs N] [-tap] [-report FILE] [-list FILE]
//	       [-done FILE [-resume]]
//
// DIR has the programs inject and snapshot. With -every faults makes only one in N injections, always the same ones. It
// prints each problem as a line on standard error. The exit status is 1 if explained.go does not explain one of them.
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

// settings are the options. Workers get them too.
type settings struct {
	rung, tools, source string
	criu                string // directory of a CRIU that works, or ""
	verbs               *regexp.Regexp
	actions             []string
	every, jobs         int
	tap                 bool
	report, list        string
	only                string
	done                string // the file of earlier results, or ""
	resume              bool
	earlier             *done
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
	flag.StringVar(&s.done, "done", "", "keep the results in a file")
	flag.BoolVar(&s.resume, "resume", false, "do not repeat what the file of -done has, but for unexplained problems")
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
	results, took, err := run(s)
	if err != nil {
		fmt.Fprintln(os.Stderr, "faults:", err)
		os.Exit(2)
	}
	table := summarize(results)
	table.duration, table.every = took, s.every
	if err := table.write(s, results); err != nil {
		fmt.Fprintln(os.Stderr, "faults:", err)
		os.Exit(2)
	}
	if table.unexplained > 0 {
		os.Exit(1)
	}
}

// run makes the injections that earlier sittings have not made. It returns how long all of them took.
func run(s settings) (results []result, took time.Duration, err error) {
	if s.earlier, err = openDone(s); err != nil {
		return nil, 0, err
	}
	results, err = campaign(s)
	return results, s.earlier.took, err
}
