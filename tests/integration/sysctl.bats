#!/usr/bin/env bats
# shellcheck disable=SC2016 # expanded by jq, or by the shell in the container
# linux.sysctl.

load helpers

@test "sysctls of new namespaces are set there and nowhere else" {
	needs_root
	local before
	before=$(cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax)
	config '.linux.sysctl = {"net.ipv4.ip_forward": "1", "kernel.msgmax": "4242", "fs.mqueue.msg_max": "17"}'
	inside 'cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax /proc/sys/fs/mqueue/msg_max'
	says $'1\n4242\n17'
	[ "$(cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax)" = "$before" ]
}

# https://nvd.nist.gov/vuln/detail/CVE-2025-52881: rung writes to a procfs that nobody can mount over.
@test "kernel parameters are written whatever the host has mounted over its /proc" {
	needs_root
	config '.linux.sysctl = {"net.ipv4.ip_forward": "1"} | .process.oomScoreAdj = 55'
	process cat /proc/sys/net/ipv4/ip_forward /proc/self/oom_score_adj
	echo fake >"$BATS_TEST_TMPDIR/fake"
	mkdir "$BATS_TEST_TMPDIR/net"
	local over
	for over in "$BATS_TEST_TMPDIR/fake /proc/sys/net/ipv4/ip_forward" "$BATS_TEST_TMPDIR/net /proc/sys/net"; do
		run unshare --mount --propagation private bash -ec 'mount --bind "$1" "$2"; exec "$3" --root "$4" run -b "$5" "$6"' - \
			"${over% *}" "${over#* }" "$RUNG" "$STATE" "$BUNDLE" "$ID"
		[ "$status" -eq 0 ] || fail "$over: $output"
		says $'1\n55'
	done
	[ "$(cat "$BATS_TEST_TMPDIR/fake")" = fake ]
	[ -z "$(ls -A "$BATS_TEST_TMPDIR/net")" ]
}

# runc#3254; sysctl(8): after a dot, a slash stands for a dot in a name
@test "both separators" {
	needs_root
	config '.linux.sysctl = {"net/ipv4/conf/lo/forwarding": "1", "net.ipv4.conf.lo.rp_filter": "2"}'
	inside 'cat /proc/sys/net/ipv4/conf/lo/forwarding /proc/sys/net/ipv4/conf/lo/rp_filter'
	says $'1\n2'
}

@test "a sysctl in a user namespace" {
	needs_root
	map_ids
	config '.linux.sysctl = {"net.ipv4.ip_unprivileged_port_start": "80"}'
	inside 'cat /proc/sys/net/ipv4/ip_unprivileged_port_start'
	says 80
}

@test "a sysctl of a namespace that is the host's is refused" {
	needs_root
	config 'del(.linux.namespaces[] | select(.type == "network")) | .linux.sysctl = {"net.ipv4.ip_forward": "1"}'
	refused linux.sysctl net.ipv4.ip_forward
	config 'del(.linux.namespaces[] | select(.type == "ipc")) | del(.mounts[] | select(.type == "mqueue"))
		| .linux.sysctl = {"kernel.msgmax": "4242"}'
	refused linux.sysctl kernel.msgmax
}

# bats test_tags=user
@test "a sysctl that belongs to no namespace is refused" {
	config '.linux.sysctl = {"vm.swappiness": "1"}'
	refused linux.sysctl vm.swappiness
	config '.linux.sysctl = {"kernel.hostname": "x"}'
	refused linux.sysctl kernel.hostname
	config '.domainname = "one" | .linux.sysctl = {"kernel.domainname": "two"}'
	refused 'linux.sysctl[kernel.domainname]: ' 'conflicts with domainname, which is'
}

@test "a sysctl that does not exist, and a value that the kernel refuses" {
	needs_root
	config '.linux.sysctl = {"net.ipv4.not_there": "1"}'
	refused net.ipv4.not_there 'no such file or directory'
	config '.linux.sysctl = {"net.ipv4.ip_forward": "many"}'
	refused net.ipv4.ip_forward 'invalid argument'
}

@test "a key cannot leave /proc/sys" {
	needs_root
	config '.linux.sysctl = {"net/../../self/oom_score_adj": "500"}'
	refused linux.sysctl
}
