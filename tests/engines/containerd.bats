#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2094,SC2154 # scripts for inner shells; page_file reads another file; begin is of containerd.bash
# containerd, driven by ctr: io.containerd.runc.v2 with rung as its binary.

load helpers
load containerd

# bats test_tags=smoke
@test "containerd: ctr run: status, errors, what the program sees" {
	both <<-CASE
		$begin
		for n in 0 3 255; do code once \$image one sh -c "echo out; sleep 0.3; exit \$n"; done # ctr ends its copying with the task
		code once \$image one no-such-program 2>&1 | grep -oE 'status .*|exec: "no-such-program": executable file not found in .PATH'
		code once \$image one /etc/passwd 2>&1 | grep -oE 'status .*|permission denied'
		once --env A=1 --cwd /tmp --env-file /dev/null --read-only \$image one sh -c 'exec 2>&1; echo \$A; pwd; id; touch /tmp/x; grep -E "^(Cap|NoNew|Seccomp:)" /proc/self/status' 2>&1
		once --net-host --seccomp --cap-add CAP_NET_ADMIN --mount type=bind,src=/etc/hostname,dst=/mnt,options=rbind:ro \$image one sh -c 'ip -o link | wc -l; cat /mnt; grep -E "^(CapEff|Seccomp:)" /proc/self/status; sleep 0.3'
		once --with-ns network:/proc/1/ns/net \$image one sh -c 'readlink /proc/self/ns/net; sleep 0.3' | grep -cF "\$(readlink /proc/1/ns/net)"
	CASE
	mentions 'status 3' 'executable file not found in $PATH' 'uid=0(root)' 'Read-only file system'
}

# bats test_tags=smoke
@test "containerd: task: exec, ps, pause, metrics, kill, delete" {
	both <<-CASE
		$begin
		start one --memory-limit 67108864 --cpus 0.5; state one
		code ctr tasks exec --exec-id e one sh -c 'echo inside; exit 9'
		code ctr tasks exec --exec-id e one no-such 2>&1 | grep -oE 'status .*|executable file not found in .PATH'
		code tty ctr tasks exec -t --exec-id e one sh -c "'test -t 0 && echo terminal; sleep 1'"
		ctr tasks exec --exec-id e --user 1000:100 --cwd /tmp one sh -c 'id; pwd'
		[ \$(ctr tasks ps one | wc -l) -ge 2 ] && echo has processes
		ctr tasks pause one; state one; code ctr tasks exec --exec-id e one true 2>&1 | grep -oE 'status .*|paused|pausing'; ctr tasks resume one; state one
		ctr tasks metrics one | grep -oE '^memory.limit_in_bytes.*|pids.limit' | tr -s ' '; ctr tasks metrics --format json one | grep -cE 'usage'
		ctr tasks kill -s TERM -a one; until_ok 10 says_so STOPPED state one; state one
		code ctr tasks delete one; ctr containers rm one
		start two; ctr tasks kill -s KILL two; until_ok 10 says_so STOPPED state two; code ctr tasks delete two; ctr containers rm two
		start three; code ctr tasks delete three 2>&1 | grep -oE 'status .*|must be stopped|running'; code ctr tasks delete -f three; ctr containers rm three
	CASE
	mentions RUNNING PAUSED STOPPED 'status 9' terminal 'uid=1000(user)' 'exit code 4' 'exit code 137'
}

@test "containerd: the commands of docs/engines.md" {
	both <<-'CASE'
		bash -e <(page_commands containerd)
	CASE
	says hello
}

@test "containerd: ctr run -t" {
	both <<-CASE
		$begin
		code tty ctr run --rm -t --runc-binary /usr/local/bin/rung \$image one sh -c "'tty; test -t 0 && test -t 2 && echo terminal; sleep 1; exit 5'"
	CASE
	mentions terminal 'status 5'
}

@test "containerd: task update, events, OOM" {
	both <<-CASE
		$begin
		timeout 15 ctr events >events & listening=\$!; sleep 1
		start one --memory-limit 67108864
		code ctr run --rm --runc-binary /usr/local/bin/rung --memory-limit 16777216 \$image two dd if=/dev/zero of=/dev/null bs=64M count=1
		ctr tasks kill -s KILL one; until_ok 10 says_so STOPPED state one; remove one; sleep 1
		kill \$listening; grep -oE '/(tasks|containers)/[a-z-]+' events | sort | uniq -c | grep -v oom; grep -c /tasks/oom events | sed 's/[1-9].*/reported/'
	CASE
	mentions 'status 137' /tasks/exit reported
}

