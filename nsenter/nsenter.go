// Package nsenter is the hands: a C interpreter that executes a plan before the
// Go runtime, and even the C library, starts. Importing it is all that a program must do to be able to
// make containers; it does nothing in a process that was not spawned for a plan.
//
// The contract with Go is ops.h; constructor.c is the way in, loop.c the
// interpreter, op_*.c the operations.
package nsenter

// #cgo CFLAGS: -std=gnu11 -Os -fno-stack-protector -Wall -Wextra -Werror -Wswitch-enum -Wpedantic -Wno-overlength-strings -Wshadow -Wvla -fno-strict-aliasing
// #cgo amd64 arm64 LDFLAGS: -Wl,-e,rungstart
import "C"
