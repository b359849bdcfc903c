#!/usr/bin/env bats
# Releases: what `make release` refuses, the signature, the licences of all modules, and a .deb of this rung. `make test-release` makes
# whole releases and installs their packages.

load helpers

setup() {
	[ -d "$RUNG_SOURCE/contrib/packages" ] || skip "needs the whole source tree"
	cd "$BATS_TEST_TMPDIR" || return
}

teardown() {
	:
}

# Makes a tree with a commit that could be released as 7.8.9.
released_tree() {
	needs_command git
	mkdir tree
	cp -a "$RUNG_SOURCE"/{scripts,SECURITY.md,CHANGELOG.md} tree/
	cd tree || return
	echo 7.8.9 >VERSION
	sed -i '0,/^## .*/s//## 7.8.9 - 2026-01-02/' CHANGELOG.md
	sed -i 's/@SECURITY-CONTACT@/a place/' SECURITY.md
	git init -q
	commit
}

commit() {
	git add -A
	git -c user.name=test -c user.email=test@localhost commit -qm 'a release'
}

key() {
	needs_command ssh-keygen
	ssh-keygen -q -t ed25519 -N '' -C test -f "$BATS_TEST_TMPDIR/key"
}

# Without the checks the script would go on to fetch packages: a shell function keeps it from that.
release() {
	mv scripts/install-deps.sh "$BATS_TEST_TMPDIR/kept" 2>/dev/null || true
	printf '#!/bin/sh\necho the release begins\nexit 33\n' >scripts/install-deps.sh
	chmod 0755 scripts/install-deps.sh
	git update-index --assume-unchanged scripts/install-deps.sh
	run env "$@" scripts/release.sh
}

@test "release: without a key it is refused in one line" {
	released_tree
	local wanted='release.sh: name the key that signs the release: SIGN=gpg:KEY or SIGN=ssh:FILE (SIGN=none for a trial build)' sign
	for sign in '' gpg: ssh: somebody; do
		release SIGN="$sign"
		[ "$status" -eq 1 ]
		says "$wanted"
	done
	release -u SIGN
	says "$wanted"
	release SIGN=ssh:"$PWD/VERSION"
	[ "$status" -eq 1 ]
	says "sign.sh: $PWD/VERSION is not a key of ssh"
	needs_command gpg
	release SIGN=gpg:nobody@localhost GNUPGHOME="$BATS_TEST_TMPDIR"
	[ "$status" -eq 1 ]
	says 'sign.sh: gpg has no secret key nobody@localhost'
}

@test "release: the placeholder of SECURITY.md is refused, and the tree still has it" {
	key
	released_tree
	release SIGN=ssh:"$BATS_TEST_TMPDIR/key"
	[ "$status" -eq 33 ]
	says 'the release begins'
	[ -f "$RUNG_SOURCE/.git" ] || [ -d "$RUNG_SOURCE/.git" ] || skip "needs the git repository"
	cp "$RUNG_SOURCE/SECURITY.md" .
	grep -q '@SECURITY-CONTACT@' SECURITY.md || return 0 # on the commit of a release
	commit
	release SIGN=ssh:"$BATS_TEST_TMPDIR/key"
	[ "$status" -eq 1 ]
	says 'release.sh: SECURITY.md has the placeholder @SECURITY-CONTACT@: write in its place where reports are read'
	release SIGN=none
	[ "$status" -eq 33 ]
	says 'the release begins'
}

@test "release: a version between releases, a changelog without it, changes and fewer architectures are refused" {
	key
	released_tree
	echo 7.8.9-dev >VERSION
	release SIGN=ssh:"$BATS_TEST_TMPDIR/key" RELEASE_ARCHES=amd64
	[ "$status" -eq 1 ]
	says 'release.sh: VERSION is 7.8.9-dev: a release has three numbers, and may have -rc.N
release.sh: CHANGELOG.md has no line "## 7.8.9-dev - DATE"
release.sh: the tree has changes that are not committed
release.sh: RELEASE_ARCHES is set: a release has all architectures'
	echo 7.8.10-rc.1 >VERSION
	commit
	release SIGN=ssh:"$BATS_TEST_TMPDIR/key" VERSION=7.8.9
	says 'release.sh: CHANGELOG.md has no line "## 7.8.10-rc.1 - DATE"'
}

@test "release: the version of the tree has a section in the changelog" {
	local version
	version=$(<"$RUNG_SOURCE/VERSION")
	[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+(-rc\.[0-9]+|-dev)?$ ]]
	grep -qE "^## ${version%-dev} - (unreleased|[0-9]{4}-[0-9]{2}-[0-9]{2})$" "$RUNG_SOURCE/CHANGELOG.md"
}

@test "release: the signature is that of the key, and of the file" {
	key
	echo sums >SHA256SUMS
	run -0 "$RUNG_SOURCE/scripts/sign.sh" ssh:"$PWD/key" SHA256SUMS
	says ''
	printf 'releaser %s\n' "$(<key.pub)" >signers
	verify() { ssh-keygen -Y verify -n rung-release -f signers -I releaser -s SHA256SUMS.sig <SHA256SUMS; }
	verify
	cp SHA256SUMS.sig first
	"$RUNG_SOURCE/scripts/sign.sh" ssh:"$PWD/key" SHA256SUMS
	cmp first SHA256SUMS.sig
	echo other >SHA256SUMS
	! verify || false
}

