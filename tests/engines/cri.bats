#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2094,SC2154 # scripts for inner shells; page_file reads another file; begin is of cri.bash
# Kubernetes' side: containerd's CRI plugin, driven by crictl, with rung as the handler of a RuntimeClass.

load helpers
load cri

setup_file() {
	[ -x "$RUNG_SOURCE/build/tools/crictl" ] || "$RUNG_SOURCE/scripts/engine-tools.sh" crictl
	start_worlds
}

# bats test_tags=smoke
@test "CRI: a pod, its containers, logs, status, exec, removal" {
	both <<-CASE
		$begin
		p=\$(pod '{hostname: "web"}'); crictl pods -o json | jq -r '.items[] | .state, .runtimeHandler'
		c=\$(container \$p main 'hostname; echo out; echo err >&2; trap "exit 4" TERM; while :; do sleep 0.1; done'); state \$c
		crictl start \$c | wc -l; state \$c; until_ok 10 says_so err cat logs/main.log; crictl logs \$c 2>/dev/null; crictl logs \$c 2>&1 >/dev/null
		code crictl exec -s \$c sh -c 'exec 2>&1; echo inside; exit 9' 2>&1 | grep -v level=; code crictl exec \$c echo streamed
		code crictl exec -s \$c no-such 2>&1 | grep -oE 'status .*|executable file not found in .PATH' | sort -u
		echo piped | crictl exec -i \$c cat
		crictl ps -o json | jq -r '.containers[] | .metadata.name, .state'
		crictl stop -t 5 \$c | wc -l; state \$c; crictl inspect \$c | jq .status.exitCode
		crictl rm \$c | wc -l; crictl stopp \$p | wc -l; crictl rmp \$p | wc -l
	CASE
	mentions SANDBOX_READY rung CONTAINER_RUNNING web inside streamed piped CONTAINER_EXITED $'\n4'
}

@test "CRI: the RuntimeClass of docs/engines.md names a handler that containerd has" {
	both <<-CASE
		$begin
		handler=\$(page_file runtimeclass.yaml | sed -n 's/^handler: //p'); crictl info | jq -r --arg h "\$handler" '.config.containerd.runtimes[\$h] | .runtimeType, .options.BinaryName'
	CASE
	says $'io.containerd.runc.v2\n/usr/local/bin/rung'
}

@test "CRI: errors of start, exit codes, OOM" {
	both <<-CASE
		$begin
		p=\$(pod)
		c=\$(container \$p bad true '{command: ["no-such"]}'); code crictl start \$c 2>&1 | grep -oE '^status .*|executable file not found in .PATH' | sort -u
		crictl inspect \$c | jq -r '.status | .state, .exitCode, .reason'
		c=\$(container \$p seven 'exit 7'); crictl start \$c >/dev/null; until_ok 10 says_so EXITED state \$c; crictl inspect \$c | jq -r '.status | .exitCode, .reason'
		c=\$(container \$p oom 'dd if=/dev/zero of=/dev/null bs=64M count=1; echo \$?; exec dd if=/dev/zero of=/dev/null bs=64M count=1' '{linux: {resources: {memory_limit_in_bytes: 16777216}}}')
		crictl start \$c >/dev/null; until_ok 10 says_so EXITED state \$c; sleep 0.5; crictl inspect \$c | jq -r '.status | .exitCode, .reason'
		crictl rmp -f \$p | wc -l
	CASE
	mentions 'executable file not found in $PATH' $'7\nError' $'137\nOOMKilled'
}

# bats test_tags=smoke
@test "CRI: resources, and their update, stats" {
	both <<-CASE
		$begin
		p=\$(pod '{linux: {cgroup_parent: "/kubepods/burstable/poda"}}')
		c=\$(container \$p main 'sleep 1000' '{linux: {resources: {memory_limit_in_bytes: 67108864, cpu_quota: 50000, cpu_period: 100000, cpu_shares: 300, cpuset_cpus: "0", oom_score_adj: 500}}}')
		crictl start \$c >/dev/null
		g() { if [ -e /sys/fs/cgroup/cgroup.controllers ]; then cat /sys/fs/cgroup/kubepods/burstable/poda/\$c/\$3; else cat /sys/fs/cgroup/\$1/kubepods/burstable/poda/\$c/\$2; fi; }
		all() { g memory memory.limit_in_bytes memory.max; g cpu cpu.cfs_quota_us cpu.max; g cpu cpu.shares cpu.weight; g cpuset cpuset.cpus cpuset.cpus; }
		all; crictl exec -s \$c cat /proc/1/oom_score_adj
		crictl update --memory 100663296 --cpu-quota 20000 --cpu-share 512 --cpuset-cpus 1 \$c | wc -l; all
		until_ok 30 has crictl stats -o json \$c; crictl stats -o json \$c | jq -r '.stats[0] | (.memory.workingSetBytes.value | tonumber > 0), (.cpu.usageCoreNanoSeconds.value | tonumber > 0)'
		until_ok 30 crictl statsp \$p
		crictl rmp -f \$p | wc -l; find /sys/fs/cgroup -depth -path '*/kubepods/*' -type d -exec rmdir {} +; find /sys/fs/cgroup -depth -name kubepods -exec rmdir {} +
	CASE
	mentions $'67108864\n' $'100663296\n' 500 true
}

