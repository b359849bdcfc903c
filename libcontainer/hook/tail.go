package hook

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"unicode/utf8"
)

// tailSize is how many bytes of each stream of a hook are in an error.
const tailSize = 4096

// tail keeps the last tailSize bytes that are written to it, so that the output of a hook cannot fill the memory.
type tail struct {
	mu  sync.Mutex
	buf []byte
	cut bool
}

// Write never fails.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	if over := len(t.buf) - tailSize; over > 0 {
		t.buf = append(t.buf[:0], t.buf[over:]...)
		t.cut = true
	}
	return len(p), nil
}

// String returns the end of the text on one line.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := strings.ReplaceAll(visible(bytes.TrimSpace(t.buf)), "\n", `\n`)
	if t.cut {
		return "..." + text
	}
	return text
}

// visible returns the text with \xff for bytes that are no UTF-8, which JSON would lose: of another encoding, or of a character that was
// cut.
func visible(text []byte) string {
	if utf8.Valid(text) {
		return string(text)
	}
	var out strings.Builder
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		if r == utf8.RuneError && size == 1 {
			fmt.Fprintf(&out, `\x%02x`, text[0])
		} else {
			out.Write(text[:size])
		}
		text = text[size:]
	}
	return out.String()
}
