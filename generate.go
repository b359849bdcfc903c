//go:build docgen

package main

import (
	"fmt"
	"os"

	"rung/tools/docgen"
)

// This file is in no rung that is installed: "make generate" runs it to write the man pages
// and completions from the commands' definitions.
func init() {
	os.Unsetenv("XDG_RUNTIME_DIR") // the default of --root
	os.Args = []string{"rung"}     // all commands
	if err := docgen.Write(newApp(), "."); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}
