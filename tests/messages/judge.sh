#!/usr/bin/env bash
# Judges what runtimes have said (try.sh), by the rules of docs/messages.md.
#
#   judge.sh DIR TABLE NAME...
#
# Prints a tab-separated line for each case of the table and each NAME: the table; the case; NAME; for cause and for cure yes, no,
# "-" where there is none to name, or "works" where nothing failed; what the message tells of the program's inside, or "-"; what is left
# behind, or "-"; the message, on one line. The name rung means that the message must have the texts of "says" too: for one that it does
# not have there is a line "wrong", the case and the text.
# shellcheck disable=SC2154 # each_row sets row
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
# shellcheck source=scripts/lib.sh
. "$here/../../scripts/lib.sh"
# shellcheck source=tests/assert.bash
. "$repo/tests/assert.bash"
# shellcheck source=tests/messages/tables.bash
. "$here/tables.bash"

judge() {
	local name
	for name in "${names[@]}"; do
		judge_one "$name" "$dir/$table/${row[name]//\//:}/$name"
	done
}

judge_one() { # NAME DIR
	local said left inside cause=no cure=- text
	[ -d "$2" ] || return 0 # not tried, for a lack that try.sh knows
	said=$(<"$2/said") left=$(<"$2/left")
	left=${left%"${left##*[! ]}"}
	inside=$(internals_of "$said") || true
	! has "${row[cause]}" "$said" || cause=yes
	if [ -n "${row[cure]:-}" ]; then
		cure=no
		! has "${row[cure]}" "$said" || cure=yes
	fi
	[ "$(<"$2/status")" != 0 ] || cause=works cure=works
	printf '%s\t' "$table" "${row[name]}" "$1" $cause $cure "${inside:--}" "${left:--}"
	said=$(one_line "$said")
	printf '%s\n' "$said"
	[ "$1" = rung ] && [ "${row[says]:-}" != killed ] || return 0
	if [ "$(<"$2/status")" = 0 ]; then
		[ "${row[says]:-}" = works ] || printf 'wrong\t%s\tis no error\n' "${row[name]}"
		return
	fi
	missing_texts "${row[says]}" "$said" | while IFS= read -r text; do
		printf 'wrong\t%s\tdoes not say: %s\n' "${row[name]}" "$text"
	done
}

# Puts a message on one line, without the marks of a log.
one_line() {
	sed -E 's/^time="[^"]*" level=[a-z]+ msg="(.*)"$/\1/; s/\\"/"/g; s/\\n/ /g' <<<"$1" | { grep -v '^ *$' || true; } | tr '\n\t' '  ' | sed 's/ $//'
}

[ $# -ge 3 ] || die 'usage: judge.sh DIR TABLE NAME...'
dir=$1 table=$2 names=("${@:3}")
each_row "$here/$table" judge
