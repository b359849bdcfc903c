# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # tests read output; bats sets its variables
# Functions for the tests of the engines. Each file starts its engine twice, in two worlds (world.sh) that differ only in the
# runtime: rung, and Debian's runc. A test gives `both` a case, which is a script with the commands of a user. Both worlds run it
# at the same time, and exit status and output must be the same.
#
# $RUNG is the binary, $RUNC the one to compare with, and $RUNG_TEST_COMMANDS has the programs of tests/cmd. $RUNTIMES has the
# names of those that a case runs with, rung first; in the machine of tests/vm crun is one of them. If $RUNG_ENGINES_RESULTS is set,
# each case adds a line to that file (tab-separated): engine, test, seconds with rung, and for each other runtime its name, verdict,
# reason and seconds.

bats_require_minimum_version 1.5.0

: "${RUNG_SOURCE:=$(dirname "$(dirname "$BATS_TEST_DIRNAME")")}"
: "${RUNG:=$RUNG_SOURCE/rung}"
: "${RUNC:=/usr/sbin/runc}"
: "${RUNTIMES:=rung runc}"
: "${RUNG_TEST_COMMANDS:=$RUNG_SOURCE/build/tests}"

world=$BATS_TEST_DIRNAME/world.sh

# shellcheck source=scripts/lib.sh
. "$RUNG_SOURCE/scripts/lib.sh"
# shellcheck source=tests/assert.bash
. "$RUNG_SOURCE/tests/assert.bash"

setup_file() {
	start_worlds
}

teardown_file() {
	stop_worlds
}

teardown() {
	nothing_left
}

# ---- the worlds of a file -------------------------------------------------------------------------------------------

# Starts both worlds, and runs the file's function `start_engine` in each. $SHARED has files from the host for it.
start_worlds() {
	local runtime
	[ "$EUID" = 0 ] || die 'needs root'
	WORLDS=$(mktemp -d /var/tmp/rung-engines.XXXXXX)
	chmod 0755 "$WORLDS"
	SHARED=$(shared_directory)
	export WORLDS SHARED
	"$world" start "$WORLDS/rung" "$RUNG"
	"$world" start "$WORLDS/runc" "$RUNC"
	in_both "$(declare -f start_engine); start_engine"
	for runtime in rung runc; do
		snapshot $runtime >"$WORLDS/$runtime.before"
	done
}

# Prints the directory for images and other files that are made once in a run of bats: the parent of all files' directories.
shared_directory() {
	local dir=$BATS_RUN_TMPDIR/shared
	if [ ! -d "$dir" ]; then
		mkdir -p "$dir"
		"$RUNG_SOURCE/scripts/busybox-rootfs.sh" "$dir/busybox"
		tar -C "$dir/busybox" -cf "$dir/busybox.tar" .
		make_image busybox --config.cmd sh
		make_image pause --config.cmd sleep --config.cmd 1000000000
		chmod -R go+rX "$BATS_RUN_TMPDIR"
	fi
	echo "$dir"
}

# Makes the archive NAME.image with the busybox root file system as localhost/NAME, and umoci's options for its configuration.
make_image() { # NAME OPTION...
	local layout=$dir/layout
	[ -d "$layout" ] || umoci init --layout "$layout"
	umoci new --image "$layout:$1"
	umoci insert --image "$layout:$1" "$dir/busybox" /
	umoci config --image "$layout:$1" "${@:2}" --config.env PATH=/bin:/sbin:/usr/bin:/usr/sbin
	skopeo --insecure-policy copy -q "oci:$layout:$1" "docker-archive:$dir/$1.image:localhost/$1:latest"
}

# Fails if anything new is left in the worlds or on the host.
stop_worlds() {
	local runtime left=0
	in_both "$(declare -f stop_engine); stop_engine" || left=1
	for runtime in rung runc; do
		"$world" stop "$WORLDS/$runtime" || left=1
	done
	grep -F "$WORLDS" /proc/self/mountinfo && left=1
	find /sys/fs/cgroup -type d -name "rung-$(basename "$WORLDS")*" | grep . && left=1
	grep -lsF -f <(echo "$WORLDS") /proc/[0-9]*/cmdline /proc/[0-9]*/mountinfo | grep . && left=1
	rm -rf --one-file-system "$WORLDS"
	return $left
}

