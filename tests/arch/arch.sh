#!/usr/bin/env bash
# Builds rung for another architecture in build/cross/ARCH, runs tests, and prints TAP.
#
#   arch.sh machine ARCH [FILE]...    runs the C tests, the Go tests and the integration tests of FILE (default: the smoke
#                                     suite below) as root, in a machine that QEMU emulates, with Debian's Linux
#   arch.sh user ARCH                 runs the stage and the commands that make no container under qemu-user, and the stage of a
#                                     program that plain go build made
#   arch.sh shell ARCH                starts a shell in that machine
#
# The machine's root file system is in its memory and comes from an initramfs. Debian's packages are unpacked and never
# configured, so no program of the architecture runs on this machine. A 32-bit architecture runs on the kernel of the
# corresponding 64-bit one. Status 77: there is no machine, and the last line of standard error says why.
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
# shellcheck source=scripts/lib.sh
. "$here/../../scripts/lib.sh"
# shellcheck source=scripts/arch.sh
. "$repo/scripts/arch.sh"
cd "$repo"

cache=${VM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/rung-vm}/arch
suite=trixie
packages=(base-files bash bats busybox-static coreutils dash debianutils diffutils findutils grep gzip hostname iproute2 jq
	libc-bin libcap2-bin mawk mount passwd perl-base procps sed strace tar uidmap util-linux)
smoke=(lifecycle run exec update pause seccomp kill delete devices)
memory=2048

lacks() {
	warn "needs $*"
	exit 77
}

need() {
	local command
	for command; do
		command -v "$command" >/dev/null || die "needs $command: scripts/install-deps.sh arch"
	done
}

hash_of() { printf '%s\n' "$@" | sha256sum | cut -c1-12; }

# describe_machine sets the emulator and the kernel for an architecture.
describe_machine() { # ARCH
	kernel_suite=$suite
	case $1 in
	arm64 | armhf) emulator=aarch64 kernel_arch=arm64 kernel_package=linux-image-cloud-arm64 console=ttyAMA0 hardware=(-M virt -cpu cortex-a72) ;;
	riscv64) emulator=riscv64 kernel_arch=riscv64 kernel_package=linux-image-riscv64 console=ttyS0 hardware=(-M virt) ;;
	ppc64le) emulator=ppc64 kernel_arch=ppc64el kernel_package=linux-image-powerpc64le console=hvc0 hardware=(-M pseries) kernel_suite=bookworm ;;
	s390x) emulator=s390x kernel_arch=s390x kernel_package=linux-image-s390x console=ttysclp0 hardware=(-M s390-ccw-virtio) kernel_suite=bookworm ;;
	i386) emulator=x86_64 kernel_arch=amd64 kernel_package=linux-image-cloud-amd64 console=ttyS0 hardware=(-M pc -cpu max) ;;
	*) die "$1 is tested in no machine" ;;
	esac
}

# ---- the build -------------------------------------------------------------------------------------------------------

build_rung() {
	scripts/install-deps.sh build "cross-$arch" || lacks "a cross compiler for $arch"
	ARCH=$arch scripts/build.sh "$out/rung" >&2
}

build_tests() {
	local package commands
	make -s -C nsenter/test CC="$triplet-gcc" SANITIZE='' LDFLAGS=-static OUT="$repo/$out/nsenter-test" "$repo/$out/nsenter-test/stage-test" >&2
	rm -rf "$out/go"
	mkdir -p "$out/go" "$out/commands"
	# Lists only packages with tests: two packages without tests may have the same name.
	mapfile -t tested < <(scripts/go list -f '{{if or .TestGoFiles .XTestGoFiles}}.{{slice .Dir (len .Module.Dir)}}{{end}}' \
		./internal/... ./libcontainer/... | grep -v /gen$)
	ARCH=$arch scripts/build.sh --tests "$out/go/" "${tested[@]}" >&2
	for package in "${tested[@]}"; do
		echo "${package#./}" >"$out/go/${package##*/}.dir"
	done
	mapfile -t commands < <(GOARCH=$goarch CGO_ENABLED=0 scripts/go list ./tests/cmd/... | grep -vE "/embed(check)?$")
	GOARCH=$goarch CGO_ENABLED=0 scripts/go build -trimpath -buildvcs=false -o "$out/commands/" "${commands[@]}" >&2
}

# get_packages NAME SUITE ARCH PACKAGE... sets $got to a directory with the unpacked packages. It fetches them if they are not in
# the cache.
get_packages() {
	local name=$1
	shift
	got=$cache/$name-$(hash_of "$@")
	[ ! -d "$got" ] || return 0
	scripts/packages.sh ${needs:+--needs} "$1" "$2" "$work/new" "${@:3}" >&2 || lacks "Debian's packages of $1 for $2: ${*:3}"
	mv "$work/new" "$got"
}

