package open

import (
	"errors"
	"io/fs"
	"testing"

	"rung/libcontainer/compile"
	"rung/libcontainer/plan"
)

// A kind of the compiler without a way to open it would be an error of every container that needs it.
func TestEveryKindCanBeOpened(t *testing.T) {
	if len(table) != int(compile.SourceCgroupNS)+1 {
		t.Errorf("the table has %d rows, the compiler %d kinds", len(table), compile.SourceCgroupNS+1)
	}
	for kind, open := range table {
		if open == nil {
			t.Errorf("kind %d has no row", kind)
		}
	}
}

func TestErrorsNameTheField(t *testing.T) {
	o := &Opener{}
	source := compile.Source{Kind: compile.SourceNamespace, Path: "/nonexistent/ns", Origin: plan.Origin{Field: "linux.namespaces[2]"}}
	_, err := o.All([]compile.Source{source})
	if !errors.Is(err, fs.ErrNotExist) || err.Error() != "linux.namespaces[2]: open /nonexistent/ns: no such file or directory" {
		t.Error(err)
	}
	var failed *Error
	if !errors.As(err, &failed) || failed.Field != "linux.namespaces[2]" {
		t.Errorf("%T", err)
	}
	source.Kind = 99
	if _, err := o.All([]compile.Source{source}); err == nil {
		t.Error("an unknown kind was opened")
	}
}

func TestTasksThatCreateLeftOut(t *testing.T) {
	o := &Opener{}
	files, err := o.All([]compile.Source{{Kind: compile.SourceTasks, Index: 3}})
	if err != nil || len(files) != 1 || files[0] != nil {
		t.Errorf("%v, %v", files, err)
	}
}
