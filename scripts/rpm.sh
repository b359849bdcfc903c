#!/usr/bin/env bash
# Makes an .rpm of a tree of scripts/package-tree.sh: the same bytes for the same tree and the same rpm.
#
#   rpm.sh DIR ARCH FILE
#
#   VERSION            (default: the file VERSION); 1.0.0-rc.1 becomes 1.0.0~rc.1, which is older than 1.0.0
#   MAINTAINER         name and address
#   SOURCE_DATE_EPOCH  time of all files
set -euo pipefail

# shellcheck source=scripts/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"
# shellcheck source=scripts/arch.sh
. "$repo/scripts/arch.sh"

[ $# = 3 ] || die 'usage: rpm.sh DIR ARCH FILE'
: "${SOURCE_DATE_EPOCH:?}" "${MAINTAINER:?}"
file=$3
describe_arch "$2"
version=${VERSION:-$(<"$repo/VERSION")}
umask 022
case ${TMPDIR:-} in *[[:space:]]*) export TMPDIR=/tmp ;; esac # rpmbuild splits the paths in a spec
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Only Debian has another directory for completions of zsh.
cp -a "$1" "$work/tree"
dir=$work/tree
mv "$dir"/usr/share/zsh/{vendor-completions,site-functions}
touch -h -d "@$SOURCE_DATE_EPOCH" "$dir"/usr/share/zsh

# Prints the files and the directories that are only rung's.
list_files() {
	(cd "$dir" && find usr -type d \( -path usr/share/rung -o -path 'usr/share/rung/*' -o -path usr/share/doc/rung \) -printf '%%dir /%p\n' -o \
		-type f -printf '/%p\n' | sort)
}

list_files >"$work/files"
settings=("tree $dir" "rpm_version ${version//-/\~}" "packager_name $MAINTAINER" "file_list $work/files"
	"_topdir $work/top" "_rpmdir $work/rpms" '_buildhost localhost' 'use_source_date_epoch_as_buildtime 1'
	'clamp_mtime_to_source_date_epoch 1' '_binary_payload w9.xzdio' '_source_filedigest_algorithm 8')
defines=()
for setting in "${settings[@]}"; do
	defines+=(--define "$setting")
done
HOME=$work rpmbuild -bb --quiet --target "$rpm-linux" --dbpath "$work/db" "${defines[@]}" "$repo/contrib/packages/rung.spec" >"$work/log" 2>&1 || {
	cat "$work/log" >&2
	die "rpmbuild failed for $2"
}
mv "$work"/rpms/*/*.rpm "$file"
