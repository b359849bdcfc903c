#!/usr/bin/env bats
# Builds by others: what a build needs on any distribution, the installation, and the source tarball.

load helpers

setup() {
	[ -f "$RUNG_SOURCE/Makefile" ] || skip "needs the whole source tree"
	cd "$BATS_TEST_TMPDIR" || return
}

teardown() {
	:
}

# ---- missing needs --------------------------------------------------------------------------------------------------

# Makes a machine of another distribution: OS_RELEASE names the distribution, and PATH has the usual commands and the named ones.
machine() { # ID [COMMAND]...
	printf '%s\n' "$1" >os-release
	mkdir bin
	local command
	for command in bash env dirname readlink awk grep paste cut sed sort head cat id mktemp rm uname ldd "${@:2}"; do
		ln -s "$(command -v "$command")" "bin/$command"
	done
	echo certificates >certificates
}

# Runs install-deps.sh on that machine. It has Go and certificates only if the test adds them.
on_machine() { # STATUS PART...
	# shellcheck disable=SC2016 # expanded by the inner shell
	run "-$1" env -u CC -u RUNG_LIBC PATH="$BATS_TEST_TMPDIR/bin" OS_RELEASE="$BATS_TEST_TMPDIR/os-release" \
		SSL_CERT_FILE="$BATS_TEST_TMPDIR/certificates" "$(command -v unshare)" -m "$BASH" -c '
		for dir in /usr/local/go /etc/ssl /etc/pki; do
			[ ! -d "$dir" ] || "$1" -t tmpfs none "$dir" || exit
		done
		exec "$BASH" "${@:2}"' _ "$(command -v mount)" "$RUNG_SOURCE/scripts/install-deps.sh" "${@:2}"
}

missing_all='install-deps.sh: missing: a C compiler; headers of the C library and of Linux 5.9; pkg-config; headers of libseccomp; Go; a static C library; a static libseccomp'

@test "install-deps: each distribution's packages by their names" {
	needs_root
	machine 'ID=fedora'
	on_machine 1 build
	says "$missing_all
  as root: dnf install gcc glibc-devel kernel-headers pkgconf-pkg-config libseccomp-devel golang glibc-static libseccomp-static
  or without static libraries: make dynamic"
	echo 'ID=alpine' >os-release
	on_machine 1 build
	says "$missing_all
  as root: apk add gcc musl-dev linux-headers pkgconf libseccomp-dev go libseccomp-static
  or without static libraries: make dynamic"
	echo 'ID=arch' >os-release
	on_machine 1 build
	says "$missing_all
  as root: pacman -S --needed gcc glibc linux-api-headers pkgconf libseccomp go
  or without static libraries: make dynamic"
}

@test "install-deps: distributions that are like another, and one that is not known" {
	needs_root
	machine $'ID="linuxmint"\nID_LIKE="ubuntu debian"'
	on_machine 1 build
	mentions '  as root: apt-get install gcc libc6-dev pkg-config libseccomp-dev golang-go musl-tools'
	[ "${#lines[@]}" -eq 3 ]
	printf 'ID="rocky"\nID_LIKE="rhel centos fedora"\n' >os-release
	on_machine 1 build
	mentions 'dnf install gcc'
	[ "${#lines[@]}" -eq 3 ]
	echo 'ID=other' >os-release
	on_machine 1 build
	mentions 'apt-get install gcc' 'dnf install gcc' 'apk add gcc' 'pacman -S --needed gcc'
	[ "${#lines[@]}" -eq 6 ]
	rm os-release
	on_machine 1 build
	[ "${#lines[@]}" -eq 6 ]
}

@test "install-deps: only what is missing is named" {
	needs_root
	has_build
	machine 'ID=alpine' gcc as ld pkg-config
	on_machine 1 build
	says 'install-deps.sh: missing: Go
  as root: apk add go'
	ln -s "$(type -P true)" bin/go
	on_machine 0 build
	says ''
	on_machine 1 build run
	mentions 'a static busybox; jq; perl' 'apk add busybox-static jq perl'
	on_machine 1 test
	mentions "strace (in Debian's package strace)" "newuidmap (in Debian's package uidmap)"
	rm certificates
	on_machine 1 build
	mentions 'certificates, to fetch Go modules with' 'apk add ca-certificates'
}

