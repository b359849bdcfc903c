// Package nsenter is the hands: a C interpreter that executes a plan without the Go
// runtime and without a C library. Image returns it as a program of its own. Importing
// the package also puts it before the start of the importing binary, a sealed copy of
// which serves where there is no image; it does nothing in a process that was not
// spawned for a plan.
//
// The contract with Go is ops.h; constructor.c is the way in, loop.c the
// interpreter, op_*.c the operations.
package nsenter

// #cgo CFLAGS: -std=gnu11 -Os -fno-stack-protector -Wall -Wextra -Wswitch-enum -Wpedantic -Wno-overlength-strings -Wshadow -Wvla -fno-strict-aliasing
// #cgo LDFLAGS: -Wl,-e,rungstart
import "C"
