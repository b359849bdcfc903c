package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"testing"
	"text/tabwriter"
	"time"
)

// The table is what text/tabwriter makes of it, as in runc.
func TestPrintTable(t *testing.T) {
	states := []*containerState{
		{ID: "a", Pid: 1, Status: "running", Bundle: "/b", Created: time.Unix(1, 5).UTC(), Owner: "root"},
		{ID: "a-longer-name-than-twelve", Pid: 123456, Status: "stopped", Bundle: "/bündel/ä", Created: time.Unix(1e9, 0).UTC(), Owner: "#4242"},
		{ID: "nobody", Bundle: "", Owner: ""},
	}
	for n := range len(states) + 1 {
		var want bytes.Buffer
		w := tabwriter.NewWriter(&want, 12, 1, 3, ' ', 0)
		fmt.Fprint(w, "ID\tPID\tSTATUS\tBUNDLE\tCREATED\tOWNER\n")
		for _, s := range states[:n] {
			fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\n", s.ID, s.Pid, s.Status, s.Bundle, s.Created.Format(time.RFC3339Nano), s.Owner)
		}
		w.Flush()
		if got := printed(t, func() error { return printTable(states[:n]) }); got != want.String() {
			t.Errorf("%d rows:\n%q\nwant\n%q", n, got, want.String())
		}
	}
}

// printed returns what a function writes to standard output.
func printed(t *testing.T, print func() error) string {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	was := os.Stdout
	os.Stdout = write
	err = print()
	os.Stdout = was
	write.Close()
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(read)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
