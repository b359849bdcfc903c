package main

import (
	"strings"
	"syscall"
)

// goTrace is what the Go run-time library says when it gives up.
func goTrace(text string) string {
	for _, mark := range []string{"goroutine ", "panic: ", "runtime error", "fatal error: ", "SIGSEGV"} {
		if strings.Contains(text, mark) {
			return oneLine(text)
		}
	}
	return ""
}

// bare reports whether a message is the text of an errno, with nothing that says what it is about.
func bare(message string) bool {
	for errno := syscall.Errno(1); errno < 134; errno++ {
		if message == errno.Error() {
			return true
		}
	}
	return message == "EOF" || message == "unexpected EOF"
}

// poorMessage says what is wrong with the message of a failure: exactly one line says what failed, and why. Warnings may
// stand beside it, and what CRIU, another program, says itself.
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
