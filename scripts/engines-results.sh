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

# Prints the names of the runtimes beside rung, in the order of the columns of $results.
peers() {
	awk -F '\t' '{ for (i = 4; i <= NF; i += 4) if (!seen[$i]++) print $i }' "$results"
}

summary() {
	awk -F '\t' -v peers="$(peers | paste -sd ' ')" '
		function kind(verdict, reason) { return verdict == "differs" ? (reason == "" ? "wrong" : "differs") : verdict }
		{
			if (!seen[$1]++) order[++engines] = $1
			n[$1]++; seconds[$1 " rung"] += $3
			for (i = 4; i <= NF; i += 4) { k[$1 " " $i " " kind($(i + 1), $(i + 2))]++; seconds[$1 " " $i] += $(i + 3) }
		}
		END {
			count = split(peers, peer, " ")
			printf "| engine | cases | beside | equal | differ, with a reason | not on this machine | differ | seconds with rung | with the other |\n"
			printf "|---|--:|---|--:|--:|--:|--:|--:|--:|\n"
			for (i = 1; i <= engines; i++) for (j = 1; j <= count; j++) {
				e = order[i]; p = e " " peer[j]
				if (!(p in seconds)) continue
				printf "| %s | %d | %s | %d | %d | %d | %d | %.0f | %.0f |\n", e, n[e], peer[j], k[p " equal"], k[p " differs"],
					k[p " not here"], k[p " wrong"], seconds[e " rung"], seconds[p]
			}
		}' "$results"
}

# Prints one row a case, with a column for each other runtime and the seconds of all.
cases() { # ENGINE
	awk -F '\t' -v engine="$1" -v peers="$(peers | paste -sd ' ')" '
		function said(verdict, reason) {
			if (verdict == "differs") return reason == "" ? "**differs**" : "differs: " reason
			return verdict == "not here" ? "not run on this machine: " reason : verdict
		}
		BEGIN {
			count = split(peers, peer, " "); head = "| case |"; line = "|---|"
			for (j = 1; j <= count; j++) { head = head " rung beside " peer[j] " |"; line = line "---|" }
			print head " seconds |\n" line "---|"
		}
		$1 == engine {
			sub(/^[^:]*: /, "", $2); gsub(/\|/, "\\|", $2)
			row = "| " $2 " |"; seconds = $3
			split("", verdict); split("", time)
			for (i = 4; i <= NF; i += 4) { verdict[$i] = said($(i + 1), $(i + 2)); time[$i] = $(i + 3) }
			for (j = 1; j <= count; j++) { row = row " " verdict[peer[j]] " |"; seconds = seconds " / " time[peer[j]] }
			print row " " ($3 == "" ? "" : seconds) " |"
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
		# Every case, rung beside runc and crun

		Written by \`scripts/engines-results.sh\` from the results of \`make test-engines\` and \`make test-vm-engines\`. Each case
		runs with rung and with Debian's runc, in the virtual machine with Debian's crun too, on the same engine with the same
		configuration. All must have the same exit status and output ("equal"). If they differ, the table has the reason. The
		seconds are from a shared machine and do not measure the runtimes; [bench/engines.md](../bench/engines.md) does.

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
		[ ! -s "$found/vm-$system-root.versions" ] || printf '%s.\n\n' "$(cat "$found/vm-$system-root.versions")"
		read_results test-vm-engines "$found/vm-$system"-{root,user}.tsv
		summary
		sections
	done
} >"$out"
echo "$out: $count cases"
