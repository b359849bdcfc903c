#!/usr/bin/env bash
# Runs tests/integration/values.bats on this machine and in virtual machines, and writes docs/values.md: which limit stays after
# what.
#
#   values.sh            this machine without systemd, and in the machine Debian 13 and 12 on cgroup v2
#   values.sh FILE...    only writes the page, from the output of such runs (TAP)
set -euo pipefail

# shellcheck source=scripts/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

page=$repo/docs/values.md

run_here() {
	VALUES=1 RUNG=$repo/rung RUNG_SOURCE=$repo RUNG_TEST_COMMANDS=$repo/build/tests \
		bats --formatter tap "$repo/tests/integration/values.bats" </dev/null
}

run_in_machine() { # RELEASE OF DEBIAN
	"$repo/tests/vm/vm.sh" run --system "$1" --cgroup v2 --timeout 1800 --env VALUES=1 --share "$repo" -- \
		tests/vm/guest/suite root tests/integration/values.bats
}

# Prints the page. A column is a machine with a driver, a cell what was lost there, and by what.
write_page() { # FILE...
	cat <<-'END'
		# Values that stay

		*Written by `make values`, from what `tests/integration/values.bats` has seen. That test fails when a value is lost that is not
		listed here, and when one stays that is.*

		Each limit is set by create and changed by update. Its file is read after create, after updates of each other limit, after a
		refused update, after `systemctl daemon-reload`, `systemctl daemon-reexec` and a restart of the message bus, and after changes
		from outside: a write to the file, followed by a refused update and by updates of other limits, and `systemctl set-property`,
		followed by a refused update, updates of other limits and a daemon-reload. "kept" means that the value was there each time; "-"
		that this machine's kernel has no such file, or no device for it.

		With a unit, systemd writes the files of a controller from its properties when one of these is changed, and at reloads of some
		versions. Nothing tells rung of that. What rung changes itself keeps the other limits: it reads the files before it tells
		systemd, and sets again what systemd has changed. `memory.oom.group` is no property of a scope that runs: systemd writes the
		value that the container was made with (from version 253 on; before, 0), and so loses that of an update. A value that somebody
		writes to a file is one that systemd does not know; `systemctl set-property` is the way to change a limit from outside.

	END
	cat "$@" | sed -n 's/^# value|//p' | awk -F'|' '
		{
			column = $1 == "v1" ? "cgroup v1, " : "cgroup v2, "
			column = column ($3 == "systemd" ? "by systemd " $2 : $2 == "-" ? "without systemd" : "without a unit, beside systemd " $2)
			row = "`" $4 "`"
			if (!(column in columns)) { columns[column] = columnCount; columnName[columnCount++] = column }
			if (!(row in rows)) { rows[row] = rowCount; rowName[rowCount++] = row }
			seen[row, column] = 1
			if ($7 != "kept") lost[row, column] = lost[row, column] (lost[row, column] == "" ? "" : "; ") $6 ": `" $7 "`"
		}
		END {
			printf "| limit |"
			for (c = 0; c < columnCount; c++) printf " %s |", columnName[c]
			printf "\n|---|"
			for (c = 0; c < columnCount; c++) printf "---|"
			print ""
			for (r = 0; r < rowCount; r++) {
				printf "| %s |", rowName[r]
				for (c = 0; c < columnCount; c++) {
					cell = (rowName[r], columnName[c]) in lost ? lost[rowName[r], columnName[c]] : (rowName[r], columnName[c]) in seen ? "kept" : "-"
					printf " %s |", cell
				}
				print ""
			}
		}'
}

if [ $# -eq 0 ]; then
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	run_here | tee "$work/here"
	for release in 13 12; do run_in_machine $release | tee "$work/$release"; done
	set -- "$work/here" "$work/13" "$work/12"
fi
write_page "$@" >"$page.new"
mv "$page.new" "$page"
