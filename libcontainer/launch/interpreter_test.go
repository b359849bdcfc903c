package launch

import (
	"os"
	"strings"
	"testing"
)

func TestInterpreter(t *testing.T) {
	for head, want := range map[string]string{
		"#!/bin/sh -x\necho": "/bin/sh", "#! /usr/bin/env  sh\n": "/usr/bin/env", "#!\t/bin/sh\r\n": "/bin/sh\r", "#!\n": "", "#!": "", "": "", "\x7fELF": "", "\x7fELF" + strings.Repeat("\xff", 100): "", "text": "",
	} {
		if got, _ := Interpreter([]byte(head)); got != want {
			t.Errorf("%q: %q, want %q", head, got, want)
		}
	}
	file, err := os.ReadFile("/bin/sh")
	if err != nil {
		t.Skip("requires /bin/sh")
	}
	loader, kind := Interpreter(file[:min(len(file), 4096)])
	if loader == "" {
		t.Skip("requires a /bin/sh with a loader")
	}
	if _, err := os.Stat(loader); err != nil || kind != "loader" || !strings.HasPrefix(loader, "/") {
		t.Errorf("%q, %q, %v", loader, kind, err)
	}
}
