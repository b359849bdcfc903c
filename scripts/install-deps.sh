#!/usr/bin/env bash
# Installs what a part of the project needs from Debian's packages. Asks apt only for what is missing, so that
# it is quick, and needs neither network nor root, where everything is there.
#
#   install-deps.sh build|unit|test|lint|fuzz|bench|engines|vm|debian ...
set -euo pipefail

# shellcheck source=scripts/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

build=(gcc libc6-dev libseccomp-dev musl-tools make pkg-config busybox-static jq ca-certificates git)
lint=(clang-format-19 shellcheck) # scripts/lint.sh says why 19
tests=(bats uidmap strace procps iproute2 iptables util-linux man-db groff-base zsh fish runc)
bench=(hyperfine time crun runc)
engines=(docker.io containerd podman buildah conmon skopeo umoci runc crun criu mmdebstrap docker-registry fuse-overlayfs
	slirp4netns passt netavark aardvark-dns containernetworking-plugins iptables nftables uidmap tini catatonit socat)
vm=(mmdebstrap busybox-static cpio e2fsprogs xz-utils kmod)

packages_of() {
	case $1 in
	build) printf '%s\n' "${build[@]}" "$(needs_go)" ;;
	unit) packages_of build && echo uidmap ;;
	lint) printf '%s\n' "${lint[@]}" ;;
	test) packages_of build && printf '%s\n' "${lint[@]}" "${tests[@]}" ;;
	fuzz) packages_of build && clang_with_runtime ;;
	bench) packages_of build && printf '%s\n' "${bench[@]}" ;;
	engines) printf '%s\n' busybox-static jq "${engines[@]}" ;;
	vm) packages_of build && printf '%s\n' "${vm[@]}" ;;
	debian) echo mmdebstrap ;;
	*) die "unknown part: $1 (know build, unit, test, lint, fuzz, bench, engines, vm, debian)" ;;
	esac
}

# Any go will do: scripts/go gets the version that go.mod names by it.
needs_go() {
	command -v go >/dev/null || [ -x /usr/local/go/bin/go ] || echo golang-go
}

# libFuzzer is in a package of its own, named after the version of clang.
clang_with_runtime() {
	local version
	version=$(clang_version)
	if [ -z "$version" ]; then # a new machine, whose apt knows no packages yet
		as_root apt-get update -q >&2
		version=$(clang_version)
	fi
	printf '%s\n' clang "libclang-rt-$version-dev"
}

clang_version() {
	apt-cache depends clang 2>/dev/null | sed -n 's/.*Depends: clang-\([0-9]*\)$/\1/p'
}

is_installed() {
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		die "needs root to install: ${missing[*]}"
	fi
}

# Engines must not start their services because their package is installed: policy-rc.d is Debian's way to say so.
# Nothing is removed: Debian's runc would put docker-ce and containerd.io out of the way.
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

[ $# -gt 0 ] || die 'which part? build, unit, test, lint, fuzz, bench, engines, vm, debian'
command -v dpkg-query >/dev/null || die 'this is not Debian: install by hand what the lists in this script name'

missing=()
for part; do
	packages=$(packages_of "$part")
	for package in $packages; do
		is_installed "$package" || missing+=("$package")
	done
done
[ ${#missing[@]} = 0 ] || install_packages "${missing[@]}" >&2
