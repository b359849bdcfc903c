#!/usr/bin/env bats
# shellcheck disable=SC2034,SC2154 # begin is of containerd.bash; helpers.bash reads RUNTIMES
# containerd driven by ctr, in a machine with systemd and a kernel on which CRIU works.

load helpers
load ../containerd

RUNTIMES='rung runc' # Debian's crun was not tried with ctr's checkpoints

# The count is in a file of the container: after a restore ctr does not copy the streams any more.
counting="sh -c 'i=0; while :; do echo \$((i += 1)) >/n; sleep 0.1; done'"

checkpoint_case() { # [OPTION OF CTR RUN]...
	both <<-CASE
		$begin
		counts() { ctr run -d --runc-binary \$binary $* "\$@" $counting; }
		count() { ctr tasks exec --exec-id \$RANDOM \$1 cat /n; }
		past() { [ "\$(count \$1)" -ge "\$2" ]; }
		counts \$image one; until_ok 30 past one 5
		code ctr tasks checkpoint --image-path \$PWD/alive one >/dev/null; ls alive | grep -cE '^(core|mm|pagemap)-1.img'; state one
		code ctr tasks checkpoint --exit --image-path \$PWD/image one >/dev/null; ls image | grep -cE '^(core|mm|pagemap)-1.img'; until_ok 30 says_so STOPPED state one; state one; remove one
		counts --memory-limit 67108864 \$image two; until_ok 30 past two 5
		code ctr containers checkpoint --rw --task two localhost/checkpoint:one >/dev/null; state two; remove two
		code ctr containers restore --live --rw two localhost/checkpoint:one; state two
		a=\$(count two); until_ok 30 past two \$((a + 5)) && echo it runs
		code ctr tasks exec --exec-id e two sh -c 'echo exec works; exit 3'
		code ctr tasks checkpoint --exit --image-path \$PWD/second two >/dev/null; ls second | grep -cE '^(core|mm|pagemap)-1.img'; until_ok 30 says_so STOPPED state two
		remove two; ctr images rm localhost/checkpoint:one >/dev/null
	CASE
	mentions STOPPED 'it runs' 'exec works' 'status 3'
}

@test "containerd: task checkpoint, restore, and a second checkpoint of what was restored" {
	checkpoint_case
}

@test "containerd, systemd: task checkpoint, restore, and a second checkpoint of what was restored" {
	checkpoint_case --runc-systemd-cgroup --cgroup system.slice:ctr:one
}
