#!/usr/bin/env bats
# bats file_tags=user-only
# shellcheck disable=SC2016,SC2094,SC2154 # scripts for inner shells; page_file reads another file; begin is of units.bash
# 200 containers of one user at once, as on a machine of `podman machine`. Each is a scope of the user manager.

load helpers
load units

export CASE_SECONDS=1800

@test "podman, user: 200 containers at once" {
	both <<-CASE
		$begin
		for i in \$(seq 200); do podman run -d --name c\$i --network none busybox sh -c 'trap "exit 4" TERM; while :; do sleep 5; done'; done | sort -u | wc -l
		podman ps -q | wc -l; runtime_of \$(podman ps -q) | sort | uniq -c | tr -s ' '; systemctl list-units --plain --no-legend --type scope 'libpod-*' | grep -vc conmon
		for i in 1 100 200; do podman exec c\$i sh -c 'echo \$(hostname | wc -c)'; done
		podman stop -t 2 c1 c200 >/dev/null 2>&1; podman wait c1 c200; podman rm -f -t 0 -a | wc -l; podman ps -aq | wc -l
	CASE
	mentions $'200\n200\n 200 the runtime\n200'
}
