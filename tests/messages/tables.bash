# shellcheck shell=bash
# Reads the tables of this directory, and judges messages by the rules of docs/messages.md.
#
# A table has rows with an empty line between them. A row has fields, "name: value"; a line that begins with a tab continues the value.
#
#   name   the case
#   run    (mistakes) the command lines, for bash; rt is the runtime
#   state  (mistakes) the state of the container $ID before them: created, running, paused or stopped
#   says   what rung must say: texts with " | " between them
#   cause  a regular expression (grep -iE) that finds the cause in a message, whichever runtime it is of: the field, option, path or id
#          that is wrong, or its value
#   cure   one that finds what to do; no such field if nobody but the author can know

# each_row FILE FUNCTION: calls a function for each row, until one fails. The fields are in the associative array row.
each_row() {
	local line field=
	declare -gA row=()
	while IFS= read -r line <&8; do
		case $line in
		'#'*) ;;
		'') end_row "$2" || return ;;
		$'\t'*) row[$field]+=$'\n'${line#$'\t'} ;;
		*': '*) field=${line%%: *} row[$field]=${line#*: } ;;
		*) fail "$1: no field: $line" || return ;;
		esac
	done 8<"$1"
	end_row "$2"
}

end_row() { # FUNCTION
	[ ${#row[@]} = 0 ] || "$1" 8<&- || return
	row=()
}

# What a message must not have: traces and fatal errors of Go, dumps of signals, lines of source files, structs, maps and types of Go,
# addresses in memory, and names of a runtime's own threads and processes.
internals='goroutine [0-9]+|panic: |runtime error|runtime/cgo|fatal error: |^SIG[A-Z]+: |Segmentation fault'
internals+='|[a-z_0-9]+\.(go|c|h|rs):[0-9]+|&?\{[A-Z][A-Za-z]*:|map\[|Go (struct|value)|\*?specs\.[A-Z]|of type (\[\]|\*|map)|strconv\.[A-Z]|0x[0-9a-f]{6,}|nsexec(-[0-9])?\[[0-9]+\]'

# internals_of TEXT: prints the first of these that a message has. It starts no program, as has: a judgement took ten.
internals_of() {
	local line
	while IFS= read -r line; do
		[[ ! $line =~ $internals ]] || {
			printf '%s\n' "${BASH_REMATCH[0]}"
			return
		}
	done <<<"$1"
	return 1
}

# has EXPRESSION TEXT: whether a line of a message has a cause or a cure, in whatever case. Expressions have no \W, \S or \B: they are made
# lower case.
has() {
	local line
	while IFS= read -r line; do
		[[ ! ${line,,} =~ ${1,,} ]] || return 0
	done <<<"$2"
	return 1
}

# missing_texts TEXTS MESSAGE: prints those of the texts, with " | " between them, that a message does not have.
missing_texts() {
	local rest="$1 | " text
	while [ -n "$rest" ]; do
		text=${rest%%" | "*}
		rest=${rest#*" | "}
		[[ $2 == *"$text"* ]] || printf '%s\n' "$text"
	done
}
