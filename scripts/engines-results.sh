#!/usr/bin/env bash
# Writes docs/engines-results.md from the results of `make test-engines` and `make test-vm-engines` (build/engines/results.tsv
# and vm-*.tsv). If a case was run more than once, its last result counts.
#
#   engines-results.sh [DIR]        DIR has the results (default: build/engines)
set -euo pipefail

# shellcheck source=scripts/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

found=${1:-$repo/build/engines}
out=$repo/docs/engines-results.md
count=0
results=$(mktemp /tmp/rung-engines-results.XXXXXX)
trap 'rm -f "$results"' EXIT

# Puts the last result of each case into $results.
read_results() { # TARGET FILE...
	[ -s "$2" ] || die "no $2: run make $1"
	awk -F '\t' '{ key = $1 FS $2; if (!(key in last)) order[++n] = key; last[key] = $0 }
		END { for (i = 1; i <= n; i++) print last[order[i]] }' "${@:2}" | sort -t $'\t' -k 1,1 -s >"$results"
	count=$((count + $(wc -l <"$results")))
}

engines() {
	cut -f1 "$results" | awk '!seen[$0]++'
}

summary() {
	printf '| engine | cases | equal | differ, with a reason | not on this machine | differ | seconds with rung | with runc |\n|---|--:|--:|--:|--:|--:|--:|--:|\n'
	awk -F '\t' '
		function kind() { return $3 == "differs" ? ($4 == "" ? "wrong" : "differs") : $3 }
		{ n[$1]++; k[$1 " " kind()]++; rung[$1] += $5; runc[$1] += $6; if (!seen[$1]++) order[++engines] = $1 }
		END { for (i = 1; i <= engines; i++) { e = order[i]
			printf "| %s | %d | %d | %d | %d | %d | %.0f | %.0f |\n", e, n[e], k[e " equal"], k[e " differs"], k[e " not here"],
				k[e " wrong"], rung[e], runc[e] } }' "$results"
}

cases() { # ENGINE
	printf '| case | rung beside runc | seconds |\n|---|---|---|\n'
	awk -F '\t' -v engine="$1" '$1 == engine {
		sub(/^[^:]*: /, "", $2); gsub(/\|/, "\\|", $2)
		said = $3
		if ($3 == "differs") said = $4 == "" ? "**differs**" : "differs: " $4
		if ($3 == "not here") said = "not run on this machine: " $4
		printf "| %s | %s | %s |\n", $2, said, $5 == "" ? "" : $5 " / " $6
	}' "$results"
}

sections() {
	while read -r engine; do
		printf '\n### %s\n\n' "$engine"
		cases "$engine"
	done < <(engines)
}

# Prints the versions of the programs that are no packages of this Debian (scripts/engine-tools.sh and unstable.sh).
other_versions() {
	local tool
	for tool in crictl nerdctl buildkitd; do
		printf '%s, ' "$(basename "$(readlink "$repo/build/tools/$tool")" | sed 's/-v/ /')"
	done
	"$repo/build/tools/docker-compose/bin/docker-compose" version --short | sed 's/^/docker-compose /'
}

{
	cat <<-HEAD
		# Every case, rung beside runc

		Written by \`scripts/engines-results.sh\` from the results of \`make test-engines\` and \`make test-vm-engines\`. Each case
		runs with rung and with Debian's runc, on the same engine with the same configuration. Both must have the same exit
		status and output ("equal"). If they differ, the table has the reason. The seconds are from a shared machine and do not
		measure the runtimes; [bench/engines.md](../bench/engines.md) does.

	HEAD
	printf '%s.\n' "$(dpkg-query -W -f '${Package} ${Version}, ' docker.io containerd podman buildah conmon netavark runc rootlesskit | sed 's/, $//')"
	printf '\nNot of this Debian: %s.\n' "$(other_versions)"
	printf '\n## On the host\n\nLinux %s, %s. Both runtimes ran at the same time, each in namespaces of its own.\n\n' "$(uname -r)" \
		"$([ -e /sys/fs/cgroup/cgroup.controllers ] && echo 'pure cgroup v2' || echo 'cgroup v1 and hybrid')"
	read_results test-engines "$found/results.tsv"
	summary
	sections
	for system in 13 12; do
		[ $system = 13 ] || [ -e "$found/vm-$system-root.tsv" ] || continue # only make test-vm-all runs Debian 12
		printf "\\n## In the virtual machine, Debian %s\\n\\nDebian's kernel, pure cgroup v2, systemd, AppArmor, every capability; emulated. The runtimes ran one after the other.\\n\\n" $system
		read_results test-vm-engines "$found/vm-$system"-{root,user}.tsv
		summary
		sections
	done
} >"$out"
echo "$out: $count cases"
