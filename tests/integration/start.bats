#!/usr/bin/env bats
# rung start, in each state of a container.

load helpers

# bats test_tags=user
@test "start: lets the process of a created container run" {
	process sleep 1000
	create_container
	local pid
	pid=$(init_pid)
	run -0 rung start "$ID"
	says ''
	[ "$(status_of)" = running ]
	[ "$(init_pid)" = "$pid" ]
}

# bats test_tags=user
@test "start: returns when the program runs" {
	process sleep 1000
	create_container
	rung start "$ID"
	[[ $(tr '\0' ' ' <"/proc/$(init_pid)/cmdline") == 'sleep 1000 ' ]]
}

# bats test_tags=user
@test "start: of a running container" {
	start_sleeper
	run -1 rung start "$ID"
	mentions 'cannot start an already running container'
	[ "$(status_of)" = running ]
}

# bats test_tags=user
@test "start: of a stopped container" {
	process true
	start_container
	wait_until 5 stopped
	run -1 rung start "$ID"
	mentions 'cannot start a container that has stopped'
}

# bats test_tags=user
@test "start: of a container that was killed before" {
	create_container
	rung kill "$ID" KILL
	wait_until 5 stopped
	run -1 rung start "$ID"
	mentions 'cannot start a container that has stopped'
}

@test "start: of a container that does not exist" {
	run -1 rung start "$ID"
	mentions 'container does not exist'
}

# bats test_tags=user
@test "start: two at the same time: one starts it" {
	process sleep 1000
	create_container
	local first=0 second=0
	rung start "$ID" >one 2>&1 &
	local job=$!
	rung start "$ID" >two 2>&1 || second=$?
	wait "$job" || first=$?
	[ $((first + second)) -eq 1 ]
	cat one two | grep -q 'cannot start an already running container'
	[ "$(status_of)" = running ]
}

# An engine may kill a start that takes too long. If the container counted as created, a plain delete would kill it.
# bats test_tags=user
@test "start: one that is killed after it has let the process go leaves a running container" {
	process sleep 1000
	create_container
	(cd "$STATE/$ID" && perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new("start.sock")->syswrite("\1")')
	wait_until 5 grep -qx sleep "/proc/$(init_pid)/comm"
	[ "$(status_of)" = running ]
	run -1 rung delete "$ID"
	mentions 'that is not stopped: running'
	run -1 rung start "$ID"
	mentions 'cannot start an already running container'
}

# bats test_tags=user
@test "start: a program that cannot be executed" {
	own_rootfs
	printf '#!/no/such/interpreter\n' >rootfs/script
	chmod 0755 rootfs/script
	process /script
	create_container
	run -1 rung start "$ID"
	mentions 'exec /script: no such file or directory'
	[ "${#lines[@]}" -eq 1 ]
	stopped
}

@test "start: a program of another kind of machine" {
	own_rootfs
	printf 'this is no program' >rootfs/program
	chmod 0755 rootfs/program
	process /program
	create_container
	run -1 rung start "$ID"
	mentions 'exec /program: exec format error'
	stopped
}

@test "start: wrong number of arguments" {
	run -1 rung start
	mentions 'requires exactly 1 argument(s)'
	run -1 rung start a b
	mentions 'requires exactly 1 argument(s)'
}
