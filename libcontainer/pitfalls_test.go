package libcontainer

import (
	"os"
	"strconv"
	"strings"
	"testing"
)

// pitfalls are the rows of docs/pitfalls.md: what a row begins with -> the cell that names its tests.
func pitfalls(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("../docs/pitfalls.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]string{}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) != 5 || strings.Trim(cells[1], " -") == "" || cells[1] == " row " {
			continue
		}
		row, _, _ := strings.Cut(strings.TrimSpace(cells[1]), " ")
		if _, twice := rows[row]; twice {
			t.Errorf("%s has two rows", row)
		}
		rows[row] = strings.TrimSpace(cells[3])
	}
	return rows
}

func TestEveryPitfallIsShownByATest(t *testing.T) {
	rows, known := pitfalls(t), knownTests(t)
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
