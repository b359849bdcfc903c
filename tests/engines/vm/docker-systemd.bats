#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2094 # scripts for inner shells; page_file reads another file
# Docker with the systemd cgroup driver, on cgroup v2, with AppArmor and with every capability.

load helpers

start_engine() {
	mkdir -p /etc/docker
	page_file /etc/docker/daemon.json | jq '.runtimes.crun = {path: "/usr/bin/crun"}' >/etc/docker/daemon.json
	setsid dockerd --experimental --exec-opt native.cgroupdriver=systemd >/run/dockerd.log 2>&1 </dev/null &
	until_ok 120 docker version || tail -n 20 /run/dockerd.log
	docker import --change 'CMD ["sh"]' "$SHARED/busybox.tar" busybox
	docker run --rm busybox true
}

stop_engine() {
	kill "$(cat /run/docker.pid)"
}

engine_state() {
	docker ps --all --format 'container {{.Names}}'
	docker volume ls --format 'volume {{.Name}}'
	ls /run/docker/runtime-r*/moby 2>/dev/null
}

clean_engine() {
	docker ps -aq | xargs -r docker rm -f
}

# Each case begins with this text.
begin='
up() { docker run -d --name one --runtime $RUNTIME "$@" busybox sh -c "trap \"exit 4\" TERM; while :; do sleep 0.2; done"; }
once() { docker run --rm --runtime $RUNTIME "$@"; }
unit() { systemctl show "docker-$id.scope" "${@/#/--property=}"; }
values() { local name; for name; do printf "%s %s\n" "$name" "$(docker exec one cat "/sys/fs/cgroup/$name")"; done; }
'

@test "docker, systemd: info; a scope for each container" {
	both <<-CASE
		$begin
		docker info --format '{{.CgroupDriver}} {{.CgroupVersion}}'
		id=\$(up); unit Slice Delegate ActiveState; cat /proc/\$(docker inspect --format '{{.State.Pid}}' one)/cgroup
		code docker exec one sh -c 'cat /proc/self/cgroup; grep -o "/sys/fs/cgroup r." /proc/mounts; exit 9'
		docker pause one; cat /sys/fs/cgroup\$(cut -d: -f3 /proc/\$(docker inspect --format '{{.State.Pid}}' one)/cgroup)/cgroup.events; docker unpause one
		[ "\$(docker top one | wc -l)" -ge 2 ] && docker stats --no-stream --format '{{.Name}}' one
		docker stop one; docker inspect --format '{{.State.ExitCode}}' one; unit ActiveState
		docker start one; unit ActiveState; docker kill one; docker wait one; docker rm one
		id=\$(up --cgroup-parent mine.slice --cgroupns host); unit Slice; docker exec one cut -d: -f3 /proc/self/cgroup; docker rm -f one
	CASE
	mentions 'systemd 2' Slice=system.slice 'frozen 1' 'status 9' ActiveState=inactive Slice=mine.slice
}

@test "docker, systemd: limits, and their update" {
	both --differs-from crun 'crun gives systemd the sum of memory and swap as MemorySwapMax' <<-CASE
		$begin
		id=\$(up -m 64m --memory-swap 96m --memory-reservation 32m --cpus 0.5 --pids-limit 50 --cpuset-cpus 0 --blkio-weight 300)
		values memory.max memory.swap.max memory.low cpu.max pids.max cpuset.cpus.effective
		unit MemoryMax MemorySwapMax MemoryLow CPUQuotaPerSecUSec TasksMax AllowedCPUs
		systemctl daemon-reload; values memory.max cpu.max pids.max
		docker update -m 128m --memory-swap 256m --cpus 0.8 --pids-limit 70 one; values memory.max memory.swap.max cpu.max pids.max
		unit MemoryMax CPUQuotaPerSecUSec TasksMax; systemctl daemon-reload; values memory.max cpu.max pids.max
		docker rm -f one
	CASE
	mentions 'memory.max 67108864' 'cpu.max 50000 100000' 'pids.max 50' CPUQuotaPerSecUSec=800ms 'memory.max 134217728'
}

