#!/usr/bin/env bash
# Runs the same command lines with Debian's runc and with rung, and compares what a calling program sees: the exit status, the
# shape of the standard output, and the class of the message. Prints TAP.
#
#   compare.sh [SUBJECT...]        default: all files of cases/
#
# $RUNG is rung, and $RUNC the runtime to compare with. differences.sh lists the intended differences, each with its reason, which
# is a row of docs/coming-from-runc.md. A listed difference that does not occur is a failure too. Some differences are only with
# older versions of runc: these entries name the version that changed the behaviour.
#
# A case is
#
#   same [OPTION...] NAME SCRIPT
#     -c STATE    has the container $ID in that state: created, running, paused or stopped. All such cases share one
#                 container; with -C the case gets its own.
#     -n NEED     skips the case if the machine lacks NEED: v1 (the cgroup v1 controller memory)
#     -o FORM     how to compare the output: text (without names and numbers that must differ), numbers (also without
#                 all other numbers), json (paths and types), flags (the names of options), none. With json+ and flags
#                 rung may have more than runc. Default: text.
#
# SCRIPT runs once with each runtime, in a bundle of its own. `rt` calls the runtime, and `told` tells what it wrote where.
# shellcheck disable=SC2030,SC2031 # each case is a subshell
# shellcheck disable=SC2154,SC2034 # the callers set subject, state and others
set -uo pipefail

here=$(dirname "$(readlink -f "$0")")
# shellcheck source=scripts/lib.sh
. "$here/../../scripts/lib.sh"

: "${RUNG:=$repo/rung}"
: "${RUNC:=/usr/sbin/runc}" # Debian's, not one that is earlier in PATH
[ -x "$RUNC" ] || die 'needs runc'
[ "$(id -u)" = 0 ] || die 'needs root'

base=$(mktemp -d /tmp/rung-compat.XXXXXX)
chmod 0711 "$base" # for containers with other ids
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

# Makes one root file system, and a configuration by runc, for both.
make_world() {
	"$repo/scripts/busybox-rootfs.sh" "$base/rootfs"
	mkdir "$base/spec"
	(cd "$base/spec" && "$RUNC" spec)
	jq --arg rootfs "$base/rootfs" '.process.terminal = false | .process.args = ["sleep", "1000"]
		| .root = {path: $rootfs, readonly: true}' "$base/spec/config.json" >"$base/config.json"
}

# Calls the runtime, in the subshell of a case.
rt() {
	runtime_of "$side_dir" --root "$side_dir/root" "$@"
}

# Calls the runtime and prints the exit status, and whether the help, "Incorrect Usage" and the message of a usage error are on
# standard output or on stderr. The messages of other errors have words of their own.
told() { # ARGUMENT...
	rt "$@" >told.out 2>told.err
	echo "$*: status $?"
	awk '/^NAME:$|^Incorrect Usage/ { print (FILENAME == "told.out" ? "  out: " : "  err: ") $0; usage += /^Incorrect/ }
		usage && sub(/.*level=error msg=/, "  log: ")' told.out told.err
}

# Prints the options of a command of $RUNC, those that take a value with a "=" behind the name.
options_of() { # COMMAND
	"$RUNC" "$1" --help | sed -nE '/^OPTIONS:/,/^GLOBAL OPTIONS:/s/^   -/-/p' |
		sed -E 's/  .*//; s/ \[.*//; s/, /\n/g' | sed -E 's/ .*/=/'
}

# Replaces this shell by the runtime, for scripts that send it signals or count processes.
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

# Debian's runc gives up on the v1 freezer, with "unable to freeze", on a machine that is busy.
pause() {
	local tries
	for tries in 1 2 3; do
		! rt pause "$ID" || return 0
	done
	return 1
}

# Makes the container $ID, in the bundle that is the current directory, or ends the subshell.
container() { # STATE
	case $1 in
	created) rt create "$ID" </dev/null >/dev/null 2>&1 ;;
	running) rt run -d "$ID" </dev/null >/dev/null 2>&1 ;;
	paused) container running && pause ;;
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
	ID=cc-$$-$subject-$1-${side_dir##*/}
	[ ! -d "$side_dir/root/$ID" ] || return 0
	bundle "$side_dir/$1"
	(cd "$side_dir/$1" && container "$1")
}

