#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2094 # scripts for inner shells; page_file reads another file
# Podman as root where systemd manages cgroups and units.

load helpers

start_engine() {
	mkdir -p /etc/containers
	page_file /etc/containers/containers.conf >/etc/containers/containers.conf
	podman import --change CMD=sh "$SHARED/busybox.tar" busybox
	podman run --rm --network none busybox true
}

stop_engine() {
	podman rm -af -t 0
}

engine_state() {
	podman ps --all --format 'container {{.Names}}'
	podman pod ls --format 'pod {{.Name}}'
	podman volume ls --format 'volume {{.Name}}'
	find /run/rung /run/crun /run/runc -mindepth 1 -maxdepth 1 ! -name .cache 2>/dev/null
}

clean_engine() {
	podman pod rm -af
	podman rm -af -t 0
}

begin='
up() { podman run -d --name one --network none "$@" busybox sh -c "trap \"exit 4\" TERM; while :; do sleep 0.2; done"; }
once() { podman run --rm --network none "$@"; }
unit() { systemctl show "libpod-$id.scope" "${@/#/--property=}"; }
values() { local name; for name; do printf "%s %s\n" "$name" "$(podman exec one cat "/sys/fs/cgroup/$name")"; done; }
podman() { command podman --runtime "$(runtime)" "$@"; }
'

@test "podman, systemd: info; a scope for each container" {
	both <<-CASE
		$begin
		podman info --format '{{.Host.CgroupManager}} {{.Host.CgroupsVersion}}'
		id=\$(up); unit Slice Delegate ActiveState; cat /proc/\$(podman inspect --format '{{.State.Pid}}' one)/cgroup
		code podman exec one sh -c 'cat /proc/self/cgroup; grep -o "/sys/fs/cgroup r." /proc/mounts; exit 9'
		podman pause one >/dev/null; cat /sys/fs/cgroup\$(cut -d: -f3 /proc/\$(podman inspect --format '{{.State.Pid}}' one)/cgroup)/cgroup.events; podman unpause one >/dev/null
		podman stats --no-stream --format '{{.Name}} {{.MemUsage}}' one | sed -E 's,[0-9.]+[kM]B /,SOME /,'; podman top one comm | head -n 2
		podman stop one >/dev/null; podman wait one; unit ActiveState; podman rm one >/dev/null
	CASE
	mentions 'systemd v2' Slice=machine.slice 'frozen 1' 'status 9' ActiveState=inactive
}

@test "podman, systemd: limits, their update, and an OOM kill" {
	both --differs-from crun 'crun gives systemd the sum of memory and swap as MemorySwapMax' <<-CASE
		$begin
		id=\$(up -m 64m --memory-swap 96m --memory-reservation 32m --cpus 0.5 --pids-limit 50 --cpuset-cpus 0)
		values memory.max memory.swap.max memory.low cpu.max pids.max cpuset.cpus.effective
		unit MemoryMax MemorySwapMax MemoryLow CPUQuotaPerSecUSec TasksMax AllowedCPUs
		podman update --memory 128m --cpus 0.9 one >/dev/null; values memory.max cpu.max; unit MemoryMax CPUQuotaPerSecUSec
		systemctl daemon-reload; values memory.max cpu.max pids.max; podman rm -f -t 0 one >/dev/null
		code podman run --name one --network none -m 16m --memory-swap 16m busybox sh -c 'dd if=/dev/zero of=/dev/null bs=64M count=1; s=\$?; sleep 2; exit \$s'
		podman inspect --format '{{.State.OOMKilled}} {{.State.ExitCode}}' one; podman rm one >/dev/null
	CASE
	mentions 'memory.max 67108864' 'cpu.max 50000 100000' 'pids.max 50' 'memory.max 134217728' 'status 137'
}

@test "podman: --privileged, and limits that are raised" {
	both <<-CASE
		$begin
		once --privileged busybox sh -c 'grep -E "^(Cap|Seccomp:|NoNew)" /proc/self/status; cat /proc/self/attr/current; mount -t tmpfs t /tmp && echo mounted; grep -o "/sys/fs/cgroup r." /proc/mounts; ls /dev | sort'
		once --ulimit nofile=1048576:1048576 --ulimit memlock=-1:-1 --ulimit nproc=90000:90000 --oom-score-adj=-500 busybox sh -c 'cat /proc/self/limits /proc/self/oom_score_adj; ulimit -n'
		once busybox cat /proc/self/attr/current
	CASE
	mentions mounted 1048576 -500 containers-default
}

