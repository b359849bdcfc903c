#!/usr/bin/env bash
# Makes each mistake of a table of this directory with runtimes, and keeps what they say: judge.sh judges it.
#
#   try.sh [--only REGEX] DIR configurations|hosts|mistakes NAME=RUNTIME...
#
# Writes the files said, status and left (what is left behind) into DIR/TABLE/CASE/NAME. On a host the
# status is 0 if the container is whole.
#
# configurations are the tests of tests/integration/bad-input.bats. Needs root, jq and a static busybox; for hosts all that
# tests/hosts/matrix.sh needs.
# shellcheck disable=SC2154 # each_row sets row
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
# shellcheck source=scripts/lib.sh
. "$here/../../scripts/lib.sh"
# shellcheck source=tests/assert.bash
. "$repo/tests/assert.bash"
# shellcheck source=tests/messages/tables.bash
. "$here/tables.bash"

# ---- inside: one trial, in PID and mount namespaces that show what is left ---------------------------------------------------

rt() { # ARGUMENT...
	timeout 20 "$PROGRAM" --root "$STATE" "$@"
}

# Runs it as a user that has no rights and no ids.
as_nobody() { # COMMAND...
	env -u XDG_RUNTIME_DIR setpriv --reuid 4343 --regid 4343 --clear-groups "$@"
}

config() { # FILTER [OPTION OF JQ...]
	jq "$1" config.json "${@:2}" >config.new
	mv config.new config.json
}

process() { # PROGRAM [ARGUMENT...]
	config '.process.args = $ARGS.positional' --args -- "$@"
}

container() { # STATE
	process sleep 1000
	case $1 in
	created) rt create "$ID" ;;
	running) rt run --detach "$ID" ;;
	paused) container running && rt pause "$ID" ;;
	stopped) container running && rt kill "$ID" KILL && becomes_stopped ;;
	esac </dev/null >made 2>&1
}

becomes_stopped() {
	local tries=200
	until rt state "$ID" | grep -q '"status": "stopped"'; do
		[ $((tries -= 1)) -gt 0 ] || return 1
		sleep 0.02
	done
}

