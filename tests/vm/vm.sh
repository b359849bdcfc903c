#!/usr/bin/env bash
# Runs a command in a temporary Debian machine with systemd as pid 1, cgroup v2 (or v1, or hybrid), AppArmor (or SELinux) and
# every capability. Changes of a run to the machine's disk are discarded.
#
# image.sh makes the root file system, and kernel.sh the kernel and its initramfs. Both are cached, and so is a QEMU of Debian's
# unstable suite. machine.sh boots them. guest/agent reports on a control port that it is up, and waits there for the job. The
# output comes back over two more ports, and the exit status over the control port. The agent waits before anything has written
# to the disk. So a booted machine is saved once and restored for each run, because booting is slow under emulation.
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
unstable=$here/../../scripts/unstable.sh

# shellcheck source=scripts/lib.sh
. "$here/../../scripts/lib.sh"

cache=${VM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/rung-vm}

usage() {
	cat <<'USAGE'
usage: vm.sh run [OPTION]... [--] COMMAND [ARGUMENT]...
       vm.sh shell [OPTION]...      a root shell on the serial console
       vm.sh build [OPTION]...      make what run would need, and stop
       vm.sh clean                  empty the cache

  --system 12|13            Debian's release (13)
  --cgroup v2|v1|hybrid     cgroup layout (v2)
  --lsm apparmor|selinux    selinux: with the policy of guest/policy.cil, permissive; --append enforcing=1 enforces it
  --image plain|engines     engines: Docker, containerd and Podman are installed, and do not run (plain)
  --share DIR[:GUEST][:rw]  show a directory at the same path or at GUEST; read-only unless :rw; at most 4
                            times. The first is the working directory
  --user rootless           run as this plain user (uid 1000, subordinate ids), in his systemd user manager
  --workdir DIR             working directory in the machine
  --env NAME[=VALUE]        environment of the command; may be repeated
  --timeout SECONDS         stop the machine after that long (600), status 124
  --memory MIB              (1024)
  --cpus N                  (2)
  --append ARGUMENTS        more for the kernel's command line; vm.bus=broker: dbus-broker in place of dbus-daemon
  --accel auto|tcg|kvm      auto: kvm where a test boot shows that it works (auto)
  --cold                    boot, even where a saved machine could be restored
  --verbose                 timings

status: the command's; 124 time out; 125 the machine or this script failed; of build, 77: this machine lacks what the
last line says.
environment: VM_CACHE, where QEMU and images are kept (~/.cache/rung-vm, about 1.5 GiB a system)
USAGE
}

note() { printf 'vm.sh: %s\n' "$*" >&2; }
die() {
	note "$@"
	exit 125
}
# lacks is for failures that are the machine's and not these scripts'.
lacks() {
	note "needs $*"
	exit 77
}
need() {
	local command
	for command; do
		command -v "$command" >/dev/null || die "needs $command: scripts/install-deps.sh vm"
	done
}
hash_of() { printf '%s\n' "$@" | sha256sum | cut -c1-12; }
timing() { [ -z "$verbose" ] || note "$((($(date +%s%N) - started) / 1000000)) ms: $*"; }

# shellcheck source=tests/vm/image.sh
. "$here/image.sh"
# shellcheck source=tests/vm/kernel.sh
. "$here/kernel.sh"
# shellcheck source=tests/vm/machine.sh
. "$here/machine.sh"

# ---- the options ----------------------------------------------------------------------------------------------------

# shellcheck disable=SC2034 # set by name, used by the files above
system=13 cgroup=v2 lsm=apparmor packages_for=plain user='' workdir='' timeout=600 memory=1024 cpus=2 append='' accel=auto cold='' verbose=''
shares=() envs=()

