package main

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v3"
)

// Go and C both look for the command before the options are parsed, so both need the list of global options that take a
// value. An option missing there makes its value the command: rung starts without its stage, or an early error is not logged.
func TestGlobalOptionsWithAValue(t *testing.T) {
	var defined []string
	for _, flag := range globalFlags() {
		valued := flag.(cli.DocGenerationFlag).TakesValue()
		for _, name := range flag.Names() {
			if valued {
				defined = append(defined, name)
			}
			for _, word := range []string{"-" + name, "--" + name} {
				if takesValue(word) != valued {
					t.Errorf("main.go: takesValue(%q) is %v", word, !valued)
				}
			}
		}
	}
	slices.Sort(defined)
	if inC := valuedInC(t); !slices.Equal(inC, defined) {
		t.Errorf("takes_value of nsenter/early.c has %q, main.go defines %q", inC, defined)
	}
}

// valuedInC reads the list that takes_value of nsenter/early.c searches.
func valuedInC(t *testing.T) []string {
	t.Helper()
	source, err := os.ReadFile("nsenter/early.c")
	if err != nil {
		t.Fatal(err)
	}
	list := regexp.MustCompile(`int takes_value\(const char \*name\)\n\{\n\treturn is_one_of\(name, "([^"]*)"\);\n\}`).FindSubmatch(source)
	if list == nil {
		t.Fatal("nsenter/early.c: there is no takes_value of the form that this test reads")
	}
	names := strings.Split(strings.TrimSuffix(string(list[1]), `\0`), `\0`)
	slices.Sort(names)
	return names
}

// By these names crun takes a handler for every container. Others that begin like crun are names of people.
func TestNamesOfHandlers(t *testing.T) {
	for name, good := range map[string]bool{
		"rung": true, "runc": true, "crun": true, "crun-1.28": true, "crun-local": true,
		"krun": false, "crun-krun": false, "crun-wasm": false, "crun-wasmedge": false,
	} {
		if err := checkName(name); (err == nil) != good {
			t.Errorf("%s: %v", name, err)
		}
	}
}
