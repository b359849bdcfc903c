// Command exchange swaps two names for ever, as fast as the kernel can (RENAME_EXCHANGE of renameat2(2)). Both names always
// exist, and a path may lead to another file after each system call of a program that uses it.
//
//	exchange A B        ends at SIGTERM
package main

import (
	"fmt"
	"os"

	"rung/internal/sys"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: exchange A B")
		os.Exit(2)
	}
	for {
		if err := sys.Exchange(os.Args[1], os.Args[2]); err != nil {
			fmt.Fprintf(os.Stderr, "exchange %s %s: %v\n", os.Args[1], os.Args[2], err)
			os.Exit(1)
		}
	}
}
