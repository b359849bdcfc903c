#!/usr/bin/env bash
# Runs as root in a new Debian (scripts/debian-root.sh): installs rung's .deb, upgrades it with containers running, removes it,
# and looks for what is left. Prints a TAP line for each step; the first failure ends it.
#
#   package.sh PREVIOUS.deb NEW.deb BUNDLE RUN_FILE
#
# BUNDLE has a busybox and a program /hello. /share, where the files are, is left out when the system is compared.
set -euo pipefail

previous=$1 new=$2 bundle=$3
work=$(mktemp -d)
number=0
step='the first step'
trap 'ended $?' EXIT

ended() {
	[ "$1" = 0 ] || printf 'not ok %d %s\n' $((number + 1)) "$step"
	rm -rf "$work"
}

begin() { # NAME
	step=$1
}

passed() {
	number=$((number + 1))
	printf 'ok %d %s\n' $number "$step"
}

fail() {
	printf '# %s\n' "$*"
	exit 1
}

is() { # WHAT WANTED FOUND
	[ "$2" = "$3" ] || fail "$1: wanted '$2', found '$3'"
}

version_of() { # DEB
	local version
	version=$(dpkg-deb --field "$1" Version)
	version=${version%-*}
	echo "${version//\~/-}"
}

# Prints everything in the system but what dpkg, apt and this test write.
system() {
	find / /run /tmp -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /share -o -path /root/rung -o -path /var/lib/dpkg \
		-o -path /var/log -o -path /var/cache -o -path /var/lib/apt -o -path "$work" \) -prune -o -printf '%p %y %m %U:%G %l\n' | sort -u
}

cgroups() {
	find /sys/fs/cgroup -type d | sort
}

# Makes a bundle, and prints where. The arguments have no quotes and no backslashes.
container() { # ID PROGRAM...
	local dir=$work/$1 args
	mkdir -p "$dir"
	args=$(printf ',"%s"' "${@:2}")
	sed "s|\"/hello\"|${args:1}|; s|\"rootfs\"|\"$bundle/rootfs\"|" "$bundle/config.json" >"$dir/config.json"
	echo "$dir"
}

wait_for() { # COMMAND...
	local i
	for ((i = 0; i < 100; i++)); do
		! "$@" >/dev/null 2>&1 || return 0
		sleep 0.1
	done
	fail "did not become true in 10 s: $*"
}

status() { # ID
	rung state "$1" | sed -n 's/^ *"status": "\(.*\)",*$/\1/p'
}

is_status() { # ID STATUS
	[ "$(status "$1")" = "$2" ]
}

install_deb() { # DEB
	dpkg --install "$1" >"$work/dpkg" 2>&1 || {
		sed 's/^/# /' "$work/dpkg"
		exit 1
	}
}

start_containers() {
	container detached sleep 1000 >/dev/null
	rung run --detach --bundle "$work/detached" detached </dev/null >/dev/null 2>&1
	container created /bin/sh -c 'echo started; exec sleep 1000' >/dev/null
	rung create --bundle "$work/created" created </dev/null >"$work/created.out" 2>&1
	# A foreground run: its process is a rung of the previous version until it ends.
	container foreground /bin/sh -c 'end() { exit 7; }; trap end TERM; while :; do sleep 0.1; done' >/dev/null
	rung run --bundle "$work/foreground" foreground </dev/null >"$work/foreground.out" 2>&1 &
	foreground=$!
	(wait_for is_status foreground running) || fail "$(<"$work/foreground.out")"
}

use_containers() {
	local ended=0
	is 'the container' running "$(status detached)"
	is 'exec' hello "$(rung exec detached echo hello </dev/null)"
	rung update --pids-limit 50 detached
	rung pause detached
	is 'the container' paused "$(status detached)"
	rung resume detached
	rung start created
	wait_for grep -q started "$work/created.out"
	sleep 1 # until the shell of the foreground container has its trap
	rung kill foreground TERM
	wait $foreground || ended=$?
	is 'the status of the foreground run' 7 "$ended"
	is 'the containers' 'created detached' "$(rung list -q | sort | paste -sd ' ')"
}

