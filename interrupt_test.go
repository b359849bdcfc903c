package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// slowHandler has a reader that takes its time.
type slowHandler struct{ slog.Handler }

func (slowHandler) Enabled(context.Context, slog.Level) bool { return true }

func (slowHandler) Handle(_ context.Context, r slog.Record) error {
	_, err := os.Stderr.WriteString(r.Message + "\n")
	time.Sleep(10 * time.Millisecond)
	return err
}

// A wait that is ended by a signal fails while the signal's own goroutine ends the command: one of them speaks.
func TestOneReasonForTheEnd(t *testing.T) {
	if os.Getenv("RUNG_TEST_ENDS") != "" {
		log = &logging{Logger: slog.New(slowHandler{}), toStderr: true}
		i := &interrupts{came: syscall.SIGTERM}
		for range 8 {
			go i.end(errors.New("a reason"))
		}
		i.end(errors.New("a reason"))
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		child := exec.Command(self, "-test.run=^TestOneReasonForTheEnd$")
		child.Env = append(os.Environ(), "RUNG_TEST_ENDS=yes")
		output, err := child.CombinedOutput()
		var ended *exec.ExitError
		if !errors.As(err, &ended) || ended.Sys().(syscall.WaitStatus).Signal() != syscall.SIGTERM {
			t.Fatalf("%v: %s", err, output)
		}
		if n := strings.Count(string(output), "a reason: ended by SIGTERM"); n != 1 {
			t.Fatalf("%d reasons: %s", n, output)
		}
	}
}
