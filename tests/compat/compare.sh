#!/usr/bin/env bash
# Gives the same command lines to Debian's runc and to rung, and compares what a program sees of them: the exit
# status, the shape of the standard output, and the class of the message. Prints TAP.
#
#   compare.sh [SUBJECT...]        default: all files of cases/
#
# $RUNG is rung, $RUNC what it is compared with. Where the two differ on purpose, differences.sh says so with the
# reason, and the reason is a row of docs/coming-from-runc.md; a difference that is listed and not there is a failure
# too. runc's older versions differ from the newer ones: such a row names the version that changed it.
#
# A case is
#
#   same [OPTION...] NAME SCRIPT
#     -c STATE    with the container $ID in that state: created, running, paused or stopped. One container serves
#                 all such cases; -C gives the case its own.
#     -n NEED     skipped, by name, where the machine has it not: v1 (the cgroup v1 controller memory)
#     -o FORM     how to compare the output: text (as it is, but for names and numbers that cannot be the same),
#                 numbers (nor any numbers), json (paths and types), flags (the names of options), none; json+ and
#                 flags let rung have more than runc. Default: text.
#
# The script is run twice, in a bundle of its own; `rt` is the runtime.
# shellcheck disable=SC2030,SC2031 # each case is a subshell
# shellcheck disable=SC2154,SC2034 # subject, state and the like are set by who calls
set -uo pipefail

here=$(dirname "$(readlink -f "$0")")
# shellcheck source=scripts/lib.sh
. "$here/../../scripts/lib.sh"

: "${RUNG:=$repo/rung}"
: "${RUNC:=$(command -v runc)}"
[ -x "$RUNC" ] || die 'needs runc'
[ "$(id -u)" = 0 ] || die 'needs root'

base=$(mktemp -d /tmp/rung-compat.XXXXXX)
runc_version=$("$RUNC" --version | awk 'NR == 1 { print $3 }')

clean() {
	local id
	for id in "$base"/*/*/root/*/; do
		[ -d "$id" ] || continue
		id=${id%/}
		runtime_of "${id%/root/*}" --root "${id%/*}" delete --force "${id##*/}" >/dev/null 2>&1
	done
	rm -rf --one-file-system "$base"
}
trap clean EXIT

runtime_of() { # DIRECTORY ARGUMENT...
	local program=$RUNG
	[ "${1##*/}" = rung ] || program=$RUNC
	shift
	timeout -k 1 20 "$program" "$@"
}

# ---- the two sides --------------------------------------------------------------------------------------------------

# One root file system, and the configuration of runc for both.
make_world() {
	"$repo/scripts/busybox-rootfs.sh" "$base/rootfs"
	mkdir "$base/spec"
	(cd "$base/spec" && "$RUNC" spec)
	jq --arg rootfs "$base/rootfs" '.process.terminal = false | .process.args = ["sleep", "1000"]
		| .root = {path: $rootfs, readonly: true}' "$base/spec/config.json" >"$base/config.json"
}

# In the subshell of a case: the runtime.
rt() {
	runtime_of "$side_dir" --root "$side_dir/root" "$@"
}

# The runtime in place of this shell, for scripts that send it signals or count processes.
direct() {
	local program=$RUNG
	[ "${side_dir##*/}" = rung ] || program=$RUNC
	exec "$program" --root "$side_dir/root" "$@"
}

config() { # FILTER
	jq "$1" config.json >config.new && mv config.new config.json
}

args() { # PROGRAM [ARGUMENT...]
	jq '.process.args = $ARGS.positional' config.json --args -- "$@" >config.new && mv config.new config.json
}

# Makes the container $ID, in the bundle that is the current directory, or ends the subshell.
container() { # STATE
	case $1 in
	created) rt create "$ID" </dev/null >/dev/null 2>&1 ;;
	running) rt run -d "$ID" </dev/null >/dev/null 2>&1 ;;
	paused) container running && rt pause "$ID" ;;
	stopped) container running && rt kill "$ID" KILL && becomes_stopped ;;
	esac || die "could not make a $1 container"
}