@test "containerd: its shim is killed" {
	both <<-CASE
		$begin
		start one; pid=\$(ctr tasks ls | awk '\$1 == "one" { print \$2 }')
		kill -KILL \$(pgrep -x containerd-shim)
		gone() { [ ! -d /proc/\$pid ]; }; until_ok 10 gone; gone && echo the container ended with it
		until_ok 10 test ! -e /run/containerd/runc/default/one; ls /run/containerd/runc/default
		code ctr containers rm one; code start one; state one; remove one
	CASE
	mentions 'ended with it' RUNNING
}

@test "containerd: it is killed and started again: nothing is lost" {
	both <<-CASE
		$begin
		start one; start two; pid=\$(ctr tasks ls | awk '\$1 == "one" { print \$2 }'); other=\$(ctr tasks ls | awk '\$1 == "two" { print \$2 }')
		kill -KILL \$(cat /run/containerd.pid); sleep 0.5; kill \$other
		[ -d /proc/\$pid ] && echo it runs on
		setsid containerd >>/run/containerd.log 2>&1 </dev/null & echo \$! >/run/containerd.pid
		until_ok 30 ctr version; state one; until_ok 10 says_so STOPPED state two; state two
		ctr tasks ls | awk -v pid=\$pid '\$1 == "one" { print (\$2 == pid) ? "the same process" : "another" }'
		ctr tasks exec --exec-id e one echo exec works; ctr tasks pause one; ctr tasks resume one
		ctr tasks kill -s KILL one; until_ok 10 says_so STOPPED state one; code ctr tasks delete one; ctr containers rm one; remove two
	CASE
	mentions 'it runs on' 'the same process' 'exec works' 'exit code 137' 'STOPPED'
}

@test "containerd: task checkpoint, and restore" {
	needs_criu
	both <<-CASE
		$begin
		counts() { ctr run -d --runc-binary /usr/local/bin/rung "\$@" sh -c 'i=0; while :; do echo \$((i += 1)) >/n; sleep 0.1; done'; }
		count() { ctr tasks exec --exec-id \$RANDOM \$1 cat /n; }
		past() { [ "\$(count \$1)" -ge "\$2" ]; }
		counts \$image one; until_ok 10 past one 5
		code ctr tasks checkpoint --image-path \$PWD/alive one >/dev/null; ls alive | grep -cE '^(core|mm|pagemap)-1.img'; state one
		code ctr tasks checkpoint --exit --image-path \$PWD/image one >/dev/null; ls image | grep -cE '^(core|mm|pagemap)-1.img'; until_ok 10 says_so STOPPED state one; state one; remove one
		counts --memory-limit 67108864 \$image two; until_ok 10 past two 5
		code ctr containers checkpoint --rw --task two localhost/checkpoint:one >/dev/null; state two; n=\$(count two); remove two
		code ctr containers restore --live --rw two localhost/checkpoint:one; state two; count two | awk -v n=\$n '{ print (\$1 > n / 2) ? "it counts on" : "from the beginning: " \$1 }'
		a=\$(count two); until_ok 10 past two \$((a + 5)) && echo it runs
		code ctr tasks exec --exec-id e two sh -c 'echo exec works; exit 3'; ctr tasks metrics two | grep -oE '^memory.limit_in_bytes.*' | tr -s ' '
		ctr tasks kill -s KILL two; until_ok 10 says_so STOPPED state two; code ctr tasks delete two; ctr containers rm two
		ctr images rm localhost/checkpoint:one >/dev/null
	CASE
	mentions STOPPED 'it counts on' 'it runs' 'exec works' 'exit code 137'
}

@test "containerd: 20 containers at once" {
	both <<-CASE
		$begin
		for i in \$(seq 20); do start c\$i & done; wait
		ctr tasks ls | grep -c RUNNING; for i in 1 20; do ctr tasks exec --exec-id e c\$i echo alive; done
		for i in \$(seq 20); do remove c\$i & done; wait
	CASE
	mentions 20 alive
}
