#!/usr/bin/env bats
# shellcheck disable=SC2016 # $PATH in messages
# The program of a process: where it is looked for, with whose rights, and which command says that there is none. The words and
# statuses are those of runc, which engines turn into the exit statuses 126 and 127.
bats_require_minimum_version 1.5.0

load helpers

# Root of the container with the user's rights only: no capability opens what is closed to it.
setup() {
	setup_bundle
	own_rootfs
	config '.process.env = ["PATH=/first:/second"]'
	mkdir "$ROOTFS/first" "$ROOTFS/second"
	process probe
}

# Makes a program that prints a word, in a directory of the root file system.
program() { # DIRECTORY WORD [MODE]
	printf '#!/bin/sh\necho %s\n' "$2" >"$ROOTFS/$1/probe"
	chmod "${3:-0755}" "$ROOTFS/$1/probe"
}

# Sets the user of the process. Root of a container has no capability any more, so that the kernel looks at the owner of files.
as_user() { # UID [GID...]
	config '.process.user = {uid: ($ids[0] | tonumber), gid: (($ids[1] // "1000") | tonumber), additionalGids: ($ids[2:] | map(tonumber))}
		| .process.capabilities = {}' --jsonargs --argjson ids "$(printf '%s\n' "$@" | jq -R . | jq -s .)"
}

# run, create with start, and exec as the same user all print a word.
all_print() { # WORD
	local process
	run_container
	says "$1"
	create_container
	rung start "$ID"
	# shellcheck disable=SC2153 # set by create_container
	wait_until 5 grep -qx "$1" "$OUTPUT"
	rung delete -f "$ID"
	process=$(jq '.process' config.json)
	printf '%s\n' "$process" >"$BATS_TEST_TMPDIR/process.json"
	config '.process.args = ["/bin/sleep", "1000"]'
	start_container
	run -0 rung exec -p "$BATS_TEST_TMPDIR/process.json" "$ID"
	says "$1"
	rung delete -f "$ID"
	config '.process = $process' --argjson process "$process"
}

# Checks the exit status and the message of the last command, without what to do about it. The log writes a quote with a backslash.
told() { # STATUS TEXT
	[ "$status" -eq "$1" ] || fail "status $status instead of $1: $output"
	output=$(sed -E 's/ \(do: [^"]*\)"$/"/' <<<"${output//\\\"/\"}")
	[[ $output == *" msg=\"$2\"" ]] || fail "not '$2' but: $output"
}

not_created() { # TEXT
	run_container
	told 1 "rung run failed: unable to start container process: error during container init: exec: $1"
	run rung create -b "$BUNDLE" "$ID"
	told 1 "rung create failed: unable to start container process: error during container init: exec: $1"
	[ ! -e "$STATE/$ID" ]
}

# run, create and exec all fail before the program could run, with these words.
all_refuse() { # TEXT
	local process
	not_created "$1"
	process=$(jq '.process' config.json)
	printf '%s\n' "$process" >"$BATS_TEST_TMPDIR/process.json"
	config '.process.args = ["/bin/sleep", "1000"]'
	start_container
	run rung exec -p "$BATS_TEST_TMPDIR/process.json" "$ID"
	told 255 "exec failed: unable to start container process: exec: $1"
	rung delete -f "$ID"
	config '.process = $process' --argjson process "$process"
}

@test "program: a directory of PATH that is closed to the user is passed over" {
	needs_root
	program first closed
	program second found
	chmod 0700 "$ROOTFS/first"
	as_user 1000
	all_print found
	config '.process.user.uid = 0'
	all_print closed
}

@test "program: a file that the user may not execute is passed over" {
	needs_root
	program first closed 0700
	program second found
	as_user 1000
	all_print found
}

# bats test_tags=user
@test "program: directories, plain files, links in a circle and links to nothing are passed over" {
	program second found
	local what
	for what in 'mkdir first/probe' 'cp /dev/null first/probe' 'ln -s probe first/probe' 'ln -s /nowhere first/probe' \
		'rmdir first && ln -s first first' 'rmdir first && touch first' 'rmdir first'; do
		rm -rf "$ROOTFS/first"
		mkdir "$ROOTFS/first"
		(cd "$ROOTFS" && eval "$what")
		all_print found
	done
}

