// Package nsenter is the stage: a C interpreter that executes a plan without the Go
// runtime and without a C library. Image returns the stage as a program of its own.
// A binary that imports the package also enters the stage before Go starts, if it was
// spawned for a plan; in every other process that code returns at once. So a sealed
// copy of the binary serves as the stage if there is no image (docs/library.md).
//
// The contract with Go is ops.h. constructor.c is the way in, loop.c the interpreter,
// and op_*.c are the operations.
//
// This file has no C, so that a build without cgo ends with the error of internal/cgo.
package nsenter
