package main

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/urfave/cli/v3"
)

func TestSuggestCommand(t *testing.T) {
	for name, want := range map[string]string{
		"st" + "rat": "did you mean start?", "sttae": "did you mean state?", "rn": "did you mean run?", "creat": "did you mean create?",
		"stop": "kill, and then delete", "rm": ": delete", "xyzzy-42": "rung --help lists them",
	} {
		text := "No help topic for '" + name + "'"
		if got := suggestCommand(text); !strings.HasPrefix(got, text+": ") || !strings.Contains(got, want) {
			t.Errorf("%s: %s", name, got)
		}
	}
	const other = "container does not exist"
	if got := suggestCommand(other); got != other {
		t.Errorf("%q became %q", other, got)
	}
}

func TestDistance(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"start", "start", 0}, {"satrt", "start", 1}, {"stat", "start", 1}, {"kill", "spec", 4}} {
		if got := distance(test.a, test.b); got != test.want {
			t.Errorf("%s, %s: %d, want %d", test.a, test.b, got, test.want)
		}
		if got := distance(test.b, test.a); got != test.want {
			t.Errorf("%s, %s: %d, want %d", test.b, test.a, got, test.want)
		}
	}
}

func TestSuggestOption(t *testing.T) {
	run, exec := &cli.Command{Name: "run"}, &cli.Command{Name: "exec"}
	for _, test := range []struct {
		cmd        *cli.Command
		flag, want string
	}{
		{run, "-it", "process.terminal in config.json"}, {run, "-t", "process.terminal in config.json"}, {exec, "-it", ": -t gives"},
		{exec, "-i", ": -t gives"}, {run, "--interactive", ""}, {run, "-x", ""},
	} {
		err := errors.New("flag provided but not defined: " + test.flag)
		got := suggestOption(test.cmd, err).Error()
		if !strings.HasPrefix(got, err.Error()) || !strings.Contains(got, test.want) || test.want == "" && got != err.Error() {
			t.Errorf("%s %s: %s", test.cmd.Name, test.flag, got)
		}
	}
}

func TestCureOfRoot(t *testing.T) {
	err := &fs.PathError{Op: "mkdir", Path: systemRoot, Err: syscall.EACCES}
	got := withCure(err).Error()
	if hinted := strings.Contains(got, "XDG_RUNTIME_DIR"); hinted != (os.Geteuid() != 0) {
		t.Errorf("uid %d: %s", os.Geteuid(), got)
	}
	err.Path = "/other"
	if got := withCure(err).Error(); strings.Contains(got, "XDG_RUNTIME_DIR") {
		t.Error(got)
	}
}

// What to do is said once, and only where the error does not say it.
func TestWithCure(t *testing.T) {
	for text, want := range map[string]string{
		"container with given ID already exists: x in /run":    "container with given ID already exists: x in /run (do: choose another id, or ",
		"no cgroup hierarchy is mounted":                       "no cgroup hierarchy is mounted (do: mount -t cgroup2 none /sys/fs/cgroup)",
		"container not running (do: this)":                     "container not running (do: this)",
		"linux.resources.memory.limit: must not be below zero": "linux.resources.memory.limit: must not be below zero",
	} {
		if got := withCure(errors.New(text)).Error(); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s", text, got)
		}
	}
}

func TestSuggestFlag(t *testing.T) {
	for name, want := range map[string]string{
		"-detatch": "did you mean --detach?", "-cwd": "it is an option of exec",
		"-it": "process.terminal", "-no-such-option-at-all": "not defined: -no-such-option-at-all",
	} {
		err := errors.New("flag provided but not defined: " + name)
		if got := suggestOption(runCommand(), err).Error(); !strings.HasPrefix(got, err.Error()) || !strings.HasSuffix(got, want) && !strings.Contains(got, want) {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// What to do depends on the command and on the state of the container.
func TestCureOfCommands(t *testing.T) {
	for text, want := range map[string]string{
		`exec failed: unable to start container process: exec: "x": executable file not found in $PATH`: "a program that the container has",
		"exec failed: open /dev/tty: no such device or address":                                         "leave out --tty",
		"exec failed: allocating tty without setting console socket":                                    "leave out --tty",
		"open /dev/tty: no such device or address":                                                      "process.terminal is true",
		"container not running": "delete removes one that has ended",
	} {
		if got := withCure(errors.New(text)).Error(); !strings.Contains(got, "(do: ") || !strings.Contains(got, want) {
			t.Errorf("%s: %s", text, got)
		}
	}
}
