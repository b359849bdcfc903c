package libcontainer

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The walk of docs/architecture.md names functions that are there, in the files that it names.
func TestTheWalk(t *testing.T) {
	page, err := os.ReadFile("../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	_, walk, _ := strings.Cut(string(page), "\n## The walk\n")
	walk, _, _ = strings.Cut(walk, "\n## ")
	steps := regexp.MustCompile("(?m)^\\| `(\\S+)` \\| (\\S+) \\| .+ \\|$").FindAllStringSubmatch(walk, -1)
	if len(steps) < 40 {
		t.Fatalf("%d steps", len(steps))
	}
	for _, step := range steps {
		name, file := step[1], filepath.Join("..", step[2])
		has := hasCFunction
		if strings.HasSuffix(file, ".go") {
			has = hasGoFunction
		}
		if !has(t, file, name) {
			t.Errorf("%s has no function %s", step[2], name)
		}
	}
	if !strings.Contains(walk, "`main.main`") || steps[len(steps)-2][1] != "op_EXEC" {
		t.Error("the walk does not go from main to execve")
	}
}

// hasGoFunction knows package.Func and package.Type.Method.
func hasGoFunction(t *testing.T, file, name string) bool {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Error(err)
		return false
	}
	for _, d := range parsed.Decls {
		f, isFunc := d.(*ast.FuncDecl)
		if !isFunc {
			continue
		}
		full := parsed.Name.Name + "."
		if f.Recv != nil {
			of := f.Recv.List[0].Type
			if pointer, is := of.(*ast.StarExpr); is {
				of = pointer.X
			}
			full += of.(*ast.Ident).Name + "."
		}
		if full+f.Name.Name == name {
			return true
		}
	}
	return false
}

func hasCFunction(t *testing.T, file, name string) bool {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Error(err)
		return false
	}
	return regexp.MustCompile(`(?m)^[a-z_][\w \*]*\b` + name + `\([^;]*\)\n\{`).Match(text)
}