# Checks that this machine can build rung with its compiler and C library.
has_build() {
	[ -z "${CC:-}${RUNG_LIBC:-}" ] || skip "needs the default compiler"
	RUNG_LIBC=glibc OS_RELEASE=/dev/null "$RUNG_SOURCE/scripts/install-deps.sh" build >/dev/null 2>&1 || skip "needs what a build needs"
}

# Makes a compiler without static libraries.
compiler_without_static() {
	rm bin/gcc
	# shellcheck disable=SC2016 # expanded by the inner shell
	printf '#!%s\ncase " $* " in *" -static "*) exit 1 ;; esac\nexec %s "$@"\n' "$BASH" "$(command -v gcc)" >bin/gcc
	chmod 0755 bin/gcc
}

@test "install-deps: without static libraries only make dynamic goes on" {
	needs_root
	has_build
	machine 'ID=arch' gcc as ld pkg-config
	ln -s "$(type -P true)" bin/go
	compiler_without_static
	on_machine 1 build
	says 'install-deps.sh: missing: a static C library; a static libseccomp
  as root: pacman -S --needed glibc
  or without static libraries: make dynamic'
	on_machine 0 dynamic
	says ''
	rm bin/pkg-config
	on_machine 1 dynamic
	mentions 'missing: pkg-config; headers of libseccomp' 'pacman -S --needed pkgconf libseccomp'
	rm bin/gcc
	on_machine 1 dynamic
	mentions 'a C compiler; headers of the C library'
}

