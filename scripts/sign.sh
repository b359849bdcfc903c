#!/usr/bin/env bash
# Signs a file with a key that its caller names, and checks the signature: FILE.asc by gpg, FILE.sig by ssh-keygen.
#
#   sign.sh gpg:KEY FILE       KEY: as for gpg --local-user
#   sign.sh ssh:KEYFILE FILE   a private key, or a public one whose private one ssh-agent has
#   sign.sh KEY                only checks that there is such a key
set -euo pipefail

# shellcheck source=scripts/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

with_gpg() { # KEY [FILE]
	gpg --batch --list-secret-keys "$1" >/dev/null 2>&1 || die "gpg has no secret key $1"
	[ $# = 2 ] || return 0
	gpg --batch --yes --local-user "$1" --armor --output "$2.asc" --detach-sign "$2"
	gpg --batch --quiet --verify "$2.asc" "$2" 2>/dev/null || die "the signature of $2 is not valid"
}

with_ssh() { # KEYFILE [FILE]
	ssh-keygen -l -f "$1" >/dev/null 2>&1 || die "$1 is not a key of ssh"
	[ $# = 2 ] || return 0
	rm -f "$2.sig"
	ssh-keygen -q -Y sign -n rung-release -f "$1" "$2"
	ssh-keygen -q -Y check-novalidate -n rung-release -s "$2.sig" <"$2" >/dev/null || die "the signature of $2 is not valid"
}

case ${1:-} in
gpg:?*) with_gpg "${1#gpg:}" "${@:2}" ;;
ssh:?*) with_ssh "${1#ssh:}" "${@:2}" ;;
*) die 'name the key that signs: gpg:KEY or ssh:FILE' ;;
esac
