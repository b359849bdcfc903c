# shellcheck shell=bash
# shellcheck disable=SC2154 # variables of vm.sh
# Defines, starts and saves the machine in QEMU, and runs a job in it.

max_shares=4 # number of 9p devices, which cannot change in a saved machine
work='' state='' qemu='' qemu_pid='' readers=() machine=() share_options=() status=0 line=''

# Checks that the kernel boots up to the initramfs.
probe() { # ACCEL KERNEL_DIR SECONDS
	local cpu=max
	[ "$1" = tcg ] || cpu=host
	rm -f "$work/probe"
	(
		timeout -k 2 "$3" "$qemu" -nodefaults -no-user-config -no-reboot -nographic -machine pc \
			-accel "$1" -cpu "$cpu" -m 512 -smp 2 -kernel "$2/vmlinux" -initrd "$2/initrd" -serial "file:$work/probe" \
			-append 'console=ttyS0 quiet panic=-1 reboot=t acpi=noirq vm.probe' </dev/null || true
	) >/dev/null 2>&1
	grep -qs vm-probe-ok "$work/probe"
}

# choose_accel sets $accel to tcg or kvm. /dev/kvm may exist and not work, so choose_accel tries it, once for each pair of host
# kernel and QEMU.
choose_accel() {
	local answer
	[ "$accel" = auto ] || return 0
	accel=tcg
	[ -w /dev/kvm ] || return 0
	answer=$cache/accel-$(hash_of "$(uname -rm)" "$("$qemu" --version)")
	if [ ! -f "$answer" ]; then
		if probe kvm "$kernel" 15; then echo kvm; else echo tcg; fi >"$answer"
	fi
	accel=$(<"$answer")
}

# define_machine sets $machine to the options that must be the same when a machine is saved and restored. It turns off hotplug and
# interrupt routing by ACPI, which are slow to set up, and erms and fsrm, with which emulation copies and clears pages byte by byte.
define_machine() {
	local cpu=max,la57=off,erms=off,fsrm=off mode=tcg,thread=multi layout module
	[ "$accel" = tcg ] || cpu=host mode=kvm
	case $cgroup in
	v2) layout=systemd.unified_cgroup_hierarchy=1 ;;
	hybrid) layout='systemd.unified_cgroup_hierarchy=0 systemd.legacy_systemd_cgroup_controller=0' ;;
	v1) layout='systemd.unified_cgroup_hierarchy=0 systemd.legacy_systemd_cgroup_controller=1' ;;
	esac
	case $lsm in
	apparmor) module=audit=0 ;;
	selinux) module=security=selinux ;; # denials are in the kernel's log
	esac
	machine=(-machine pc -accel "$mode" -cpu "$cpu" -smp "$cpus" -m "$memory"
		-global PIIX4_PM.acpi-pci-hotplug-with-bridge-support=off -global PIIX4_PM.acpi-root-pci-hotplug=off
		-kernel "$kernel/vmlinux" -initrd "$kernel/initrd"
		-append "console=ttyS0 quiet panic=-1 reboot=t acpi=noirq tsc=reliable nokaslr mitigations=off $module init_on_alloc=0 \
systemd.show_status=no SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1 $layout${user:+ vm.user=$user} $append")
}

# start starts the machine in the background. Its control port is on descriptors 3 (to the machine) and 4 (from it).
start() { # SERIAL SECONDS [QEMU_OPTION]...
	local i serial=$1 seconds=$2 devices=() port
	shift 2
	for ((i = 0; i < max_shares; i++)); do
		devices+=(-fsdev "local,id=fs$i,security_model=none,multidevs=remap,${share_options[i]:-readonly=on,path=$(comma "$work/empty")}"
			-device "virtio-9p-pci,fsdev=fs$i,mount_tag=share$i")
	done
	devices+=(-chardev 'pipe,id=control,path=control' -chardev 'file,id=stdout,path=stdout'
		-chardev 'file,id=stderr,path=stderr' -device virtio-serial-pci)
	for port in control stdout stderr; do
		devices+=(-device "virtserialport,chardev=$port,name=$port")
	done
	rm -f "$work"/{control,monitor}.{in,out} "$work"/std{out,err}
	mkfifo "$work"/{control,monitor}.{in,out} "$work"/std{out,err}
	cat <"$work/stdout" 9>&- &
	readers=("$!")
	cat <"$work/stderr" >&2 9>&- &
	readers+=("$!")
	exec 3<>"$work/control.in" 4<>"$work/control.out" 5<>"$work/monitor.in"
	(
		cd "$work" || exit
		exec 3>&- 4>&- 5>&- 9>&-
		if [ "$serial" = mon:stdio ]; then exec <&6; else exec >qemu 2>&1; fi
		VM_STATE=$state exec timeout --foreground -k 5 "$seconds" "$qemu" \
			-nodefaults -no-user-config -no-reboot -nographic "${machine[@]}" \
			-drive "if=none,id=root,format=raw,snapshot=on,cache=unsafe,file=$(comma "$image")" \
			-device virtio-blk-pci,drive=root,serial=root \
			-drive "if=none,id=modules,format=raw,readonly=on,file=$(comma "$kernel/modules.ext4")" \
			-device virtio-blk-pci,drive=modules,serial=modules \
			-chardev pipe,id=monitor,path=monitor -mon chardev=monitor,mode=readline -serial "$serial" \
			"${devices[@]}" "$@"
	) &
	qemu_pid=$!
}