# Runs a script in both worlds at the same time. If it fails, in_both fails and prints its output.
in_both() { # SCRIPT
	local runtime jobs=() left=0
	for runtime in rung runc; do
		in_world $runtime bash -c "$prelude"$'\n'"$1" >"$WORLDS/$runtime.out" 2>&1 </dev/null 3>&- &
		jobs+=($!)
	done
	wait "${jobs[0]}" || { left=1 && sed 's/^/rung: /' "$WORLDS/rung.out" >&2; }
	wait "${jobs[1]}" || { left=1 && sed 's/^/runc: /' "$WORLDS/runc.out" >&2; }
	return $left
}

in_world() { # RUNTIME COMMAND...
	"$world" in "$WORLDS/$1" env SHARED="$SHARED" SOURCE=/run/source COMMANDS="${RUNG_TEST_COMMANDS/#$RUNG_SOURCE//run/source}" "${@:2}"
}

# ---- cases ----------------------------------------------------------------------------------------------------------

# Functions for every case. A case prints what is to be compared. It must not print text that differs from run to run.
prelude='
set -uo pipefail
code() { local s=0; "$@" || s=$?; echo "status $s"; }
quiet() { "$@" >/dev/null 2>&1; }
# Runs a command in a terminal. The input stays open: at its end script types control-D, and Podman and ctr then show no more
# output. A program in a terminal must run for a second: an engine sets the size after the start, and ctr prints an error if the
# program has ended by then.
tty() {
	local keys=$PWD/keys.$RANDOM s=0
	mkfifo "$keys"
	script -qec "$*" /dev/null <>"$keys" || s=$?
	rm "$keys"
	return $s
}
until_ok() { local n=$(($1 * 10)); shift; until quiet "$@"; do [ $((n -= 1)) -gt 0 ] || { echo "in vain: $*"; return 1; }; sleep 0.1; done; }
has() { "$@" 2>&1 | grep -q .; }
listens() { timeout 2 bash -c ": </dev/tcp/$1/$2"; }
says_so() { local text=$1; shift; "$@" 2>&1 | grep -qF -- "$text"; }
knob() { if [ -e /sys/fs/cgroup/cgroup.controllers ]; then cat "/sys/fs/cgroup/docker/$1/$4"; else cat "/sys/fs/cgroup/$2/docker/$1/$3"; fi; }
# An option for this machine, not for rung: it may not allow to protect the daemon from the OOM killer. Docker 26 lacks the option.
oom_option() { dockerd --help 2>&1 | sed -n "s/.*\(--oom-score-adjust\).*/\1=0/p"; }
until_socket() { until_ok 30 test -S "$1" || { tail -n 20 "$2"; exit 1; }; }
# page_file prints the file in docs/engines.md below the line that begins with its name. page_commands prints the commands of a
# section of that page or of another page.
page_file() {
	awk -v name="\`$1\`" '"'"'index($0, name) == 1 { found = 1 } !found { next } /^```/ { if (inside) exit; inside = 1; next } inside'"'"' "$SOURCE/docs/engines.md"
}
page_commands() { # HEADING [PAGE]
	awk -v heading="## $1" '"'"'/^## / { here = $0 == heading } /^```/ { inside = here && $0 == "```sh"; next } inside'"'"' "$SOURCE/docs/${2:-engines}.md"
}
# Makes a bundle as docs/first-container.md does, and runs it.
first_container() { # HEADING
	page_commands "$1" first-container >commands && [ -s commands ] && bash -e commands >/dev/null || return
	cd first
	sed -i '"'"'s/"terminal": true/"terminal": false/; s/"sh"/"sh", "-c", "echo hello from the image; ls \/bin | grep -x busybox"/'"'"' config.json
	rung run first
}
as_plain() { setpriv --reuid 4343 --regid 4343 --init-groups env HOME=/run/home XDG_RUNTIME_DIR=/run/user/4343 "$@"; }
cd "$(mktemp -d "${XDG_RUNTIME_DIR:-/run}/case.XXXXXX")" && chmod 0755 .
'

# Runs the case on standard input with each of $RUNTIMES. Output, apart from ids, and status must be the same; they are then in
# $output and $status. With --differs they must differ from runc's, with --differs-from from those of another runtime: $output and
# $status are rung's, and REASON says why and who is wrong. If rung's side waits in vain, that is a failure even if the others do too.
both() { # [--differs REASON] [--differs-from RUNTIME REASON]
	local runtime jobs=() peers differs=()
	read -ra peers <<<"${RUNTIMES#rung }"
	while [ $# -gt 0 ]; do
		case $1 in
		--differs) differs+=("runc $2") && shift 2 ;;
		--differs-from) differs+=("$2 $3") && shift 3 ;;
		*) die "both: $1" ;;
		esac
	done
	cat >"$BATS_TEST_TMPDIR/case"
	for runtime in rung "${peers[@]}"; do
		run_case "$runtime" &
		jobs+=($!)
		[ -z "${IN_TURN:-}" ] || wait $!
	done
	wait "${jobs[@]}"
	output=$(tr -d '\r' <"$BATS_TEST_TMPDIR/rung.out")
	status=$(cat "$BATS_TEST_TMPDIR/rung.status")
	judge "${peers[@]}"
}

# Writes PEER.verdict and PEER.reason for each peer, keeps them as the result, and fails if a peer's side is not as the case says.
judge() { # PEER...
	local peer file wrong=0
	for peer; do
		file=$BATS_TEST_TMPDIR/$peer
		reason_of "$peer" >"$file.reason"
		echo differs >"$file.verdict"
		! same_as "$peer" || echo equal >"$file.verdict"
	done
	if grep '^in vain:' "$BATS_TEST_TMPDIR/rung.out" >&2; then
		for peer; do
			echo differs >"$BATS_TEST_TMPDIR/$peer.verdict"
			: >"$BATS_TEST_TMPDIR/$peer.reason"
		done
		keep_result
		fail "$output"
		return
	fi
	keep_result
	for peer; do
		agrees_with "$peer" || wrong=1
	done
	[ $wrong = 0 ]
}

reason_of() { # PEER
	printf '%s\n' "${differs[@]}" | sed -n "s/^$1 //p"
}

same_as() { # PEER
	cmp -s "$BATS_TEST_TMPDIR"/{rung,"$1"}.out && cmp -s "$BATS_TEST_TMPDIR"/{rung,"$1"}.status
}

agrees_with() { # PEER
	local peer=$1 file=$BATS_TEST_TMPDIR/$1 reason
	reason=$(cat "$file.reason")
	case $(cat "$file.verdict")${reason:+ with a reason} in
	equal | 'differs with a reason') ;;
	equal*) fail "equal to $peer, though it should differ: $reason" ;;
	*)
		diff -U 100 --label rung --label "$peer" "$BATS_TEST_TMPDIR"/{rung,"$peer"}.out >&2 || true
		fail "status $status with rung, $(cat "$file.status") with $peer"
		;;
	esac
}

run_case() { # RUNTIME
	local file=$BATS_TEST_TMPDIR/$1 start=$EPOCHREALTIME code=0
	in_world "$1" timeout "${CASE_SECONDS:-300}" bash -c "$prelude $(cat "$BATS_TEST_TMPDIR/case")" >"$file.raw" 2>&1 </dev/null 3>&- || code=$?
	echo "$code" >"$file.status"
	normalised <"$file.raw" >"$file.out"
	awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }' >"$file.seconds"
}

# Removes warnings about ambient capabilities that cannot be raised. Buildah asks for them; rung and runc 1.5 warn, and Debian's
# runc 1.1 does not.
normalised() {
	tr -d '\0' | sed -E '/can.t raise ambient capability/d; s/time="[^"]*"/time/; s/\b[0-9a-f]{64}\b/ID/g; s/\b[0-9a-f]{12}\b/ID/g; s/\b[0-9a-z]{25}\b/ID/g'
}

# Adds a line to $RUNG_ENGINES_RESULTS. With a reason the case was not run.
keep_result() { # [REASON]
	local peer peers line engine file=$BATS_TEST_TMPDIR
	[ -n "${RUNG_ENGINES_RESULTS:-}" ] || return 0
	engine=$(basename "$BATS_TEST_FILENAME" .bats)
	[ "$EUID" = 0 ] || engine=${engine%-user}-user # some files are for root and for a user
	line=$engine$'\t'$BATS_TEST_DESCRIPTION$'\t'$(cat "$file/rung.seconds" 2>/dev/null || true)
	read -ra peers <<<"${RUNTIMES#rung }"
	for peer in "${peers[@]}"; do
		if [ $# != 0 ]; then
			line+=$'\t'$peer$'\t''not here'$'\t'$1$'\t'
		else
			line+=$'\t'$peer$'\t'$(cat "$file/$peer.verdict")$'\t'$(cat "$file/$peer.reason")$'\t'$(cat "$file/$peer.seconds")
		fi
	done
	printf '%s\n' "$line" >>"$RUNG_ENGINES_RESULTS"
}

# ---- leftovers of a case --------------------------------------------------------------------------------------------

# Prints everything that exists in a world: the names of processes, mounts, links, network namespaces, firewall rules, cgroups,
# and the engine's own state (by the file's function `engine_state`).
snapshot() { # RUNTIME
	in_world "$1" bash -c "$prelude $(declare -f engine_state)"'
		ps -e -o comm= --sort comm | grep -vxE "ps|bash|grep|sleep|sed|sort" | sed "s/^/process /"
		cut -d" " -f5 /proc/self/mountinfo | grep -vxFf /run/mounts-of-host | grep -v ^/tmp/ | sort | sed "s/^/mount /"
		ip -o link | cut -d: -f2 | sort | sed "s/@.*//; s/^/link/"
		ls /run/netns 2>/dev/null | sed "s/^/netns /"
		iptables-save 2>/dev/null | sed "/^#/d; s/\[[0-9:]*\]//; s/^/iptables /"
		find /sys/fs/cgroup -mindepth 2 -type d -printf "cgroup %p\n" |
			grep -vE "/docker/buildkit$|/(systemd|unified)/libpod_parent/[0-9a-f]{64}$" | sort
		engine_state
		rmdir "$PWD"' </dev/null 3>&-
}

# Must be called after each test. It waits a moment for processes that end late, such as a shim.
nothing_left() {
	local runtime tries left=0
	for runtime in rung runc; do
		for ((tries = 0; tries < 30; tries++)); do
			snapshot $runtime >"$WORLDS/$runtime.after" 2>&1
			! cmp -s "$WORLDS/$runtime.before" "$WORLDS/$runtime.after" || break
			sleep 0.1
		done
		diff "$WORLDS/$runtime.before" "$WORLDS/$runtime.after" | sed -n "s/^>/left with $runtime:/p; s/^</gone with $runtime:/p" >&2
		cmp -s "$WORLDS/$runtime.before" "$WORLDS/$runtime.after" || left=1
	done
	[ $left = 0 ] || in_both "$(declare -f clean_engine); clean_engine" || true
	return $left
}

# ---- requirements: a skip names the missing one ---------------------------------------------------------------------

needs_capability() { # NAME NUMBER
	(((0x$(sed -n 's/^CapEff:\s*//p' /proc/self/status) >> $2) & 1)) || not_here "needs $1"
}

needs_pure_v2() {
	[ -e /sys/fs/cgroup/cgroup.controllers ] || not_here "needs pure cgroup v2${1:+, and $1}"
}

# Asks CRIU itself whether it works on this kernel.
needs_criu() { # [FEATURE]
	in_world rung criu check ${1:+--feature "$1"} >/dev/null 2>&1 </dev/null 3>&- ||
		not_here "needs a kernel with what CRIU calls ${1:-the minimum}"
}

not_here() { # REASON
	keep_result "$1"
	skip "$1"
}
