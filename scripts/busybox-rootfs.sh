#!/usr/bin/env bash
# Makes a root filesystem with the machine's static busybox: one binary, a link for each applet, and the few files
# of /etc that user look-ups need. The default bundle, the tests, the engines' bundles and the benchmark use it.
#
#   busybox-rootfs.sh DIR
set -euo pipefail

# shellcheck source=scripts/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

[ $# -eq 1 ] || {
	echo "usage: ${0##*/} DIR" >&2
	exit 2
}
root=$1
umask 022 # so that processes with other ids can read it
busybox=$(static_busybox) || die 'a static busybox is missing: run scripts/install-deps.sh run'

mkdir -p "$root"/{bin,sbin,usr,dev,etc,home/user,proc,root,run,sys,tmp,var/tmp}
chmod 1777 "$root/tmp" "$root/var/tmp"
chmod 0700 "$root/root"
cp --remove-destination "$busybox" "$root/bin/busybox"
# One process makes all 400 links: a process for each link takes a minute on an emulated machine.
"$busybox" --list | perl -ne 'BEGIN { chdir shift or die } chomp; next if $_ eq "busybox"; unlink;
	symlink "busybox", $_ or die' "$root/bin"
for link in usr/bin usr/sbin; do
	ln -sfn "../${link##*/}" "$root/$link"
done
for applet in init halt; do
	ln -sf ../bin/busybox "$root/sbin/$applet"
done

cat >"$root/etc/passwd" <<'PASSWD'
root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/:/bin/false
user:x:1000:1000:user:/home/user:/bin/sh
nobody:x:65534:65534:nobody:/:/bin/false
PASSWD
cat >"$root/etc/group" <<'GROUP'
root:x:0:
daemon:x:1:
tty:x:5:
users:x:100:user
user:x:1000:
nogroup:x:65534:
GROUP
