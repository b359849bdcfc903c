# shellcheck shell=bash
# The architectures that rung is built for, and the names that tools give them.

arches=(amd64 arm64 riscv64 ppc64le s390x armhf i386)

# describe_arch sets the names of an architecture for Go, Debian, rpm, QEMU and the OCI specification, the prefix of Debian's
# cross compiler, and the machine and class in the ELF header (elf.h).
# shellcheck disable=SC2034 # used by the scripts that source this
describe_arch() { # ARCH
	case $1 in
	amd64) goarch=amd64 debian=amd64 rpm=x86_64 triplet=x86_64-linux-gnu machine=62 class=2 qemu=x86_64 seccomp_arch=SCMP_ARCH_X86_64 ;;
	arm64) goarch=arm64 debian=arm64 rpm=aarch64 triplet=aarch64-linux-gnu machine=183 class=2 qemu=aarch64 seccomp_arch=SCMP_ARCH_AARCH64 ;;
	riscv64) goarch=riscv64 debian=riscv64 rpm=riscv64 triplet=riscv64-linux-gnu machine=243 class=2 qemu=riscv64 seccomp_arch=SCMP_ARCH_RISCV64 ;;
	ppc64le) goarch=ppc64le debian=ppc64el rpm=ppc64le triplet=powerpc64le-linux-gnu machine=21 class=2 qemu=ppc64le seccomp_arch=SCMP_ARCH_PPC64LE ;;
	s390x) goarch=s390x debian=s390x rpm=s390x triplet=s390x-linux-gnu machine=22 class=2 qemu=s390x seccomp_arch=SCMP_ARCH_S390X ;;
	armhf) goarch=arm debian=armhf rpm=armv7hl triplet=arm-linux-gnueabihf machine=40 class=1 qemu=arm seccomp_arch=SCMP_ARCH_ARM ;;
	i386) goarch=386 debian=i386 rpm=i686 triplet=i686-linux-gnu machine=3 class=1 qemu=i386 seccomp_arch=SCMP_ARCH_X86 ;;
	*) die "ARCH=$1: not $(sed 's/ /, /g; s/\(.*\), /\1 or /' <<<"${arches[*]}")" ;;
	esac
}

arch_of_machine() {
	case $(uname -m) in
	x86_64) echo amd64 ;;
	aarch64) echo arm64 ;;
	armv7l | armv8l) echo armhf ;;
	i?86) echo i386 ;;
	*) uname -m ;;
	esac
}
