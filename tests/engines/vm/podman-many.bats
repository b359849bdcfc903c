#!/usr/bin/env bats
# bats file_tags=user-only
# shellcheck disable=SC2016,SC2094,SC2154 # scripts for inner shells; page_file reads another file; begin is of units.bash
# 200 containers of one user at once, as on a machine of `podman machine`. Each is a scope of the user manager.

load helpers
load units

export CASE_SECONDS=3000

# Debian's runtimes have 20, for the same answers: an emulated processor needs half an hour for 200.
@test "podman, user: 200 containers at once" {
	both <<-CASE
		$begin
		n=200; [ \$RUNTIME = rung ] || n=20
		all() { local found; read -r found; [ "\$found" != \$n ] && echo "\$found of \$n" || echo all; }
		for i in \$(seq \$n); do podman run -d --name c\$i --network none busybox sh -c 'trap "exit 4" TERM; sleep 100000 & wait'; done | sort -u | wc -l | all
		podman ps -q | wc -l | all; runtime_of \$(podman ps -q) | grep -cx 'the runtime' | all
		systemctl list-units --plain --no-legend --type scope 'libpod-*' | grep -vc conmon | all
		for i in 1 \$((n / 2)) \$n; do podman exec c\$i sh -c 'echo \$(hostname | wc -c)'; done
		podman stop -t 30 c1 c\$n >/dev/null 2>&1; podman wait c1 c\$n; podman rm -f -t 0 -a | wc -l | all; podman ps -aq | wc -l
	CASE
	mentions $'all\nall\nall\nall\n13'
}