# Makes the root file system, the first part of the initramfs, in the cache.
make_base() {
	local root
	needs=yes get_packages root "$suite" "$debian" "${packages[@]}"
	root=$got base=$got-$(hash_of "$(declare -f make_base)").cpio
	[ ! -f "$base" ] || return 0
	ln -sf mawk "$root/usr/bin/awk"
	mkdir -p "$root"/{mnt,arch,src}
	printf '%s\n' root:x:0:0:root:/root:/bin/bash nobody:x:65534:65534:nobody:/:/bin/false >"$root/etc/passwd"
	printf '%s\n' root:100000:65536 | tee "$root/etc/subuid" >"$root/etc/subgid"
	printf '%s\n' root:x:0: tty:x:5: nogroup:x:65534: >"$root/etc/group"
	rm -rf "$root"/usr/share/{man,doc,locale,info}
	pack "$root" "$base"
}

pack() { # DIR FILE
	(cd "$1" && find . | cpio -o -H newc --quiet -R 0:0) >"$2.new"
	mv "$2.new" "$2"
}

# Makes the second part, with the files of this tree that the tests need.
make_overlay() {
	local top=$work/top
	mkdir -p "$top/arch" "$top/src"
	install -m 0755 "$here/guest/init" "$top/init"
	git ls-files -z --cached --others --exclude-standard | xargs -0 tar -c | tar -x -C "$top/src"
	cp "$out/rung" "$top/src/rung"
	cp "$out/nsenter-test/stage-test" "$top/arch/"
	cp -r "$out/go" "$out/commands" "$top/arch/"
	printf '%s\n' "${files[@]}" >"$top/arch/files"
	pack "$top" "$work/overlay.cpio"
}

# shellcheck source=tests/arch/user.sh
. "$here/user.sh"

# ---- the machine -----------------------------------------------------------------------------------------------------

make_machine() {
	need cpio
	needs='' get_packages kernel "$kernel_suite" "$kernel_arch" "$kernel_package"
	kernel=$(echo "$got"/boot/vmlinu?-*)
	make_base
	make_overlay
	cat "$base" "$work/overlay.cpio" >"$work/initrd"
	rm -r "$work/overlay.cpio" "$work/top"
	qemu=$(scripts/unstable.sh "qemu-$emulator" "$cache/tools/qemu-$emulator") || qemu=$(command -v "qemu-system-$emulator") ||
		lacks "QEMU: apt-get install qemu-system"
}

# Starts the machine with one processor: an emulated machine is fastest so.
run_machine() { # [QEMU_OPTION]...
	timeout --foreground -k 5 "${ARCH_TIMEOUT:-7200}" "$qemu" -nodefaults -no-user-config -no-reboot -nographic "${hardware[@]}" \
		-accel tcg -smp 1 -m "$memory" -kernel "$kernel" -initrd "$work/initrd" \
		-append "console=$console quiet loglevel=1 panic=-1 audit=0 ${append:-}" "$@"
}

test_in_machine() {
	local status
	run_machine -serial stdio </dev/null | sed -u 's,\r,,' | tee "$work/console" | sed -un '/^arch-begin$/,/^arch-end /{/^arch-/!p}'
	status=$(sed -n 's/^arch-end //p' "$work/console")
	[ -n "$status" ] || {
		tail -n 20 "$work/console" >&2
		die "the machine of $arch ended before its tests did"
	}
	return "$status"
}

# ---- main ------------------------------------------------------------------------------------------------------------

action=${1:-} arch=${2:-}
shift $(($# < 2 ? $# : 2))
describe_arch "$arch"
out=build/cross/$arch
mkdir -p "$cache" "$out"
work=$(mktemp -d "$cache/run.XXXXXX")
trap 'rm -rf "$work"' EXIT
case $action in
machine | shell)
	describe_machine "$arch"
	files=("$@")
	[ $# -gt 0 ] || files=("${smoke[@]/%/.bats}")
	files=("${files[@]##*/}")
	files=("${files[@]/#/tests/integration/}")
	build_rung
	build_tests
	make_machine
	;;
user) build_rung ;;
*) die 'usage: arch.sh machine|user|shell ARCH' ;;
esac
case $action in
machine) test_in_machine ;;
user) test_under_user ;;
shell) append=arch.shell run_machine -serial mon:stdio ;;
esac