# Runs a script with one of the runtimes. It writes the files out, err and status in DIRECTORY/NUMBER, and unmade if the container
# for the script could not be made.
run_side() { # runc|rung
	local side_dir=$work/$1 dir=$work/$1/$number ID=cc-$$-$subject-$number
	bundle "$dir"
	if [ -n "$state" ] && [ "$own" = no ]; then
		shared_container "$state" || : >"$dir/unmade"
		ID=cc-$$-$subject-$state-$1
	fi
	(
		cd "$dir" || exit
		[ "$own" = no ] || (container "$state") || : >unmade
		export LC_ALL=C
		eval "$script" >out 2>err </dev/null
		echo $? >status
	)
	local made
	for made in "$side_dir/root/cc-$$-$subject-$number"*; do
		[ ! -d "$made" ] || (cd "$dir" && rt delete --force "${made##*/}" >/dev/null 2>&1)
	done
	form_out "$dir" "$1" >"$dir/shape"
	message_class "$dir" "$1" >"$dir/class"
}

# ---- the comparison -------------------------------------------------------------------------------------------------

# Replaces what cannot be the same for both: names, process ids, times; and what rung says behind runc's words
# (docs/coming-from-runc.md, "Messages").
level() { # runc|rung
	sed -E -e "s#$work/$1#WORK#g; s#$base#WORK#g; s#($RUNG|$RUNC)#RT#g; s/\b(runc|rung|Runc|Rung)\b/RT/g; s/\bcc-[a-z0-9-]+/ID/g" \
		-e 's/[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(Z|[+-][0-9:]{5})/TIME/g' \
		-e 's/ \(do: [^"]*\)("|$)/\1/; s/(invalid container ID format): \\*"[^"]*"/\1/' \
		-e 's/(flag provided but not defined: [^ :"]+): (did you mean|it is an option of) [^"]*("|$)/\1\3/' \
		-e "s/(container does not exist|container with given ID already exists): [^ \"]+ in [^ \"]+/\\1/; s/(No help topic for '[^']*'): RT has no [^\"]*/\\1/"
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

# Removes what only rung has.
known_to_runc() { # DIRECTORY runc|rung
	if [ "$2" = rung ]; then
		grep -xF -f "$work/runc/$number/shape"
	else
		cat
	fi
}

# Prints the class of the last message: the first class that matches, or the message itself without the form of the log.
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
commands=(checkpoint create delete events exec kill list pause ps restore resume run spec start state update features)

# differ WHAT REASON PATTERN...: WHAT is a list of status, shape, class. REASON is a row of docs/coming-from-runc.md.
differ() {
	local what=$1 reason=$2 pattern
	shift 2
	tr '\n' ' ' <"$repo/docs/coming-from-runc.md" | grep -qF -- "$reason" || die "no row in docs/coming-from-runc.md: $reason"
	for pattern; do
		differences[$pattern]=" $what"
	done
}

# before VERSION differ ...: the difference is only with an older runc.
before() {
	! is_older "$1" || "${@:2}"
}

# since VERSION differ ...: the difference is only with that runc and newer ones.
since() {
	is_older "$1" || "${@:2}"
}

is_older() { # VERSION
	[ "$(printf '%s\n' "$1" "${runc_version%%[+~-]*}" | sort -V | head -n 1)" != "$1" ]
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

# The subjects run in parallel, because both runtimes wait most of the time.
make_world
subjects=("$@")
[ $# -gt 0 ] || for subject in "$here"/cases/*.sh; do subjects+=("$(basename "$subject" .sh)"); done
jobs=()
for subject in "${subjects[@]}"; do
	run_subject >"$base/$subject.tap" &
	jobs+=($!)
done
for n in "${!jobs[@]}"; do
	# Without this line a subject that ends early would only make the plan shorter.
	wait "${jobs[n]}" || echo "not ok ${subjects[n]}: all of its cases" >>"$base/${subjects[n]}.tap"
done
for subject in "${subjects[@]}"; do cat "$base/$subject.tap"; done |
	awk '/^(not )?ok / { sub(/ok /, "ok " ++n " ") } { print } /^not ok / { failed = 1 } END { print "1.." n; exit failed }'
