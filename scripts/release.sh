#!/usr/bin/env bash
# Makes a release of the last commit in build/release/rung-VERSION: for each architecture a static binary, a .deb and an .rpm;
# the sources with all Go modules, the sources of the linked libraries in C, licences, an SBOM, checksums and their signature.
#
#   SIGN=gpg:KEY release.sh         signs SHA256SUMS with this key of gpg's
#   SIGN=ssh:FILE release.sh        signs it with ssh-keygen -Y and this key
#   SIGN=none release.sh            a trial build: not signed, of any commit, with the placeholders that a release may not have
#   release.sh fetch                only fetches what the release is made of; after it the others need no network
#
#   VERSION          only for trial builds (default: the file VERSION)
#   RELEASE_ARCHES   only for trial builds (default: all, scripts/arch.sh)
#
# The same commit gives the same bytes, whoever builds it, with the tools and libraries of rung-VERSION.buildinfo. Only a
# signature by gpg differs, because it has the time at which it was made.
set -euo pipefail

# shellcheck source=scripts/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"
# shellcheck source=scripts/arch.sh
. "$repo/scripts/arch.sh"
cd "$repo"
umask 022
unset CC RUNG_LIBC RUNG_LDFLAGS COMMIT CGO_CFLAGS CGO_LDFLAGS

# The tree may belong to another user: git reads such a tree only if it is marked as safe.
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0=$repo

sources=build/linked-sources

# ---- what a release may not be --------------------------------------------------------------------------------------

# Prints each reason why this commit is no release.
reasons_against() {
	[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+(-rc\.[0-9]+)?$ ]] || echo "VERSION is $version: a release has three numbers, and may have -rc.N"
	grep -qE "^## $version - [0-9]{4}-[0-9]{2}-[0-9]{2}$" CHANGELOG.md ||
		echo "CHANGELOG.md has no line \"## $version - DATE\""
	! grep -q '@SECURITY-CONTACT@' SECURITY.md ||
		echo 'SECURITY.md has the placeholder @SECURITY-CONTACT@: write in its place where reports are read'
	[ -z "$(git status --porcelain)" ] || echo 'the tree has changes that are not committed'
	[ -z "${RELEASE_ARCHES:-}" ] || echo 'RELEASE_ARCHES is set: a release has all architectures'
}

check_key() {
	case ${SIGN:-} in
	gpg:?* | ssh:?*) scripts/sign.sh "$SIGN" ;;
	none) trial=yes ;;
	*) die 'name the key that signs the release: SIGN=gpg:KEY or SIGN=ssh:FILE (SIGN=none for a trial build)' ;;
	esac
}

