//go:build !cgo

package seccomp

import _ "rung/internal/cgo" // the error says what is missing
