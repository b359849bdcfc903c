// Package docgen writes the man pages and the shell completions of a program. Their only source
// is the definitions of its commands.
package docgen

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"
)

// Example is a command line, and what it does.
type Example struct{ Text, Line string }

// Write writes all files below a directory: man/*.8 and contrib/completions. It removes the
// pages of commands that do not exist any more. The examples are by the name of the command.
func Write(root *cli.Command, examples map[string][]Example, dir string) error {
	files := map[string]string{
		"contrib/completions/bash/" + root.Name:           Bash(root),
		"contrib/completions/zsh/_" + root.Name:           Zsh(root),
		"contrib/completions/fish/" + root.Name + ".fish": Fish(root),
		"man/" + root.Name + ".8":                         RootPage(root),
	}
	for _, c := range root.Commands {
		files["man/"+pageName(root, c)+".8"] = CommandPage(root, c, examples[c.Name])
	}
	old, err := filepath.Glob(filepath.Join(dir, "man", "*.8"))
	if err != nil {
		return err
	}
	for _, path := range old {
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func pageName(root, c *cli.Command) string { return root.Name + "-" + c.Name }

// flag is the part of a cli.Flag that pages and completions need.
type flag struct {
	names   []string // without dashes, the long one first
	usage   string
	value   string // the placeholder for its value, such as FILE; "" for a switch
	initial string // its default value; "" if there is none to show
	repeat  bool
}

// flagsOf returns the flags of a command in their order, without hidden ones.
func flagsOf(c *cli.Command) (out []flag) {
	for _, f := range c.Flags {
		if v, ok := f.(cli.VisibleFlag); ok && !v.IsVisible() {
			continue
		}
		d, ok := f.(cli.DocGenerationFlag)
		if !ok {
			continue
		}
		g := flag{names: f.Names(), usage: d.GetUsage()}
		if d.TakesValue() {
			g.value = d.TypeName()
			g.initial = strings.Trim(d.GetValue(), `"`)
		}
		if g.initial == "0" || g.initial == "[]" {
			g.initial = ""
		}
		if m, ok := f.(cli.DocGenerationMultiValueFlag); ok {
			g.repeat = m.IsMultiValueFlag()
		}
		out = append(out, g)
	}
	return append(out, flag{names: []string{"help", "h"}, usage: "show help"})
}

// globalFlags returns the flags of the program itself.
func globalFlags(root *cli.Command) []flag {
	return append(flagsOf(root), flag{names: []string{"version", "v"}, usage: "print the version"})
}

// withGlobalFlags returns the flags that may stand behind a command: its own, and those of the program that it does not define itself.
func withGlobalFlags(root, c *cli.Command) []flag {
	list := flagsOf(c)
	own := dashedNames(list)
	for _, f := range flagsOf(root) {
		if !slices.Contains(own, dashed(f.names[0])) {
			list = append(list, f)
		}
	}
	return list
}

func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

// arguments returns the synopsis of a command's arguments: the first line of its ArgsUsage.
func arguments(c *cli.Command) string {
	line, _, _ := strings.Cut(c.ArgsUsage, "\n")
	return strings.TrimSpace(line)
}

// kind says what a shell offers for the value of a flag or for an argument of a command.
type kind int

const (
	anything kind = iota
	files
	directories
	words
	containers
	signals
)

type values struct {
	kind  kind
	words []string
}

// valuesOf returns the values for a flag. A flag's name is enough: it means the same in every command.
func valuesOf(c *cli.Command, name string) values {
	switch name {
	case "bundle", "root", "image-path", "work-path", "parent-path":
		return values{kind: directories}
	case "log", "trace-file", "console-socket", "pidfd-socket", "pid-file", "process", "resources", "status-fd":
		return values{kind: files}
	case "log-format":
		return values{words, []string{"text", "json"}}
	case "rootless":
		return values{words, []string{"true", "false", "auto"}}
	case "manage-cgroups-mode":
		return values{words, []string{"soft", "full", "strict", "ignore"}}
	case "format":
		if c.Name == "explain" || c.Name == "check" {
			return values{words, []string{"text", "json"}}
		}
		return values{words, []string{"table", "json"}}
	}
	return values{}
}

// firstArgument returns the values for the first argument of a command.
func firstArgument(c *cli.Command) values {
	if strings.HasPrefix(c.ArgsUsage, "<container-id>") && !slices.Contains([]string{"create", "run", "restore"}, c.Name) {
		return values{kind: containers}
	}
	return values{}
}

func secondArgument(c *cli.Command) values {
	if c.Name == "kill" {
		return values{kind: signals}
	}
	return values{}
}

// signalNames are the signals that people send by hand.
var signalNames = []string{"TERM", "KILL", "HUP", "INT", "QUIT", "USR1", "USR2", "STOP", "CONT"}

// firstLine returns the first line of a usage text: completions have no room for more.
func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}
