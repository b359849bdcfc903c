package docgen

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v3"
)

// Bash returns a completion for bash(1). It works without the functions of bash-completion.
func Bash(root *cli.Command) string {
	b := &strings.Builder{}
	name := root.Name
	fmt.Fprintf(b, `# shellcheck shell=bash
# Completion of %[1]s for bash. Made of the commands' definitions by "make generate".

_%[1]s_containers() {
	local root=() i
	for ((i = 1; i < COMP_CWORD; i++)); do
		[ "${COMP_WORDS[i]}" != --root ] || root=(--root "${COMP_WORDS[i + 1]}")
	done
	%[1]s "${root[@]}" list -q 2>/dev/null
}

# _%[1]s_values COMMAND FLAG: completes the value of a flag that takes one.
_%[1]s_values() {
	case $1:$2 in
`, name)
	writeBashValues(b, root)
	b.WriteString("\t*) return 1 ;;\n\tesac\n\treturn 0\n}\n\n")
	fmt.Fprintf(b, "_%s_options() { # COMMAND\n\tcase $1 in\n", name)
	for _, c := range root.Commands {
		fmt.Fprintf(b, "\t%s) echo '%s' ;;\n", c.Name, strings.Join(dashedNames(withGlobalFlags(root, c)), " "))
	}
	fmt.Fprintf(b, "\t*) echo '%s' ;;\n\tesac\n}\n\n", strings.Join(dashedNames(globalFlags(root)), " "))
	fmt.Fprintf(b, "_%s_arguments() { # COMMAND NUMBER\n\tcase $1:$2 in\n", name)
	for _, c := range root.Commands {
		writeBashArgument(b, name, c.Name, 1, firstArgument(c))
		writeBashArgument(b, name, c.Name, 2, secondArgument(c))
	}
	fmt.Fprintf(b, "\thelp:1) compgen -W '%s' -- \"$cur\" ;;\n\tesac\n}\n", strings.Join(commandNames(root), " "))
	fmt.Fprintf(b, `
_%[1]s() {
	local cur=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command='' arguments=0 i
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-*=*) ;;
		-*) if _%[1]s_values "$command" "${COMP_WORDS[i]}" >/dev/null; then ((i++)); fi ;;
		*) if [ -z "$command" ]; then command=${COMP_WORDS[i]}; else ((arguments++)); fi ;;
		esac
	done
	COMPREPLY=()
	if ((i > COMP_CWORD)); then
		mapfile -t COMPREPLY < <(_%[1]s_values "$command" "$previous")
	elif [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_%[1]s_options "$command")" -- "$cur")
	elif [ -z "$command" ]; then
		mapfile -t COMPREPLY < <(compgen -W '%[2]s' -- "$cur")
	else
		mapfile -t COMPREPLY < <(_%[1]s_arguments "$command" $((arguments + 1)))
	fi
	[ "${#COMPREPLY[@]}" -ne 1 ] || [ ! -d "${COMPREPLY[0]}" ] || compopt -o nospace
}

complete -o filenames -F _%[1]s %[1]s
`, name, strings.Join(append(commandNames(root), "help"), " "))
	return b.String()
}

func writeBashValues(b *strings.Builder, root *cli.Command) {
	for _, c := range append([]*cli.Command{root}, root.Commands...) {
		command, list := c.Name, withGlobalFlags(root, c)
		if c == root {
			command, list = "", globalFlags(root)
		}
		for _, f := range list {
			if f.value == "" {
				continue
			}
			var patterns []string
			for _, n := range f.names {
				patterns = append(patterns, command+":"+dashed(n))
			}
			fmt.Fprintf(b, "\t%s) %s ;;\n", strings.Join(patterns, " | "), bashCompgen(valuesOf(c, f.names[0])))
		}
	}
}

func bashCompgen(v values) string {
	switch v.kind {
	case files:
		return `compgen -f -- "$cur"`
	case directories:
		return `compgen -d -- "$cur"`
	case words:
		return `compgen -W '` + strings.Join(v.words, " ") + `' -- "$cur"`
	}
	return ":"
}

func writeBashArgument(b *strings.Builder, name, command string, number int, v values) {
	switch v.kind {
	case containers:
		fmt.Fprintf(b, "\t%s:%d) compgen -W \"$(_%s_containers)\" -- \"$cur\" ;;\n", command, number, name)
	case signals:
		fmt.Fprintf(b, "\t%s:%d) compgen -W '%s' -- \"$cur\" ;;\n", command, number, strings.Join(signalNames, " "))
	}
}

func dashedNames(list []flag) (out []string) {
	for _, f := range list {
		for _, n := range f.names {
			out = append(out, dashed(n))
		}
	}
	return out
}

func commandNames(root *cli.Command) (out []string) {
	for _, c := range root.Commands {
		out = append(out, c.Name)
	}
	return out
}