@test "CRI: namespaces shared in a pod, and with the host" {
	both <<-CASE
		$begin
		p=\$(pod '{linux: {security_context: {namespace_options: {pid: 1}}}}')
		a=\$(container \$p a 'sleep 1000'); b=\$(container \$p b 'sleep 1001'); crictl start \$a \$b | wc -l
		for ns in net ipc uts pid mnt; do [ "\$(crictl exec -s \$a readlink /proc/self/ns/\$ns)" = "\$(crictl exec -s \$b readlink /proc/self/ns/\$ns)" ] && echo \$ns shared || echo \$ns not; done
		crictl rmp -f \$p | wc -l
		p=\$(pod '{linux: {security_context: {namespace_options: {pid: 0}}}}')
		a=\$(container \$p a 'sleep 1000' '{linux: {security_context: {namespace_options: {pid: 0}}}}'); b=\$(container \$p b 'sleep 1001' '{linux: {security_context: {namespace_options: {pid: 0}}}}'); crictl start \$a \$b | wc -l
		crictl exec -s \$a ps -o args | grep -E '^sleep|pause' | sort; crictl rmp -f \$p | wc -l
		p=\$(pod '{linux: {security_context: {namespace_options: {network: 2, pid: 2, ipc: 2}}}}')
		a=\$(container \$p a 'sleep 1000' '{linux: {security_context: {namespace_options: {network: 2, pid: 2, ipc: 2}}}}'); crictl start \$a >/dev/null
		for ns in net ipc pid; do [ "\$(crictl exec -s \$a readlink /proc/self/ns/\$ns)" = "\$(readlink /proc/self/ns/\$ns)" ] && echo \$ns of the host; done
		crictl rmp -f \$p | wc -l
	CASE
	mentions 'net shared' 'mnt not' 'sleep 1001' 'pid of the host'
}

@test "CRI: network: the pod's address, port-forward, host port" {
	both <<-CASE
		$begin
		p=\$(pod '{port_mappings: [{container_port: 80, host_port: 8082, protocol: 0}]}'); ip=\$(crictl inspectp \$p | jq -r .status.network.ip)
		c=\$(container \$p web 'nc -ll -p 80 -e echo served'); crictl start \$c >/dev/null; echo \${ip%.*.*}
		timeout 5 busybox nc \$ip 80 </dev/null
		\$SOURCE/build/tools/crictl port-forward \$p 8083:80 >/dev/null 2>&1 & forward=\$!; until_ok 10 says_so served timeout 5 busybox nc 127.0.0.1 8083; timeout 5 busybox nc 127.0.0.1 8083 </dev/null; kill \$forward
		timeout 5 busybox nc \$(ip -4 -o addr show cni0 | awk '{ print \$4 }' | cut -d/ -f1) 8082 </dev/null
		crictl rmp -f \$p | wc -l
	CASE
	mentions 10.22 served
}

@test "CRI: security contexts and mounts" {
	both <<-CASE
		$begin
		p=\$(pod '{linux: {sysctls: {"net.core.somaxconn": "200"}}}'); mkdir d; echo host >d/f; chmod 755 .
		see='exec 2>&1; grep -E "^(Cap|NoNew|Seccomp:|Uid|Groups)" /proc/self/status; cat /proc/sys/net/core/somaxconn; touch /x; ls -l /dev/mine 2>/dev/null | cut -c 1-10; cat /data/f; touch /data/y'
		run() { local c; c=\$(container \$p \$1 "\$see" "\${2:-}"); crictl start \$c >/dev/null; until_ok 10 says_so EXITED state \$c; crictl logs \$c 2>&1 | sort; }
		run plain
		run user '{linux: {security_context: {run_as_user: {value: 1000}, supplemental_groups: [4, 5], no_new_privs: true, readonly_rootfs: true, capabilities: {drop_capabilities: ["ALL"], add_capabilities: ["NET_ADMIN"]}}}}'
		run seccomp '{linux: {security_context: {seccomp: {profile_type: 0}}}}'
		run mounts "{mounts: [{container_path: \"/data\", host_path: \"\$PWD/d\", readonly: true}], devices: [{container_path: \"/dev/mine\", host_path: \"/dev/loop0\", permissions: \"r\"}]}"
		crictl rmp -f \$p | wc -l
	CASE
	mentions 'Read-only file system' 200 host
}