# bats test_tags=user
@test "program: a mount that is noexec is passed over" {
	program first hidden
	program second found
	add_mount "$(jq -n --arg source "$ROOTFS/first" '{destination: "/first", type: "bind", source: $source, options: ["bind", "noexec"]}')"
	all_print found
	process /first/probe
	all_refuse '"/first/probe": permission denied'
}

# bats test_tags=user
@test "program: a mask or a mount hides it, and create says so" {
	program first hidden
	config '.linux.maskedPaths = ["/first"]'
	not_created '"probe": executable file not found in $PATH'
	config '.linux.maskedPaths = ["/first/probe"]'
	not_created '"probe": executable file not found in $PATH (no right to execute /first/probe)'
	process /first/probe
	not_created '"/first/probe": permission denied'
	process probe
	config '.linux.maskedPaths = []'
	add_mount '{"destination": "/first", "type": "tmpfs", "source": "tmpfs"}'
	all_refuse '"probe": executable file not found in $PATH'
	program second found
	all_print found
}

@test "program: the groups of the process count, also the supplementary ones" {
	needs_root
	program first group 0750
	chown 0:7 "$ROOTFS/first/probe"
	program second found
	as_user 1000
	all_print found
	as_user 1000 7
	all_print group
	as_user 1000 1000 5 7
	all_print group
}

@test "program: the capabilities of the process count" {
	needs_root
	program first closed 0700
	program second found
	as_user 1000
	config '.process.capabilities = (["bounding", "effective", "permitted", "inheritable", "ambient"]
		| map({key: ., value: ["CAP_DAC_OVERRIDE"]}) | from_entries)'
	all_print closed
	config '.process.capabilities.effective = []'
	all_print found
}

@test "program: an access control list counts" {
	needs_root
	needs_command setfacl
	program first listed 0700
	program second found
	setfacl -m u:1000:x "$ROOTFS/first/probe" || skip "needs a file system with access control lists"
	setfacl -m u:1000:rx "$ROOTFS/first/probe"
	as_user 1000
	all_print listed
	as_user 1001
	all_print found
}

@test "program: in a user namespace, a file whose owner is not mapped is closed to root" {
	needs_root
	map_ids
	config '.process.capabilities |= map_values(. + ["CAP_DAC_OVERRIDE"])'
	chown -R 100000:100000 "$ROOTFS"
	program first closed 0700
	chown 0:0 "$ROOTFS/first/probe"
	program second found
	all_print found
	chown 101000:101000 "$ROOTFS/first/probe"
	all_print closed
}

@test "program: on an id-mapped mount the mapped owner counts" {
	needs_root
	program first mapped 0700
	program second found
	local source=$BATS_TEST_TMPDIR/source
	mv "$ROOTFS/first" "$source"
	mkdir "$ROOTFS/first"
	add_mount "$(jq -n --arg source "$source" '{destination: "/first", type: "bind", source: $source, options: ["bind"],
		uidMappings: [{containerID: 0, hostID: 1000, size: 1}], gidMappings: [{containerID: 0, hostID: 1000, size: 1}]}')"
	run_container
	[[ $output != *'idmap'* && $output != *'mount_setattr'* ]] || skip "needs a file system with id-mapped mounts"
	as_user 1000
	all_print mapped
	as_user 1001
	all_print found
}

@test "program: with nothing that the user may execute, run, create and exec say not found, and which file is closed" {
	needs_root
	program first closed 0700
	program second closed 0644
	as_user 1000
	all_refuse '"probe": executable file not found in $PATH (no right to execute /first/probe)'
}

