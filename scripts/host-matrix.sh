#!/usr/bin/env bash
# Runs rung, runc and crun on failing hosts (tests/hosts/matrix.sh) and writes docs/broken-hosts.md. Needs root, and the
# registries for runc and crun (scripts/peers.sh).
#
# RUNG is the binary (default: the tree's). With RESULTS=FILE the script runs nothing and takes the results from FILE.
set -euo pipefail

# shellcheck source=scripts/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"
cd "$repo"

rung=${RUNG:-$repo/rung}
runc=$(scripts/peers.sh runc)
crun=$(scripts/peers.sh crun)
page=docs/broken-hosts.md

version() { # PROGRAM
	"$1" --version | sed -n '1s/.*version //p'
}

# Prints the text before the tables: people write it, so it stays.
head_of() {
	sed '/^<!-- results -->$/q' "$page"
}

# Prints a table, and below it each message once. Messages that differ only in the errno count as one.
tables() {
	awk -F '\t' -v names='rung runc crun' '
		function cell(text,   left, known) {
			if (text == "works") return "works"
			known = text
			gsub(/operation not permitted|function not implemented/, "(errno)", known)
			gsub(/Operation not permitted|Function not implemented/, "(errno)", known)
			if (!(known in number)) { number[known] = ++count; said[count] = text }
			return (text ~ /the container differs/ ? "differs" : text ~ /^[a-z]+: killed/ ? "is killed" : "fails") " (" number[known] ")"
		}
		!($1 in seen) { seen[$1] = 1; order[++cases] = $1 }
		{ verdict[$1, $2] = $3 }
		END {
			columns = split(names, name, " ")
			print "| host | rung | runc | crun |"
			print "|---|---|---|---|"
			for (i = 1; i <= cases; i++) {
				line = "| " order[i]
				for (j = 1; j <= columns; j++) line = line " | " cell(verdict[order[i], name[j]])
				print line " |"
			}
			print ""
			for (i = 1; i <= count; i++) print i ". `" said[i] "`"
		}'
}

results=${RESULTS:-$(mktemp)}
[ -n "${RESULTS:-}" ] || tests/hosts/matrix.sh "rung=$rung" "runc=$runc" "crun=$crun" >"$results"
{
	head_of
	echo
	echo "Measured on $(date -u +%F) on Linux $(uname -r | cut -d . -f 1-2), with rung $(version "$rung" | cut -d ' ' -f 1), runc $(version "$runc"), crun $(version "$crun")."
	echo
	tables <"$results"
} >"$page.new"
mv "$page.new" "$page"
[ -n "${RESULTS:-}" ] || rm "$results"
