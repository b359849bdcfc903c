#!/usr/bin/env bash
# Makes sure that a part of the project has what it needs. On Debian and its derivatives the script installs missing packages
# with apt. Elsewhere it prints what is missing and the command that installs it. If nothing is missing, it needs neither
# network nor root, on any distribution.
#
#   install-deps.sh build|dynamic|run|dist|docs|release|unit|test|lint|fuzz|bench|engines|vm|debian|arch|cross-ARCH ...
#
# For a build and `make run` the script looks for what they use (scripts/needs.sh). The other parts, tests and measurements,
# are made for Debian and have lists of its packages. Elsewhere the script looks for the commands in these packages.
set -euo pipefail

# shellcheck source=scripts/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"
# shellcheck source=scripts/arch.sh
. "$repo/scripts/arch.sh"
# shellcheck source=scripts/needs.sh
. "$repo/scripts/needs.sh"
: "${OS_RELEASE:=/etc/os-release}"

dist=(git xz-utils)
docs=(cmark-gfm man-db groff-base bsdextrautils)
release=(git gpg openssh-client rpm xz-utils)
lint=(git clang-format-19 shellcheck) # scripts/lint.sh says why 19
tests=(musl-tools make bats acl uidmap strace procps iproute2 iptables util-linux "${docs[@]}" zsh fish runc)
bench=(hyperfine time crun runc)
engines=(docker.io containerd podman buildah conmon skopeo umoci runc crun criu mmdebstrap docker-registry fuse-overlayfs
	slirp4netns passt netavark aardvark-dns containernetworking-plugins iptables nftables uidmap tini catatonit socat rootlesskit)
arch=(cpio qemu-user-static jq)
vm=(mmdebstrap busybox-static cpio e2fsprogs xz-utils zstd kmod)

# Prints Debian's packages for a part that has a list of them.
packages_of() { # PART
	case $1 in
	build | dynamic | run) ;;
	dist) printf '%s\n' "${dist[@]}" ;;
	docs) printf '%s\n' "${docs[@]}" ;;
	release) printf '%s\n' "${release[@]}" ;;
	unit) echo uidmap ;;
	lint) printf '%s\n' "${lint[@]}" ;;
	test) printf '%s\n' "${lint[@]}" "${tests[@]}" ;;
	fuzz) clang_with_runtime ;;
	bench) printf '%s\n' busybox-static jq iproute2 procps "${bench[@]}" ;;
	engines) printf '%s\n' busybox-static jq iproute2 procps "${engines[@]}" "$(docker_client)" ;;
	vm) printf '%s\n' "${vm[@]}" ;;
	debian) echo mmdebstrap ;;
	arch) printf '%s\n' "${arch[@]}" ;;
	cross-*) cross_compiler "${1#cross-}" ;;
	esac
}

# Prints the entries of scripts/needs.sh for a part.
needs_of() { # PART
	case $1 in
	dynamic) printf '%s\n' "${needs_of_build[@]}" ;;
	run) printf '%s\n' "${needs_of_run[@]}" ;;
	build | fuzz | vm) printf '%s\n' "${needs_of_build[@]}" "${needs_of_static[@]}" ;;
	unit | test) needs_of build && needs_of run ;;
	esac
}

# Debian 12 and 13 both have a package pkg-config, though its newer name is pkgconf.
cross_compiler() { # ARCH
	describe_arch "$1"
	[ "$1" = "$(arch_of_machine)" ] || printf '%s\n' "gcc-${triplet//_/-}" "libc6-dev-$debian-cross" pkg-config
}

# Since Debian 13 Docker's client is in a package of its own.
docker_client() {
	! apt-cache show docker-cli >/dev/null 2>&1 || echo docker-cli
}

# libFuzzer is in a package of its own, named after the version of clang.
clang_with_runtime() {
	local version
	version=$(clang_version)
	if [ -z "$version" ] && is_debian; then # apt on a new machine has no package lists yet
		as_root apt-get update -q >&2
		version=$(clang_version)
	fi
	printf '%s\n' clang "libclang-rt-$version-dev"
}

clang_version() {
	apt-cache depends clang 2>/dev/null | sed -n 's/.*Depends: clang-\([0-9]*\)$/\1/p'
}

is_installed() { # PACKAGE
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Prints the command to look for on other distributions instead of a Debian package; "true" if the package has none in PATH.
command_of() { # PACKAGE
	case $1 in
	aardvark-dns | ca-certificates | containernetworking-plugins | libclang-rt-* | musl-tools | netavark) echo true ;;
	acl) echo setfacl ;;
	busybox-static) echo busybox ;;
	clang-format-*) echo clang-format ;;
	docker.io) echo dockerd ;;
	e2fsprogs) echo mke2fs ;;
	groff-base) echo groff ;;
	iproute2) echo ip ;;
	kmod) echo modprobe ;;
	man-db) echo man ;;
	nftables) echo nft ;;
	procps) echo ps ;;
	uidmap) echo newuidmap ;;
	util-linux) echo setpriv ;;
	xz-utils) echo xz ;;
	*) echo "$1" ;;
	esac
}

