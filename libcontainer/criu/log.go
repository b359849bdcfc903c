package criu

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
)

const (
	logRead = 256 << 10 // bytes at the end of a log that are looked at
	before  = 5         // lines that are quoted before an error
	most    = 40        // lines that are quoted
)

// harmless is an error that CRIU goes on after: without CAP_SYS_RESOURCE it is the first of all.
const harmless = "rlimit: Can't setup RLIMIT_NOFILE"

// ReadLog finds what went wrong in a log of CRIU: the cause is its first error, and the lines
// are its errors with some lines before each, numbered.
func ReadLog(path string) (cause string, lines []string) {
	text, err := logEnd(path)
	if err != nil {
		return "", nil
	}
	all := strings.Split(strings.TrimRight(text, "\n"), "\n")
	quoted := 0 // lines up to here are in the list, or behind us
	for i, line := range all {
		if !strings.Contains(line, "Error") {
			continue
		}
		if cause == "" && !strings.Contains(line, harmless) {
			cause = bare(line)
		}
		if quoted > 0 && i-before > quoted {
			lines = append(lines, "...")
		}
		for n := max(quoted, i-before); n <= i; n++ {
			lines = append(lines, fmt.Sprintf("%d:%s", n+1, all[n]))
		}
		quoted = i + 1
	}
	if len(lines) > most {
		lines = append([]string{"..."}, lines[len(lines)-most:]...)
	}
	return cause, lines
}

// bare is a message without what CRIU puts before it: "(00.012345) 7: Error (criu/files.c:12): ".
func bare(line string) string {
	_, rest, ok := strings.Cut(line, "Error (")
	if !ok {
		return strings.TrimSpace(line)
	}
	_, rest, _ = strings.Cut(rest, "): ")
	return strings.TrimSpace(rest)
}

// logEnd reads the end of a file, from the beginning of a line. A log may be hundreds of
// megabytes long.
func logEnd(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return "", err
	}
	skipped := max(0, info.Size()-logRead)
	data := make([]byte, info.Size()-skipped)
	n, err := file.ReadAt(data, skipped)
	if err != nil && err != io.EOF {
		return "", err
	}
	data = data[:n]
	if i := bytes.IndexByte(data, '\n'); skipped > 0 && i >= 0 {
		data = data[i+1:]
	}
	return string(data), nil
}