@test "CRI: containerd is started again, the pods live on" {
	both <<-CASE
		$begin
		p=\$(pod); c=\$(container \$p main 'sleep 1000'); crictl start \$c >/dev/null
		kill -KILL \$(cat /run/containerd.pid); sleep 0.5
		setsid containerd >>/run/containerd.log 2>&1 </dev/null & echo \$! >/run/containerd.pid
		until_ok 30 crictl info; state \$c; crictl exec -s \$c echo exec works; crictl pods -o json | jq -r '.items[].state'; crictl rmp -f \$p | wc -l
	CASE
	mentions CONTAINER_RUNNING 'exec works' SANDBOX_READY
}

@test "CRI: 10 pods at once" {
	both <<-CASE
		$begin
		one() { cd \$(mktemp -d /run/case.XXXXXX); local p c; p=\$(pod); c=\$(container \$p main 'sleep 1000' 2>/dev/null); crictl start \$c >/dev/null; }
		for i in \$(seq 10); do (one) & done; wait
		crictl ps -q | wc -l; crictl pods -q | wc -l; crictl rmp -fa | grep -c '^Removed'
	CASE
	mentions $'10\n10\n10'
}

@test "CRI: two RuntimeClasses on one node, and a handler that is unknown" {
	both <<-CASE
		$begin
		for RUNTIME in rung runc; do p=\$(pod); c=\$(container \$p main 'sleep 1000' 2>/dev/null); crictl start \$c >/dev/null; state \$c; crictl exec -s \$c echo exec works; done
		crictl pods -o json | jq -r '.items[].runtimeHandler' | sort
		pod_of() { jq -n '{metadata: {name: "none", namespace: "default", uid: "none"}, linux: {}}' >none.json; crictl runp --runtime \$1 none.json 2>&1 | tr -d '\\\\"' | grep -oE 'no runtime for [a-z-]* is configured' | sort -u; }
		pod_of no-such; crictl rmp -fa | grep -c '^Removed'
	CASE
	mentions $'runc\nrung' 'exec works' 'no runtime for no-such is configured'
}

# kubelet starts init containers one after the other, a sidecar (an init container with restartPolicy Always) stays, its startup
# probe and all hooks are execs, a container that has ended is made again with the next attempt, and sidecars are stopped last.
@test "CRI: a pod as kubelet runs it: init containers, a sidecar, hooks, restart, order of the end" {
	both <<-CASE
		$begin
		mkdir shared; m="{mounts: [{container_path: \"/shared\", host_path: \"\$PWD/shared\"}]"; p=\$(pod '{hostname: "web"}')
		run() { local c; c=\$(container \$p "\$@" "\$m\${more:-}}"); crictl start \$c >/dev/null; echo \$c; }
		ended() { until_ok 20 says_so EXITED state \$1; crictl inspect \$1 | jq -r '.status | .metadata.name, .metadata.attempt, .exitCode, .reason' | paste -sd ' '; }
		ended \$(run init 'echo by init >/shared/config'); ended \$(run second 'echo fails >&2; exit 3'); more=', metadata: {attempt: 1}'
		ended \$(run second 'cat /shared/config; echo by the second >>/shared/config'); more=; cat logs/second.log | cut -d' ' -f2-
		side=\$(run side 'trap "echo side ends >>/shared/log; exit 0" TERM; sleep 0.5; touch /shared/side; while :; do sleep 0.1; done')
		until_ok 20 crictl exec -s \$side test -e /shared/side && echo the sidecar is up
		main=\$(run main 'trap "echo main ends >>/shared/log; exit 0" TERM; cat /shared/config; while :; do sleep 0.1; done'); until_ok 10 says_so 'by the second' crictl logs \$main; crictl logs \$main
		crictl exec -s \$main sh -c 'echo post start >>/shared/log'; code crictl exec -s \$main sh -c 'exit 1' 2>&1 | grep -o 'status .*'
		kill -KILL \$(crictl inspect \$side | jq .info.pid); ended \$side; more=', metadata: {attempt: 1}'; side=\$(run side 'trap "echo side ends >>/shared/log; exit 0" TERM; while :; do sleep 0.1; done'); state \$side; state \$main
		crictl exec -s \$main sh -c 'echo pre stop >>/shared/log'; crictl stop -t 5 \$main >/dev/null; ended \$main; crictl stop -t 5 \$side >/dev/null; ended \$side; cat shared/log; crictl rmp -f \$p | wc -l
	CASE
	mentions 'init 0 0 Completed' 'second 0 3 Error' 'second 1 0 Completed' 'the sidecar is up' 'side 0 137 Error' $'post start\npre stop\nmain ends\nside ends'
}