@test "release: gpg signs with the key that is named" {
	needs_command gpg
	export GNUPGHOME=$PWD/gnupg
	mkdir -m 0700 gnupg
	gpg --batch --quiet --pinentry-mode loopback --passphrase '' --quick-generate-key releaser@localhost ed25519 sign never 3>&- 2>/dev/null
	gpg --batch --quiet --pinentry-mode loopback --passphrase '' --quick-generate-key other@localhost ed25519 sign never 3>&- 2>/dev/null
	echo sums >SHA256SUMS
	run -0 "$RUNG_SOURCE/scripts/sign.sh" gpg:other@localhost SHA256SUMS 3>&-
	says ''
	run -0 gpg --batch --verify SHA256SUMS.asc SHA256SUMS 3>&-
	mentions 'Good signature from "other@localhost"'
	gpgconf --kill all
}

# Prints the modules of go.mod, as PATH VERSION.
modules() {
	sed -nE 's/^(require )?[[:space:]]*([a-z0-9.]+\.[a-z]+\/[^ ]+) (v[^ ]+).*/\2 \3/p' "$RUNG_SOURCE/go.mod"
}

@test "release: the SBOM and the notices have every module of go.mod, and the binary has no other" {
	needs_command go
	needs_command git
	[ "$(modules | wc -l)" -gt 10 ]
	in_source() { (cd "$RUNG_SOURCE" && env -u GOFLAGS "$@"); }
	in_source scripts/go mod vendor -o "$PWD/vendor" 3>&-
	printf 'amd64\tlibseccomp\t1\tLGPL-2.1-only\t%s\n' "$RUNG_SOURCE/LICENSE" >libraries
	cp "$RUNG" rung
	in_source scripts/go run ./tools/sbom -version 7.8.9 -vendor "$PWD/vendor" -libraries "$PWD/libraries" -lgpl "$RUNG_SOURCE/LICENSE" \
		-go-licence "$RUNG_SOURCE/LICENSE" -sbom "$PWD/sbom.json" -notices "$PWD/notices" "amd64=$PWD/rung" 3>&-
	local module
	while read -r module; do
		jq -e --arg wanted "$module" '.packages | any("\(.name) \(.versionInfo)" == $wanted and .licenseDeclared != "")' sbom.json >/dev/null ||
			fail "the SBOM has no $module"
		grep -qF "$module (" notices || fail "the notices do not list $module"
		grep -qF "$module: LICEN" notices || fail "the notices have no licence of $module"
	done < <(modules)
	jq -e '[.relationships[] | select(.relationshipType == "STATIC_LINK")] | length > 6' sbom.json
}

@test "package: the .deb has what make install installs, the profile and the licences, twice the same bytes" {
	needs_command dpkg-deb
	needs_command make
	export SOURCE_DATE_EPOCH=1700000000 VERSION=7.8.9-rc.1 MAINTAINER='Some Body <body@localhost>'
	# A small file is packed much sooner than rung.
	printf '#!/bin/sh\n' >small
	chmod 0755 small
	RUNG=small "$RUNG_SOURCE/scripts/package-tree.sh" one "$RUNG_SOURCE/README.md"
	mkdir 'with spaces'
	export TMPDIR="$PWD/with spaces"
	(umask 077 && RUNG=small "$RUNG_SOURCE/scripts/package-tree.sh" 'with spaces/two' "$RUNG_SOURCE/README.md")
	"$RUNG_SOURCE/scripts/deb.sh" one arm64 one.deb
	(umask 077 && "$RUNG_SOURCE/scripts/deb.sh" 'with spaces/two' arm64 two.deb)
	cmp one.deb two.deb
	[ "$(dpkg-deb --field one.deb Package Version Architecture Maintainer)" = 'Package: rung
Version: 7.8.9~rc.1-1
Architecture: arm64
Maintainer: Some Body <body@localhost>' ]
	run -0 dpkg-deb --contents one.deb
	[ "$(awk '{ print $2 }' <<<"$output" | sort -u)" = root/root ]
	mentions ' ./usr/bin/rung' ' ./usr/share/man/man8/rung-run.8.gz' ' ./usr/share/bash-completion/completions/rung' \
		' ./usr/share/zsh/vendor-completions/_rung' ' ./usr/share/fish/vendor_completions.d/rung.fish' \
		' ./usr/share/rung/apparmor.d/rung' ' ./usr/share/doc/rung/copyright' ' ./usr/share/doc/rung/README.md'
	dpkg-deb --control one.deb control
	(cd one && md5sum --check --quiet ../control/md5sums)
	[ "$(wc -l <control/md5sums)" = "$(find one -type f | wc -l)" ]
	for script in control/{postinst,prerm} one/usr/share/rung/maintain; do
		[ -x "$script" ]
		sh -n "$script"
	done
	command -v rpmbuild >/dev/null || return 0
	"$RUNG_SOURCE/scripts/rpm.sh" one arm64 one.rpm
	(unset TMPDIR && "$RUNG_SOURCE/scripts/rpm.sh" one arm64 two.rpm)
	cmp one.rpm two.rpm
}
