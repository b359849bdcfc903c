#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2094 # scripts for inner shells; page_file reads another file
# nerdctl on containerd, with CNI's networks. Its hooks, which make the networks, are programs that the runtime starts.

load helpers

setup_file() {
	"$RUNG_SOURCE/scripts/engine-tools.sh" nerdctl
	start_worlds
}

start_engine() {
	export PATH=$SOURCE/build/tools:$PATH
	mkdir -p /etc/containerd /etc/nerdctl /etc/cni/net.d
	printf 'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n' >/etc/containerd/config.toml
	echo 'data_root = "/var/lib/containerd/nerdctl"' >/etc/nerdctl/nerdctl.toml # a directory that the world has for itself
	setsid containerd >>/run/containerd.log 2>&1 </dev/null &
	echo $! >/run/containerd.pid
	until_socket /run/containerd/containerd.sock /run/containerd.log
	nerdctl load -i "$SHARED/busybox.image"
	nerdctl tag localhost/busybox busybox
	nerdctl rmi localhost/busybox
	nerdctl run --rm --runtime /usr/local/bin/rung busybox true # makes the bridge and its rules, which stay
	iptables-save >/run/iptables
}

stop_engine() {
	kill "$(cat /run/containerd.pid)"
	until_ok 20 test ! -d "/proc/$(cat /run/containerd.pid)"
}

engine_state() {
	export PATH=$SOURCE/build/tools:$PATH
	nerdctl ps -a --format 'container {{.Names}}'
	nerdctl volume ls --format 'volume {{.Name}}'
	nerdctl network ls --format 'network {{.Name}}'
	ctr tasks ls -q | sed 's/^/task /'
	ls /run/containerd/runc/default 2>/dev/null
}

clean_engine() {
	export PATH=$SOURCE/build/tools:$PATH
	nerdctl ps -aq | xargs -r nerdctl rm -f
}

# Each case begins with this text. nerdctl leaves rules of its networks behind, whatever the runtime.
begin='
trap "iptables-restore </run/iptables" EXIT
export PATH=$SOURCE/build/tools:$PATH
exec 2>errors # warnings about the version of containerd, and about a namespace that is gone
run() { nerdctl run --runtime /usr/local/bin/rung "$@"; }
'

# bats test_tags=smoke
@test "nerdctl: the file and the commands of docs/engines.md: run, compose" {
	both <<-CASE
		$begin
		page_file nerdctl-compose.yaml >nerdctl-compose.yaml
		bash -e <(page_commands nerdctl) 2>progress || tail -n 5 progress
	CASE
	says $'hello\nready\nready'
}

@test "nerdctl: run, status, exec, logs, stop, pause, update, what the program sees" {
	both <<-CASE
		$begin
		for n in 0 3 255; do code run --rm busybox sh -c "echo out; exit \$n"; done
		code run --rm busybox no-such 2>&1 | grep -oE 'status .*|executable file not found in .PATH'
		run --rm -u 1000:100 -w /tmp -e A=1 --read-only --tmpfs /t:size=1m --cap-drop ALL --security-opt no-new-privileges -h web busybox sh -c 'exec 2>&1; echo \$A; pwd; id; hostname; touch /x; grep " /t " /proc/mounts; grep -E "^(Cap|NoNew|Seccomp:)" /proc/self/status'
		printf 'one\\ntwo\\n' | run -i --rm busybox cat; code tty nerdctl run --runtime /usr/local/bin/rung --rm -it busybox sh -c "'test -t 0 && echo terminal; sleep 1; exit 5'"
		id=\$(run -d --name one -m 64m --cpus 0.5 --pids-limit 50 --restart no busybox sh -c 'echo started; trap "exit 4" TERM; while :; do sleep 0.1; done')
		code nerdctl exec one sh -c 'echo inside; exit 9' 2>/dev/null; nerdctl exec -u 1000:100 one id; until_ok 10 says_so started nerdctl logs one; nerdctl logs one; nerdctl inspect --format '{{.State.Status}} {{.State.Running}}' one
		run --rm --init --init-binary tini-static busybox sh -c 'tr "\\0" " " </proc/1/cmdline | cut -c 1-10'
		limits() { local d=/sys/fs/cgroup; cat \$d/memory/default/\$id/memory.limit_in_bytes \$d/cpu/default/\$id/cpu.cfs_quota_us \$d/pids/default/\$id/pids.max 2>/dev/null || cat \$d/default/\$id/{memory.max,cpu.max,pids.max}; }
		limits; nerdctl update -m 96m one; limits; nerdctl pause one; nerdctl ps -a --format '{{.Status}}'; nerdctl unpause one; nerdctl top one | grep -c sleep; nerdctl stats --no-stream --format '{{.Name}}' one
		nerdctl stop one; nerdctl inspect --format '{{.State.Status}} {{.State.ExitCode}}' one; nerdctl start one; nerdctl kill one; nerdctl wait one; nerdctl rm one
	CASE
	mentions 'status 3' 'executable file not found in $PATH' 'uid=1000(user) gid=100(users)' 'Read-only file system' terminal 'status 5' inside started 67108864 100663296 /sbin/tini Paused 'exited 4' 137
}

