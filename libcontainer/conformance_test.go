package libcontainer

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/opencontainers/runtime-spec/specs-go/features"
)

// tables are the pages of docs/spec-conformance: field -> the cell that names its tests.
func tables(t *testing.T) map[string]string {
	t.Helper()
	pages, err := filepath.Glob("../docs/spec-conformance/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatalf("no tables: %v", err)
	}
	rows := map[string]string{}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			cells := strings.Split(strings.TrimSpace(line), "|")
			if len(cells) != 6 || !strings.HasPrefix(cells[1], " `") {
				continue
			}
			field := strings.Trim(cells[1], " `")
			if _, ok := rows[field]; ok {
				t.Errorf("%s: %s has two rows", page, field)
			}
			rows[field] = strings.TrimSpace(cells[4])
			if strings.Contains(strings.ToLower(cells[2]), "not supported") {
				t.Errorf("%s: %s: without a reason of the kernel's", page, field)
			}
		}
	}
	return rows
}

// fieldsOf lists the JSON members of a type of specs-go: "[]" stands for an element of a
// list, "{}" for a value of a map.
func fieldsOf(t reflect.Type, prefix string) (out []string) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.Slice:
		return fieldsOf(t.Elem(), prefix+"[]")
	case reflect.Map:
		return fieldsOf(t.Elem(), prefix+"{}")
	case reflect.Struct:
	default:
		return nil
	}
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		path := strings.TrimPrefix(prefix+"."+name, ".")
		if name == "" || name == "-" || otherSystems[path] {
			continue
		}
		out = append(append(out, path), fieldsOf(t.Field(i).Type, path)...)
	}
	return out
}

// otherSystems are the members of config.json that are for no Linux.
var otherSystems = map[string]bool{"windows": true, "solaris": true, "zos": true, "vm": true, "freebsd": true}

func TestEveryFieldOfTheSpecificationHasARow(t *testing.T) {
	rows := tables(t)
	for prefix, model := range map[string]any{
		"": specs.Spec{}, "state": specs.State{}, "containerProcessState": specs.ContainerProcessState{},
		"features": features.Features{},
	} {
		for _, field := range fieldsOf(reflect.TypeOf(model), prefix) {
			if _, ok := rows[field]; !ok {
				t.Errorf("no row for %s", field)
			}
		}
	}
}

func TestEveryRowIsShownByATest(t *testing.T) {
	known := knownTests(t)
	for field, cell := range tables(t) {
		for _, name := range testsOf(cell) {
			if !known[name] {
				t.Errorf("%s: there is no test %s", field, name)
			}
		}
		if cell == "" {
			t.Errorf("%s: no test", field)
		}
	}
}

// testsOf splits a cell: "`mounts.bats`: a name; `TestName`; golden `directory`".
func testsOf(cell string) (out []string) {
	for _, part := range strings.Split(cell, "; ") {
		if len(out) > 0 && !strings.HasPrefix(part, "`") && !strings.HasPrefix(part, "golden `") {
			out[len(out)-1] += "; " + part // of the name of a test
			continue
		}
		out = append(out, part)
	}
	return out
}

func knownTests(t *testing.T) map[string]bool {
	t.Helper()
	known := map[string]bool{}
	collect := func(pattern, expression, format string) {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, match := range regexp.MustCompile(expression).FindAllStringSubmatch(string(text), -1) {
				known[strings.NewReplacer("FILE", filepath.Base(file), "NAME", match[1]).Replace(format)] = true
			}
		}
	}
	collect("../tests/integration/*.bats", `(?m)^@test "(.*)" \{$`, "`FILE`: NAME")
	for _, dir := range []string{"*_test.go", "*/*_test.go", "*/*/*_test.go"} {
		collect(dir, `(?m)^func ((?:Test|Fuzz)\w+)\(`, "`NAME`")
	}
	goldens, err := filepath.Glob("compile/testdata/*/plan.golden")
	if err != nil || len(goldens) == 0 {
		t.Fatal(err)
	}
	for _, golden := range goldens {
		known["golden `"+filepath.Base(filepath.Dir(golden))+"`"] = true
	}
	return known
}