@test "docker, systemd: OOM kill is reported" {
	both <<-CASE
		$begin
		code docker run --name one --runtime \$RUNTIME -m 16m --memory-swap 16m busybox sh -c 'exec 2>&1; dd if=/dev/zero of=/dev/null bs=64M count=1; echo \$?; sleep 3; exit 5'
		docker inspect --format '{{.State.OOMKilled}} {{.State.ExitCode}}' one; docker rm one
	CASE
	mentions 137 'status 5' 'true 5'
}

@test "docker: --privileged, and exec --privileged" {
	both <<-CASE
		$begin
		once --privileged busybox sh -c 'grep -E "^(Cap|Seccomp:|NoNew)" /proc/self/status; cat /proc/self/attr/current; mount -t tmpfs t /tmp && echo mounted; grep -o "/sys/fs/cgroup r." /proc/mounts; ls /dev | sort; cut -d" " -f2,3 /proc/mounts | sort'
		up >/dev/null; docker exec --privileged one sh -c 'grep -E "^(Cap|Seccomp:)" /proc/self/status; mount -t tmpfs t /tmp && echo mounted'; docker rm -f one
	CASE
	mentions mounted unconfined
}

@test "docker: limits are raised: --ulimit, --oom-score-adj" {
	both --differs-from crun "a process of crun's exec keeps the score of its caller" <<-CASE
		$begin
		ulimit -n 1024; once --ulimit nofile=1048576 --ulimit core=-1 --ulimit memlock=-1:-1 --ulimit nproc=70000:80000 --oom-score-adj=-500 busybox sh -c 'cat /proc/self/limits /proc/self/oom_score_adj'
		up --oom-score-adj=-400 >/dev/null; docker exec one cat /proc/self/oom_score_adj; docker rm -f one
		once --cap-add SYS_RESOURCE --ulimit nofile=100:200 busybox sh -c 'ulimit -Hn 4000; ulimit -n 3000; ulimit -n'
		code once --ulimit nofile=2000000 busybox true 2>&1 | grep -oE 'status .*|operation not permitted'
	CASE
	mentions 1048576 -500 -400 3000
}

@test "docker: AppArmor" {
	both --differs-from crun "Docker does not know crun's message of a profile that is missing" <<-CASE
		$begin
		once busybox cat /proc/self/attr/current
		once busybox sh -c 'exec 2>&1; echo x >/proc/sysrq-trigger; cat /proc/kcore | head -c 1; mount -t tmpfs t /tmp' 2>&1
		once --security-opt apparmor=unconfined busybox cat /proc/self/attr/current
		code once --security-opt apparmor=no-such busybox true 2>&1 | grep -oE 'status .*|apparmor' | sort -u
		up >/dev/null; docker exec one cat /proc/self/attr/current; docker exec --privileged one cat /proc/self/attr/current; docker rm -f one
	CASE
	mentions 'docker-default (enforce)' unconfined 'status 127'
}

@test "docker, systemd: checkpoint, and start from it" {
	criu check >/dev/null 2>&1 || not_here 'needs a kernel that CRIU can work with'
	both --differs-from crun "Debian's crun does not find CRIU's library" <<-CASE
		$begin
		id=\$(docker run -d --name one -m 64m --runtime \$RUNTIME busybox sh -c 'i=0; while :; do echo \$((i += 1)); sleep 0.1; done')
		n() { docker logs one | tail -n 1; }; past() { [ "\$(n)" -ge \$1 ]; }; until_ok 10 past 5
		code docker checkpoint create one saved; docker inspect --format '{{.State.Status}} {{.State.ExitCode}}' one; unit ActiveState
		a=\$(n); code docker start --checkpoint saved one; unit ActiveState MemoryMax; until_ok 20 past \$((a + 5)) && echo it counts on
		docker exec one echo exec works; docker rm -f one
	CASE
	mentions 'exited 137' ActiveState=active 'it counts on' 'exec works'
}
