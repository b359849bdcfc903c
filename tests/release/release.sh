#!/usr/bin/env bash
# Tests a release: makes a trial one twice, the second time without network, and compares the bytes; looks at the files; installs,
# upgrades and removes the packages in a new Debian 12 and 13 and with rpm's tools; links rung with a changed libseccomp.
# Needs root, and Debian 12 or 13. Prints TAP. RELEASE_ARCHES limits the architectures.
set -uo pipefail

# shellcheck source=scripts/lib.sh
. "$(dirname "$(readlink -f "$0")")/../../scripts/lib.sh"
# shellcheck source=scripts/arch.sh
. "$repo/scripts/arch.sh"
cd "$repo" || exit 1
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*'
unset VERSION SOURCE_DATE_EPOCH
read -ra tested <<<"${RELEASE_ARCHES:-${arches[*]}}"
own=$(arch_of_machine)
version=$(<VERSION)
release=build/release/rung-$version
results=build/release/test
number=0
failures=0

record() { # STATUS NAME OUTPUT-FILE
	number=$((number + 1))
	if [ "$1" = 0 ]; then
		printf 'ok %d %s\n' $number "$2"
	else
		failures=$((failures + 1))
		printf 'not ok %d %s\n' $number "$2"
		tail -n 60 "$3" | sed 's/^/# /'
	fi
}

# Runs a function or a command as a test.
check() { # NAME COMMAND...
	local status=0
	("${@:2}") >"$results/output" 2>&1 || status=$?
	record $status "$1" "$results/output"
	return $status
}

twice() {
	SIGN=none scripts/release.sh || return
	rm -rf "$results/first"
	mv "$release" "$results/first"
	mkdir -p "$results/a place with spaces"
	(umask 077 && TZ=Asia/Tokyo LANG=C TMPDIR="$repo/$results/a place with spaces" SIGN=none unshare --net scripts/release.sh) || return
	diff -r "$results/first" "$release"
}

files() {
	local arch name=$release/rung-$version machine_of
	(cd "$release" && sha256sum --check --quiet SHA256SUMS && [ "$(wc -l <SHA256SUMS)" = "$(($(find . -type f | wc -l) - 1))" ]) || return
	jq -e '.spdxVersion == "SPDX-2.3"' "$name.spdx.json" || return
	for arch in "${tested[@]}"; do
		describe_arch "$arch"
		machine_of=$(od -An -t u1 -j 18 -N 2 "$name-linux-$arch" | awk '{ print $1 + $2 }')
		[ "$machine_of" = "$machine" ] || { echo "$arch: machine $machine_of" && return 1; }
		! readelf --program-headers "$name-linux-$arch" | grep INTERP || return
		[ "$(dpkg-deb --field "$release/rung_${version//-/\~}-1_$debian.deb" Architecture)" = "$debian" ] || return
		[ "$(rpm -qp --qf '%{ARCH}' "$release/rung-${version//-/\~}-1.$rpm.rpm")" = "$rpm" ] || return
		jq -e --arg sum "$(sha256sum "$name-linux-$arch" | cut -d ' ' -f 1)" --arg name "rung-linux-$arch" \
			'.packages[] | select(.name == $name) | .checksums[0].checksumValue == $sum' "$name.spdx.json" || return
	done
}

# The build before this one: the last release, or the previous commit.
previous_commit() {
	git describe --tags --abbrev=0 --match 'v[0-9]*' HEAD~1 2>/dev/null || git rev-parse HEAD~1
}

make_previous() {
	local tree=$results/previous
	rm -rf "$tree"
	git clone -q "$repo" "$tree" && git -C "$tree" checkout -q "$(previous_commit)" || return
	[ -x "$tree/scripts/release.sh" ] || { echo 'the previous commit has no scripts/release.sh' && return 1; }
	mkdir -p "$tree/build"
	ln -s "$repo/build/linked-sources" "$tree/build/linked-sources"
	VERSION=0.0.0-previous SIGN=none RELEASE_ARCHES=$own "$tree/scripts/release.sh"
}

# Puts what the tests in the new systems need into one directory.
share() {
	rm -rf "$results/share"
	mkdir -p "$results/share"
	cp "$release/rung_${version//-/\~}-1_$debian.deb" "$results/share/new.deb" &&
		cp "$release/rung-${version//-/\~}-1.$rpm.rpm" "$results/share/new.rpm" &&
		cp "$results"/previous/build/release/rung-*/rung_*.deb "$results/share/previous.deb" &&
		cp "$results"/previous/build/release/rung-*/rung-*.rpm "$results/share/previous.rpm" &&
		RUNG=$release/rung-$version-linux-$own scripts/default-bundle.sh "$results/share/bundle"
}

in_debian() { # SUITE
	timeout -k 30 1200 scripts/debian-root.sh --share "$results/share" "$1" tests/release/package.sh /share/previous.deb /share/new.deb /share/bundle
}

# Changes a string in libseccomp.a, and links rung with it as the notices say.
relink() {
	local dir=$results/relink mark=LGPLCHANGED
	rm -rf "$dir"
	mkdir -p "$dir/lib"
	tar -C "$dir" -xf "$release/rung-$version.tar.xz" || return
	sed 's/sched_rr_get_interval_time64/sched_rr_get_'$mark'_t64/g' "$(gcc -print-file-name=libseccomp.a)" >"$dir/lib/libseccomp.a"
	grep -q $mark "$dir/lib/libseccomp.a" || { echo 'libseccomp.a was not changed' && return 1; }
	(cd "$dir/rung-$version" && CC="gcc -B$repo/$dir/lib/" scripts/build.sh rung) || return
	grep -q $mark "$dir/rung-$version/rung" && "$dir/rung-$version/rung" --version
}

[ "$(id -u)" = 0 ] || die 'needs root'
mkdir -p "$results"
describe_arch "$own"
if check 'two runs give the same bytes, the second one without network' twice; then
	check 'checksums, SBOM, and each binary and package for its architecture' files
	check 'rung is linked with a changed libseccomp' relink
	if check 'the build before this one' make_previous && check 'the bundle' share; then
		check 'the .rpm with the tools of rpm' tests/release/rpm.sh "$results/share/previous.rpm" "$results/share/new.rpm"
		check 'the .deb in a new Debian 12' in_debian bookworm
		check 'the .deb in a new Debian 13' in_debian trixie
	fi
fi
printf '1..%d\n%d passed, %d failed\n' $number $((number - failures)) $failures
[ $failures = 0 ]
