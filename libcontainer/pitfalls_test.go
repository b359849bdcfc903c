package libcontainer

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// pitfalls are the rows of docs/pitfalls.md: what a row begins with -> the cell that names its tests; and of a CVE the cell
// that names what they were seen to fail against.
func pitfalls(t *testing.T) (rows, against map[string]string) {
	t.Helper()
	text, err := os.ReadFile("../docs/pitfalls.md")
	if err != nil {
		t.Fatal(err)
	}
	rows, against = map[string]string{}, map[string]string{}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) != 5 && len(cells) != 6 || strings.Trim(cells[1], " -") == "" || cells[1] == " row " {
			continue
		}
		row, _, _ := strings.Cut(strings.TrimSpace(cells[1]), " ")
		if _, twice := rows[row]; twice {
			t.Errorf("%s has two rows", row)
		}
		rows[row] = strings.TrimSpace(cells[3])
		if len(cells) == 6 {
			against[row] = strings.TrimSpace(cells[4])
		}
	}
	return rows, against
}

func TestEveryPitfallIsShownByATest(t *testing.T) {
	rows, _ := pitfalls(t)
	known := knownTests(t)
	for row, cell := range rows {
		for _, name := range testsOf(cell) {
			if !known[name] {
				t.Errorf("%s: there is no test %s", row, name)
			}
		}
	}
	for prefix, last := range map[string]int{"": 47, "U": 25} {
		for i := 1; i <= last; i++ {
			row := prefix + strconv.Itoa(i)
			if rows[row] == "" {
				t.Errorf("no row %s", row)
			}
		}
	}
}

// A test of a CVE is shown to be one by an implementation that has the flaw: a mutant of tests/mutants.
func TestEveryCVEWasSeenToFail(t *testing.T) {
	lists, err := filepath.Glob("../tests/mutants/*.list")
	if err != nil || len(lists) == 0 {
		t.Fatalf("no lists of mutants: %v", err)
	}
	known := map[string]bool{}
	for _, list := range lists {
		text, err := os.ReadFile(list)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if id, ok := strings.CutPrefix(line, "mutant "); ok {
				known[strings.TrimSpace(id)] = true
			}
		}
	}
	_, against := pitfalls(t)
	if len(against) < 20 {
		t.Errorf("%d rows of CVEs", len(against))
	}
	for row, cell := range against {
		named := regexp.MustCompile("`([a-z0-9-]+)`").FindAllStringSubmatch(cell, -1)
		if len(named) == 0 {
			t.Errorf("%s: no mutant", row)
		}
		for _, m := range named {
			if !known[m[1]] {
				t.Errorf("%s: there is no mutant %s", row, m[1])
			}
		}
	}
}

// What the pages for people say of rung, in tables whose last column is "shown by", has tests that exist.
func TestPagesHaveTests(t *testing.T) {
	known := knownTests(t)
	for page, least := range map[string]int{"rootless.md": 8, "security-model.md": 8} {
		text, err := os.ReadFile("../docs/" + page)
		if err != nil {
			t.Fatal(err)
		}
		rows := 0
		for line := range strings.Lines(string(text)) {
			cells := strings.Split(strings.TrimSpace(line), "|")
			if len(cells) != 5 || !strings.Contains(cells[3], ".bats`") {
				continue
			}
			rows++
			for _, name := range testsOf(strings.TrimSpace(cells[3])) {
				if !known[name] {
					t.Errorf("%s: there is no test %s", page, name)
				}
			}
		}
		if rows < least {
			t.Errorf("%s: %d rows", page, rows)
		}
	}
}

// Each place where rung waits has a test that exists (docs/waits.md).
func TestWaitsHaveTests(t *testing.T) {
	text, err := os.ReadFile("../docs/waits.md")
	if err != nil {
		t.Fatal(err)
	}
	known, rows := knownTests(t), 0
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) != 6 || strings.Trim(cells[1], " -") == "" || strings.TrimSpace(cells[4]) == "test" || !strings.Contains(cells[4], "`") {
			continue
		}
		rows++
		for _, name := range testsOf(strings.TrimSpace(cells[4])) {
			if !known[name] {
				t.Errorf("%s: there is no test %s", strings.TrimSpace(cells[1]), name)
			}
		}
	}
	if rows < 20 {
		t.Errorf("%d rows", rows)
	}
}
