package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

var kinds = []string{kindHang, kindTrace, kindLeak, kindSuccess, kindMessage, kindOther}

// row is a line of the table: a verb and a class.
type row struct {
	verb, class      string
	injections       int
	found, explained map[string]int
	skip             string
	failed           []string
}

type table struct {
	rows        []*row
	duration    time.Duration
	every       int
	unexplained int
	reasons     map[string]int
}

func summarize(results []result) *table {
	t := &table{reasons: map[string]int{}}
	for i := range results {
		t.add(&results[i])
	}
	return t
}

func (t *table) row(j job) *row {
	for _, r := range t.rows {
		if r.verb == j.Verb && r.class == j.Class {
			return r
		}
	}
	r := &row{verb: j.Verb, class: j.Class, found: map[string]int{}, explained: map[string]int{}}
	t.rows = append(t.rows, r)
	return r
}

func (t *table) add(r *result) {
	line := t.row(r.Job)
	if r.Skip != "" {
		line.skip = r.Skip
		return
	}
	if r.Error != "" {
		t.unexplained++
		line.failed = append(line.failed, fmt.Sprintf("%s: trial failed: %s", r.Job, r.Error))
		return
	}
	if r.Hit {
		line.injections++
	}
	for _, p := range r.Problems {
		line.found[p.Kind]++
		if p.Explained != "" {
			line.explained[p.Kind]++
			t.reasons[p.Kind+": "+p.Explained]++
			continue
		}
		t.unexplained++
		line.failed = append(line.failed, fmt.Sprintf("%s: %s: %s(%s): %s", r.Job, p.Kind, r.Call, r.Text, p.Text))
	}
}

func (t *table) write(s settings, results []result) error {
	if s.list != "" {
		if err := writeList(s.list, results); err != nil {
			return err
		}
	}
	if s.report != "" {
		if err := os.WriteFile(s.report, []byte(t.markdown()), 0o644); err != nil {
			return err
		}
	}
	if s.tap {
		t.writeTAP()
		return nil
	}
	fmt.Print(t.markdown())
	return nil
}

func writeList(path string, results []result) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	lines := json.NewEncoder(file)
	for i := range results {
		if err := lines.Encode(&results[i]); err != nil {
			return err
		}
	}
	return nil
}

func (t *table) writeTAP() {
	fmt.Printf("1..%d\n", len(t.rows))
	for i, r := range t.rows {
		name := fmt.Sprintf("%s: faults in the class %s: %d injections", r.verb, r.class, r.injections)
		switch {
		case r.skip != "":
			fmt.Printf("ok %d %s # skip %s\n", i+1, name, r.skip)
		case len(r.failed) > 0 || r.injections == 0:
			fmt.Printf("not ok %d %s\n", i+1, name)
			for _, line := range r.failed {
				fmt.Println("# " + line)
			}
		default:
			fmt.Printf("ok %d %s\n", i+1, name)
		}
	}
}

const introduction = `# What happens after a fault

Written by ` + "`make faults`" + `. Each system call of rung and of its stage failed once with each of several errnos, and the process was
killed once at each (tests/faults). After each injection the test checks five things. A success has made a whole container: a
program in it sees the same as in an undisturbed one. A failure gives the reason in one line, without a Go stack trace. No command
took more than ten seconds. ` + "`rung delete --force`" + ` left no process, cgroup, mount or state. Another container that ran all the time
has not changed.

`

func (t *table) markdown() string {
	var out strings.Builder
	out.WriteString(introduction)
	fmt.Fprintf(&out, "This run took %d minutes on %s", int(t.duration.Minutes()+0.5), kernel())
	if t.every > 1 {
		fmt.Fprintf(&out, ", and made one in %d of the injections", t.every)
	}
	out.WriteString(".\n\n")
	out.WriteString("| verb | class | injections |")
	for _, kind := range kinds {
		out.WriteString(" " + plural(kind) + " |")
	}
	out.WriteString("\n|---|---|---|" + strings.Repeat("---|", len(kinds)) + "\n")
	sum, sums := 0, map[string]int{}
	for _, r := range t.rows {
		if r.skip != "" {
			fmt.Fprintf(&out, "| %s | %s | skipped: %s |%s\n", r.verb, r.class, r.skip, strings.Repeat(" |", len(kinds)))
			continue
		}
		fmt.Fprintf(&out, "| %s | %s | %d |", r.verb, r.class, r.injections)
		sum += r.injections
		for _, kind := range kinds {
			sums[kind] += r.found[kind]
			fmt.Fprintf(&out, " %s |", cell(r.found[kind], r.explained[kind]))
		}
		out.WriteString("\n")
	}
	fmt.Fprintf(&out, "| all | | %d |", sum)
	for _, kind := range kinds {
		fmt.Fprintf(&out, " %d |", sums[kind])
	}
	out.WriteString("\n\n")
	t.writeReasons(&out)
	return out.String()
}

func kernel() string {
	release, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	parts := strings.SplitN(string(release), ".", 3)
	return "Linux " + strings.Join(parts[:min(2, len(parts))], ".")
}

func plural(kind string) string {
	return map[string]string{
		kindHang: "hangs", kindTrace: "traces", kindLeak: "leaks", kindSuccess: "wrong successes", kindMessage: "poor messages", kindOther: "others harmed",
	}[kind]
}

func cell(found, explained int) string {
	if found > 0 && found == explained {
		return fmt.Sprintf("%d explained", found)
	}
	if explained > 0 {
		return fmt.Sprintf("%d, %d of them explained", found, explained)
	}
	return strconv.Itoa(found)
}

func (t *table) writeReasons(out *strings.Builder) {
	if len(t.reasons) > 0 {
		out.WriteString("The explained problems, with reasons:\n\n")
		reasons := make([]string, 0, len(t.reasons))
		for reason := range t.reasons {
			reasons = append(reasons, reason)
		}
		slices.SortFunc(reasons, func(a, b string) int { return cmp.Compare(a, b) })
		for _, reason := range reasons {
			fmt.Fprintf(out, "- %s (%d times)\n", reason, t.reasons[reason])
		}
		out.WriteString("\n")
	}
	out.WriteString("In rung itself the test leaves out calls that only Go's run-time library makes (" + strings.Join(ofGo, ", ") +
		", and clone of threads): no Go program works without them. In the stage it leaves out none.\n")
}
