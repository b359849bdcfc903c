#!/usr/bin/env bash
# Makes build/rung-VERSION.tar.xz from the last commit: the sources, and in vendor the Go modules that they need. `make` builds
# it without network and without git. With the same Go and xz the same commit gives the same bytes.
#
#   VERSION            (default: the file VERSION)
#   SOURCE_DATE_EPOCH  time of all files (default: the commit's)
set -euo pipefail

# shellcheck source=scripts/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"
cd "$repo"

# The tree may belong to another user: git reads such a tree only if it is marked as safe.
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0=$repo

git rev-parse -q --verify HEAD >/dev/null 2>&1 || die 'the sources are no git repository: a tarball is made of a commit'
[ -z "$(git status --porcelain)" ] || warn 'what is not committed is left out'
version=${VERSION:-$(<VERSION)}
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
name=rung-$version
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# git archive writes the commit into the file COMMIT (.gitattributes).
git archive --prefix="$name/" HEAD | tar -x -C "$work"
printf '%s\n' "$version" >"$work/$name/VERSION"
(cd "$work/$name" && "$repo/scripts/go" mod vendor) >&2
mkdir -p build
tar -C "$work" --format=gnu --sort=name --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX --mtime="@$epoch" -c "$name" |
	xz -9 -T 1 >"build/$name.tar.xz.new"
mv "build/$name.tar.xz.new" "build/$name.tar.xz"
echo "build/$name.tar.xz"
