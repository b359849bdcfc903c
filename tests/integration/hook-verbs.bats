#!/usr/bin/env bats
# shellcheck disable=SC2016 # expanded by jq, or by the shell of a hook
# What each command may do with a container while a hook of that container runs and calls it: docs/waits.md. It
# never hangs. The results in hooks of poststart and poststop are those of runc 1.6.

load helpers

setup() {
	needs_root
	setup_bundle
	CALLS=$BATS_TEST_TMPDIR/calls
	IMAGES=$BATS_TEST_TMPDIR/images
	mkdir "$CALLS" "$BATS_TEST_TMPDIR/bin"
	printf '#!/bin/sh\nexit 1\n' >"$BATS_TEST_TMPDIR/bin/criu" # the same on every machine
	chmod +x "$BATS_TEST_TMPDIR/bin/criu"
	no_namespace cgroup
	process sleep 1000
}

# calling NAME: adds a hook of that name, which calls rung. The standard input has the calls: STATUS|TEXT OF THE OUTPUT|ARGUMENTS. A
# call that takes 25 s hangs.
calling() {
	cat >"$CALLS/list"
	cat >"$CALLS/script" <<-END
		while IFS='|' read -r status text call; do
			timeout 25 "$RUNG" --root "$STATE" \$call </dev/null >"$CALLS/out" 2>&1
			echo "\$? \$(head -c 500 "$CALLS/out" | tr '\n' ' ')" >>"$CALLS/results"
		done <"$CALLS/list"
	END
	hook "$1" ". $CALLS/script"
}

# hook NAME SCRIPT
hook() {
	config '.hooks[$name] += [{path: "/bin/sh", args: ["sh", "-c", $script], env: [$path]}]' \
		--arg name "$1" --arg script "$2" --arg path "PATH=$BATS_TEST_TMPDIR/bin:/usr/sbin:/usr/bin:/sbin:/bin"
}

# Compares the results of the calls with those of the list.
compare() {
	local status text call got
	[ "$(wc -l <"$CALLS/results")" -eq "$(wc -l <"$CALLS/list")" ] || fail "$(cat "$CALLS/results")"
	while IFS='|' read -r status text call <&4 && read -r got <&5; do
		[[ "$got " == "$status "*"$text"* ]] || fail "'$call' gives '$got' in place of '$status $text'"
	done 4<"$CALLS/list" 5<"$CALLS/results"
}

# The calls in a hook of create: who wants to change the container is told which hook runs.
in_create() { # NAME OF THE HOOK
	# A hook of createContainer is in the container's PID namespace and sees the host's /proc.
	local ps='0|' taken='1|container with given ID already exists' busy="which is at work on it and runs hooks.$1[0] (process "
	[ "$1" != createContainer ] || { ps='1|the proc file system at /proc is of another PID namespace' && taken=$ps; }
	calling "$1" <<-END
		0|"status": "creating"|state $ID
		0|$ID|list -q
		$ps|ps $ID
		0|"type":"stats"|events --stats $ID
		1|container not running: process |kill $ID CONT
		255|cannot exec in a creating container: |exec $ID true
		1|$busy|start $ID
		1|$busy|pause $ID
		1|$busy|resume $ID
		1|$busy|update --pids-limit 50 $ID
		1|$busy|delete $ID
		1|$busy|delete --force $ID
		1|$busy|checkpoint --image-path $IMAGES $ID
		$taken|create -b $BUNDLE $ID
		$taken|run -d -b $BUNDLE $ID
		1||restore -d -b $BUNDLE --image-path $IMAGES $ID
	END
}

@test "hooks of create" {
	local name base
	base=$(<"$BUNDLE/config.json")
	for name in prestart createRuntime createContainer; do
		printf '%s\n' "$base" >"$BUNDLE/config.json"
		in_create "$name"
		create_container
		compare
		[ "$(status_of)" = created ]
		rung delete "$ID"
		rm "$CALLS/results"
	done
}

@test "hooks of run" {
	local name base
	base=$(<"$BUNDLE/config.json")
	for name in prestart createRuntime createContainer; do
		printf '%s\n' "$base" >"$BUNDLE/config.json"
		in_create "$name"
		rung run -d -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1
		compare
		[ "$(status_of)" = running ]
		rung delete --force "$ID"
		rm "$CALLS/results"
	done
}

# The container is like the host for rung: its processes, cgroups and files. It has no capabilities that enter namespaces.
@test "a hook of startContainer" {
	local busy='which is at work on it and runs hooks.startContainer[0] (process '
	own_rootfs
	mkdir -p "$ROOTFS$BATS_RUN_TMPDIR" "$ROOTFS$(dirname "$RUNG")"
	no_namespace pid
	config 'del(.linux.maskedPaths, .linux.readonlyPaths) | .mounts = [("/proc", "/sys", $tmp, $dir) |
		{destination: ., type: "bind", source: ., options: ["rbind"]}] | .process.noNewPrivileges = false' \
		--arg tmp "$BATS_RUN_TMPDIR" --arg dir "$(dirname "$RUNG")"
	calling startContainer <<-END
		0|"status": "created"|state $ID
		0|$ID|list -q
		0||ps $ID
		0|"type":"stats"|events --stats $ID
		0||kill $ID CONT
		1|$busy|start $ID
		1|$busy|pause $ID
		1|$busy|resume $ID
		1|$busy|update --pids-limit 50 $ID
		1|$busy|delete $ID
		1|$busy|delete --force $ID
		1|container with given ID already exists|create -b $BUNDLE $ID
		1|container with given ID already exists|run -d -b $BUNDLE $ID
	END
	start_container
	compare
	[ "$(status_of)" = running ]
	rung delete --force "$ID"
	rm "$CALLS/results"
	rung run -d -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1
	compare
}