@test "nerdctl: networks, ports, volumes, a registry on loopback: push, pull, run" {
	both <<-CASE
		$begin
		nerdctl network create --subnet 10.9.0.0/24 net >/dev/null; run -d --name server --net net -p 127.0.0.1:8086:80 -v kept:/srv busybox sh -c 'echo served >/srv/page; exec nc -ll -p 80 -e cat /srv/page' >/dev/null
		run --rm --net net busybox sh -c 'until nc server 80 </dev/null; do sleep 0.1; done; ip -4 -o addr show eth0 | tr -s " " | cut -d" " -f 4'; until_ok 10 says_so served timeout 3 busybox nc 127.0.0.1 8086; nerdctl port server
		run --rm --net container:server busybox sh -c 'timeout 3 nc 127.0.0.1 80 </dev/null'; run --rm --net none busybox ip -o link | cut -d: -f2; run --rm -v kept:/srv:ro busybox sh -c 'exec 2>&1; cat /srv/page; touch /srv/x'; nerdctl rm -f server; nerdctl volume rm kept; nerdctl network rm net
		printf 'version: 0.1\\nstorage: {filesystem: {rootdirectory: /run/registry}}\\nhttp: {addr: "127.0.0.1:5000"}\\n' >registry.yml; docker-registry serve registry.yml >registry.log 2>&1 & registry=\$!; until_ok 20 listens 127.0.0.1 5000
		run -d --name one busybox sh -c 'echo changed >/made; exec sleep 1000' >/dev/null; until_ok 10 nerdctl exec one test -s /made; nerdctl commit one 127.0.0.1:5000/team/image >/dev/null; nerdctl rm -f one
		nerdctl push -q 127.0.0.1:5000/team/image >/dev/null 2>&1; nerdctl rmi -f 127.0.0.1:5000/team/image >/dev/null; nerdctl pull -q 127.0.0.1:5000/team/image >/dev/null 2>&1; run --rm 127.0.0.1:5000/team/image cat /made
		nerdctl rmi -f 127.0.0.1:5000/team/image >/dev/null; kill \$registry; wait \$registry; rm -r /run/registry
	CASE
	mentions served 10.9.0.3/24 '80/tcp -> 127.0.0.1:8086' 'Read-only file system' changed
}

@test "nerdctl: compose: scale, exec, logs, stop, start, removal" {
	both <<-CASE
		$begin
		cat >compose.yaml <<-'YAML'
			services:
			  web:
			    image: busybox
			    runtime: /usr/local/bin/rung
			    command: sh -c 'echo started; exec nc -ll -p 80 -e cat /srv/page'
			    volumes: ["data:/srv"]
			    mem_limit: 64m
			    cap_drop: [ALL]
			    cap_add: [NET_BIND_SERVICE]
			  worker: {image: busybox, runtime: /usr/local/bin/rung, command: sleep 1000000, depends_on: [web], deploy: {replicas: 3}}
			volumes: {data: {}}
		YAML
		compose() { nerdctl compose -p all "\$@" 2>progress || { local s=\$?; tail -n 3 progress; return \$s; }; }
		compose up -d; compose ps --format json | jq -r '.[] | .Name, .State' | sort | uniq -c | tr -s ' '
		compose exec -T web sh -c 'echo page >/srv/page; grep CapEff /proc/self/status'; compose exec -T worker sh -c 'timeout 5 nc web 80 </dev/null'; compose logs --no-log-prefix --no-color web
		compose stop worker >/dev/null; compose ps -a --format json | jq -r '.[].State' | sort | uniq -c | tr -s ' '; compose start worker >/dev/null; compose top web | grep -c 'nc -ll'
		compose down -v >/dev/null; nerdctl ps -aq
	CASE
	mentions page '4 running' 'all-worker-3' started
}

@test "nerdctl: a program whose loader the image lacks" {
	both --differs 'runc has answered the start before it executes the program, so nobody hears of the error' <<-CASE
		$begin
		code run -d --name one --init --init-binary /usr/bin/tini busybox true 2>&1 | grep -oE 'status .*|exec /sbin/tini: no such file or directory'; nerdctl rm -f one >/dev/null
	CASE
	says $'exec /sbin/tini: no such file or directory\nstatus 1'
}
