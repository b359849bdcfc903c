#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031 # bats runs tests in subshells
# Storms: many containers, many commands on one container, systemd that reloads all the time. Nothing may be lost, nothing may be
# left, and nothing may hang. RUNG_STORM_SECONDS is how long each goes on: 3 by default, 600 for a real one.

load helpers

setup() {
	needs_root
	setup_bundle
	LENGTH=${RUNG_STORM_SECONDS:-3}
	RESULTS=$BATS_TEST_TMPDIR/results
	END=$((SECONDS + LENGTH))
}

# Runs rung with the arguments. It must end within two minutes, or it is killed, which is an error in $RESULTS. A status other than 0 goes into $RESULTS, with the output.
call() {
	local code=0 output=$BATS_TEST_TMPDIR/output-$BASHPID
	timeout -k 10 120 "$RUNG" --root "$STATE" "${options[@]}" "$@" >"$output" 2>&1 </dev/null 3>&- || code=$?
	[ "$code" -eq 0 ] || printf '%s: %s: %s\n' "$1" "$code" "$(tr '\n' ' ' <"$output")" >>"$RESULTS"
	rm "$output"
}
options=()

# only PATTERN: every result matches the pattern.
only() {
	[ ! -e "$RESULTS" ] || ! grep -vE "$1" "$RESULTS" >"$RESULTS.bad" || fail "$(sort "$RESULTS.bad" | uniq -c | head -n 20)"
}

# Whether no container, process or cgroup of the test is left.
nothing_left() {
	[ -z "$(rung list -q)" ] || fail "containers: $(rung list -q)"
	[ -z "$(find /sys/fs/cgroup -type d -name "$ID-*" 2>/dev/null)" ] || fail "cgroups: $(find /sys/fs/cgroup -type d -name "$ID-*")"
}

# each COMMAND FIRST LAST: calls COMMAND with each number, eight at a time.
each() {
	local command=$1 n
	for ((n = $2; n <= $3; n++)); do
		((n % 8)) || wait
		"$command" "$n" &
	done
	wait
}

create_one() { call create -b "$BUNDLE" "$ID-$1"; }
start_one() { call start "$ID-$1"; }
exec_one() { call exec "$ID-$1" true; }
update_one() { call update --pids-limit 50 "$ID-$1"; }
kill_one() { call kill "$ID-$1" KILL; }
delete_one() { call delete "$ID-$1"; }

# 200 containers at a time; 16 in the short storm.
@test "many containers" {
	local count=200 rounds=0
	((LENGTH >= 30)) || count=16
	process sleep 1000
	while ((rounds++ == 0 || SECONDS < END)); do
		each create_one 1 "$count"
		[ "$(rung list -f json | jq '[.[] | select(.status == "created")] | length')" -eq "$count" ]
		each start_one 1 "$count"
		[ "$(rung list -f json | jq '[.[] | select(.status == "running")] | length')" -eq "$count" ]
		each exec_one 1 "$count"
		each update_one 1 "$count"
		each kill_one 1 "$count"
		each delete_one 1 "$count"
		only '^$'
		nothing_left
	done
	echo "# $((rounds - 1)) rounds of $count containers" >&3
}

@test "ten commands at once on one container" {
	local rounds=0 n verbs pids
	process sleep 1000
	verbs=(state pause resume update exec kill stats ps delete start destroy)
	while ((rounds++ == 0 || SECONDS < END)); do
		call create -b "$BUNDLE" "$ID-1"
		((rounds % 2)) || call start "$ID-1"
		only '^$'
		for ((n = 0; n < 10; n++)); do
			# The last one, which ends the others' game, has a part in every fourth round.
			one "${verbs[RANDOM % (rounds % 4 ? 10 : 11)]}" &
			pids[n]=$!
		done
		settle "${pids[@]}"
		only "$EXPECTED"
		rm -f "$RESULTS"
		call delete --force "$ID-1"
		only '^$'
		nothing_left
	done
	echo "# $((rounds - 1)) rounds of ten commands" >&3
}

# The answers that another command's work explains. A delete of a created container is allowed, so it may be gone for all others.
EXPECTED='container not paused|container not running|container does not exist|is not running|cannot exec in a (paused|stopped|creating) container'
EXPECTED+='|that is not stopped|cannot start (an already running container|a container (that has stopped|in the paused state))'
EXPECTED+='|no such process|^(ps|events): 1: .*no such (file or directory|device)'

# settle PID...: waits for the commands. A process of exec that a later pause has frozen does not end before a resume.
settle() {
	local ended=$((SECONDS + 3))
	while kill -0 "$@" 2>/dev/null; do
		((SECONDS < ended)) || "$RUNG" --root "$STATE" resume "$ID-1" >/dev/null 2>&1 || true
		sleep 0.02
	done
	wait
}

one() { # COMMAND
	case $1 in
	exec) call exec "$ID-1" true ;;
	kill) call kill "$ID-1" CONT ;;
	ps) call ps -f json "$ID-1" ;;
	update) call update --pids-limit 50 "$ID-1" ;;
	stats) call events --stats "$ID-1" ;;
	destroy) call delete --force "$ID-1" ;;
	*) call "$1" "$ID-1" ;;
	esac
}

# bats test_tags=vm
@test "systemd reloads all the time" {
	[ -d /run/systemd/system ] || skip "needs systemd"
	local rounds=0 n reloads
	options=(--systemd-cgroup)
	process sleep 1000
	config '.linux.resources.pids.limit = 40 | .linux.resources.memory.limit = 67108864'
	while :; do
		systemctl daemon-reload
		echo
	done >"$BATS_TEST_TMPDIR/reloads" 2>/dev/null 3>&- &
	reloads=$!
	while ((rounds++ == 0 || SECONDS < END)); do
		for n in 1 2 3; do
			config '.linux.cgroupsPath = $path' --arg path "rungtest-storm.slice:t:$ID-$n"
			call create -b "$BUNDLE" "$ID-$n"
			call start "$ID-$n"
		done
		for n in 1 2 3; do
			call exec "$ID-$n" sh -c 'echo >/dev/null && head -c 1 /dev/urandom >/dev/null'
			[ "$(cgroup_value pids pids.max "$ID-$n")" = 40 ]
			call update --pids-limit $((50 + n)) "$ID-$n"
			[ "$(cgroup_value pids pids.max "$ID-$n")" = $((50 + n)) ]
			call pause "$ID-$n"
			call resume "$ID-$n"
		done
		for n in 1 2 3; do
			call delete --force "$ID-$n"
		done
		only '^$'
	done
	kill "$reloads"
	wait "$reloads" || true
	echo "# $((rounds - 1)) rounds, $(wc -l <"$BATS_TEST_TMPDIR/reloads") reloads" >&3
	only '^$'
	run systemctl list-units --all --plain --no-legend "t-$ID-*"
	says ''
	systemctl stop rungtest-storm.slice
	[ -z "$(rung list -q)" ]
}