check_release() {
	local reasons reason
	check_key
	[ -z "$trial" ] || return 0
	version=$(<VERSION)
	mapfile -t reasons < <(reasons_against)
	for reason in "${reasons[@]}"; do
		warn "$reason"
	done
	[ ${#reasons[@]} = 0 ] || exit 1
}

# ---- what is fetched ------------------------------------------------------------------------------------------------

# Everything that is there already is not fetched again. The Go modules are those that the source tarball will have.
fetch() {
	local arch parts=() modules
	for arch in "${release_arches[@]}"; do
		parts+=("cross-$arch")
	done
	scripts/install-deps.sh build dist release "${parts[@]}"
	for arch in "${release_arches[@]}"; do
		[ "$arch" = "$(arch_of_machine)" ] || scripts/cross-libraries.sh "$arch" >/dev/null
	done
	modules=$(mktemp -d)
	scripts/go mod vendor -o "$modules/vendor"
	rm -rf "$modules"
	fetch_linked_sources
}

# Prints the libraries in C of all architectures (scripts/linked-libraries.sh).
linked_libraries() {
	local arch
	for arch in "${release_arches[@]}"; do
		scripts/linked-libraries.sh "$arch"
	done
}

# Prints the source packages of libraries in C, as NAME=VERSION. The terms of libgcc ask for no sources.
packages_of_linked() {
	linked_libraries | awk -F '\t' '$4 !~ /GCC-exception/ { print $2 "=" $3 }' | sort -u
}

fetch_linked_sources() {
	local packages
	packages=$(packages_of_linked)
	# shellcheck disable=SC2086 # words
	scripts/source-packages.sh $sources $packages
}

# ---- what is made ---------------------------------------------------------------------------------------------------

make_sources() {
	VERSION=$version scripts/dist.sh >/dev/null
	mv "build/$name.tar.xz" "$out/"
	tar -C "$work" -xf "$out/$name.tar.xz"
}

# Puts the sources of the libraries in C into one archive. They are compressed already.
make_linked_sources() {
	local packages
	mapfile -t packages < <(packages_of_linked | tr '=' _)
	tar -C $sources --format=gnu --sort=name --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX --mtime="@$SOURCE_DATE_EPOCH" \
		--transform "s,^,$name-linked-sources/," -cf "$out/$name-linked-sources.tar" "${packages[@]}"
}

# Builds from the source tarball, so that what is released is what others can build.
make_binaries() {
	local arch
	for arch in "${release_arches[@]}"; do
		warn "building for $arch"
		if [ "$arch" != "$(arch_of_machine)" ]; then
			mkdir -p "$work/$name/build/cross/$arch"
			ln -s "$repo/build/cross/$arch/libraries" "$work/$name/build/cross/$arch/libraries"
		fi
		env -u VERSION ARCH="$arch" "$work/$name/scripts/build.sh" "$work/rung-$arch"
		install -m 0755 "$work/rung-$arch" "$out/$name-linux-$arch"
	done
}

make_documents() {
	local arch binaries=()
	linked_libraries >"$work/libraries"
	for arch in "${release_arches[@]}"; do
		binaries+=("$arch=$repo/$out/$name-linux-$arch")
	done
	(cd "$work/$name" && scripts/go run ./tools/sbom -version "$version" -epoch "$SOURCE_DATE_EPOCH" -libraries "$work/libraries" \
		-go-licence "$(go_licence)" -sbom "$repo/$out/$name.spdx.json" -notices "$repo/$out/$name-THIRD-PARTY-NOTICES.txt" "${binaries[@]}")
	build_information >"$out/$name.buildinfo"
}

# Prints the path of the licence of Go's standard library. Debian has it in another place than Go's own archive.
go_licence() {
	local goroot file
	goroot=$("$repo/scripts/go" env GOROOT)
	for file in "$goroot/LICENSE" "/usr/share/doc/golang-${goroot##*go-}-go/copyright"; do
		[ ! -r "$file" ] || {
			echo "$file"
			return
		}
	done
	die "no licence of Go in $goroot"
}

# Prints what a second builder needs to get the same bytes.
build_information() {
	local arch
	printf 'version: %s\ncommit: %s\nSOURCE_DATE_EPOCH: %s\n' "$version" "$(git rev-parse HEAD)" "$SOURCE_DATE_EPOCH"
	printf 'go: %s\n' "$("$work/$name/scripts/go" env GOVERSION)"
	dpkg-query -W -f 'installed: ${Package} ${Version}\n' dpkg gcc musl-tools libseccomp-dev rpm xz-utils
	linked_libraries | awk -F '\t' '{ print "linked for " $1 ": " $2 " " $3 }'
	for arch in "${release_arches[@]}"; do
		describe_arch "$arch"
		printf 'compiler for %s: %s\n' "$arch" "$("$triplet-gcc" --version | sed -n 1p)"
	done
}

make_packages() {
	local arch tree
	MAINTAINER=$(git log -1 --format='%cn <%ce>')
	export MAINTAINER VERSION=$version
	cp "$out/$name-THIRD-PARTY-NOTICES.txt" "$work/THIRD-PARTY-NOTICES.txt"
	cp "$out/$name.spdx.json" "$work/rung.spdx.json"
	for arch in "${release_arches[@]}"; do
		describe_arch "$arch"
		tree=$work/tree-$arch
		RUNG=$out/$name-linux-$arch "$work/$name/scripts/package-tree.sh" "$tree" "$work/THIRD-PARTY-NOTICES.txt" "$work/rung.spdx.json"
		"$work/$name/scripts/deb.sh" "$tree" "$arch" "$out/rung_${version//-/\~}-1_$debian.deb"
		"$work/$name/scripts/rpm.sh" "$tree" "$arch" "$out/rung-${version//-/\~}-1.$rpm.rpm"
	done
}

sign() {
	(cd "$out" && sha256sum -- * >"$work/SHA256SUMS" && mv "$work/SHA256SUMS" .)
	[ -n "$trial" ] || scripts/sign.sh "$SIGN" "$out/SHA256SUMS"
}

trial=''
version=${VERSION:-$(<VERSION)}
read -ra release_arches <<<"${RELEASE_ARCHES:-${arches[*]}}"
for arch in "${release_arches[@]}"; do
	describe_arch "$arch"
done
case ${1:-} in
fetch)
	fetch
	exit
	;;
'') ;;
*) die "usage: SIGN=... ${0##*/} [fetch]" ;;
esac
git rev-parse -q --verify HEAD >/dev/null 2>&1 || die 'the sources are no git repository: a release is made of a commit'
check_release
fetch >&2
export GOPROXY=off SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
name=rung-$version
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
final=build/release/$name
out=build/release/.new-$name
rm -rf "$out"
mkdir -p "$out"
make_sources
make_linked_sources
make_binaries
make_documents
make_packages
sign
rm -rf "$final"
mv "$out" "$final"
echo "$final"
