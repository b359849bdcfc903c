//go:build !cgo

package cgo

// CGO_ENABLED is 0, or there is no C compiler.
var _ = rung_needs_CGO_ENABLED_1_and_a_C_compiler_and_libseccomp_see_docs_library_md
