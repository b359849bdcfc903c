// mutants makes small changes to a tree, one at a time, each of which makes rung unsafe, and runs the tests that must notice
// it. If no test notices a change, a test is missing or cannot fail.
//
//	mutants -tree DIR -list DIR -results FILE [-resume] [-report FILE] [-verbose] [ID...]
//
// The tree is a copy, which scripts/mutants.sh makes. Without ids mutants runs the whole list. Before, it runs all tests once on
// the unchanged tree, and they must pass. A change that does not apply or does not build is an error of the list. The exit status
// is 1 if there is such an error, or if fewer than 95 of 100 changes were noticed.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

func main() {
	var r runner
	list := flag.String("list", "tests/mutants", "directory of the lists")
	report := flag.String("report", "", "write a Markdown report, where all of the list has a result")
	flag.StringVar(&r.tree, "tree", "", "a copy of the tree, to be changed")
	flag.StringVar(&r.resultsFile, "results", "", "where results are kept")
	flag.BoolVar(&r.resume, "resume", false, "keep results of before that still count")
	flag.BoolVar(&r.verbose, "verbose", false, "show what the tests say")
	flag.Parse()
	if err := r.main(*list, flag.Args(), *report); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

func (r *runner) main(dir string, ids []string, report string) error {
	all, err := readLists(dir)
	if err != nil {
		return err
	}
	if err := unique(all); err != nil {
		return err
	}
	chosen := slices.DeleteFunc(slices.Clone(all), func(m mutant) bool { return len(ids) > 0 && !slices.Contains(ids, m.id) })
	if len(chosen) == 0 || len(ids) > 0 && len(chosen) != len(ids) {
		return fmt.Errorf("not all of these are in the list: %v", ids)
	}
	if r.tree, err = filepath.Abs(r.tree); err != nil {
		return err
	}
	r.prepare()
	if err := r.load(all, ids); err != nil {
		return err
	}
	if err := r.runAll(chosen); err != nil {
		return err
	}
	return r.conclude(all, chosen, report)
}
