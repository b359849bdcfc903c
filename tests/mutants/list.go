package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// mutant is an entry of the list: a change that makes rung unsafe, and the tests that must notice it.
type mutant struct {
	id, what, why string
	changes       []change
	tests         []test
	text          string // the entry as it is written
}

// change replaces a text that a file has exactly once.
type change struct{ file, from, to string }

// test names one test, or some of one file: c NAME; go PACKAGE NAME; bats FILE REGEXP.
type test struct{ kind, where, name string }

func (t test) String() string {
	return strings.Join(strings.Fields(t.kind+" "+t.where+" "+t.name), " ")
}

// The lines that bound the two texts of a change.
const (
	beginFrom, beginTo, endTo = "<<<<", "====", ">>>>"
)

// readLists reads all entries of the files *.list in a directory, in the order of the names of the files.
func readLists(dir string) ([]mutant, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.list"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("%s: no lists of mutants", dir)
	}
	var all []mutant
	for _, file := range files {
		list, err := readList(file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		all = append(all, list...)
	}
	return all, nil
}

func readList(file string) ([]mutant, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	p := parser{lines: bufio.NewScanner(f)}
	for p.next() {
		if p.line == "" || strings.HasPrefix(p.line, "#") {
			continue
		}
		if err := p.field(); err != nil {
			return nil, fmt.Errorf("line %d: %w", p.number, err)
		}
	}
	return p.list, p.lines.Err()
}

type parser struct {
	lines  *bufio.Scanner
	line   string
	number int
	file   string // the file of the next change
	list   []mutant
}

func (p *parser) next() bool {
	if !p.lines.Scan() {
		return false
	}
	p.line, p.number = p.lines.Text(), p.number+1
	if len(p.list) > 0 {
		p.list[len(p.list)-1].text += p.line + "\n"
	}
	return true
}

func (p *parser) field() error {
	key, value, _ := strings.Cut(p.line, " ")
	value = strings.TrimSpace(value)
	if key == "mutant" {
		p.list, p.file = append(p.list, mutant{id: value, text: p.line + "\n"}), ""
		return nil
	}
	if len(p.list) == 0 {
		return fmt.Errorf("%q before the first mutant", key)
	}
	m := &p.list[len(p.list)-1]
	switch key {
	case "file":
		p.file = value
	case "what":
		m.what = value
	case "why":
		m.why = value
	case "test":
		t, err := parseTest(value)
		m.tests = append(m.tests, t)
		return err
	case beginFrom:
		c, err := p.change()
		m.changes = append(m.changes, c)
		return err
	default:
		return fmt.Errorf("unknown field %q", key)
	}
	return nil
}

func parseTest(value string) (test, error) {
	kind, rest, _ := strings.Cut(value, " ")
	if kind == "c" && rest != "" {
		return test{kind: kind, name: rest}, nil
	}
	where, name, _ := strings.Cut(rest, " ")
	if kind != "go" && kind != "bats" || where == "" || name == "" {
		return test{}, fmt.Errorf("test %q is none of: c NAME; go PACKAGE NAME; bats FILE REGEXP", value)
	}
	return test{kind, where, name}, nil
}

func (p *parser) change() (change, error) {
	from, err := p.until(beginTo)
	if err != nil {
		return change{}, err
	}
	to, err := p.until(endTo)
	return change{p.file, from, to}, err
}

func (p *parser) until(end string) (string, error) {
	var lines []string
	for p.next() {
		if p.line == end {
			return strings.Join(lines, "\n"), nil
		}
		lines = append(lines, p.line)
	}
	return "", fmt.Errorf("no line %q", end)
}

// check refuses an entry that lacks something.
func (m *mutant) check() error {
	switch {
	case m.id == "" || m.what == "" || m.why == "":
		return fmt.Errorf("mutant %q lacks its id, what or why", m.id)
	case len(m.changes) == 0 || len(m.tests) == 0:
		return fmt.Errorf("mutant %s changes nothing, or no test should notice it", m.id)
	case strings.Contains(m.what+m.why, "|"):
		return fmt.Errorf("mutant %s: what and why are cells of a table", m.id)
	}
	return nil
}

// apply returns the changed files of a tree by their paths. A text that does not occur exactly once is an error: the tree has
// changed, and the entry does not fit it any more.
func (m *mutant) apply(tree string) (map[string]string, error) {
	files := map[string]string{}
	for _, c := range m.changes {
		text, known := files[c.file]
		if !known {
			data, err := os.ReadFile(filepath.Join(tree, c.file))
			if err != nil {
				return nil, fmt.Errorf("mutant %s: %w", m.id, err)
			}
			text = string(data)
		}
		if n := strings.Count(text, c.from); n != 1 || c.from == "" || c.from == c.to {
			return nil, fmt.Errorf("mutant %s: %s has this %d times, not once, or it is not changed:\n%s", m.id, c.file, n, c.from)
		}
		files[c.file] = strings.Replace(text, c.from, c.to, 1)
	}
	return files, nil
}

// key changes if the entry, a file that it changes, or a file of its tests changes. A result is valid for one key.
func (m *mutant) key(tree string) string {
	hash := sha256.New()
	hash.Write([]byte(m.text))
	var files []string
	for _, c := range m.changes {
		files = append(files, c.file)
	}
	for _, t := range m.tests {
		files = append(files, t.files(tree)...)
	}
	slices.Sort(files)
	for _, file := range slices.Compact(files) {
		data, _ := os.ReadFile(filepath.Join(tree, file)) // apply returns the error of a missing file
		hash.Write(data)
	}
	return hex.EncodeToString(hash.Sum(nil))[:16]
}

// files returns the paths of the files of a test.
func (t test) files(tree string) []string {
	pattern := "nsenter/test/*.c"
	switch t.kind {
	case "bats":
		return []string{"tests/integration/" + t.where}
	case "go":
		pattern = filepath.Join(t.where, "*_test.go")
	}
	found, _ := filepath.Glob(filepath.Join(tree, pattern))
	for i := range found {
		found[i], _ = filepath.Rel(tree, found[i])
	}
	return found
}

// unique refuses an id that two entries have.
func unique(list []mutant) error {
	seen := map[string]bool{}
	for _, m := range list {
		if seen[m.id] {
			return fmt.Errorf("two mutants are called %s", m.id)
		}
		seen[m.id] = true
	}
	return nil
}
