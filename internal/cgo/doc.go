// Package cgo cannot be compiled without cgo, and its error says what a build of rung needs. Package seccomp imports it then: the
// go command compiles no package that imports it, so this is the only error.
package cgo
