// Package docgen writes the man pages and the shell completions of a program from the
// definitions of its commands, which are their only source.
package docgen

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"
)

// Write makes all files below a directory: man/*.8 and contrib/completions. Pages of commands
// that there are no more are removed.
func Write(root *cli.Command, dir string) error {
	files := map[string]string{
		"contrib/completions/bash/" + root.Name:           Bash(root),
		"contrib/completions/zsh/_" + root.Name:           Zsh(root),
		"contrib/completions/fish/" + root.Name + ".fish": Fish(root),
		"man/" + root.Name + ".8":                         RootPage(root),
	}
	for _, c := range root.Commands {
		files["man/"+pageName(root, c)+".8"] = CommandPage(root, c)
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

// flag is what the pages and completions need of a cli.Flag.
type flag struct {
	names   []string // without dashes, the long one first
	usage   string
	value   string // what stands for its value; "" for a switch
	initial string // its default, where that is told
	repeat  bool
}

// flagsOf returns the flags of a command that are shown to people, in their order.
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

// globalFlags are those of the program itself.
func globalFlags(root *cli.Command) []flag {
	return append(flagsOf(root), flag{names: []string{"version", "v"}, usage: "print the version"})
}

func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

// arguments is how a command is called: the first line of its ArgsUsage.
func arguments(c *cli.Command) string {
	line, _, _ := strings.Cut(c.ArgsUsage, "\n")
	return strings.TrimSpace(line)
}

// What a value of a flag, or an argument of a command, is completed with.
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

// valuesOf knows flags by their names: they mean the same in every command.
func valuesOf(c *cli.Command, name string) values {
	switch name {
	case "bundle", "root", "image-path", "work-path", "parent-path":
		return values{kind: directories}
	case "log", "console-socket", "pidfd-socket", "pid-file", "process", "resources", "status-fd":
		return values{kind: files}
	case "log-format":
		return values{words, []string{"text", "json"}}
	case "rootless":
		return values{words, []string{"true", "false", "auto"}}
	case "manage-cgroups-mode":
		return values{words, []string{"soft", "full", "strict", "ignore"}}
	case "format":
		if c.Name == "explain" {
			return values{words, []string{"text", "json"}}
		}
		return values{words, []string{"table", "json"}}
	}
	return values{}
}

// firstArgument is what a command works on.
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

// signalNames are those that people send.
var signalNames = []string{"TERM", "KILL", "HUP", "INT", "QUIT", "USR1", "USR2", "STOP", "CONT"}

// firstLine of a usage text: completions have no room for more.
func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}
