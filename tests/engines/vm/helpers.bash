# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # read by the other helpers; bats sets its variables
# Functions for the engines in the machine of tests/vm, where systemd manages cgroups. There are no worlds, because systemd does
# not know the processes of another PID namespace. One engine has all runtimes, rung, crun and runc, and a case runs with one after
# the other; $RUNTIME is the name of the current one. The check for leftovers looks at the whole machine, which is discarded at the
# end.

RUNTIMES='rung crun runc'
. "$RUNG_SOURCE/tests/engines/helpers.bash"

IN_TURN=yes

# crun puts the processes of a container into a child of its scope, on purpose (run.oci.systemd.subgroup). runc warns of a cgroup that
# went with its last process, if it did so meanwhile, and Podman of a program that ends late on an emulated processor.
eval "without_ids() $(declare -f normalised | tail -n +2)"
normalised() {
	without_ids | sed -E 's,(ID\.scope)/container\b,\1,; /level=warning msg="(freezer not supported|lstat .sys.fs.cgroup|seek .sys.fs.cgroup|StopSignal SIGTERM failed)/d'
}

# The first function prints the path of the current runtime. The second makes it the one that containers.conf names; for rung that
# is the file of docs/engines.md alone.
prelude+='
runtime() { case $RUNTIME in rung) echo "$BINARY" ;; crun) echo /usr/bin/crun ;; runc) echo /usr/sbin/runc ;; esac; }
use_runtime() {
	local dir=/etc/containers
	[ $EUID = 0 ] || dir=~/.config/containers
	rm -rf $dir/containers.conf.d
	[ $RUNTIME = rung ] || { mkdir -p $dir/containers.conf.d && printf "[engine]\nruntime = \"%s\"\n" $RUNTIME >$dir/containers.conf.d/tests.conf; }
}
'

setup_file() {
	start_machine
}

teardown_file() {
	stop_machine
}

teardown() {
	nothing_left
}

start_machine() {
	[ -f /usr/local/lib/vm/wants.tar ] || die 'needs the machine of tests/vm'
	WORLDS=$(mktemp -d /var/tmp/rung-engines.XXXXXX)
	SHARED=$(shared_directory)
	export WORLDS SHARED
	BINARY=$RUNG
	[ "$EUID" != 0 ] || { install -m 0755 "$RUNG" /usr/local/bin/rung && BINARY=/usr/local/bin/rung; }
	export BINARY
	keep_versions
	in_world rung bash -c "$prelude"$'\n'"$(declare -f start_engine); start_engine" >"$WORLDS/start" 2>&1 </dev/null 3>&- ||
		fail "$(cat "$WORLDS/start")"
	snapshot >"$WORLDS/before" 2>&1
}

# Writes the versions of this machine's engines beside the results, for scripts/engines-results.sh.
keep_versions() {
	[ -n "${RUNG_ENGINES_RESULTS:-}" ] && [ "$EUID" = 0 ] || return 0
	dpkg-query -W -f '${Package} ${Version}, ' docker.io containerd podman buildah conmon netavark passt crun runc | sed 's/, $//' >"${RUNG_ENGINES_RESULTS%.tsv}.versions"
}

stop_machine() {
	in_world rung bash -c "$prelude"$'\n'"$(declare -f stop_engine); stop_engine" </dev/null 3>&-
}

in_world() { # RUNTIME COMMAND...
	env RUNTIME="$1" SHARED="$SHARED" SOURCE="$RUNG_SOURCE" COMMANDS="$RUNG_TEST_COMMANDS" "${@:2}"
}

snapshot() {
	in_world rung bash -c "$prelude $(declare -f engine_state)"'
		cut -d" " -f5 /proc/self/mountinfo | grep -vE "^/(proc|sys|run/user)" | sort | sed "s/^/mount /"
		find /sys/fs/cgroup -type d -regextype egrep -regex ".*[0-9a-f]{64}.*" -printf "cgroup %p\n" | sort
		systemctl ${USER_MANAGER:-} list-units --plain --no-legend --all --type scope,service,timer "*[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]*" | cut -d" " -f1 | sed "s/^/unit /"
		engine_state
		rmdir "$PWD"' </dev/null 3>&-
}

nothing_left() {
	local tries
	for ((tries = 0; tries < 10; tries++)); do
		snapshot >"$WORLDS/after" 2>&1
		! cmp -s "$WORLDS/before" "$WORLDS/after" || return 0
		sleep 1
	done
	diff "$WORLDS/before" "$WORLDS/after" | sed -n "s/^>/left:/p; s/^</gone:/p" >&2
	in_world rung bash -c "$prelude"$'\n'"$(declare -f clean_engine); clean_engine" </dev/null 3>&- >&2 || true
	return 1
}