# Resize in place: kubelet changes the limits of a container that runs, here while execs go on.
@test "CRI: resize in place, up, down and refused" {
	both <<-CASE
		$begin
		p=\$(pod '{linux: {cgroup_parent: "/kubepods/burstable/podr"}}'); limits='{linux: {resources: {memory_limit_in_bytes: 67108864, cpu_quota: 50000, cpu_period: 100000, cpu_shares: 204}}}'
		a=\$(container \$p a 'sleep 1000' "\$limits"); b=\$(container \$p b 'while :; do :; done' "\$limits"); crictl start \$a \$b >/dev/null; pid=\$(crictl inspect \$a | jq .info.pid)
		g() { if [ -e /sys/fs/cgroup/cgroup.controllers ]; then cat /sys/fs/cgroup/kubepods/burstable/podr/\$c/\$3; else cat /sys/fs/cgroup/\$1/kubepods/burstable/podr/\$c/\$2; fi; }
		all() { for c in \$a \$b; do g memory memory.limit_in_bytes memory.max; g cpu cpu.cfs_quota_us cpu.max; g cpu cpu.shares cpu.weight; g cpuset cpuset.cpus cpuset.cpus; done | paste -sd ' '; }
		all; (for i in \$(seq 20); do crictl exec -s \$a echo probe; done | grep probe | uniq -c | tr -s ' ') & probes=\$!
		code crictl update --memory 134217728 --cpu-quota 80000 --cpu-share 512 \$a \$b | grep '^status'; all; code crictl update --memory 33554432 --cpu-quota 10000 --cpu-share 102 \$a \$b | grep '^status'; all; wait \$probes
		code crictl update --cpuset-cpus 4000 \$a 2>&1 | grep '^status'; code crictl update --cpu-quota 1 \$a 2>&1 | grep '^status'; code crictl update --memory 4096 \$a 2>&1 | grep '^status'; crictl update --memory 67108864 --cpuset-cpus 0 \$a >/dev/null; all
		[ "\$(crictl inspect \$a | jq .info.pid)" = \$pid ] && echo not restarted; state \$a; crictl exec -s \$a echo exec works; crictl inspect \$a | jq '.status.resources.linux | .memoryLimitInBytes, .cpuQuota, .cpusetCpus'
		crictl rmp -f \$p | wc -l; find /sys/fs/cgroup -depth -path '*/kubepods/*' -type d -exec rmdir {} +; find /sys/fs/cgroup -depth -name kubepods -exec rmdir {} +
	CASE
	mentions 67108864 134217728 33554432 ' 20 probe' 'status 1' 'not restarted' 'exec works'
}

# The pods are in the host's network, because 50 bridges measure CNI.
@test "CRI: probes under load: an exec each second in 50 pods" {
	both <<-CASE
		$begin
		for i in \$(seq 50); do p=\$(pod '{linux: {security_context: {namespace_options: {network: 2}}}}'); c=\$(container \$p main 'trap : CHLD; while :; do sleep 1; done' '{linux: {security_context: {namespace_options: {network: 2}}}}'); crictl start \$c; done >started; sort -u started | wc -l
		processes() { ps -e -o comm= | grep -cE '^(rung|runc)'; }
		all="crictl exec -s --parallel --quiet --ignore-errors --name main"
		for round in \$(seq 20); do \$all sh -c 'echo alive' 2>&1 & sleep 1; done >seen; wait; grep . seen | sort | uniq -c | tr -s ' '
		\$all sh -c 'echo out; exit 3' 2>&1 | grep -oE 'out|with code 3|exit code.*3|exited with 3' | sort | uniq -c | tr -s ' '
		\$all --timeout 2 sleep 100 2>&1 | grep -oE 'DeadlineExceeded' | sort | uniq -c | tr -s ' '
		none() { [ "\$(processes)" = 0 ] && [ "\$(ps -e -o args= | grep -c '^sleep 100\$')" = 0 ]; }; until_ok 20 none && echo nothing is left of the execs
		for c in \$(cat started); do state \$c; done | sort | uniq -c | tr -s ' '; crictl rmp -fa | grep -c '^Removed'
	CASE
	mentions $'50\n 1000 alive' 'nothing is left' ' 50 CONTAINER_RUNNING'
}