@test "install-deps: with nothing missing a plain user needs neither network nor root" {
	needs_root
	has_build
	mkdir -m 0755 tree
	cp -a "$RUNG_SOURCE/scripts" "$RUNG_SOURCE/go.mod" tree/
	chmod 0755 "$BATS_RUN_TMPDIR" "${BATS_TEST_TMPDIR%/*}" "$BATS_TEST_TMPDIR"
	echo 'ID=fedora' >os-release
	run -0 unshare -n setpriv --reuid 4242 --regid 4242 --clear-groups env OS_RELEASE="$PWD/os-release" \
		tree/scripts/install-deps.sh build run
	says ''
	# On Debian it does not call apt either.
	mkdir bin
	printf '#!/bin/sh\necho asked >>%s/asked\nexit 1\n' "$PWD" | tee bin/apt-get >bin/sudo
	chmod 0755 bin/*
	PATH=$PWD/bin:$PATH run -0 unshare -n tree/scripts/install-deps.sh build run
	says ''
	[ ! -e asked ]
}

@test "install-deps: a part that is not known" {
	run -1 "$RUNG_SOURCE/scripts/install-deps.sh" build nothing
	says 'install-deps.sh: unknown part: nothing (know build dynamic run dist docs release unit test lint fuzz bench engines vm debian arch cross-ARCH)'
}

@test "install-deps: knows each part that the Makefile and its own usage name" {
	local part parts
	parts=$(sed -n 's/^\t@.*scripts\/install-deps.sh \([a-z ]*\)$/\1/p' "$RUNG_SOURCE/Makefile")
	parts+=" $(sed -n 's/^#   install-deps.sh \(.*\)|cross-ARCH ...$/\1/p' "$RUNG_SOURCE/scripts/install-deps.sh" | tr '|' ' ')"
	[[ $parts = *docs*docs* ]]
	echo 'ID=fedora' >os-release # where it installs nothing
	for part in $parts; do
		OS_RELEASE=$PWD/os-release run "$RUNG_SOURCE/scripts/install-deps.sh" "$part"
		[[ $output != *unknown* ]] || fail "$output"
	done
}

# ---- install --------------------------------------------------------------------------------------------------------

@test "install: what was built, and nothing is built for it" {
	needs_command make
	mkdir tree
	cp -a "$RUNG_SOURCE"/{Makefile,man,contrib} tree/
	run -2 make -s -C tree install DESTDIR="$PWD/dest"
	mentions 'there is no ./rung to be installed: run make first'
	[ ! -e dest ]
	echo built >tree/rung
	chmod 0755 tree/rung
	run -0 make -s -C tree install DESTDIR="$PWD/dest"
	says ''
	[ "$(<dest/usr/local/bin/rung)" = built ]
	run -0 make -s -C tree install DESTDIR="$PWD/dest" PREFIX=/opt/rung BINDIR=/opt/rung/sbin
	[ -x dest/opt/rung/sbin/rung ]
	make -s -C tree uninstall DESTDIR="$PWD/dest" PREFIX=/opt/rung BINDIR=/opt/rung/sbin
	make -s -C tree uninstall DESTDIR="$PWD/dest"
	run find dest -type f
	says ''
}

# ---- the source tarball ---------------------------------------------------------------------------------------------

# Runs git, also if the tree belongs to another user.
git_here() {
	git -c safe.directory="$RUNG_SOURCE" -C "$RUNG_SOURCE" "$@"
}

@test "dist: the same bytes each time, and a build from it without network, modules and git" {
	needs_root
	has_build
	needs_command git
	needs_command xz
	git_here rev-parse HEAD >/dev/null 2>&1 || skip "needs the git repository"
	local tarball=build/rung-9.8.7.tar.xz sum
	VERSION=9.8.7 make -s -C "$RUNG_SOURCE" dist
	sum=$(sha256sum "$RUNG_SOURCE/$tarball")
	mv "$RUNG_SOURCE/$tarball" .
	(umask 077 && VERSION=9.8.7 TMPDIR=$BATS_TEST_TMPDIR make -s -C "$RUNG_SOURCE" dist)
	[ "$(sha256sum "$RUNG_SOURCE/$tarball")" = "$sum" ]
	rm "$RUNG_SOURCE/$tarball"

	run tar -tvf "${tarball#build/}" --full-time --utc
	[ "$(awk '{ print $2, $4, $5 }' <<<"$output" | sort -u)" = "0/0 $(TZ=UTC git_here log -1 --date=format-local:'%F %T' --format=%cd)" ]
	mentions rung-9.8.7/vendor/modules.txt
	[[ $output != *rung-9.8.7/build/* ]]

	tar -xf "${tarball#build/}"
	mkdir bin modules
	printf '#!/bin/sh\necho "$@" >>%s/asked\nexit 1\n' "$PWD" >bin/git
	chmod 0755 bin/git
	run -0 unshare -n env -u VERSION -u COMMIT -u GOFLAGS -u GOPROXY PATH="$PWD/bin:$PATH" GOCACHE="$("$RUNG_SOURCE/scripts/go" env GOCACHE)" \
		GOMODCACHE="$PWD/modules" make -C rung-9.8.7
	[ ! -e asked ]
	[ -z "$(ls modules)" ]
	run -0 rung-9.8.7/rung --version
	[ "${lines[0]}" = 'rung version 9.8.7' ]
	[ "${lines[1]}" = "commit: $(git_here rev-parse HEAD | cut -c 1-12)" ]
	# A build with Go alone finds the modules too.
	(cd rung-9.8.7 && unshare -n env GOFLAGS=-mod=vendor GOPROXY=off GOTOOLCHAIN=local GOMODCACHE="$BATS_TEST_TMPDIR/modules" \
		"$RUNG_SOURCE/scripts/go" build -o plain .)
	[ "$(rung-9.8.7/plain --version | head -n 2)" = "$(rung-9.8.7/rung --version | head -n 2)" ]
}

@test "dist: needs a git repository" {
	mkdir -p tree
	cp -a "$RUNG_SOURCE"/{scripts,VERSION,go.mod} tree/
	run -1 env GIT_CEILING_DIRECTORIES="$PWD" tree/scripts/dist.sh
	says 'dist.sh: the sources are no git repository: a tarball is made of a commit'
}

@test "make help lists every target that is for people" {
	needs_command make
	local target
	run -0 make -s -C "$RUNG_SOURCE" help
	for target in all static dynamic deps run test install uninstall dist clean; do
		grep -qE "^  $target  +[^ ]" <<<"$output" || fail "no $target in: $output"
	done
}