# Doubles commas, as QEMU requires in the value of an option.
comma() { printf %s "${1//,/,,}"; }

# hear reads the machine's next control line into $line, and fails if none comes. A line may arrive in pieces.
hear() { # SECONDS
	local piece end=$((SECONDS + $1))
	line=
	while [ "$SECONDS" -le "$end" ]; do
		if IFS= read -r -t 1 -u 4 piece; then
			line+=$piece
			return 0
		fi
		line+=$piece
		kill -0 "$qemu_pid" 2>/dev/null || return 1
	done
	return 1
}

# stop ends the machine, or with "wait" waits for its end. Then it waits until the output has been copied.
stop() { # [wait]
	status=0
	[ "${1:-}" = wait ] || kill "$qemu_pid" 2>/dev/null || true
	{ wait "$qemu_pid" || status=$?; } 2>/dev/null
	qemu_pid=
	: <>"$work/stdout" <>"$work/stderr" # a machine that failed early has not opened these
	wait "${readers[@]}" || true
	exec 3>&- 4>&- 5>&-
}

# save_machine boots the machine until the agent waits for a job, and saves it in $state.
save_machine() {
	note "saving ${state##*/}"
	share_options=()
	start file:console 600
	if hear 540 && [ "$line" = up ]; then
		printf '%s\n' 'migrate_set_parameter max-bandwidth 4G' 'migrate "exec:cat >state"' quit >&5
		stop wait
		[ ! -s "$work/state" ] || mv "$work/state" "$state"
	else
		stop
	fi
	[ -f "$state" ] || {
		note 'cannot save a machine'
		show_console
	}
}

show_console() {
	tail -n 20 "$work/qemu" "$work/console" >&2 || true
}

# run_machine runs $command and exits with its status. It replaces a machine that does not answer, because emulated boots can
# hang.
run_machine() {
	local try serial=file:console job given
	job=$(describe_job)
	set_shares
	[ "$action" != shell ] || serial=mon:stdio
	for try in 1 2 3; do
		given=
		boot "$serial"
		[ "$line" != up ] || give_job "$job"
		if [ "$line" = job ]; then
			given=yes
			hear "$timeout" || true
			if [[ $line = exit\ * ]]; then
				timing "machine: $line"
				stop
				exit "${line#exit }"
			fi
		fi
		stop
		case $status in
		124 | 137)
			note "no end after $timeout s"
			exit 124
			;;
		esac
		[ -z "$given" ] || break
		note "the machine does not answer (try $try, QEMU's status $status, heard '$line')"
		[ -z "$state" ] || rm -f "$state"
		state=
	done
	show_console
	die "the machine failed (QEMU's status $status, heard '$line')"
}

boot() { # SERIAL
	line=up # a saved machine has sent this line before it was saved
	if [ -s "$state" ]; then
		start "$1" "$timeout" -incoming "exec:cat <\"\$VM_STATE\""
	else
		start "$1" "$timeout"
		hear 300 || line=
		timing "machine: $line"
	fi
}

give_job() { # JOB
	printf '%s\njob_time=%s\njob_seed=%s\0' "$1" "$(date +%s.%N)" "$RANDOM$RANDOM$(date +%N)" >&3
	hear 120 || line=
	timing "machine: $line"
}

# describe_job prints the job as shell code, which the agent evaluates.
describe_job() {
	# shellcheck disable=SC2034 # printed by declare
	local job_shares=() job_user=$user job_command=("${command[@]}") job_env=() job_shell='' job_workdir=$workdir
	local i share guest mode
	for i in "${!shares[@]}"; do
		read_share "${shares[i]}"
		job_shares+=("share$i:$guest:$mode")
		[ -n "$job_workdir" ] || job_workdir=$guest
	done
	: "${job_workdir:=/tmp}"
	for i in "${envs[@]}"; do
		[[ $i = *=* ]] || i=$i=${!i-}
		job_env+=("$i")
	done
	[ "$action" != shell ] || job_shell=yes
	declare -p job_shares job_user job_workdir job_command job_env job_shell
}

set_shares() {
	local share guest mode dir
	share_options=()
	for share in "${shares[@]}"; do
		read_share "$share"
		[ "$mode" = ro ] && mode=on || mode=off
		share_options+=("readonly=$mode,path=$(comma "$dir")")
	done
}

# read_share splits DIR[:GUEST][:rw] into $dir, $guest and $mode.
read_share() {
	local text=$1
	mode=ro
	case $text in
	*:rw | *:ro) mode=${text##*:} text=${text%:*} ;;
	esac
	dir=${text%%:*}
	[ -d "$dir" ] || die "--share $dir: not a directory"
	dir=$(cd "$dir" && pwd -P)
	guest=$dir
	[[ $text != *:* ]] || guest=${text#*:}
	[[ $guest = /* && $guest != *:* ]] || die "--share: cannot show $dir as $guest"
}