@test "program: a path is not searched for: its own error" {
	needs_root
	program first closed 0700
	program second open
	as_user 1000
	process /first/probe
	all_refuse '"/first/probe": permission denied'
	chmod 0700 "$ROOTFS/first"
	all_refuse '"/first/probe": stat /first/probe: permission denied'
	process second/../first/probe
	all_refuse '"second/../first/probe": stat second/../first/probe: permission denied'
	process /second/missing
	all_refuse '"/second/missing": stat /second/missing: no such file or directory'
	process /second/probe/x
	all_refuse '"/second/probe/x": stat /second/probe/x: not a directory'
	process /second
	all_refuse '"/second": is a directory (permission denied)'
}

# bats test_tags=user
@test "program: without PATH, with an empty one, and with an empty name" {
	program first found
	config '.process.cwd = "/first"'
	local env name
	for env in '[]' '["PATH="]' '["PATH=/first", "PATH="]' '["A=PATH=/first"]'; do
		config '.process.env = $env' --argjson env "$env"
		all_refuse '"probe": executable file not found in $PATH'
	done
	config '.process.env = ["PATH=/first"]'
	for name in '' . .. "$(printf 'n%.0s' {1..300})"; do
		process "$name"
		not_created "\"$name\": executable file not found in \$PATH"
	done
}

# bats test_tags=user
@test "program: relative and empty entries of PATH begin at the working directory" {
	program first found
	local env
	config '.process.cwd = "/first"'
	for env in . : :/second /second: /second:./ ../first; do
		config '.process.env = ["PATH=" + $path]' --arg path "$env"
		all_print found
	done
}

# bats test_tags=user
@test "program: entries of PATH that are links, also with .." {
	program second found
	rmdir "$ROOTFS/first"
	local target
	for target in second /second ../second ../../../../second ./first/../second; do
		ln -sfn "$target" "$ROOTFS/first"
		[ "$target" != ./first/../second ] || continue
		all_print found
	done
	config '.process.env = ["PATH=/first:/second"]'
	all_print found
}

# bats test_tags=user
@test "program: a PATH with thousands of entries, and one that is too long for execve" {
	program second found
	local long=$BATS_TEST_TMPDIR/config
	jq '.process.env = ["PATH=" + ([range(10000) | "/d\(.)"] | join(":")) + ":/second"]' config.json >"$long"
	cp "$long" config.json
	run_container
	says found
	jq '.process.env = ["PATH=/second:" + ([range(100000) | "/d\(.)"] | join(":"))]' config.json >"$long"
	cp "$long" config.json
	run_container
	[ "$status" -eq 255 ]
	says 'exec /second/probe: argument list too long'
}

# bats test_tags=user
@test "program: what only execve can refuse fails at start, and no other program takes its place" {
	program second other
	local content want
	for content in '#!/no/such/interpreter' 'echo no shell runs this' ''; do
		printf %s "$content" >"$ROOTFS/first/probe"
		chmod 0755 "$ROOTFS/first/probe"
		want='exec format error'
		[[ $content != '#!'* ]] || want='no such file or directory'
		run_container
		[ "$status" -eq 255 ]
		says "exec /first/probe: $want"
		create_container
		run -1 rung start "$ID"
		mentions "exec /first/probe: $want"
		rung delete -f "$ID"
	done
}

# bats test_tags=user
@test "program: a file that is open for writing fails at start" {
	cp "$ROOTFS/bin/busybox" "$ROOTFS/first/probe"
	create_container
	exec 7>>"$ROOTFS/first/probe"
	run -1 rung start "$ID"
	exec 7>&-
	mentions 'exec /first/probe: text file busy'
}

@test "program: HOME is looked up, and the program is found for that user" {
	needs_root
	printf 'me:x:1000:1000::/home/me:/bin/sh\n' >"$ROOTFS/etc/passwd"
	printf '#!/bin/sh\necho "$HOME"\n' >"$ROOTFS/second/probe"
	chmod 0755 "$ROOTFS/second/probe"
	program first closed 0700
	as_user 1000
	all_print /home/me
}

@test "a search that the user may not even begin: the root file system is closed to others" {
	needs_root
	own_rootfs
	chmod 700 "$ROOTFS"
	config '.process.user = {uid: 1000, gid: 1000}'
	process true
	refused 'executable file not found in $PATH (no right to search the directories above ' '/true) (do: chmod a+x '
}
