#!/bin/sh
# shellcheck shell=dash
# Runs inside a container (busybox) and prints what a process sees there. It is /hello of the default bundle and of the
# bundles in testdata/engines.

field() {
	sed -n "s/^$1:[[:space:]]*//p" /proc/self/status
}

limit() { # NAME FILE...: the files that may have the limit, v2's first
	name=$1
	shift
	for file; do
		[ -r "$file" ] || continue
		printf '  %-13s %s\n' "$name" "$(cat "$file")"
		return
	done
	printf '  %-13s %s\n' "$name" 'not visible in here'
}

show_process() {
	set -- /proc/[0-9]*
	echo 'process:'
	printf '  %-13s %s\n' pid $$ \
		'uid gid' "$(id -u) $(id -g)" \
		hostname "$(hostname)" \
		cwd "$(pwd)" \
		umask "$(umask)" \
		processes "$# seen" \
		'no new privs' "$(field NoNewPrivs)" \
		seccomp "mode $(field Seccomp) (2 is a filter)" \
		'cap effective' "$(field CapEff)" \
		'cap bounding' "$(field CapBnd)" \
		'open files' "$(ulimit -n)"
}

show_namespaces() {
	echo 'namespaces:'
	for ns in /proc/self/ns/*; do
		case $ns in *_for_children) continue ;; esac
		printf '  %s\n' "$(readlink "$ns")"
	done
	echo 'user ids (inside, outside, count):'
	sed 's/^ */  /' /proc/self/uid_map
}

show_mounts() {
	echo 'mounts:'
	while read -r _ target type options _; do
		printf '  %-24s %-8s %s\n' "$target" "$type" "${options%%,*}"
	done </proc/mounts
}

show_limits() {
	cg=/sys/fs/cgroup
	echo 'limits:'
	limit memory $cg/memory.max $cg/memory/memory.limit_in_bytes
	limit pids $cg/pids.max $cg/pids/pids.max
	limit cpu $cg/cpu.max $cg/cpu/cpu.cfs_quota_us $cg/cpu,cpuacct/cpu.cfs_quota_us
	limit cpus $cg/cpuset.cpus.effective $cg/cpuset/cpuset.cpus
}

echo 'Hello from inside the container.'
show_process
show_namespaces
show_mounts
show_limits
