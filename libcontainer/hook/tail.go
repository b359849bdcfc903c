package hook

import (
	"bytes"
	"strings"
	"sync"
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
	text := strings.ToValidUTF8(string(bytes.TrimSpace(t.buf)), "")
	text = strings.ReplaceAll(text, "\n", `\n`)
	if t.cut {
		return "..." + text
	}
	return text
}
