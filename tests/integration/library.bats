#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2030,SC2031 # scripts for inner shells; each test is a subshell
# The library: another program manages containers with it. It is built by our script or by plain go build, where a copy of the
# program itself is the stage, and the containers are the same.

load helpers
load commands

embed() {
	"$RUNG_TEST_COMMANDS/embed" "$STATE" "$(shared_rootfs)" 3>&-
}

teardown() {
	[ -z "${EMBEDCHECK_PID:-}" ] || kill "$EMBEDCHECK_PID" 2>/dev/null || true
	teardown_containers
}

# bats test_tags=user
@test "library: create, start, exec, kill and delete by a program in 60 lines" {
	run embed
	[ "$status" -eq 0 ] || fail "$output"
	says 'embedded is running
hello from exec
ended by killed'
	[ -z "$(ls "$STATE")" ]
	[ "$(grep -cvE '^(//.*|)$' "$RUNG_SOURCE/tests/cmd/embed/main.go")" -le 60 ]
}

# bats test_tags=user
@test "library: an error is one line, and nothing is left" {
	STATE=$BATS_TEST_TMPDIR/state
	run "$RUNG_TEST_COMMANDS/embed" "$STATE" "$BATS_TEST_TMPDIR/nosuch"
	[ "$status" -eq 1 ]
	mentions 'embed: root.path: invalid rootfs'
	[ "${#lines[@]}" -eq 1 ]
	[ -z "$(ls "$STATE")" ]
}

# ---- a container of such a program, seen from outside and from inside --------------------------------------------------

# Prints what a process in the container has, without what differs from run to run.
INSIDE='grep -E "^(Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp|Sig[BIC]|Shd|Threads|Umask)" /proc/self/status
	ls /proc/self/fd
	cat /proc/self/environ | tr "\0" "\n"
	awk "{ print \$4, \$5, \$6 }" /proc/self/mountinfo | grep -v cgroup
	cat /proc/1/comm /proc/self/oom_score_adj /proc/self/limits
	echo told; exec sleep 1000'

# Starts embedcheck with a secret in its environment and in a descriptor. Its answers are in $SAID, its input is descriptor 8.
start_embedcheck() { # PROGRAM [WRAPPER...]
	local program=$1
	shift
	SAID=$BATS_TEST_TMPDIR/said
	: >"$SAID"
	echo hidden >"$BATS_TEST_TMPDIR/secret"
	rm -f "$BATS_TEST_TMPDIR/fifo"
	mkfifo "$BATS_TEST_TMPDIR/fifo"
	SECRET=hidden "$@" "$program" look "$STATE" "$(shared_rootfs)" sh -c "$INSIDE" \
		<"$BATS_TEST_TMPDIR/fifo" >"$SAID" 2>&1 7<"$BATS_TEST_TMPDIR/secret" 3>&- &
	EMBEDCHECK_PID=$!
	exec 8>"$BATS_TEST_TMPDIR/fifo"
	says_soon created
}

# Waits until embedcheck or the container says something.
says_soon() { # WORD
	wait_until 20 said_or_ended "$1"
	grep -q "^$1" "$SAID" || fail "$(<"$SAID")"
}

said_or_ended() {
	grep -q "^$1" "$SAID" || ! kill -0 "$EMBEDCHECK_PID" 2>/dev/null
}

go_on() {
	echo >&8
}

end_embedcheck() {
	go_on
	exec 8>&-
	wait "$EMBEDCHECK_PID" || fail "$(<"$SAID")"
	EMBEDCHECK_PID=
	grep -qx 'nothing is left' "$SAID"
	[ -z "$(ls "$STATE")" ]
}

pid_of() { # created|executed
	awk -v what="$1" '$1 == what { print $2 }' "$SAID"
}

# The stage has nothing of the program: no environment, no descriptor, no memory but that of its own sealed program.
nothing_of_the_program() { # PID
	local link mapped
	[ -z "$(tr -d '\0' <"/proc/$1/environ")" ]
	for link in /proc/"$1"/fd/*; do
		case ${link##*/}:$(readlink "$link") in
		[012]:*) ;;
		*:socket:*) ;; # rung start, or the program, connects to it
		*:/memfd:progress*) ;;
		*':anon_inode:[signalfd]') ;; # of a process that waits for start
		*) fail "descriptor ${link##*/}: $(readlink "$link")" ;;
		esac
	done
	mapped=$(awk '$6 { print $6 }' "/proc/$1/maps" | sort -u | grep -vxF "$STATE/checked/progress" |
		grep -vE '^(/memfd:(rung|plan|progress)|\[(heap|stack|vdso|vvar|vvar_vclock|vsyscall)\])$') || true
	[ -z "$mapped" ] || fail "mapped: $mapped"
	[ "$(awk '/^Threads:/ { print $2 }' "/proc/$1/status")" = 1 ]
}

