#!/usr/bin/env bats
# shellcheck disable=SC2154 # begin is of cri.bash
# Kubernetes with systemd: containerd's CRI plugin with SystemdCgroup = true.

load helpers
load ../cri

export SYSTEMD_CGROUP=true

parent='cgroup_parent: "kubepods-burstable-pod1.slice"'

@test "CRI, systemd: a scope for each container below the pod's slice" {
	both <<-CASE
		$begin
		crictl info | jq -r --arg h "\$RUNTIME" '.config.containerd.runtimes[\$h].options.SystemdCgroup'
		p=\$(pod '{hostname: "web", linux: {$parent}}'); c=\$(container \$p main 'hostname; trap "exit 4" TERM; while :; do sleep 0.2; done'); crictl start \$c | wc -l; state \$c
		systemctl show cri-containerd-\$c.scope -p Slice -p Delegate -p ActiveState; systemctl show cri-containerd-\$p.scope -p Slice
		crictl exec -s \$c cat /proc/self/cgroup; code crictl exec -s \$c sh -c 'exit 9' 2>&1 | grep -v level=; code crictl exec \$c echo streamed
		crictl stop -t 5 \$c | wc -l; crictl inspect \$c | jq .status.exitCode; systemctl show cri-containerd-\$c.scope -p ActiveState
		crictl rmp -f \$p | wc -l; systemctl show cri-containerd-\$p.scope -p ActiveState
	CASE
	mentions true Slice=kubepods-burstable-pod1.slice 'exited with 9' streamed ActiveState=inactive
}

@test "CRI, systemd: resources, their update, and an OOM kill" {
	both <<-CASE
		$begin
		p=\$(pod '{linux: {$parent}}')
		c=\$(container \$p main 'sleep 1000' '{linux: {resources: {memory_limit_in_bytes: 67108864, cpu_period: 100000, cpu_quota: 50000, cpuset_cpus: "0", unified: {"pids.max": "44"}}}}'); crictl start \$c | wc -l
		values() { crictl exec -s \$c sh -c 'cd /sys/fs/cgroup; grep . memory.max cpu.max pids.max'; systemctl show cri-containerd-\$c.scope -p MemoryMax -p CPUQuotaPerSecUSec; }
		values; crictl update --memory 134217728 --cpu-period 100000 --cpu-quota 80000 \$c | wc -l; systemctl daemon-reload; values
		crictl stats -o json \$c | jq '.stats[0].memory.workingSetBytes.value | tonumber > 0'
		d=\$(container \$p two 'dd if=/dev/zero of=/dev/null bs=64M count=1; sleep 3; exit 5' '{linux: {resources: {memory_limit_in_bytes: 16777216, memory_swap_limit_in_bytes: 16777216}}}'); crictl start \$d | wc -l
		until_ok 30 says_so EXITED state \$d; crictl inspect \$d | jq -r '.status.exitCode, .status.reason'; crictl rmp -f \$p | wc -l
	CASE
	mentions memory.max:67108864 'cpu.max:80000 100000' MemoryMax=134217728 $'5\nOOMKilled'
}
