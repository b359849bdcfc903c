//go:build docgen

package main

import (
	"fmt"
	"os"

	"rung/tools/docgen"
)

// "make generate" builds rung with this file to write the man pages and completions from the definitions of the commands.
// The build tag keeps the file out of an installed rung.
func init() {
	os.Unsetenv("XDG_RUNTIME_DIR") // the default of --root
	os.Args = []string{"rung"}     // all commands
	if err := docgen.Write(newApp(), examples, "."); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}
