package bundle

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

// Nothing of a copy is shared with the original.
func TestCopy(t *testing.T) {
	files, err := filepath.Glob("../../testdata/engines/*/config.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no configurations: %v", err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		spec, err := Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		again, _ := Parse(raw)
		whole := Copy(spec)
		if !reflect.DeepEqual(whole, spec) {
			t.Errorf("%s: the copy differs", file)
		}
		scribble(reflect.ValueOf(whole))
		if !reflect.DeepEqual(spec, again) {
			t.Errorf("%s: a change of the copy changed the original", file)
		}
	}
}

// scribble changes all that a value leads to.
func scribble(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			scribble(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			scribble(v.Index(i))
		}
	case reflect.Map:
		if !v.IsNil() {
			v.Clear()
		}
	case reflect.Struct:
		for i := range v.NumField() {
			scribble(v.Field(i))
		}
	case reflect.String:
		v.SetString("changed")
	case reflect.Bool:
		v.SetBool(!v.Bool())
	}
}