becomes_stopped() {
	local tries
	for ((tries = 0; tries < 1000; tries++)); do
		[ "$(rt state "$ID" | jq -r .status)" != stopped ] || return 0
		sleep 0.01
	done
	return 1
}

bundle() { # DIRECTORY
	mkdir -p "$1" && cp "$base/config.json" "$1/"
}

shared_container() { # STATE
	ID=cc-$subject-$1-${side_dir##*/}
	[ ! -d "$side_dir/root/$ID" ] || return 0
	bundle "$side_dir/$1"
	(cd "$side_dir/$1" && container "$1")
}

# Runs a script with one of the runtimes: leaves out, err and status in DIRECTORY/NUMBER, and unmade where there was no
# container for it.
run_side() { # runc|rung
	local side_dir=$work/$1 dir=$work/$1/$number ID=cc-$subject-$number
	bundle "$dir"
	if [ -n "$state" ] && [ "$own" = no ]; then
		shared_container "$state" || : >"$dir/unmade"
		ID=cc-$subject-$state-$1
	fi
	(
		cd "$dir" || exit
		[ "$own" = no ] || (container "$state") || : >unmade
		export LC_ALL=C
		eval "$script" >out 2>err </dev/null
		echo $? >status
	)
	local made
	for made in "$side_dir/root/cc-$subject-$number"*; do
		[ ! -d "$made" ] || (cd "$dir" && rt delete --force "${made##*/}" >/dev/null 2>&1)
	done
	form_out "$dir" "$1" >"$dir/shape"
	message_class "$dir" "$1" >"$dir/class"
}

# ---- what is compared -----------------------------------------------------------------------------------------------

# What cannot be the same for both: names, process ids, times.
level() { # runc|rung
	sed -E -e "s#$work/$1#WORK#g; s#$base#WORK#g; s#($RUNG|$RUNC)#RT#g; s/\b(runc|rung|Runc|Rung)\b/RT/g; s/\bcc-[a-z0-9-]+/ID/g" \
		-e 's/[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(Z|[+-][0-9:]{5})/TIME/g'
}

form_out() { # DIRECTORY runc|rung
	case $form in
	text) level "$2" <"$1/out" | sed -E 's/ +$//' ;;
	numbers) level "$2" <"$1/out" | sed -E 's/[0-9]+/N/g; s/ +/ /g; s/^ | $//g' ;;
	json | json+) jq -r 'paths(type != "object" and type != "array") as $p
			| "\($p | map(if type == "number" then "*" else . end) | join(".")): \(getpath($p) | type)"' "$1/out" |
		level "$2" | sort -u | if [ "$form" = json ]; then cat; else known_to_runc "$1" "$2"; fi ;;
	flags) sed -nE 's/^ +(-[^ ,]+(, -[^ ,]+)*) .*/\1/p' "$1/out" | tr -s ', ' '\n' | sort -u | known_to_runc "$1" "$2" ;;
	none) ;;
	esac
}

# rung may have more than runc.
known_to_runc() { # DIRECTORY runc|rung
	if [ "$2" = rung ]; then
		grep -xF -f "$work/runc/$number/shape"
	else
		cat
	fi
}

