#!/usr/bin/env bats
# bats file_tags=user
# shellcheck disable=SC2016,SC2094,SC2154 # scripts for inner shells; page_file reads another file; begin is of units.bash
# Quadlet and `podman kube play`, as root and as a plain user in his user manager: Podman's units of systemd, and Kubernetes'
# manifests without Kubernetes.

load helpers
load units

export CASE_SECONDS=900 # 300 were not enough on an emulated processor

@test "Quadlet: the unit of docs/engines.md" {
	both <<-CASE
		$begin
		quadlet web.container web.volume
		page_commands Quadlet >commands; grep -c . commands; (set -e; . ./commands); echo "status \$?"
		runtime_of web 2>/dev/null; podman volume rm systemd-web >/dev/null && echo volume removed; forget
	CASE
	mentions active ready 'volume removed' 'status 0'
}

@test "Quadlet: a service with limits, health, restart and failure" {
	both <<-CASE
		$begin
		quadlet web.container web.volume; printf '\\n[Service]\\nRestart=always\\n' >>\$units/web.container; systemctl daemon-reload; unit=web.service
		code systemctl start web; unit ActiveState SubState Type Delegate NotifyAccess KillMode; runtime_of web; group_of web; podman exec web cat /sys/fs/cgroup/memory.max
		podman inspect --format '{{.State.Health.Status}} {{.HostConfig.Memory}} {{.HostConfig.Cgroups}}' web; podman exec web wget -q -O - http://127.0.0.1/state
		pid=\$(podman inspect --format '{{.State.Pid}}' web); kill -KILL \$pid
		again() { [ "\$(podman inspect --format '{{.State.Status}}' web)" = running ] && [ "\$(podman inspect --format '{{.State.Pid}}' web)" != \$pid ] && [ "\$(systemctl is-active web)" = active ]; }
		until_ok 90 again && echo it is started again; unit NRestarts
		code systemctl restart web; code systemctl stop web; unit ActiveState Result; podman ps -aq | wc -l
		printf '[Container]\\nImage=localhost/busybox\\nExec=sh -c "exit 7"\\nNetwork=none\\n' >\$units/bad.container; systemctl daemon-reload; unit=bad.service
		systemctl start bad >/dev/null 2>&1; until_ok 60 says_so failed systemctl is-failed bad; unit ExecMainStatus Result; systemctl reset-failed bad
		podman volume rm systemd-web >/dev/null; forget
	CASE
	mentions ActiveState=active Type=notify Delegate=yes 'the runtime' 67108864 'healthy 67108864' ready 'it is started again' NRestarts=1 ExecMainStatus=7
}

@test "Quadlet: a pod with its containers, a network and a .kube unit" {
	both <<-CASE
		$begin
		mkdir -p \$units; printf '[Pod]\\nPodName=pair\\nNetwork=pair.network\\n' >\$units/pair.pod; printf '[Network]\\nSubnet=10.99.0.0/24\\n' >\$units/pair.network
		for name in one two; do printf '[Container]\\nContainerName=%s\\nImage=localhost/busybox\\nPod=pair.pod\\nExec=%s\\n' \$name "sh -c 'trap \\"exit 0\\" TERM; while :; do sleep 0.2; done'" >\$units/\$name.container; done
		systemctl daemon-reload; code systemctl start pair-pod; up() { [ "\$(systemctl is-active one two | sort -u)" = active ]; }; until_ok 60 up && systemctl is-active one two pair-pod pair-network; runtime_of one two
		podman exec one ip -4 -o addr show eth0 | awk '{ print \$4 }'; [ "\$(podman exec one readlink /proc/self/ns/net)" = "\$(podman exec two readlink /proc/self/ns/net)" ] && echo one network
		podman pod ps --format '{{.Name}} {{.Status}} {{.NumberOfContainers}}'; code systemctl stop pair-pod; systemctl is-active one two pair-pod; podman ps -aq | wc -l; systemctl stop pair-network; podman network rm -f systemd-pair >/dev/null
		page_file pod.yaml >\$units/pod.yaml; printf '[Kube]\\nYaml=pod.yaml\\n' >\$units/shop.kube; systemctl daemon-reload
		code systemctl start shop; systemctl is-active shop; runtime_of shop-web; podman exec shop-web cat /data/state; code systemctl stop shop; podman pod ls -q | wc -l; podman volume prune -f >/dev/null; forget
	CASE
	mentions 'the runtime' 10.99.0. 'one network' 'pair Running 3' $'inactive\ninactive' ready
}

@test "podman kube play: the manifest of docs/engines.md" {
	both <<-CASE
		$begin
		page_file pod.yaml >pod.yaml; page_commands 'Manifests without Kubernetes' >commands; grep -c . commands; bash -e commands 2>&1; podman pod ls -q | wc -l; podman ps -aq | wc -l; podman volume prune -f >/dev/null
	CASE
	mentions ready 'shop-web'
}

@test "podman kube play: init containers, probes, limits, security, restart" {
	both <<-CASE
		$begin
		page_file pod.yaml | sed 's/failureThreshold: 1}/failureThreshold: 1, timeoutSeconds: 30}/' >pod.yaml; podman kube play pod.yaml >/dev/null; runtime_of shop-web shop-worker
		healthy() { [ "\$(podman inspect --format '{{.State.Health.Status}}' shop-web)" = healthy ]; }; until_ok 60 healthy && echo healthy
		podman exec shop-web cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/cpu.max; podman exec shop-worker cat /sys/fs/cgroup/memory.max; podman exec shop-worker env | grep GREETING
		podman exec shop-web sh -c 'exec 2>&1; grep -E "^(Cap|NoNew|Seccomp:)" /proc/self/status; touch /x; touch /data/x; id' 2>&1; podman exec shop-worker cat /proc/sys/net/core/somaxconn
		podman exec shop-worker wget -q -O - http://127.0.0.1/state; [ "\$(podman exec shop-web readlink /proc/self/ns/ipc)" = "\$(podman exec shop-worker readlink /proc/self/ns/ipc)" ] && echo ipc shared
		pid=\$(podman inspect --format '{{.State.Pid}}' shop-web); podman exec shop-worker rm /data/state; restarted() { [ "\$(podman inspect --format '{{.State.Pid}} {{.State.Status}}' shop-web)" != "\$pid running" ] && [ "\$(podman inspect --format '{{.State.Status}}' shop-web)" = running ]; }
		until_ok 90 restarted && echo the probe failed and it was started again; podman exec shop-worker sh -c 'echo again >/data/state'; until_ok 60 healthy && echo healthy again
		podman pod inspect shop --format '{{.State}} {{.NumContainers}}'; code podman kube down --force pod.yaml >/dev/null; podman ps -aq | wc -l; podman volume ls -q | wc -l
	CASE
	mentions 'the runtime' healthy 67108864 '50000 100000' GREETING=hello 'Read-only file system' ready 'ipc shared' 'started again' 'healthy again'
}
