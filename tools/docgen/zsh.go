package docgen

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v3"
)

// Zsh returns a completion for zsh(1) that uses its function _arguments.
func Zsh(root *cli.Command) string {
	b := &strings.Builder{}
	name := root.Name
	fmt.Fprintf(b, `#compdef %[1]s
# Completion of %[1]s for zsh. Made of the commands' definitions by "make generate".

_%[1]s_containers() {
	local -a ids
	ids=(${(f)"$(%[1]s ${opt_args[--root]:+--root ${opt_args[--root]}} list -q 2>/dev/null)"})
	compadd -a ids
}

_%[1]s_commands() {
	local -a commands
	commands=(
`, name)
	for _, c := range root.Commands {
		fmt.Fprintf(b, "\t\t'%s:%s'\n", c.Name, zshEscape(c.Usage))
	}
	fmt.Fprintf(b, `	)
	_describe command commands
}

_%[1]s() {
	local curcontext=$curcontext state line
	typeset -A opt_args
	_arguments -C \
%[2]s		'1:command:_%[1]s_commands' \
		'*::argument:->argument'
	[[ $state == argument ]] || return
	case $line[1] in
`, name, zshFlags(root, globalFlags(root)))
	for _, c := range root.Commands {
		fmt.Fprintf(b, "\t%s)\n\t\t_arguments \\\n%s\t\t\t%s\n\t\t;;\n", c.Name,
			strings.ReplaceAll(zshFlags(c, withGlobalFlags(root, c)), "\t\t'", "\t\t\t'"), strings.Join(zshArguments(name, c), " \\\n\t\t\t"))
	}
	fmt.Fprintf(b, "\thelp) _arguments '1:command:_%[1]s_commands' ;;\n\tesac\n}\n\n_%[1]s \"$@\"\n", name)
	return b.String()
}

func zshFlags(c *cli.Command, list []flag) string {
	b := &strings.Builder{}
	for _, f := range list {
		for _, n := range f.names {
			star := ""
			if f.repeat {
				star = "*"
			}
			fmt.Fprintf(b, "\t\t'%s%s[%s]%s' \\\n", star, dashed(n), zshEscape(firstLine(f.usage)), zshValue(f, valuesOf(c, f.names[0])))
		}
	}
	return b.String()
}

func zshValue(f flag, v values) string {
	if f.value == "" {
		return ""
	}
	switch v.kind {
	case files:
		return ":file:_files"
	case directories:
		return ":directory:_files -/"
	case words:
		return ":value:(" + strings.Join(v.words, " ") + ")"
	}
	return ":" + f.value + ": "
}

func zshArguments(name string, c *cli.Command) []string {
	var out []string
	if firstArgument(c).kind == containers {
		out = append(out, fmt.Sprintf("'1:container:_%s_containers'", name))
	}
	switch {
	case secondArgument(c).kind == signals:
		out = append(out, "'2:signal:("+strings.Join(signalNames, " ")+")'")
	case c.StopOnNthArg != nil:
		out = append(out, "'*::argument: '")
	}
	if out == nil {
		out = append(out, "'*: : '")
	}
	return out
}

func zshEscape(text string) string {
	return strings.NewReplacer(`'`, `'\''`, "[", `\[`, "]", `\]`, ":", `\:`).Replace(text)
}
