#!/usr/bin/env bats
# bats file_tags=user-only
# shellcheck disable=SC2016,SC2094 # scripts for inner shells; page_file reads another file
# Podman as a plain user in the user manager of systemd, which delegates every controller.

load helpers

export USER_MANAGER=--user

start_engine() {
	mkdir -p ~/.config/containers
	page_file /etc/containers/containers.conf >~/.config/containers/containers.conf
	sed -i "s|/usr/local/bin/rung|$RUNG|" ~/.config/containers/containers.conf
	podman import --change CMD=sh "$SHARED/busybox.tar" busybox
	podman run --rm --network none busybox true
}

stop_engine() {
	podman rm -af -t 0
}

engine_state() {
	podman ps --all --format 'container {{.Names}}'
	podman pod ls --format 'pod {{.Name}}'
}

clean_engine() {
	podman pod rm -af
	podman rm -af -t 0
}

begin='
podman() { command podman --runtime "$(runtime)" "$@"; }
up() { podman run -d --name one --network none "$@" busybox sh -c "trap \"exit 4\" TERM; while :; do sleep 0.2; done"; }
unit() { systemctl --user show "libpod-$id.scope" "${@/#/--property=}"; }
values() { local name; for name; do printf "%s %s\n" "$name" "$(podman exec one cat "/sys/fs/cgroup/$name")"; done; }
'

@test "podman, user manager: info; a scope for each container" {
	both <<-CASE
		$begin
		podman info --format '{{.Host.CgroupManager}} {{.Host.CgroupsVersion}} {{.Host.Security.Rootless}} {{.Host.CgroupControllers}}'
		id=\$(up); unit Slice Delegate ActiveState; cat /proc/\$(podman inspect --format '{{.State.Pid}}' one)/cgroup
		code podman exec one sh -c 'cat /proc/self/cgroup; grep -o "/sys/fs/cgroup r." /proc/mounts; id -u; exit 9'
		podman pause one >/dev/null 2>&1; podman inspect --format '{{.State.Status}}' one; podman unpause one >/dev/null 2>&1
		podman stats --no-stream --format '{{.Name}} {{.MemUsage}}' one | sed -E 's,[0-9.]+[kM]B /,SOME /,'; podman stop one >/dev/null; podman wait one; unit ActiveState; podman rm one >/dev/null
	CASE
	mentions 'systemd v2 true' Slice=user.slice paused 'status 9' ActiveState=inactive
}

# conmon does not always see the kill in time on a busy emulated processor, seen with rung and with runc: there are three trials.
@test "podman, user manager: limits, their update, and an OOM kill" {
	both <<-CASE
		$begin
		id=\$(up --memory 64m --memory-swap 96m --cpus 0.5 --pids-limit 50 --cpuset-cpus 0)
		values memory.max memory.swap.max cpu.max pids.max cpuset.cpus.effective; unit MemoryMax CPUQuotaPerSecUSec TasksMax AllowedCPUs
		podman update --memory 128m --cpus 0.9 one >/dev/null; values memory.max cpu.max; systemctl --user daemon-reload; values memory.max cpu.max pids.max; podman rm -f -t 0 one >/dev/null
		for try in 1 2 3; do
			code podman run --name one --network none -m 16m --memory-swap 16m busybox sh -c 'dd if=/dev/zero of=/dev/null bs=64M count=1; s=\$?; sleep 2; exit \$s' >said 2>&1
			podman inspect --format '{{.State.OOMKilled}} {{.State.ExitCode}}' one >>said; podman rm one >/dev/null
			! grep -q true said || break
		done
		cat said
	CASE
	mentions 'memory.max 67108864' 'cpu.max 50000 100000' 'pids.max 50' 'memory.max 134217728' 'status 137' 'true 137'
}

@test "podman, user manager: a pod with limits, health checks by timers, systemd mode" {
	both <<-CASE
		$begin
		podman pod create --name pod --memory 100m --network none >/dev/null; podman run -d --pod pod --name one busybox sleep 1000 >/dev/null
		group=\$(cut -d: -f3 /proc/\$(podman inspect --format '{{.State.Pid}}' one)/cgroup); group=\${group%/container}; cat /sys/fs/cgroup\${group%/*}/memory.max; podman pod rm -f -t 0 pod >/dev/null; podman rmi -f \$(podman images -q localhost/podman-pause) >/dev/null
		up --health-cmd 'test -e /healthy' --health-interval 1s >/dev/null; health() { [ "\$(podman inspect --format '{{.State.Health.Status}}' one)" = \$1 ]; }
		podman exec one touch /healthy; until_ok 60 health healthy && echo healthy; podman rm -f -t 0 one >/dev/null
		podman run --rm --network none --systemd always busybox sh -c 'grep -E " /(run|run/lock|tmp|var/log/journal) " /proc/mounts | cut -d" " -f2,3 | sort; echo \$container; mkdir /sys/fs/cgroup/sub && echo writable; grep -o "/sys/fs/cgroup r." /proc/mounts'
	CASE
	mentions 104857600 healthy writable
}

@test "podman, user manager: networks: slirp4netns, a published port" {
	both <<-CASE
		$begin
		podman run -d --name one --network slirp4netns -p 127.0.0.1:8084:80 busybox nc -ll -p 80 -e echo served >/dev/null
		until_ok 30 says_so served timeout 5 busybox nc 127.0.0.1 8084; timeout 10 busybox nc 127.0.0.1 8084 </dev/null; podman exec one ip -4 -o addr show tap0 | awk '{ print \$4 }'; podman rm -f -t 0 one >/dev/null
	CASE
	mentions served 10.0.2.100/24
}
