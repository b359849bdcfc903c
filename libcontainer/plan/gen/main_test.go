package main

import (
	"go/format"
	"os"
	"strings"
	"testing"
)

func readHeader(t *testing.T) string {
	t.Helper()
	header, err := os.ReadFile("../../../nsenter/ops.h")
	if err != nil {
		t.Fatal(err)
	}
	return string(header)
}

func TestOpsGenIsUpToDate(t *testing.T) {
	identity, err := identityOf("../../../nsenter")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile("../../../nsenter/identity.h"); err != nil || string(got) != identityHeader(identity) {
		t.Errorf("identity.h is not that of the sources beside it: run go generate ./libcontainer/plan (%v)", err)
	}
	want, err := format.Source(generate(identityHeader(identity) + readHeader(t)))
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../ops_gen.go")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Error("ops_gen.go is not what nsenter/ops.h says: run go generate ./libcontainer/plan")
	}
}

// The generator must understand every OP line: one that it skips would shift all opcodes after it.
func TestEveryOpLineIsUnderstood(t *testing.T) {
	header := readHeader(t)
	lines := 0
	for line := range strings.Lines(header) {
		if strings.HasPrefix(strings.TrimSpace(line), "OP(") {
			lines++
		}
	}
	if found := len(opLine.FindAllString(header, -1)); found != lines || lines < 50 {
		t.Errorf("%d lines begin with OP(, the generator understands %d", lines, found)
	}
}

func TestCamel(t *testing.T) {
	for in, want := range map[string]string{"MOVE_MOUNT": "MoveMount", "SETNS": "Setns", "NO_NEW_PRIVS": "NoNewPrivs"} {
		if got := camel(in); got != want {
			t.Errorf("camel(%s) = %s, want %s", in, got, want)
		}
	}
}
