package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const tree = "../.."

// Each entry must fit the tree: its texts occur exactly once, and its tests exist. make mutants finds out whether the tests
// notice the change.
func TestEveryMutantAppliesAndNamesTestsThatExist(t *testing.T) {
	list, err := readLists(".")
	if err != nil {
		t.Fatal(err)
	}
	if err := unique(list); err != nil {
		t.Error(err)
	}
	if len(list) < 60 {
		t.Errorf("%d mutants: too few to say much", len(list))
	}
	for _, m := range list {
		if err := m.check(); err != nil {
			t.Error(err)
		}
		if _, err := m.apply(tree); err != nil {
			t.Error(err)
		}
		for _, named := range m.tests {
			if !exists(t, named) {
				t.Errorf("mutant %s: there is no test %s", m.id, named)
			}
		}
	}
}

func exists(t *testing.T, named test) bool {
	t.Helper()
	expression, name := regexp.MustCompile(`(?m)^@test "(.*)" \{$`), regexp.MustCompile(named.name)
	switch named.kind {
	case "c":
		expression = regexp.MustCompile(`(?:\{ "|NAMED\(|DAMAGED\()([^"\n]*?)(?:",|\),)`)
		last := named.name[strings.LastIndex(named.name, ": ")+1:] // the macros DAMAGED and NAMED add a common prefix to names
		name = regexp.MustCompile("^" + regexp.QuoteMeta(strings.TrimSpace(last)) + "$")
	case "go":
		top, _, _ := strings.Cut(named.name, "/")
		expression, name = regexp.MustCompile(`(?m)^func (Test\w+)\(`), regexp.MustCompile("^"+top+"$")
	}
	for _, file := range named.files(tree) {
		text, err := os.ReadFile(filepath.Join(tree, file))
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range expression.FindAllStringSubmatch(string(text), -1) {
			if name.MatchString(strings.ReplaceAll(match[1], `\"`, `"`)) {
				return true
			}
		}
	}
	return false
}

func TestApplyWantsItsTextOnce(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "f"), []byte("one two two"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		from, to, want string // "" for an error
	}{
		{"one", "three", "three two two"}, {"two", "three", ""}, {"four", "three", ""}, {"", "three", ""}, {"one", "one", ""},
	} {
		m := mutant{id: "m", changes: []change{{"f", c.from, c.to}}}
		files, err := m.apply(dir)
		if (err != nil) != (c.want == "") || err == nil && files["f"] != c.want {
			t.Errorf("%q to %q: %q, %v", c.from, c.to, files["f"], err)
		}
	}
	twice := mutant{id: "m", changes: []change{{"f", "one", "three"}, {"f", "three", "four"}}}
	if files, err := twice.apply(dir); err != nil || files["f"] != "four two two" {
		t.Errorf("two changes of one file: %q, %v", files["f"], err)
	}
}

func TestReadList(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.list")
	const text = "# comment\nmutant a\nfile f.c\nwhat w\nwhy y\ntest c SYNC waits\ntest bats x.bats ^a b\n<<<<\n\tone\n\ntwo\n====\n>>>>\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	list, err := readList(file)
	if err != nil || len(list) != 1 {
		t.Fatalf("%v, %v", list, err)
	}
	m := list[0]
	if m.changes[0] != (change{"f.c", "\tone\n\ntwo", ""}) || m.tests[1] != (test{"bats", "x.bats", "^a b"}) || m.tests[0].name != "SYNC waits" {
		t.Errorf("%+v", m)
	}
	for _, bad := range []string{"file f\n", "mutant a\nnonsense x\n", "mutant a\ntest bats x\n", "mutant a\n<<<<\n====\n"} {
		if err := os.WriteFile(file, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := readList(file); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