# The last message, without what belongs to the log, as the first class that it matches, else as it is.
message_class() { # DIRECTORY runc|rung
	local text class
	text=$(grep -v '^ *$' "$1/err" | grep -vE 'level=(warning|debug|info)|: line [0-9]+: +[0-9]+ (Killed|Terminated)' | tail -n 1 | level "$2")
	case $text in
	\{*) text=$(jq -r .msg <<<"$text") ;;
	*' msg='*) text=$(sed -E 's/.*msg=("(.*)"|([^ ]*)).*/\2\3/; s/\\"/"/g; s/\\n$//' <<<"$text") ;;
	esac
	while IFS= read -r class; do
		[[ $class != \#* && -n $class ]] || continue
		if grep -qE "$class" <<<"$text"; then
			printf '%s\n' "$class"
			return
		fi
	done <"$here/classes"
	printf '%s\n' "$text"
}

# ---- one case -------------------------------------------------------------------------------------------------------

same() { # [-c STATE | -C STATE] [-o FORM] NAME SCRIPT
	local state='' own=no form=text need=''
	while :; do
		case $1 in
		-c) state=$2 ;;
		-C) state=$2 own=yes ;;
		-n) need=$2 ;;
		-o) form=$2 ;;
		*) break ;;
		esac
		shift 2
	done
	local name="$subject: $1" script=$2
	number=$((number + 1))
	if [ "$need" = v1 ] && ! grep -qE '^[0-9]+:([a-z_]+,)*memory(,|:)' /proc/self/cgroup; then
		echo "ok $name # skip needs the cgroup v1 controller memory"
		return
	fi
	run_side runc
	run_side rung
	verdict "$name"
}

verdict() { # NAME
	local what differing='' expected side
	for side in runc rung; do
		[ -e "$work/$side/$number/unmade" ] || continue
		echo "not ok $1"
		echo "# $side has made no $state container"
		return
	done
	for what in status shape class; do
		cmp -s "$work/runc/$number/$what" "$work/rung/$number/$what" || differing+=" $what"
	done
	expected=$(expected_difference "$1")
	if [ "$differing" = "$expected" ]; then
		echo "ok $1"
		return
	fi
	echo "not ok $1"
	[ -z "$expected" ] || echo "# listed as different in:$expected"
	for what in status shape class; do
		diff --label "runc $what" --label "rung $what" -U 2 "$work/runc/$number/$what" "$work/rung/$number/$what" | sed 's/^/# /'
	done
	sed 's/^/# runc: /' "$work/runc/$number/err" | tail -n 3
	sed 's/^/# rung: /' "$work/rung/$number/err" | tail -n 3
}

# ---- differences on purpose -----------------------------------------------------------------------------------------

declare -A differences=()

# differ WHAT REASON PATTERN...: WHAT is a list of status, shape, class. The reason is a row of the document.
differ() {
	local what=$1 reason=$2 pattern
	shift 2
	tr '\n' ' ' <"$repo/docs/coming-from-runc.md" | grep -qF -- "$reason" || die "no row in docs/coming-from-runc.md: $reason"
	for pattern; do
		differences[$pattern]=" $what"
	done
}

# before VERSION differ ...: only where runc is older.
before() {
	local version=$1
	shift
	[ "$(printf '%s\n' "$version" "${runc_version%%[+~-]*}" | sort -V | head -n 1)" = "$version" ] || "$@"
}

expected_difference() { # NAME
	printf '%s' "${differences[$1]:-}"
}

# shellcheck source=tests/compat/differences.sh
. "$here/differences.sh"

# ---- all of them ----------------------------------------------------------------------------------------------------

run_subject() {
	local number=0 work=$base/$subject
	mkdir -p "$work/runc/root" "$work/rung/root"
	# shellcheck source=/dev/null
	. "$here/cases/$subject.sh" || die "$subject: status $?"
}

# The subjects run beside each other: most of the time both runtimes wait.
make_world
subjects=("$@")
[ $# -gt 0 ] || for subject in "$here"/cases/*.sh; do subjects+=("$(basename "$subject" .sh)"); done
jobs=()
for subject in "${subjects[@]}"; do
	run_subject >"$base/$subject.tap" &
	jobs+=($!)
done
for n in "${!jobs[@]}"; do
	# one that ends half-way would only make the plan shorter
	wait "${jobs[n]}" || echo "not ok ${subjects[n]}: all of its cases" >>"$base/${subjects[n]}.tap"
done
for subject in "${subjects[@]}"; do cat "$base/$subject.tap"; done |
	awk '/^(not )?ok / { sub(/ok /, "ok " ++n " ") } { print } /^not ok / { failed = 1 } END { print "1.." n; exit failed }'