@test "a hook of poststart may do everything that is done with a running container" {
	local by
	calling poststart <<-END
		0|"status": "running"|state $ID
		0|$ID|list -q
		0|sleep 1000|ps $ID
		0|"type":"stats"|events --stats $ID
		0||kill $ID CONT
		0||exec $ID true
		1|cannot start an already running container|start $ID
		1|container not paused|resume $ID
		0||pause $ID
		0||resume $ID
		0||update --pids-limit 50 $ID
		1|cannot delete container $ID that is not stopped: running|delete $ID
		1|CRIU|checkpoint --image-path $IMAGES $ID
		1|container with given ID already exists|create -b $BUNDLE $ID
		1|container with given ID already exists|run -d -b $BUNDLE $ID
		1||restore -d -b $BUNDLE --image-path $IMAGES $ID
	END
	for by in start_container 'rung run -d -b'; do
		if [ "$by" = start_container ]; then
			start_container
		else
			rung run -d -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1
		fi
		compare
		[ "$(status_of)" = running ]
		[ "$(cgroup_value pids pids.max)" = 50 ]
		rung delete --force "$ID"
		rm "$CALLS/results"
	done
}

@test "a hook of poststart may delete the container, and make another one of its name" {
	jq 'del(.hooks)' "$BUNDLE/config.json" >"$BATS_TEST_TMPDIR/plain.json"
	mkdir "$BATS_TEST_TMPDIR/plain"
	mv "$BATS_TEST_TMPDIR/plain.json" "$BATS_TEST_TMPDIR/plain/config.json"
	calling poststart <<-END
		0||delete --force $ID
		1|container does not exist|state $ID
		0||create -b $BATS_TEST_TMPDIR/plain $ID
	END
	start_container
	compare
	[ "$(status_of)" = created ] # the other one
	rung delete "$ID"
	rm "$CALLS/results"
	hook poststart 'exit 1' # then the start fails, and leaves the other one alone
	create_container
	run rung start "$ID"
	[ "$status" -eq 1 ]
	compare
	[ "$(status_of)" = created ]
	rung delete "$ID"
	rm "$CALLS/results"
	run rung run -d -b "$BUNDLE" "$ID"
	[ "$status" -eq 1 ]
	[ "$(status_of)" = created ]
}

@test "a hook of poststop sees no container, and may make another one of its name" {
	local none='container does not exist' force
	jq 'del(.hooks)' "$BUNDLE/config.json" >"$BATS_TEST_TMPDIR/plain.json"
	mkdir "$BATS_TEST_TMPDIR/plain"
	mv "$BATS_TEST_TMPDIR/plain.json" "$BATS_TEST_TMPDIR/plain/config.json"
	calling poststop <<-END
		1|$none|state $ID
		0||list -q
		1|$none|ps $ID
		1|$none|events --stats $ID
		1|$none|kill $ID CONT
		255|$none|exec $ID true
		1|$none|start $ID
		1|$none|pause $ID
		1|$none|resume $ID
		1|$none|update --pids-limit 50 $ID
		1|$none|delete $ID
		0||delete --force $ID
		1|$none|checkpoint --image-path $IMAGES $ID
		0||create -b $BATS_TEST_TMPDIR/plain $ID
	END
	for force in '' --force; do
		start_container
		[ -n "$force" ] || {
			rung kill "$ID" KILL
			wait_until 10 stopped
		}
		rung delete $force "$ID"
		compare
		[ "$(status_of)" = created ] # the other one
		rung delete "$ID"
		rm "$CALLS/results"
	done
	hook createRuntime 'exit 1' # poststop runs after a create that failed, too
	run rung create -b "$BUNDLE" "$ID"
	[ "$status" -eq 1 ]
	compare
	[ "$(status_of)" = created ]
}

@test "a call by a child that the hook waits for, in whatever way" {
	local base how
	base=$(<"$BUNDLE/config.json")
	mkfifo "$CALLS/fifo"
	for how in "sh $CALLS/call & wait" "setsid sh $CALLS/call & wait" "timeout 60 sh $CALLS/call" "sh $CALLS/call | cat" \
		"touch $CALLS/reader; (setsid sh $CALLS/call </dev/null >/dev/null 2>&1 &); cat $CALLS/fifo"; do
		printf '%s\n' "$base" >"$BUNDLE/config.json"
		cat >"$CALLS/call" <<-END
			"$RUNG" --root "$STATE" update --pids-limit 50 "$ID" </dev/null >"$CALLS/out" 2>&1
			echo \$? >"$CALLS/status"
			[ ! -e "$CALLS/reader" ] || echo >"$CALLS/fifo"
		END
		hook createRuntime "$how"
		create_container
		[ "$(<"$CALLS/status")" -eq 1 ] || fail "$how: $(<"$CALLS/out")"
		[[ $(<"$CALLS/out") == *"container $ID: busy"*'runs hooks.createRuntime[0] (process '* ]] || fail "$how: $(<"$CALLS/out")"
		rung delete "$ID"
	done
}

@test "a call from outside waits for the end of the hook" {
	local pid
	hook createRuntime "echo >$CALLS/runs; while [ -e $CALLS/runs ]; do sleep 0.05; done"
	create_container &
	pid=$!
	wait_until 10 test -e "$CALLS/runs"
	rung delete --force "$ID" >"$CALLS/out" 2>&1 3>&- &
	sleep 0.5
	kill -0 $!
	rm "$CALLS/runs"
	wait "$pid"
	wait $!
	[ ! -e "$STATE/$ID" ]
}
