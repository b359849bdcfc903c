package main

import (
	"strings"
	"syscall"
)

// goTrace returns the message of the Go run-time library if it has ended the program, else "".
func goTrace(text string) string {
	for _, mark := range []string{"goroutine ", "panic: ", "runtime error", "fatal error: ", "SIGSEGV"} {
		if strings.Contains(text, mark) {
			return oneLine(text)
		}
	}
	return ""
}

// bare reports whether a message is only the text of an errno.
func bare(message string) bool {
	for errno := syscall.Errno(1); errno < 134; errno++ {
		if message == errno.Error() {
			return true
		}
	}
	return message == "EOF" || message == "unexpected EOF"
}

// poorMessage returns what is wrong with the message of a failure, or "". Exactly one line must say what failed and why.
// Warnings and messages of CRIU, which is another program, may be there too.
func poorMessage(text string) string {
	var errors []string
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		if line != "" && !strings.Contains(line, "level=warning") && !strings.HasPrefix(line, "Error (criu/") {
			errors = append(errors, line)
		}
	}
	switch {
	case len(errors) == 0:
		return "no message"
	case len(errors) > 1:
		return "more than one line: " + oneLine(text)
	}
	message := errors[0]
	if _, rest, ok := strings.Cut(message, `msg="`); ok {
		message = strings.TrimSuffix(rest, `"`)
	}
	for _, prefix := range []string{"rung run failed: ", "rung create failed: ", "exec failed: ", "unable to start container process: "} {
		message = strings.TrimPrefix(message, prefix)
	}
	if bare(message) {
		return "it does not say what failed: " + oneLine(text)
	}
	return ""
}

func oneLine(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > 400 {
		text = text[:400] + "..."
	}
	return text
}