# Nobody can write to the stage's program, when no process executes it any more either.
sealed() { # PID
	[ "$(stat -Lc %d:%i "/proc/$1/exe")" != "$(stat -Lc %d:%i "$PROGRAM")" ]
	exec 9<"/proc/$1/exe"
	go_on
	says_soon executed
	says_soon told
	LC_ALL=C run bash -c 'echo x >>/proc/self/fd/9'
	exec 9<&-
	[ "$status" -ne 0 ]
	[[ $output == *'Read-only file system' || $output == *'Operation not permitted' || $output == *'Permission denied' ]] || fail "$output"
}

only_standard_streams() { # PID
	[ "$(basename -a /proc/"$1"/fd/* | xargs)" = '0 1 2' ]
}

# Runs a container with a program; afterwards $INSIDE_SAID is the file with what the container has.
check_program() { # PROGRAM [WRAPPER...]
	PROGRAM=$1
	start_embedcheck "$@"
	nothing_of_the_program "$(pid_of created)"
	sealed "$(pid_of created)"
	only_standard_streams "$(pid_of created)"
	only_standard_streams "$(pid_of executed)"
	end_embedcheck
	run ! grep -q hidden "$SAID"
	INSIDE_SAID=$BATS_TEST_TMPDIR/inside-${PROGRAM##*/}
	grep -vE '^(created|executed|told|nothing)' "$SAID" >"$INSIDE_SAID"
	[ -s "$INSIDE_SAID" ]
}

# bats test_tags=user
@test "library: the process that waits for start has nothing of the program, whose stage is sealed" {
	check_program "$RUNG_TEST_COMMANDS/embedcheck"
	grep -q '^NoNewPrivs:.*1$' "$INSIDE_SAID"
}

# bats test_tags=user
@test "library: many containers at the same time, two Runtimes, contexts, handles, and nothing is left of them" {
	run env -u GOMAXPROCS "$RUNG_TEST_COMMANDS/embedcheck" many "$STATE" "$(shared_rootfs)" 3>&-
	says 'nothing is left'
	[ -z "$(ls "$STATE")" ]
}

# ---- plain go build ---------------------------------------------------------------------------------------------------

needs_toolchain() {
	needs_root
	local name
	for name in gcc git pkg-config; do needs_command $name; done
	PATH=$PATH:/usr/local/go/bin
	needs_command go
	[ -e "$RUNG_SOURCE/.git" ] || skip 'needs a checkout'
}

# Copies the sources as they are in git, and makes a module outside of them with the two programs.
user_module() {
	TREE=$BATS_TEST_TMPDIR/tree MODULE=$BATS_TEST_TMPDIR/module
	mkdir "$TREE" "$MODULE" "$MODULE/check"
	(cd "$RUNG_SOURCE" && git -c safe.directory="$RUNG_SOURCE" ls-files -z --cached --others --exclude-standard |
		xargs -0 cp --parents -t "$TREE" --)
	[ "$(ls "$TREE/nsenter/image")" = README ]
	cp "$TREE/tests/cmd/embed/main.go" "$MODULE/"
	cp "$TREE"/tests/cmd/embedcheck/*.go "$MODULE/check/"
	cp "$TREE/go.sum" "$MODULE/"
	printf '%s\n' 'module example.org/user' 'go 1.24.0' 'require rung v0.0.0' "replace rung => $TREE" >"$MODULE/go.mod"
	sed -n '/^require/,/^)/p; /^require [^(]/p' "$TREE/go.mod" | sort -u | grep / | sed 's/^require//; s/^/require /' >>"$MODULE/go.mod"
	chmod 0755 "$BATS_TEST_TMPDIR"
}

plain_build() { # [OPTION OF GO BUILD...]
	(cd "$MODULE" && CGO_ENABLED=1 go build -mod=mod -o "$MODULE/embed" "$@" . && CGO_ENABLED=1 go build -mod=mod -o "$MODULE/embedcheck" "$@" ./check)
}

as_plain_user() {
	setpriv --reuid 4242 --regid 4242 --clear-groups env -i PATH="$PATH" SECRET="$SECRET" "$@"
}

# Builds, and compares what a container has with one of the program that our script built, for root and for a plain user.
plain_build_is_as_safe() { # [OPTION OF GO BUILD...]
	local wrapper own=$STATE ours=$MODULE/embedcheck-ours
	user_module
	plain_build "$@"
	cp "$RUNG_TEST_COMMANDS/embedcheck" "$ours" # the plain user may not be able to enter the tree
	for wrapper in '' as_plain_user; do
		STATE=$own$wrapper
		mkdir "$STATE"
		[ -z "$wrapper" ] || chown 4242:4242 "$STATE"
		check_program "$ours" $wrapper
		mv "$INSIDE_SAID" "$BATS_TEST_TMPDIR/expected"
		check_program "$MODULE/embedcheck" $wrapper
		diff "$BATS_TEST_TMPDIR/expected" "$INSIDE_SAID"
		SECRET='' run $wrapper "$MODULE/embed" "$STATE" "$(shared_rootfs)" 3>&-
		says 'embedded is running
hello from exec
ended by killed'
	done
	STATE=$own
}

@test "library: plain go build, against the shared C library" {
	needs_toolchain
	plain_build_is_as_safe
	file_has_loader "$MODULE/embed"
	"$RUNG_TEST_COMMANDS/stagecopy" "$MODULE/embed"
}

@test "library: plain go build, position-independent" {
	needs_toolchain
	plain_build_is_as_safe -buildmode=pie
	file_has_loader "$MODULE/embed"
	"$RUNG_TEST_COMMANDS/stagecopy" "$MODULE/embed"
}

@test "library: plain go build, static" {
	needs_toolchain
	plain_build_is_as_safe -tags netgo,osusergo -ldflags '-linkmode external -extldflags -static'
	run ! file_has_loader "$MODULE/embed"
	"$RUNG_TEST_COMMANDS/stagecopy" "$MODULE/embed"
}

@test "library: twenty goroutines under the race detector" {
	needs_toolchain
	user_module
	(cd "$MODULE" && CGO_ENABLED=1 go build -mod=mod -race -o embedcheck ./check) || skip 'needs a Go with the race detector'
	run "$MODULE/embedcheck" many "$STATE" "$(shared_rootfs)" 3>&-
	says 'nothing is left'
}

file_has_loader() { # FILE
	readelf -lW "$1" | grep -q INTERP
}

@test "library: our script builds a program of another module, in a workspace" {
	needs_toolchain
	user_module
	printf '%s\n' 'go 1.24.0' "use $TREE" "use $MODULE" >"$BATS_TEST_TMPDIR/go.work"
	GOWORK=$BATS_TEST_TMPDIR/go.work COMMIT=0123456789ab "$TREE/scripts/build.sh" "$MODULE/embedcheck" example.org/user/check
	check_program "$MODULE/embedcheck"
	[ "$(stat -c %s "$TREE/nsenter/image/stage")" -lt 65536 ]
}

@test "library: a build without cgo is one error that says what it needs" {
	needs_toolchain
	user_module
	cd "$MODULE"
	CGO_ENABLED=0 run go build -mod=mod .
	[ "$status" -ne 0 ]
	mentions 'undefined: rung_needs_CGO_ENABLED_1_and_a_C_compiler_and_libseccomp_see_docs_library_md'
	[ "${#lines[@]}" -eq 2 ] || fail "$output" # the first names the package
}

@test "library: a program that does not import the stage is told so" {
	needs_toolchain
	user_module
	sed -i '/rung\/nsenter"/d; s/Image: nsenter.Image()//' "$MODULE/main.go"
	(cd "$MODULE" && CGO_ENABLED=1 go build -mod=mod -o embed .)
	run "$MODULE/embed" "$STATE" "$(shared_rootfs)" 3>&-
	[ "$status" -eq 1 ]
	mentions 'this program has no stage: its main package must import rung/nsenter'
	[ "${#lines[@]}" -eq 1 ]
	[ -z "$(ls "$STATE")" ]
}
