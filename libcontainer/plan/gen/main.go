// Command gen reads nsenter/ops.h, the contract with the hands, and writes the
// Go opcodes and constants.
package main

import (
	"bytes"
	"fmt"
	"go/format"
	"log"
	"os"
	"regexp"
	"strings"
)

var (
	opLine     = regexp.MustCompile(`(?m)^\tOP\(([A-Z_]+), "(...)", "(....)", "(...)",\s*"([^"]*)"\)`)
	defineLine = regexp.MustCompile(`(?m)^#define RUNG_([A-Z_]+)[ \t]+\(?(-?0?x?[0-9a-f]+)(?:ULL)?\)?`)
	enumLine   = regexp.MustCompile(`(?m)^\tRUNG_([A-Z_]+)\s*= (\d+),?`)
)

func main() {
	header, err := os.ReadFile("../../nsenter/ops.h")
	if err != nil {
		log.Fatal(err)
	}
	out := generate(string(header))
	code, err := format.Source(out)
	if err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile("ops_gen.go", code, 0o644); err != nil {
		log.Fatal(err)
	}
}

func generate(header string) []byte {
	var b bytes.Buffer
	fmt.Fprintln(&b, "// Code generated from nsenter/ops.h by plan/gen. DO NOT EDIT.\n\npackage plan\n\n// Constants of the wire format.\nconst (")
	for _, m := range append(defineLine.FindAllStringSubmatch(header, -1), enumLine.FindAllStringSubmatch(header, -1)...) {
		fmt.Fprintf(&b, "%s = %s\n", camel(m[1]), m[2])
	}
	fmt.Fprintln(&b, ")\n\n// The operations of the hands.\nconst (\nopNone Code = iota")
	ops := opLine.FindAllStringSubmatch(header, -1)
	for _, m := range ops {
		fmt.Fprintln(&b, camel(m[1]))
	}
	fmt.Fprintln(&b, ")\n\nvar signatures = [...]signature{\nopNone: {\"\", \"---\", \"----\", \"---\", \"\"},")
	for _, m := range ops {
		fmt.Fprintf(&b, "%s: {%q, %q, %q, %q, %q},\n", camel(m[1]), m[1], m[2], m[3], m[4], m[5])
	}
	fmt.Fprintln(&b, "}")
	return b.Bytes()
}

// camel turns MOVE_MOUNT into MoveMount.
func camel(name string) string {
	var out strings.Builder
	for _, part := range strings.Split(name, "_") {
		out.WriteString(part[:1] + strings.ToLower(part[1:]))
	}
	return out.String()
}
