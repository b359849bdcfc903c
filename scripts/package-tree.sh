#!/usr/bin/env bash
# Makes the tree of files that the .deb and the .rpm install: rung, man pages, completions, the AppArmor profile, licences.
#
#   package-tree.sh DIR DOCUMENT...        DOCUMENT: further files for /usr/share/doc/rung
#
#   RUNG               the binary (default: ./rung)
#   SOURCE_DATE_EPOCH  time of all files
set -euo pipefail

# shellcheck source=scripts/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

[ $# -ge 1 ] || die 'usage: package-tree.sh DIR DOCUMENT...'
dir=$1
shift
umask 022
share=$dir/usr/share

make -s -C "$repo" install DESTDIR="$(realpath -m "$dir")" PREFIX=/usr BINARY="$(realpath "${RUNG:-$repo/rung}")"
gzip -9n "$share"/man/man8/*.8
install -D -m 0644 "$repo/contrib/apparmor/rung" "$share/rung/apparmor.d/rung"
install -m 0755 "$repo/contrib/packages/maintain" "$share/rung/maintain"
mkdir -p "$share/doc/rung"
install -m 0644 "$repo/LICENSE" "$share/doc/rung/copyright"
gzip -9nc "$repo/CHANGELOG.md" >"$share/doc/rung/changelog.gz"
[ $# = 0 ] || install -m 0644 "$@" "$share/doc/rung"
find "$dir" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
