#!/usr/bin/env bash
# Makes a .deb of a tree of scripts/package-tree.sh: the same bytes for the same tree and the same dpkg and xz.
#
#   deb.sh DIR ARCH FILE
#
#   VERSION            (default: the file VERSION); 1.0.0-rc.1 becomes 1.0.0~rc.1, which is older than 1.0.0
#   MAINTAINER         name and address
#   SOURCE_DATE_EPOCH  time of all files
set -euo pipefail

# shellcheck source=scripts/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"
# shellcheck source=scripts/arch.sh
. "$repo/scripts/arch.sh"

[ $# = 3 ] || die 'usage: deb.sh DIR ARCH FILE'
: "${SOURCE_DATE_EPOCH:?}" "${MAINTAINER:?}"
dir=$1 file=$3
describe_arch "$2"
version=${VERSION:-$(<"$repo/VERSION")}
umask 022
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 0755 "$work"

cp -a "$dir/." "$work/"
mkdir "$work/DEBIAN"
(cd "$work" && find usr -type f -print0 | sort -z | xargs -0 md5sum) >"$work/DEBIAN/md5sums"
install -m 0755 "$repo"/contrib/packages/{postinst,prerm} "$work/DEBIAN"
install -m 0644 "$repo/contrib/packages/triggers" "$work/DEBIAN"
cat >"$work/DEBIAN/control" <<END
Package: rung
Version: ${version//-/\~}-1
Architecture: $debian
Maintainer: $MAINTAINER
Installed-Size: $(find "$dir" -type f -printf '%s\n' | awk '{ kib += int(($1 + 1023) / 1024) } END { print kib }')
Recommends: uidmap
Suggests: apparmor, criu
Section: admin
Priority: optional
Description: low-level OCI container runtime
 rung reads the config.json of an OCI bundle, builds the container and hands
 over to the container's process. It replaces runc under Docker, containerd,
 Podman and Kubernetes: commands, flags, output and exit codes are the same.
 The program is static.
END
find "$work" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
dpkg-deb --root-owner-group --threads-max=1 -Zxz -z9 --build "$work" "$file" >/dev/null
