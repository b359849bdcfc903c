package docgen

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v3"
)

// Fish returns a completion for fish(1).
func Fish(root *cli.Command) string {
	b := &strings.Builder{}
	name := root.Name
	fmt.Fprintf(b, `# Completion of %[1]s for fish. Made of the commands' definitions by "make generate".

set -l commands %[2]s help

function __%[1]s_containers
    set -l words (commandline -opc)
    set -l at (contains -i -- --root $words)
    if test -n "$at"
        %[1]s --root $words[(math $at + 1)] list -q 2>/dev/null
    else
        %[1]s list -q 2>/dev/null
    end
end

complete -c %[1]s -f
`, name, strings.Join(commandNames(root), " "))
	outside := `-n "not __fish_seen_subcommand_from $commands"`
	for _, f := range globalFlags(root) {
		fishFlag(b, name, outside, f, valuesOf(root, f.names[0]))
	}
	for _, c := range root.Commands {
		fmt.Fprintf(b, "\ncomplete -c %s %s -a %s -d %s\n", name, outside, c.Name, fishQuote(c.Usage))
		inside := fmt.Sprintf(`-n "__fish_seen_subcommand_from %s"`, c.Name)
		for _, f := range withGlobalFlags(root, c) {
			fishFlag(b, name, inside, f, valuesOf(c, f.names[0]))
		}
		if firstArgument(c).kind == containers {
			fmt.Fprintf(b, "complete -c %s %s -a '(__%s_containers)'\n", name, inside, name)
		}
		if secondArgument(c).kind == signals {
			fmt.Fprintf(b, "complete -c %s %s -a '%s'\n", name, inside, strings.Join(signalNames, " "))
		}
	}
	fmt.Fprintf(b, "\ncomplete -c %s %s -a help -d 'show help of a command'\n", name, outside)
	fmt.Fprintf(b, "complete -c %s -n \"__fish_seen_subcommand_from help\" -a \"$commands\"\n", name)
	return b.String()
}

func fishFlag(b *strings.Builder, name, condition string, f flag, v values) {
	fmt.Fprintf(b, "complete -c %s %s", name, condition)
	for _, n := range f.names {
		if len(n) == 1 {
			fmt.Fprintf(b, " -s %s", n)
		} else {
			fmt.Fprintf(b, " -l %s", n)
		}
	}
	if f.value != "" {
		switch v.kind {
		case files:
			b.WriteString(" -r -F")
		case directories:
			b.WriteString(" -x -a '(__fish_complete_directories)'")
		case words:
			fmt.Fprintf(b, " -x -a '%s'", strings.Join(v.words, " "))
		default:
			b.WriteString(" -x")
		}
	}
	fmt.Fprintf(b, " -d %s\n", fishQuote(firstLine(f.usage)))
}

func fishQuote(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(text) + "'"
}
