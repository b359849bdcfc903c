package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// runner changes the tree and runs the tests.
type runner struct {
	tree, resultsFile string
	resume, verbose   bool

	env     []string
	built   map[string]bool // the kinds of tests whose needs are built from the unchanged tree
	asked   map[test]error  // the results of tests on the unchanged tree
	results map[string]result
}

// result is the result for a mutant.
type result struct {
	key    string
	status string // noticed, survived, broken
	by     string // the test that noticed; for a broken mutant the reason
}

const (
	noticed  = "noticed"
	survived = "survived"
	broken   = "broken" // an error of the list
)

func (r *runner) prepare() {
	r.env = append(os.Environ(), "CGO_ENABLED=1", "LC_ALL=C.UTF-8", "RUNG_KEEP_IDENTITY=1", "RUNG="+r.tree+"/rung",
		"RUNG_TEST_COMMANDS="+r.tree+"/build/tests", "RUNG_SOURCE="+r.tree)
	r.built, r.asked = map[string]bool{}, map[test]error{}
}

// load reads earlier results, with -resume and if only some mutants are run.
func (r *runner) load(all []mutant, ids []string) error {
	r.results = map[string]result{}
	if !r.resume && len(ids) == 0 {
		return nil
	}
	f, err := os.Open(r.resultsFile)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if f := strings.SplitN(lines.Text(), "\t", 4); len(f) == 4 {
			r.results[f[0]] = result{f[1], f[2], f[3]}
		}
	}
	for _, m := range all {
		if old, known := r.results[m.id]; known && (old.key != m.key(r.tree) || old.status == broken || slices.Contains(ids, m.id)) {
			delete(r.results, m.id)
		}
	}
	return lines.Err()
}

func (r *runner) store(m *mutant, res result) error {
	res.key = m.key(r.tree)
	res.by = strings.Join(strings.Fields(res.by), " ")
	r.results[m.id] = res
	var text strings.Builder
	for id, res := range r.results {
		fmt.Fprintf(&text, "%s\t%s\t%s\t%s\n", id, res.key, res.status, res.by)
	}
	return os.WriteFile(r.resultsFile, []byte(text.String()), 0o644)
}

func (r *runner) runAll(list []mutant) error {
	for i := range list {
		m := &list[i]
		if _, done := r.results[m.id]; done {
			continue
		}
		started := time.Now()
		res := r.try(m)
		if err := r.store(m, res); err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "%3d of %d  %-8s %s: %s (%.0f s)\n", i+1, len(list), res.status, m.id, res.by, time.Since(started).Seconds())
	}
	return nil
}

// try runs the tests of one mutant, first on the unchanged tree and then with the change.
func (r *runner) try(m *mutant) result {
	if err := m.check(); err != nil {
		return result{status: broken, by: err.Error()}
	}
	for _, t := range m.tests {
		if err := r.baseline(t); err != nil {
			return result{status: broken, by: err.Error()}
		}
	}
	undo, err := r.change(m)
	if err != nil {
		return result{status: broken, by: err.Error()}
	}
	defer undo()
	for _, t := range m.tests {
		v, err := r.run(t)
		switch {
		case err != nil:
			return result{status: broken, by: err.Error()}
		case v.why != "":
			return result{status: broken, by: t.String() + ": " + v.why}
		case v.failed:
			return result{status: noticed, by: v.by}
		}
	}
	return result{status: survived, by: "none of: " + joined(m.tests)}
}

// baseline runs a test once on the unchanged tree, where it must pass.
func (r *runner) baseline(t test) error {
	if err, known := r.asked[t]; known {
		return err
	}
	v, err := r.run(t)
	switch {
	case err != nil:
	case v.failed:
		err = fmt.Errorf("%s fails without the change", t)
	case v.why != "":
		err = fmt.Errorf("%s: %s", t, v.why)
	}
	r.asked[t] = err
	return err
}

// change writes the mutant's files, and returns the function that restores them.
func (r *runner) change(m *mutant) (undo func(), err error) {
	files, err := m.apply(r.tree)
	if err != nil {
		return nil, err
	}
	before := map[string][]byte{}
	for name := range files {
		if before[name], err = os.ReadFile(filepath.Join(r.tree, name)); err != nil {
			return nil, err
		}
	}
	clear(r.built)
	for name, text := range files {
		err = errors.Join(err, os.WriteFile(filepath.Join(r.tree, name), []byte(text), 0o644))
	}
	return func() {
		for name, text := range before {
			_ = os.WriteFile(filepath.Join(r.tree, name), text, 0o644)
		}
		clear(r.built)
	}, err
}

func joined(tests []test) string {
	var names []string
	for _, t := range tests {
		names = append(names, t.String())
	}
	return strings.Join(names, "; ")
}
