package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"

	"rung/internal/sys"
	"rung/libcontainer"
	"rung/libcontainer/check"
)

// otherName returns what rung has in the place of a command of engines, "" if it is none.
func otherName(name string) string {
	switch name {
	case "stop":
		return "kill, and then delete"
	case "rm", "remove":
		return "delete"
	case "ls":
		return "list"
	case "inspect":
		return "state"
	case "unpause":
		return "resume"
	case "stats":
		return "events"
	case "info":
		return "features"
	case "top":
		return "ps"
	case "attach":
		return "exec"
	case "doctor":
		return "check"
	}
	return ""
}

// suggestCommand adds to the parser's message about a command that rung does not have which one the caller may have meant. The
// message is runc's. Any other text stays as it is.
func suggestCommand(text string) string {
	name, unknown := strings.CutPrefix(text, "No help topic for '")
	if name = strings.TrimSuffix(name, "'"); !unknown {
		return text
	}
	if other := otherName(name); other != "" {
		return fmt.Sprintf("%s: rung has no command %s: %s", text, name, other)
	}
	best, least := "", 3 // more than two typing errors are another word
	for _, c := range commands {
		if d := distance(name, c.name); d < least {
			best, least = c.name, d
		}
	}
	if best == "" {
		return text + ": rung has no such command: rung --help lists them"
	}
	return fmt.Sprintf("%s: did you mean %s?", text, best)
}

// distance is the number of letters to insert, remove, replace or exchange with the next one that makes one word of the other.
func distance(a, b string) int {
	previous, row := []int(nil), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before := row
		next := make([]int, len(b)+1)
		next[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			next[j] = min(before[j]+1, next[j-1]+1, before[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], previous[j-2]+1)
			}
		}
		previous, row = before, next
	}
	return row[len(b)]
}

// suggestOption says what rung has in the place of an option that it does not know, such as those of docker run and exec for a
// terminal.
func suggestOption(cmd *cli.Command, err error) error {
	name, undefined := strings.CutPrefix(err.Error(), "flag provided but not defined: ")
	if !undefined {
		return err
	}
	if strings.Trim(name, "-it") != "" || len(name) > 3 {
		if meant := suggestFlag(cmd, strings.TrimLeft(name, "-")); meant != "" {
			return fmt.Errorf("%w: %s", err, meant)
		}
		return err
	}
	if cmd.Name == "exec" {
		return fmt.Errorf("%w: -t gives the process a terminal, and it always has the caller's standard input", err)
	}
	return fmt.Errorf("%w: process.terminal in config.json gives the process a terminal, and it always has the caller's standard input", err)
}

// suggestFlag says which option was meant by one that the command does not have: one of a similar name, or one of other commands.
func suggestFlag(cmd *cli.Command, name string) string {
	if slices.Contains(longNames(cmd.Root().Flags), name) {
		return "it is an option of rung itself, and stands before the command"
	}
	best, least := "", 1+min(2, len(name)/3) // more typing errors are another word
	for _, known := range longNames(append(slices.Clone(cmd.Flags), cmd.Root().Flags...)) {
		if d := distance(name, known); d < least {
			best, least = known, d
		}
	}
	if best != "" {
		return "did you mean --" + best + "?"
	}
	var others []string
	for _, c := range commands {
		if slices.Contains(longNames(c.make().Flags), name) {
			others = append(others, c.name)
		}
	}
	if len(others) == 0 {
		return ""
	}
	return "it is an option of " + strings.Join(others, ", ")
}

func longNames(flags []cli.Flag) (names []string) {
	for _, f := range flags {
		for _, name := range f.Names() {
			if len(name) > 1 {
				names = append(names, name)
			}
		}
	}
	return names
}

type remedy struct{ says, do string }

// remedies say what to do about errors of commands, by words of the error. Errors of the host have theirs in the package check.
// It is a function because one of the words is a variable's: the list would be made at the start of every command.
func remedies() []remedy {
	return []remedy{
		{libcontainer.ErrExist.Error(), "choose another id, or rung delete the container"},
		{"container does not exist: ", "rung list shows the containers of a state directory, --root names another one"},
		{"cannot start an already running container", "rung exec runs another program in it"},
		{"cannot start a container that has stopped", "rung delete it, and create it again"},
		{"cannot exec in a stopped container", "rung delete it, and run it again"},
		{"cannot exec in a paused container", "rung resume it"},
		{"container not running", "rung state tells its status; rung delete removes one that has ended"},
		{"that is not stopped: running", "rung kill it with KILL first, or rung delete --force"},
		{"that is not stopped: paused", "rung delete --force"},
		{"cpuset.cpus: numerical result out of range", "processors that the host has, of /sys/devices/system/cpu/online"},
		{"(no right to search the directories above ", "chmod a+x those that the user of the process may not search, the root file system first, or change process.user"},
		{"(no right to execute ", "chmod it, or change process.user: the user of the process may not execute that file"},
		{"executable file not found in $PATH", "edit process.args, or PATH in process.env: the root file system must have that program"},
		{"config.json: is a directory", "config.json must be a regular file, as rung spec writes it"},
		{"pidfd_send_signal: invalid argument", "a signal from 1 to 64: kill -l lists them"},
		{"unknown signal ", "a name as TERM, or a number: kill -l lists them"},
		{"invalid value for memory: ", "bytes, or a number with k, m or g, as 512m"},
		{"invalid log-format: ", "--log-format text, or --log-format json"},
		{"invalid container ID format", "letters, digits, _ + - and . only; the directory of the bundle is for --bundle"},
		{"config.json not found", "rung spec writes one; --bundle names the directory that has it"},
		{"open /dev/tty: ", "process.terminal is true in config.json, and this is no terminal: set it to false, or use script(1)"},
		{"without setting console socket", "--console-socket of a program that takes the terminal, or process.terminal false in config.json"},
	}
}

// remediesOf are those of one command only, in which the same words have another cause.
func remediesOf(text string) []remedy {
	if !strings.HasPrefix(text, "exec failed: ") {
		return nil
	}
	return []remedy{
		{"executable file not found in $PATH", "a program that the container has, by its path or in a directory of PATH (--env PATH=...)"},
		{"open /dev/tty: ", "leave out --tty, or use script(1): this is no terminal"},
		{"without setting console socket", "--console-socket of a program that takes the terminal, or leave out --tty"},
	}
}

// withCure adds to an error what to do about it, where that is known and the error does not say it.
func withCure(err error) error {
	err = sys.Explained(err)
	do := cureOf(err)
	if do == "" || strings.Contains(err.Error(), do) || strings.Contains(err.Error(), "(do: ") {
		return err
	}
	return fmt.Errorf("%w (do: %s)", err, do)
}

func cureOf(err error) string {
	var denied *fs.PathError
	if os.Geteuid() != 0 && errors.As(err, &denied) && errors.Is(err, fs.ErrPermission) &&
		(denied.Path == systemRoot || strings.HasPrefix(denied.Path, systemRoot+"/")) {
		return "run rung as root, or set XDG_RUNTIME_DIR or --root to a directory that this user may write: this is root's place for states of containers"
	}
	if errors.Is(err, libcontainer.ErrAlreadyPaused) {
		return "it is paused already: " + programName() + " resume lets it run on"
	}
	text := err.Error()
	if do := check.Cure(err); do != "" {
		return do
	}
	for _, r := range slices.Concat(remediesOf(text), remedies()) {
		if strings.Contains(text, r.says) {
			return strings.ReplaceAll(r.do, "rung ", programName()+" ")
		}
	}
	return ""
}
