package criu

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
)

const (
	logRead     = 256 << 10 // how many bytes at the end of a log are read
	linesBefore = 5         // how many lines before an error are quoted
	maxLines    = 40        // how many lines are quoted in all
)

// harmless is the text of an error after which CRIU goes on. Without CAP_SYS_RESOURCE it is the first error in the log.
const harmless = "rlimit: Can't setup RLIMIT_NOFILE"

// ReadLog returns the errors in a log of CRIU. cause is the first error, and lines are all errors with some lines before
// each, with line numbers. Both are empty if the log cannot be read.
func ReadLog(path string) (cause string, lines []string) {
	text, err := logEnd(path)
	if err != nil {
		return "", nil
	}
	all := strings.Split(strings.TrimRight(text, "\n"), "\n")
	quoted := 0 // the line after the last one in the list
	for i, line := range all {
		if !strings.Contains(line, "Error") {
			continue
		}
		if cause == "" && !strings.Contains(line, harmless) {
			cause = messageOf(line)
		}
		if quoted > 0 && i-linesBefore > quoted {
			lines = append(lines, "...")
		}
		for n := max(quoted, i-linesBefore); n <= i; n++ {
			lines = append(lines, fmt.Sprintf("%d:%s", n+1, all[n]))
		}
		quoted = i + 1
	}
	if len(lines) > maxLines {
		lines = append([]string{"..."}, lines[len(lines)-maxLines:]...)
	}
	return cause, lines
}

// messageOf returns the message in a line without CRIU's prefix, such as "(00.012345) 7: Error (criu/files.c:12): ".
func messageOf(line string) string {
	_, rest, ok := strings.Cut(line, "Error (")
	if !ok {
		return strings.TrimSpace(line)
	}
	_, rest, _ = strings.Cut(rest, "): ")
	return strings.TrimSpace(rest)
}

// logEnd returns the end of a file, from the beginning of a line. It does not read the whole file, because a log may be
// hundreds of megabytes long.
func logEnd(path string) (string, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a FIFO there would make rung wait
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
