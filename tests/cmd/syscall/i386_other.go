//go:build !amd64

package main

import (
	"fmt"
	"os"
	"syscall"
)

func i386([7]uintptr) syscall.Errno {
	fmt.Fprintln(os.Stderr, "this machine has no 32-bit gate of x86")
	os.Exit(2)
	return 0
}