@test "podman, systemd: pods with limits" {
	both <<-CASE
		$begin
		podman pod create --name pod --memory 100m --cpus 0.8 --network none >/dev/null; up --pod pod -m 64m >/dev/null 2>&1 || podman run -d --pod pod --name one -m 64m busybox sleep 1000 >/dev/null
		group=\$(cut -d: -f3 /proc/\$(podman inspect --format '{{.State.Pid}}' one)/cgroup); group=\${group%/container}; echo \$group | sed -E "s/[0-9a-f]{64}/ID/g"; cat /sys/fs/cgroup\${group%/*}/{memory.max,cpu.max}; values memory.max
		podman pod ps --format '{{.Name}} {{.Status}} {{.NumberOfContainers}}'; podman pod rm -f -t 0 pod >/dev/null
	CASE
	mentions 104857600 '80000 100000' 'memory.max 67108864' 'pod Running 2'
}

@test "podman: generate systemd: a container as a service" {
	both <<-CASE
		$begin
		podman create --name unit --network none busybox sh -c 'trap "exit 0" TERM; while :; do sleep 0.2; done' >/dev/null
		podman generate systemd --new --name unit >/run/systemd/system/unit.service; podman rm unit >/dev/null; systemctl daemon-reload
		code systemctl start unit; systemctl show unit -p ActiveState -p Type -p SubState; podman exec unit cat /proc/self/cgroup
		pid=\$(podman inspect --format '{{.State.Pid}}' unit); kill -KILL \$pid; again() { [ "\$(podman inspect --format '{{.State.Pid}} {{.State.Status}}' unit)" != "\$pid running" ] && podman exec unit true; }
		until_ok 60 again && echo it is started again; code systemctl stop unit; systemctl show unit -p ActiveState -p Result; podman ps -aq | wc -l
		rm /run/systemd/system/unit.service; systemctl daemon-reload
	CASE
	mentions ActiveState=active Type=notify 'it is started again' Result=success
}

@test "podman: a health check by systemd's timers; --sdnotify container" {
	both <<-CASE
		$begin
		up --health-cmd 'test -e /healthy' --health-interval 1s --health-retries 1 >/dev/null
		health() { [ "\$(podman inspect --format '{{.State.Health.Status}}' one)" = \$1 ]; }
		until_ok 60 health unhealthy && echo unhealthy; podman exec one touch /healthy; until_ok 60 health healthy && echo healthy; podman rm -f -t 0 one >/dev/null
		printf '[Service]\nType=notify\nNotifyAccess=all\nExecStart=%s --runtime %s run --rm --name two --network none --sdnotify container busybox sh -c "test -S \$\$NOTIFY_SOCKET && echo has a socket; sleep 1000"\nExecStop=%s kill two\n' /usr/bin/podman "\$(runtime)" /usr/bin/podman >/run/systemd/system/two.service
		systemctl daemon-reload; systemctl start --no-block two; until_ok 60 says_so 'has a socket' podman logs two; podman logs two; systemctl show two -p ActiveState
		podman kill two >/dev/null; until_ok 20 says_so failed systemctl show two -p ActiveState; systemctl reset-failed two; rm /run/systemd/system/two.service; systemctl daemon-reload
	CASE
	mentions healthy 'has a socket' ActiveState=activating
}

# Makes an image from this machine's root file system, which starts everything that Debian's systemd starts by default.
@test "podman: systemd mode: a container that boots systemd" {
	both <<-CASE
		$begin
		mkdir t; mount -t tmpfs tmpfs t; mkdir t/{upper,work,root}; mount -t overlay overlay -o "lowerdir=/,upperdir=\$PWD/t/upper,workdir=\$PWD/t/work" t/root
		tar -C t/root -xf /usr/local/lib/vm/wants.tar; rm -f t/root/etc/systemd/system-generators/* t/root/etc/systemd/system/{default.target,docker*,containerd*,podman*}
		rm -f t/root/{etc,lib}/systemd/system/*.wants/{docker,containerd,podman}*
		podman run -d --name one --network none --systemd always --rootfs \$PWD/t/root /lib/systemd/systemd --unit=multi-user.target >/dev/null
		active() { podman exec one systemctl is-active multi-user.target; }; until_ok 180 active
		podman exec one systemctl is-active multi-user.target systemd-journald.service dbus.socket; podman exec one cat /proc/1/cgroup; podman exec one systemd-detect-virt
		podman stop -t 60 one >/dev/null 2>&1; podman inspect --format '{{.State.Status}} {{.State.ExitCode}}' one; podman rm one >/dev/null; umount t/root t
	CASE
	mentions $'active\nactive\nactive' 0::/init.scope 'exited '
}

@test "podman, systemd: checkpoint in two steps, and restore" {
	criu check --feature mem_dirty_track >/dev/null 2>&1 || not_here 'needs a kernel with what CRIU calls mem_dirty_track'
	both --differs-from crun "Debian's crun does not find CRIU's library" <<-CASE
		$begin
		podman run -d --name one --network none -m 64m busybox sh -c 'i=0; while :; do echo \$((i += 1)); sleep 0.1; done' >/dev/null
		n() { podman logs one | tail -n 1; }; past() { [ "\$(n)" -ge \$1 ]; }; until_ok 10 past 5
		code podman container checkpoint --pre-checkpoint -e \$PWD/first.tgz one; podman inspect --format '{{.State.Status}}' one
		code podman container checkpoint --with-previous -e \$PWD/second.tgz one; podman rm -f -t 0 one >/dev/null
		code quiet podman container restore --import-previous \$PWD/first.tgz --import \$PWD/second.tgz; podman inspect --format '{{.State.Status}}' one
		a=\$(n); until_ok 20 past \$((a + 5)) && echo it counts on; values memory.max; podman rm -f -t 0 one >/dev/null
	CASE
	mentions 'status 0' running 'it counts on' 'memory.max 67108864'
}
