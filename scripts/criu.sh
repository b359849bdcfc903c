#!/usr/bin/env bash
# Gets a CRIU that works on kernels newer than the machine's Debian: that of Debian's unstable suite, unpacked with its
# libraries into build/tools/criu, and prints the path of a program "criu" that runs it. Nothing of the system is
# changed: apt works on a directory of its own, with the mirror that the machine uses.
#
#   criu.sh [DIR]        prints DIR/bin/criu (default: build/tools/criu/bin/criu)
set -euo pipefail

# shellcheck source=scripts/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

dir=$(realpath -m "${1:-$repo/build/tools/criu}")
program=$dir/bin/criu

# The mirror of the machine's own sources.
mirror() {
	local uri
	# shellcheck disable=SC2016 # expanded by apt
	uri=$(apt-get indextargets --format '$(REPO_URI)' 'Origin: Debian' 'Label: Debian' 2>/dev/null | head -n 1)
	[ -n "$uri" ] || die "apt knows no source of Debian's packages"
	printf '%s\n' "$uri"
}

configure_apt() { # DIR
	mkdir -p "$1"/{parts,lists/partial,archives/partial}
	: >"$1/status"
	printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s unstable main\n' "$(mirror)" >"$1/sources.list"
	cat >"$1/apt.conf" <<-END
		Dir::Etc::sourcelist "$1/sources.list";
		Dir::Etc::sourceparts "$1/parts";
		Dir::Etc::preferencesparts "$1/parts";
		Dir::State "$1";
		Dir::State::status "$1/status";
		Dir::State::lists "$1/lists";
		Dir::Cache "$1";
		Dir::Cache::archives "$1/archives";
		APT::Sandbox::User "$(id -un)";
		APT::Install-Recommends "false";
		Acquire::Languages "none";
		Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
		Debug::NoLocking "true";
	END
}

# By its own loader: its C library is newer than the machine's. The environment stays, for the programs that CRIU runs
# (tar, ip, iptables-restore) are the machine's.
write_program() { # DIR
	local loader
	loader=$(cd "$1/root" && find usr -name 'ld-linux-*.so.*' -o -name 'ld64.so.*' | head -n 1)
	[ -n "$loader" ] || die 'no loader among the libraries of criu'
	mkdir -p "$1/bin"
	cat >"$1/bin/criu" <<-END
		#!/bin/sh
		exec '$dir/root/$loader' --library-path '$dir/root/${loader%/*}' --argv0 criu '$dir/root/usr/sbin/criu' "\$@"
	END
	chmod 0755 "$1/bin/criu"
}

install_criu() {
	local new package
	new=$(mktemp -d "$(dirname "$dir")/criu.XXXXXX")
	# shellcheck disable=SC2064 # the name is known now
	trap "rm -rf '$new'" EXIT
	configure_apt "$new/apt"
	APT_CONFIG=$new/apt/apt.conf apt-get -q update
	APT_CONFIG=$new/apt/apt.conf apt-get -q install --yes --download-only criu
	for package in "$new"/apt/archives/*.deb; do
		dpkg-deb -x "$package" "$new/root"
	done
	rm -r "$new/apt"
	write_program "$new"
	chmod 0755 "$new"
	rm -rf "$dir"
	mv "$new" "$dir"
}

if [ ! -x "$program" ]; then
	command -v dpkg-deb >/dev/null || die 'this is not Debian: put a criu of your own into PATH'
	mkdir -p "$(dirname "$dir")"
	install_criu >&2
fi
"$program" --version >/dev/null || die "$program does not run"
printf '%s\n' "$program"
