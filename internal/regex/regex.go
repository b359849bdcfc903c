// Package regex matches extended regular expressions of POSIX, by the C library, as crun does. Package regexp would be initialised at
// the start of every command, with the tables of all scripts of Unicode: nine page faults for each `rung state`.
package regex

/*
#include <regex.h>
#include <stdlib.h>
*/
import "C"

import (
	"errors"
	"unsafe"
)

// Pattern is a compiled expression. The caller frees it.
type Pattern struct{ compiled C.regex_t }

// Compile returns the error in the words of the C library.
func Compile(expression string) (*Pattern, error) {
	text := C.CString(expression)
	defer C.free(unsafe.Pointer(text))
	p := &Pattern{}
	if code := C.regcomp(&p.compiled, text, C.REG_EXTENDED|C.REG_NOSUB); code != 0 {
		var why [128]C.char
		C.regerror(code, &p.compiled, &why[0], C.size_t(len(why)))
		return nil, errors.New(C.GoString(&why[0]))
	}
	return p, nil
}

// Match reports whether the expression matches a part of the text.
func (p *Pattern) Match(text string) bool {
	c := C.CString(text)
	defer C.free(unsafe.Pointer(c))
	return C.regexec(&p.compiled, c, 0, nil, 0) == 0
}

// Free ends the use of the pattern.
func (p *Pattern) Free() { C.regfree(&p.compiled) }