# Prints debian, fedora, alpine or arch: the distribution or the one it derives from (os-release(5)). Prints nothing for others.
family() {
	local id
	# shellcheck source=/dev/null
	for id in $([ ! -r "$OS_RELEASE" ] || (. "$OS_RELEASE" && echo "${ID:-} ${ID_LIKE:-}")); do
		case $id in
		debian | ubuntu) echo debian ;;
		fedora | rhel | centos) echo fedora ;;
		alpine | arch) echo "$id" ;;
		*) continue ;;
		esac
		return
	done
}

is_debian() {
	[ "$family" = debian ] && has_command apt-get && has_command dpkg-query
}

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	else
		sudo "$@"
	fi
}

# policy-rc.d keeps Debian from starting the services of engines when their packages are installed. --no-remove keeps apt from
# removing docker-ce and containerd.io, which conflict with Debian's runc.
install_packages() {
	local policy=/usr/sbin/policy-rc.d
	if [ ! -e $policy ]; then
		# shellcheck disable=SC2064 # the name is known now
		trap "as_root rm -f $policy" EXIT
		printf '#!/bin/sh\nexit 101\n' | as_root tee $policy >/dev/null
		as_root chmod 0755 $policy
	fi
	if ! as_root apt-get update -q || ! as_root env DEBIAN_FRONTEND=noninteractive \
		apt-get install -qy --no-install-recommends --no-remove -o DPkg::Lock::Timeout=300 "$@"; then
		die "apt-get could not install, or not without removing other packages: $*"
	fi
}

# Appends to $missing the entries of scripts/needs.sh that this machine lacks.
look_for() { # NEED...
	local need probe links=
	# A program that links proves that the compiler, the headers and both libraries exist. So one compilation is enough if
	# nothing is missing.
	if [[ "$*" != *has_static_seccomp* ]]; then
		: # `make dynamic`
	elif has_static_seccomp; then
		links=yes
	elif [ "$(compiler)" = musl-gcc ] && RUNG_LIBC=glibc has_static_seccomp; then
		die 'musl-gcc is there, and cannot link this libseccomp.a: build with RUNG_LIBC=glibc'
	fi
	for need; do
		probe=${need#*|} probe=${probe%%|*}
		case $probe in
		has_compiler | has_headers | has_static_*) [ -n "$links" ] || "$probe" || missing+=("$need") ;;
		*) "$probe" || missing+=("$need") ;;
		esac
	done
}

look_for_packages() { # PACKAGE OF DEBIAN'S...
	local package command
	for package; do
		if is_debian; then
			is_installed "$package" || missing+=("$package|-|$package|-|-|-")
		else
			command=$(command_of "$package")
			has_command "$command" || missing+=("$command (in Debian's package $package)|-|$package|-|-|-")
		fi
	done
}

unique() {
	awk '$0 != "" && $0 != "-" && !seen[$0]++'
}

# Prints the missing packages with the names of one distribution, each once.
packages_by() { # debian|fedora|alpine|arch
	local line debian fedora alpine arch
	for line in "${missing[@]}"; do
		# shellcheck disable=SC2034 # ${!1} reads one of them
		IFS='|' read -r _ _ debian fedora alpine arch <<<"$line"
		printf '%s\n' "${!1// /$'\n'}"
	done | unique | paste -sd ' '
}

install_command() { # debian|fedora|alpine|arch
	case $1 in
	debian) echo apt-get install ;;
	fedora) echo dnf install ;;
	alpine) echo apk add ;;
	arch) echo pacman -S --needed ;;
	esac
}

# Prints what is missing and the command that installs it: for this distribution, or for all four if it is unknown.
ask_for_missing() {
	local names name packages
	names=$(printf '%s\n' "${missing[@]}" | cut -d '|' -f 1 | paste -sd ';' | sed 's/;/; /g')
	warn "missing: $names"
	for name in ${family:-debian fedora alpine arch}; do
		packages=$(packages_by "$name")
		[ -z "$packages" ] || echo "  as root: $(install_command "$name") $packages" >&2
	done
	[[ "$names" != *"a static "[Cl]* ]] || echo '  or without static libraries: make dynamic' >&2
}

known=(build dynamic run dist docs release unit test lint fuzz bench engines vm debian arch)
[ $# -gt 0 ] || die "which part? ${known[*]}"
for part; do
	case " ${known[*]} " in
	*" $part "*) ;;
	*) [[ $part = cross-* ]] || die "unknown part: $part (know ${known[*]} cross-ARCH)" ;;
	esac
done
family=$(family)
missing=()
mapfile -t needs < <(for part; do needs_of "$part"; done | unique)
mapfile -t packages < <(for part; do packages_of "$part"; done | unique)
look_for "${needs[@]}"
look_for_packages "${packages[@]}"
[ ${#missing[@]} != 0 ] || exit 0
if ! is_debian || ! { [ "$(id -u)" = 0 ] || has_command sudo; }; then
	ask_for_missing
	exit 1
fi
read -ra packages <<<"$(packages_by debian)"
install_packages "${packages[@]}" >&2
