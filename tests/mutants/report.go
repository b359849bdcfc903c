package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// goal is the share of mutants that tests must notice, in percent.
const goal = 95

// conclude prints how many mutants were noticed. It writes the report if all mutants have a result.
func (r *runner) conclude(all, chosen []mutant, report string) error {
	count := map[string]int{}
	for _, m := range chosen {
		count[r.results[m.id].status]++
	}
	fmt.Fprintf(os.Stderr, "%d mutants: %d noticed (%.1f %%), %d survived, %d errors of the list\n", len(chosen), count[noticed],
		percent(count[noticed], len(chosen)), count[survived], count[broken])
	if report != "" && len(r.results) >= len(all) && count[broken] == 0 {
		if err := r.write(all, report); err != nil {
			return err
		}
	}
	if count[broken] > 0 || percent(count[noticed], len(chosen)) < goal {
		return fmt.Errorf("fewer than %d of 100 were noticed, or the list has errors", goal)
	}
	return nil
}

func percent(part, whole int) float64 { return 100 * float64(part) / float64(whole) }

const head = `# Changes that tests must notice

Written by ` + "`make mutants`" + ` from the lists in tests/mutants. Each mutant is a small change of a line that isolates containers from the
host. The script makes one change at a time in a copy of the tree, builds it, and runs the tests that must notice it. Without the
change all of these tests pass.

`

func (r *runner) write(all []mutant, file string) error {
	var out strings.Builder
	found := 0
	for _, m := range all {
		if r.results[m.id].status == noticed {
			found++
		}
	}
	out.WriteString(head)
	fmt.Fprintf(&out, "Of %d mutants %d were noticed: %.1f %%.\n\n", len(all), found, percent(found, len(all)))
	out.WriteString("| mutant | file | change | why it matters | noticed by |\n|---|---|---|---|---|\n")
	for _, m := range all {
		res := r.results[m.id]
		by := "`" + strings.ReplaceAll(res.by, "|", "\\|") + "`"
		if res.status != noticed {
			by = "**nothing**"
		}
		fmt.Fprintf(&out, "| `%s` | %s | %s | %s | %s |\n", m.id, strings.Join(filesOf(&m), ", "), m.what, m.why, by)
	}
	return os.WriteFile(file, []byte(out.String()), 0o644)
}

func filesOf(m *mutant) (out []string) {
	for _, c := range m.changes {
		if !slices.Contains(out, c.file) {
			out = append(out, c.file)
		}
	}
	return out
}
