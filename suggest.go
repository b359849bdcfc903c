package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/urfave/cli/v3"
)

// otherNames are commands of engines, and what rung has in their place.
var otherNames = map[string]string{
	"stop": "kill, and then delete", "rm": "delete", "remove": "delete", "ls": "list", "inspect": "state", "unpause": "resume",
	"stats": "events", "info": "features", "top": "ps", "attach": "exec", "doctor": "check",
}

// suggestCommand adds to the parser's message about a command that rung does not have which one the caller may have meant. The
// message is runc's. Any other text stays as it is.
func suggestCommand(text string) string {
	name, unknown := strings.CutPrefix(text, "No help topic for '")
	if name = strings.TrimSuffix(name, "'"); !unknown {
		return text
	}
	if other := otherNames[name]; other != "" {
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

// suggestOption says what rung has in the place of the options of docker run and exec for a terminal.
func suggestOption(cmd *cli.Command, err error) error {
	name, undefined := strings.CutPrefix(err.Error(), "flag provided but not defined: ")
	if !undefined || strings.Trim(name, "-it") != "" || len(name) > 3 {
		return err
	}
	if cmd.Name == "exec" {
		return fmt.Errorf("%w: -t gives the process a terminal, and it always has the caller's standard input", err)
	}
	return fmt.Errorf("%w: process.terminal in config.json gives the process a terminal, and it always has the caller's standard input", err)
}

// suggestRoot says how a plain user finds a place for the states of containers, if the default one is root's.
func suggestRoot(err error) error {
	var denied *fs.PathError
	if os.Geteuid() == 0 || !errors.As(err, &denied) || !errors.Is(err, fs.ErrPermission) || denied.Path != systemRoot {
		return err
	}
	return fmt.Errorf("%w (this is root's place for states of containers: run rung as root, or set XDG_RUNTIME_DIR or --root to a directory "+
		"that this user may write)", err)
}