# inside STATE SCRIPT: runs a script in the bundle that is the current directory, and writes down what is left.
inside() {
	local status=0
	[ -z "$1" ] || container "$1" || die "no $1 container with $PROGRAM: $(cat made)"
	cp /proc/self/mountinfo before
	(eval "$2") <in >out 2>said || status=$?
	echo $status >status
	[ -z "$1" ] || rt delete --force "$ID" >made 2>&1 || true
	sleep 0.02
	{
		find "$STATE" -mindepth 1 -maxdepth 1 -name "*$ID*" -printf 'state %f\n'
		find /sys/fs/cgroup -depth -type d -name "*$ID*" -printf 'cgroup %p\n'
		# The mount namespace is not the container's: of a mount in it somebody else would see it too.
		diff before /proc/self/mountinfo | sed -n 's/^> /mount /p'
		local pid
		for pid in /proc/[0-9]*; do
			case ${pid#/proc/} in 1 | "$BASHPID") ;; *) sed 's/^/process /' "$pid/comm" ;; esac
		done
	} >left 2>/dev/null || true
}

if [ "${1:-}" = --inside ]; then
	inside "$2" "$3"
	exit
fi

# ---- outside ----------------------------------------------------------------------------------------------------------------

prepare() {
	"$repo/scripts/busybox-rootfs.sh" "$work/rootfs"
	mkdir "$work/spec"
	(cd "$work/spec" && "${runtimes[0]#*=}" spec)
	jq --arg rootfs "$work/rootfs" '.process.terminal = false | .process.args = ["true"]
		| .root = {path: $rootfs, readonly: true}' "$work/spec/config.json" >"$work/base.json"
	chmod 0755 "$work" "$work/rootfs"
	share_runtimes
}

# Lets the user of as_nobody reach the runtimes: the tree may be in a home that only its owner may enter.
share_runtimes() {
	local i named
	for i in "${!runtimes[@]}"; do
		named=${runtimes[i]}
		! as_nobody test -x "${named#*=}" || continue
		install -D -m 0755 "${named#*=}" "$work/bin/${named%%=*}/$(basename "${named#*=}")"
		runtimes[i]=${named%%=*}=$work/bin/${named%%=*}/$(basename "${named#*=}")
	done
}

# Makes a bundle, and runs a script in it with the runtime of $named. The results are in the bundle.
trial() { # STATE SCRIPT
	number=$((number + 1))
	ID=words-$$-$number STATE=$work/$number/state BUNDLE=$work/$number/bundle PROGRAM=${named#*=} NAME=${named%%=*}
	mkdir -p "$STATE" "$BUNDLE"
	chmod 0755 "$work/$number" "$BUNDLE"
	cd "$BUNDLE"
	cp "$work/base.json" config.json
	: >in
	[ -z "${prepared:-}" ] || $prepared
	export ID STATE BUNDLE PROGRAM NAME
	timeout -k 5 60 unshare --pid --fork --mount-proc --mount --propagation private "$here/try.sh" --inside "$1" "$2" || echo 'the trial ended' >>left
	remove_left
	cd "$work"
}

# Removes the cgroups that a trial has left, for those behind it.
remove_left() {
	local kind path
	while read -r kind path; do
		[ "$kind" != cgroup ] || rmdir "$path" || true
	done <"$BUNDLE/left"
}

# Keeps what a trial has shown, without what is different each time.
keep() { # TABLE SAID STATUS LEFT
	local dir="$results/$1/${row[name]//\//:}/${named%%=*}"
	rm -rf "$dir"
	mkdir -p "$dir"
	# What a shell says of a program that a signal has ended is not the program's.
	sed -E "/^[^ ]*\.sh: line [0-9]+: /d; s#${named#*=}#${named%%=*}#g; s#$work/[0-9]+#DIR#g; s#$work#DIR#g; s/words-[0-9]+-[0-9]+/ID/g; s/matrix-[0-9]+/ID/g; s#/tmp/tmp\.[A-Za-z0-9]+#DIR#g" "$2" >"$dir/said"
	printf '%s\n' "$3" >"$dir/status"
	printf '%s\n' "$4" >"$dir/left"
}

try_mistake() {
	[[ ${row[name]} =~ $only ]] || return 0
	for named in "${runtimes[@]}"; do
		trial "${row[state]:-}" "${row[run]}"
		keep mistakes "$BUNDLE/said" "$(cat "$BUNDLE/status")" "$(tr '\n' ' ' <"$BUNDLE/left")"
	done
}

# ---- configurations: each is the body of a test ------------------------------------------------------------------------------

# Makes of each test of bad-input.bats a function that only makes the configuration.
load_configurations() {
	sed -nE 's/^@test "bad input: (.*)" \{$/\1/p' "$repo/tests/integration/bad-input.bats" >"$work/names"
	sed -n '/^# ---- the document/,$p' "$repo/tests/integration/bad-input.bats" | awk '/^@test "/ { print "configuration_" ++n "() {"; next } { print }' >"$work/functions"
	sed -i '1,/^the unchanged configuration runs$/d' "$work/names"
	# shellcheck source=/dev/null
	. "$work/functions"
	broken() { config "${@:2}"; }
	known_by_doing() { config "${@:2}"; }
	refused_whole() { :; }
	needs_root() { :; }
	needs_controller() { :; }
	skip() { skipped=yes; }
}

try_configuration() {
	[[ ${row[name]} =~ $only ]] || return 0
	local at skipped=
	at=$(grep -nxF -- "${row[name]}" "$work/names" | cut -d : -f 1) || die "no test in bad-input.bats: ${row[name]}"
	for named in "${runtimes[@]}"; do
		prepared=configuration_$at
		trial '' 'rt run "$ID"'
		[ -z "$skipped" ] || return 0
		keep configurations "$BUNDLE/said" "$(cat "$BUNDLE/status")" "$(tr '\n' ' ' <"$BUNDLE/left")"
	done
}

# ---- hosts -------------------------------------------------------------------------------------------------------------------

# Prints a name of a case as a regular expression for matrix.sh.
add_host() {
	[[ ! ${row[name]} =~ $only ]] || hosts+="${hosts:+|}${row[name]}"
}

try_hosts() {
	local hosts=
	each_row "$here/hosts" add_host
	mkdir "$work/said"
	MATRIX_SAID=$work/said "$repo/tests/hosts/matrix.sh" --only "^($hosts)\$" "${runtimes[@]}" >"$work/verdicts"
	each_row "$here/hosts" keep_host
}

keep_host() {
	[[ ${row[name]} =~ $only ]] || return 0
	local verdict said status
	for named in "${runtimes[@]}"; do
		verdict=$(awk -F '\t' -v name="${row[name]}" -v of="${named%%=*}" '$1 == name && $2 == of { print $3 }' "$work/verdicts")
		said=$work/said/${row[name]}/${named%%=*} status=1
		if [ ! -e "$said" ]; then # it did not fail, or the container is not whole
			[[ $verdict != works* ]] || status=0
			printf '%s\n' "$verdict" >"$work/verdict"
			said=$work/verdict
		fi
		keep hosts "$said" $status "$(sed -n 's/.*left behind: //p' <<<"$verdict")"
	done
}

# ---- the end -----------------------------------------------------------------------------------------------------------------

only=.
if [ "${1:-}" = --only ]; then
	only=$2
	shift 2
fi
[ $# -ge 3 ] || die 'usage: try.sh [--only REGEX] DIR configurations|hosts|mistakes NAME=RUNTIME...'
results=$(realpath "$1") table=$2
runtimes=("${@:3}")
# crun refuses a hybrid layout, so on a hybrid machine several runtimes get pure v1.
if [ -z "${WORDS_PRIVATE:-}" ]; then
	WORDS_PRIVATE=yes exec unshare --mount --propagation private "$0" --only "$only" "$@"
fi
[ ${#runtimes[@]} = 1 ] || pure_v1
work=$(mktemp -d)
number=0
trap 'rm -rf --one-file-system "$work"' EXIT
case $table in
configurations) prepare && load_configurations && each_row "$here/configurations" try_configuration ;;
mistakes) prepare && each_row "$here/mistakes" try_mistake ;;
hosts) try_hosts ;;
*) die "no table $table" ;;
esac
