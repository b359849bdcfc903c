#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031 # each test is a subshell
# The build: it makes the same bytes anywhere, and a stage that belongs to its Go side.

load helpers
load commands

# copy_tree DIR: copies the sources of the checkout without built files.
copy_tree() {
	mkdir -p "$1"
	(cd "$RUNG_SOURCE" && git -c safe.directory="$RUNG_SOURCE" ls-files -z --cached --others --exclude-standard |
		xargs -0 cp --parents -t "$1" --)
}

needs_toolchain() {
	local name
	is_root || skip 'needs root, to build as two users'
	for name in gcc git pkg-config; do needs_command $name; done
	PATH=$PATH:/usr/local/go/bin
	needs_command go
	[ -e "$RUNG_SOURCE/.git" ] || skip 'needs a checkout'
}

# Copies rung's modules from root's module cache for another user, who has no network.
modules_for() { # USER DIR
	local from
	from=$("$RUNG_SOURCE/scripts/go" env GOMODCACHE)
	(cd "$RUNG_SOURCE" && GOFLAGS=-modcacherw GOPROXY=file://$from/cache/download GONOSUMDB='*' GOMODCACHE=$2 scripts/go list -deps . >/dev/null)
	chown -R "$1" "$2"
}

# The two builds differ in directory, user, times of the files and caches.
@test "build: two users in two directories make the same bytes, one of them with spaces and parentheses in its name" {
	needs_toolchain
	local first=$BATS_TEST_TMPDIR/first second="$BATS_TEST_TMPDIR/the second (of two)" user=65534
	chmod 0755 "$BATS_TEST_TMPDIR"
	copy_tree "$first"
	COMMIT=0123456789ab "$first/scripts/build.sh"
	copy_tree "$second"
	find "$second" -exec touch -d 2001-02-03 {} +
	modules_for $user "$BATS_TEST_TMPDIR/modules"
	install -d -o $user "$BATS_TEST_TMPDIR/home"
	chown -R $user "$second"
	setpriv --reuid $user --regid $user --clear-groups env -i PATH="$PATH" HOME="$BATS_TEST_TMPDIR/home" TZ=Asia/Tokyo LC_ALL=C \
		GOMODCACHE="$BATS_TEST_TMPDIR/modules" GOPROXY=off GOFLAGS=-modcacherw COMMIT=0123456789ab "$second/scripts/build.sh"
	cmp "$first/rung" "$second/rung"
	"$second/rung" --version | grep -q 'commit: 0123456789ab'
}

# Every Go program contains the names of its functions, also a stripped one.
@test "build: a library of the tests is no part of rung" {
	grep -qaF github.com/moby/sys/mountinfo "$RUNG" # proves that names of a linked library are found
	run ! grep -qaF github.com/cilium/ebpf "$RUNG"
	run ! grep -qaF github.com/checkpoint-restore/go-criu "$RUNG"
	run ! grep -qaF google.golang.org/protobuf "$RUNG"
}

@test "build: a stage of other sources is named before it is executed" {
	needs_toolchain
	local tree=$BATS_TEST_TMPDIR/tree
	copy_tree "$tree"
	"$tree/scripts/build.sh"
	echo '/* changed */' >>"$tree/nsenter/loop.c"
	cd "$tree"
	scripts/go generate ./libcontainer/plan
	CGO_ENABLED=1 scripts/go build -tags netgo,osusergo -o other .
	cd "$BUNDLE"
	RUNG=$tree/other
	refused 'the stage in this binary does not belong to it: it is ' 'build rung again with make'
	run rung create -b "$BUNDLE" "$ID"
	[ "$status" -eq 1 ]
	mentions 'does not belong to it'
	rm "$tree/nsenter/image/stage" # without one, a sealed copy of the binary itself is the stage
	(cd "$tree" && CGO_ENABLED=1 scripts/go build -tags netgo,osusergo -o other .)
	inside 'echo it runs'
	says 'it runs'
	# a container that executes the copy does not run rung
	own_rootfs
	echo '#!/proc/self/exe' >"$ROOTFS/bin/self"
	chmod 0755 "$ROOTFS/bin/self"
	process /bin/self --version
	run -127 rung run -b "$BUNDLE" "$ID"
	mentions "this is rung's own stage"
}

@test "build: changed C sources are noticed, and what is generated from them is made anew" {
	needs_toolchain
	local tree=$BATS_TEST_TMPDIR/tree
	copy_tree "$tree"
	echo '/* changed */' >>"$tree/nsenter/loop.c"
	run "$tree/scripts/build.sh"
	[ "$status" -eq 0 ]
	mentions 'the C sources have changed'
	RUNG=$tree/rung
	inside 'echo it runs'
	says 'it runs'
}

@test "build: a compiler for another machine is refused by name" {
	needs_toolchain
	local tree=$BATS_TEST_TMPDIR/tree
	copy_tree "$tree"
	run env ARCH=arm64 CC=gcc "$tree/scripts/build.sh"
	[ "$status" -eq 1 ]
	mentions 'gcc makes programs for another machine than arm64'
	[ ! -e "$tree/rung" ]
	[ "$(ls "$tree/nsenter/image")" = README ]
	run env ARCH=vax "$tree/scripts/build.sh"
	[ "$status" -eq 1 ]
	mentions 'ARCH=vax: not amd64'
}

@test "build: the version is that of the tree, and a builder may name another" {
	local version
	version=$(<"$RUNG_SOURCE/VERSION")
	run "$RUNG" --version
	[ "${lines[0]}" = "rung version $version" ]
	run "$RUNG" features
	mentions "\"$version\""
}

# Without the limit a test that hangs takes all time of CI, and nobody learns which one it was.
@test "tests: a file that hangs is a failure that names its last test, and the next file runs" {
	local one=$BATS_TEST_TMPDIR/one.bats two=$BATS_TEST_TMPDIR/two.bats limit
	printf '@test "%s" { %s; }\n' before true hangs 'sleep 333 & wait' >"$one"
	printf '@test "%s" { %s; }\n' signals 'kill -INT $BASHPID' >"$two"
	for limit in 2 20 120; do # an emulated machine takes long to come to the first test
		run env -i PATH="$(getconf PATH)" BATS_FILE_SECONDS=$limit bash -c 'trap "" INT; exec "$@"' - "$RUNG_SOURCE/scripts/bats-files.sh" "$one" "$two"
		[[ $output != *'ok 1 before'*"$two: 1 tests"* ]] || break
	done
	[ "$status" -eq 1 ]
	mentions 'ok 1 before'
	mentions "not ok 0 $one did not end in $limit s, after: ok 1 before"
	mentions "$two: 1 tests, 1 failed" # SIGINT is not ignored there, though it is here
	! pgrep -f '^sleep 333$' || false
}