# Debian 12 has AppArmor 3, which cannot read the profile; 13 has AppArmor 4.
check_apparmor() { # LINKED yes|no
	local link=/etc/apparmor.d/rung
	if [ "$1" = yes ]; then
		is 'the link of the profile' /usr/share/rung/apparmor.d/rung "$(readlink $link)"
		is 'the profile by its name' rung "$(apparmor_parser --names $link)"
	else
		[ ! -L $link ] || fail "$link is there"
	fi
	apparmor_parser --skip-kernel-load --skip-cache /etc/apparmor.d >/dev/null 2>"$work/parser" ||
		fail "AppArmor cannot read its directory: $(<"$work/parser")"
}

system >"$work/before"
cgroups >"$work/cgroups"

begin 'the previous build is installed'
install_deb "$previous"
is version "rung version $(version_of "$previous")" "$(rung --version | sed -n 1p)"
passed

begin 'it runs a container'
rung run --bundle "$bundle" hello </dev/null >"$work/hello"
grep -q 'Hello from inside the container' "$work/hello"
passed

begin 'an upgrade while containers run'
start_containers
install_deb "$new"
is version "rung version $(version_of "$new")" "$(rung --version | sed -n 1p)"
is 'the version of dpkg' "$(dpkg-deb --field "$new" Version)" "$(dpkg-query -W -f '${Version}' rung)"
passed

begin 'the new build manages them'
use_containers
passed

begin 'it runs a container of its own'
rung run --bundle "$bundle" hello </dev/null >"$work/hello"
grep -q 'Hello from inside the container' "$work/hello"
passed

begin 'every file is there and is what the package has'
is 'dpkg --verify' '' "$(dpkg --verify rung)"
for file in /usr/bin/rung /usr/share/man/man8/rung-run.8.gz /usr/share/bash-completion/completions/rung /usr/share/zsh/vendor-completions/_rung \
	/usr/share/fish/vendor_completions.d/rung.fish /usr/share/doc/rung/{copyright,THIRD-PARTY-NOTICES.txt,rung.spdx.json}; do
	[ -s "$file" ] || fail "no $file"
done
gzip -dc /usr/share/man/man8/rung-run.8.gz | grep -q '^\.TH RUNG'
passed

begin 'removal with containers says so, and leaves them'
dpkg --remove rung >"$work/dpkg" 2>&1
grep -q 'rung: containers are left in /run/rung: created detached' "$work/dpkg" || fail "$(<"$work/dpkg")"
install_deb "$new"
is 'the container' running "$(status detached)"
passed

begin 'removal leaves nothing'
rung delete --force detached
rung delete --force created
dpkg --purge rung >"$work/dpkg" 2>&1
system >"$work/after"
diff "$work/before" "$work/after" >"$work/diff" || fail "$(<"$work/diff")"
diff "$work/cgroups" <(cgroups) >"$work/diff" || fail "$(<"$work/diff")"
passed

begin 'AppArmor that is installed before rung, and after'
linked=no
[ "$(. /etc/os-release && echo "$VERSION_ID")" -lt 13 ] || linked=yes
printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
chmod 0755 /usr/sbin/policy-rc.d
apt-get -qq update
install_deb "$new"
[ ! -e /etc/apparmor.d ] || fail 'there is an /etc/apparmor.d already'
DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends apparmor >"$work/apt" 2>&1 || fail "$(<"$work/apt")"
check_apparmor $linked # by dpkg's trigger
dpkg --purge rung >/dev/null 2>&1
check_apparmor no
install_deb "$new"
check_apparmor $linked
install_deb "$new"
check_apparmor $linked
dpkg --purge rung >/dev/null 2>&1
check_apparmor no
passed

printf '1..%d\n' $number