parse_options() {
	local name
	while [ $# -gt 0 ]; do
		case $1 in
		--share | --env | --system | --image | --cgroup | --lsm | --user | --workdir | --timeout | --memory | --cpus | --append | --accel)
			[ $# -ge 2 ] || die "$1 needs a value"
			name=${1#--}
			case $name in
			share) shares+=("$2") ;;
			env) envs+=("$2") ;;
			image) packages_for=$2 ;;
			*) printf -v "$name" %s "$2" ;;
			esac
			shift 2
			;;
		--cold | --verbose)
			printf -v "${1#--}" %s yes
			shift
			;;
		--)
			shift
			break
			;;
		-*) die "unknown option $1" ;;
		*) break ;;
		esac
	done
	command=("$@")
}

check_options() {
	local name
	[ -n "${suites[$system]:-}" ] || die "--system $system: not 12 or 13"
	case $cgroup in
	v2 | v1 | hybrid) ;;
	*) die "--cgroup $cgroup: not v2, v1 or hybrid" ;;
	esac
	case $lsm in
	apparmor | selinux) ;;
	*) die "--lsm $lsm: not apparmor or selinux" ;;
	esac
	case $packages_for in
	plain | engines) ;;
	*) die "--image $packages_for: not plain or engines" ;;
	esac
	case $accel in
	auto | tcg | kvm) ;;
	*) die "--accel $accel: not auto, tcg or kvm" ;;
	esac
	case $user in
	'' | "$guest_user") ;;
	*) die "--user $user: not $guest_user" ;;
	esac
	for name in timeout memory cpus; do
		[[ ${!name} =~ ^[1-9][0-9]*$ ]] || die "--$name ${!name}: not a positive number"
	done
	[ ${#shares[@]} -le "$max_shares" ] || die "at most $max_shares shares"
}

# ---- main -----------------------------------------------------------------------------------------------------------

clean_up() {
	[ -z "$qemu_pid" ] || kill "$qemu_pid" 2>/dev/null || true
	[ -z "$work" ] || rm -rf --one-file-system "$work" # mmdebstrap mounts /dev/shm there
}

# Makes missing files in the cache. Only one process at a time does this, and others wait.
prepare() {
	exec 9>"$cache/lock"
	flock 9
	qemu=$("$unstable" qemu "$cache/tools/qemu") || qemu=$(command -v qemu-system-x86_64) ||
		lacks 'QEMU: apt-get install qemu-system-x86'
	build_image
	build_kernel
	choose_accel
	define_machine
	if [ "$accel" = tcg ] && [ -z "$cold" ]; then
		state=$cache/state-$(hash_of "$max_shares" "$image" "$kernel" "${machine[*]}" \
			"$("$qemu" --version)" "$(grep -m 1 '^model name' /proc/cpuinfo)")
		[ -f "$state" ] || save_machine
	fi
	drop_unused
	exec 9>&-
	timing ready
}

# Removes files that no run has used for a week: images with other packages, machines with other options, leftovers of killed
# runs.
drop_unused() {
	touch -c "$image" "$kernel" ${state:+"$state"} 2>/dev/null || true # they may belong to another user
	find "$cache" -mindepth 1 -maxdepth 1 \( -name 'root-*' -o -name 'kernel-*' -o -name 'state-*' -o -name 'run.*' \) -mtime +7 \
		-exec rm -rf --one-file-system {} + || true
}

action=${1:-}
[ $# = 0 ] || shift
command=()
parse_options "$@"
check_options
case $action in
run) [ ${#command[@]} -gt 0 ] || die 'run: no command' ;;
shell | build) [ ${#command[@]} = 0 ] || die "$action: unexpected ${command[0]}" ;;
clean)
	rm -rf "${cache:?}"
	exit
	;;
help | -h | --help)
	usage
	exit
	;;
*)
	usage >&2
	exit 125
	;;
esac

started=$(date +%s%N)
mkdir -p "$cache"
cache=$(cd "$cache" && pwd -P)
work=$(mktemp -d "$cache/run.XXXXXX")
mkdir "$work/empty"
exec 6<&0
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
prepare
[ "$action" != build ] || exit 0
run_machine
