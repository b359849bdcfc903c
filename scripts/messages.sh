#!/usr/bin/env bash
# Makes the mistakes of tests/messages with rung, runc and crun, and writes docs/messages.md. Needs root, and the registries for runc and
# crun (scripts/peers.sh).
#
# RUNG is the binary (default: the tree's). What the runtimes said stays in RESULTS (default: build/messages). With JUDGE=yes the script
# runs nothing and judges what is there.
set -euo pipefail

# shellcheck source=scripts/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"
cd "$repo"

rung=${RUNG:-$repo/rung}
runc=$(scripts/peers.sh runc)
crun=$(scripts/peers.sh crun)
results=${RESULTS:-$repo/build/messages}
page=docs/messages.md
tables=(configurations hosts mistakes)
export RUNG_TEST_COMMANDS=${RUNG_TEST_COMMANDS:-$repo/build/tests}

version() { # PROGRAM
	"$1" --version | sed -n '1s/.*version //p' | cut -d ' ' -f 1
}

# Prints the text before the tables: people write it, so it stays.
head_of() {
	sed '/^<!-- results -->$/q' "$page"
}

# Prints a table of counts, by set and runtime.
counts() {
	awk -F '\t' '
		$1 == "wrong" { next }
		{ n[$1, $3]++; works[$1, $3] += $4 == "works"; cause[$1, $3] += $4 == "yes"; inside[$1, $3] += $6 != "-"; left[$1, $3] += $7 != "-" }
		$5 == "yes" || $5 == "no" { cures[$1, $3]++; cure[$1, $3] += $5 == "yes" }
		END {
			print "| set | runtime | cases | no error | cause named | cure named | internals | leftovers |"
			print "|---|---|---|---|---|---|---|---|"
			split("configurations hosts mistakes", sets, " ")
			split("rung runc crun", names, " ")
			for (i = 1; i <= 3; i++) for (j = 1; j <= 3; j++) {
				k = sets[i] SUBSEP names[j]
				printf "| %s | %s | %d | %d | %d of %d | %d of %d | %d | %d |\n", sets[i], names[j], n[k], works[k], cause[k], n[k] - works[k],
					cure[k], cures[k], inside[k], left[k]
			}
		}' "$1"
}

# Prints what rung misses.
misses() {
	awk -F '\t' '$1 == "wrong" { print "- " $2 ": " $3; next }
		$3 == "rung" && ($4 == "no" || $5 == "no" || $6 != "-" || $7 != "-") {
			print "- " $1 ", " $2 ": cause " $4 ", cure " $5 ", internals " $6 ", left " $7 ($8 == "" ? "" : ": `" $8 "`") }' "$1"
}

mkdir -p "$results"
judged=$(mktemp)
trap 'rm -f "$judged"' EXIT
for table in "${tables[@]}"; do
	[ "${JUDGE:-}" = yes ] || tests/messages/try.sh "$results" "$table" "rung=$rung" "runc=$runc" "crun=$crun"
	tests/messages/judge.sh "$results" "$table" rung runc crun >>"$judged"
done
{
	head_of
	echo
	echo "Measured on $(date -u +%F) on Linux $(uname -r | cut -d . -f 1-2), with rung $(version "$rung"), runc $(version "$runc"), crun $(version "$crun")."
	echo
	counts "$judged"
	echo
	echo 'What rung misses:'
	echo
	misses "$judged"
	for table in "${tables[@]}"; do
		printf '\n## What they say: %s\n\n| case | rung | runc | crun |\n|---|---|---|---|\n' "$table"
		awk -F '\t' -v table="$table" '
			function cell(text) { gsub(/\|/, "\\|", text); gsub(/`/, "\x27", text); return text == "" ? "(nothing)" : "`" text "`" }
			$1 == table { if (!($2 in seen)) { seen[$2] = 1; order[++n] = $2 } said[$2, $3] = $4 == "works" ? "no error" : cell($8) }
			END { for (i = 1; i <= n; i++) print "| " order[i] " | " said[order[i], "rung"] " | " said[order[i], "runc"] " | " said[order[i], "crun"] " |" }' "$judged"
	done
} >"$page.new"
mv "$page.new" "$page"
