#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2094 # scripts for inner shells; page_file reads another file
# Docker, tests of the daemon itself: its crash, live-restore, userns-remap, another cgroup parent; and a service from Debian's
# packages with a published port, from a registry.

load helpers
load docker

setup_file() {
	start_worlds
	service_image
}

# Makes an image with Redis from Debian's packages, without running their scripts.
service_image() {
	local kept=$RUNG_SOURCE/build/engines/redis.tar
	if [ ! -s "$kept" ]; then
		mkdir -p "$(dirname "$kept")"
		mmdebstrap --quiet --variant=extract --include=redis-server,redis-tools,dash,coreutils "$(. /etc/os-release && echo "$VERSION_CODENAME")" \
			"$kept.new.tar" >"$WORLDS/mmdebstrap.log" 2>&1 </dev/null || {
			cat "$WORLDS/mmdebstrap.log" >&2
			return 1
		}
		mv "$kept.new.tar" "$kept"
	fi
	ln -sfn "$kept" "$SHARED/redis.tar"
}

# Functions for the cases, which start dockerd and start it again.
daemon='
up() {
	page_file /etc/docker/daemon.json >/etc/docker/daemon.json
	setsid dockerd $(oom_option) "$@" >>/run/dockerd.log 2>&1 </dev/null &
	disown
	until_ok 60 docker version
}
down() { kill "-${1:-TERM}" "$(cat /run/docker.pid)"; until_ok 30 test ! -d "/proc/$(cat /run/docker.pid)"; rm -f /run/docker.pid /run/docker.sock; }
'

@test "docker daemon: --restart always across a crash of dockerd" {
	both <<-CASE
		$daemon
		docker run -d --name one --restart always busybox sh -c 'echo started; sleep 1000' >/dev/null
		docker run -d --name two busybox sleep 1000 >/dev/null
		down KILL; up; running() { [ "\$(docker inspect --format '{{.State.Running}}' one)" = true ]; }
		until_ok 30 running; until_ok 10 says_so started docker logs one
		docker logs one; docker inspect --format '{{.State.Status}} {{.State.ExitCode}}' two; docker exec one echo exec works
		docker start two; docker exec two echo and again; docker rm -f one two
	CASE
	mentions started 'exec works' 'and again'
}

@test "docker daemon: live-restore: containers live through a restart and a crash of dockerd" {
	both <<-CASE
		$daemon
		down; up --live-restore
		docker run -d --name one --restart always busybox sh -c 'i=0; while :; do echo \$((i += 1)); sleep 0.1; done' >/dev/null
		pid=\$(docker inspect --format '{{.State.Pid}}' one)
		for signal in TERM KILL; do
			down \$signal; [ -d /proc/\$pid ] && echo it runs on; sleep 0.5; up --live-restore
			[ "\$(docker inspect --format '{{.State.Running}} {{.State.Pid}}' one)" = "true \$pid" ] && echo the same process
			docker exec one echo exec works; a=\$(docker logs one | tail -n 1); sleep 1; b=\$(docker logs one | tail -n 1); [ \$a -lt \$b ] && echo its output comes
		done
		docker run -d --name two busybox sh -c 'sleep 2; exit 7' >/dev/null; down KILL; sleep 3; up --live-restore; docker wait two
		docker stop -t 1 one; docker inspect --format '{{.State.Status}} {{.State.ExitCode}}' one; docker rm one two; down; up
	CASE
	mentions 'it runs on' 'the same process' 'exec works' 'its output comes' 'exited 137'
}

@test "docker daemon: userns-remap" {
	both <<-CASE
		$daemon
		useradd -r dockremap 2>/dev/null; for f in /etc/subuid /etc/subgid; do sed -i /^dockremap:/d \$f; echo dockremap:300000:65536 >>\$f; done
		down; up --userns-remap default
		docker import --change 'CMD ["sh"]' "\$SHARED/busybox.tar" busybox >/dev/null
		docker run --rm busybox sh -c 'id -u; tr -s " " </proc/self/uid_map; touch /made && stat -c %u /made /proc/1 /dev/pts; grep -E "^(CapEff|Seccomp:)" /proc/self/status; cut -d" " -f2,3 /proc/mounts | grep -vE "/proc/(keys|timer_list)" | sort'
		docker run -d --name one busybox sleep 1000 >/dev/null; stat -c %u /proc/\$(docker inspect --format '{{.State.Pid}}' one)
		docker run --rm -u 1000 busybox sh -c 'echo by the user >/dev/stdout'; docker exec -u 1000 one sh -c 'echo by exec >/dev/stdout'
		docker exec -u 1000 one id; docker exec one sh -c 'echo x >/tmp/f; ls /sys/fs/cgroup >/dev/null && echo sees cgroups'
		docker rm -f one; code docker run --rm --network host busybox true 2>&1 | grep -oE 'status .*|cannot share.*'
		docker run --rm --network host --userns host busybox tr -s ' ' </proc/self/uid_map >/dev/null && docker run --rm --userns host busybox tr -s ' ' /proc/self/uid_map 2>&1 | head -1 | wc -l
		docker run --rm -m 64m --pids-limit 20 --read-only --tmpfs /t busybox sh -c 'touch /t/x && echo written'; echo piped | docker run -i --rm busybox cat
		printf 'FROM busybox\\nRUN echo built >/made\\nCMD cat /made\\n' | DOCKER_BUILDKIT=0 docker build -q -t built - >/dev/null; docker run --rm built
		docker rmi -f built busybox >/dev/null; docker image prune -af >/dev/null; down; up
	CASE
	mentions ' 0 300000 65536' 300000 'uid=1000(user)' written piped built 'by the user' 'by exec'
}

@test "docker daemon: another cgroup parent, the default cgroup namespace private, no new privileges by default" {
	both <<-CASE
		$daemon
		down; up --cgroup-parent /mine --default-cgroupns-mode private --no-new-privileges --default-ulimit nofile=300:400
		id=\$(docker run -d --name one -m 64m busybox sleep 1000)
		cat /sys/fs/cgroup/memory/mine/\$id/memory.limit_in_bytes /sys/fs/cgroup/mine/\$id/memory.max 2>/dev/null
		docker exec one sh -c 'cut -d: -f3 /proc/self/cgroup | sort -u; grep NoNew /proc/1/status; grep "open files" /proc/1/limits'
		docker rm -f one; find /sys/fs/cgroup -depth -name mine -exec rmdir {} +; down; up
	CASE
	mentions 67108864 / 300
}

@test "docker daemon: a runtime is added by SIGHUP; BuildKit runs the runc that is first in PATH" {
	both <<-'CASE'
		code docker run --rm --runtime added busybox true 2>&1 | grep -oE 'status .*|[Uu]nknown runtime'
		jq '.runtimes.added = .runtimes.rung' /etc/docker/daemon.json >new && cat new >/etc/docker/daemon.json && kill -HUP $(cat /run/docker.pid)
		until_ok 10 docker run --rm --runtime added busybox true; docker run --rm --runtime added busybox echo added
		rm /usr/local/sbin/runc; printf '#!/bin/sh\necho called >>/run/called\nexec /usr/local/bin/rung "$@"\n' >/usr/local/sbin/runc; chmod 0755 /usr/local/sbin/runc
		printf 'FROM busybox\nRUN echo built\n' | DOCKER_BUILDKIT=1 docker build -q - >/dev/null; sort -u /run/called
		rm /usr/local/sbin/runc /run/called; ln -s /usr/local/bin/rung /usr/local/sbin/runc; docker builder prune -af >/dev/null; docker image prune -f >/dev/null
		page_file /etc/docker/daemon.json >/etc/docker/daemon.json; kill -HUP $(cat /run/docker.pid)
	CASE
	mentions nknown 'status 125' added called
}

@test "docker daemon: a service from a registry serves requests over a published port" {
	both <<-CASE
		printf 'version: 0.1\\nstorage: {filesystem: {rootdirectory: /run/registry}}\\nhttp: {addr: "127.0.0.1:5000"}\\n' >registry.yml
		docker-registry serve registry.yml >registry.log 2>&1 & registry=\$!
		until_ok 20 listens 127.0.0.1 5000
		docker import --change 'CMD ["redis-server", "--protected-mode", "no"]' "\$SHARED/redis.tar" 127.0.0.1:5000/team/redis:7 >/dev/null
		docker push -q 127.0.0.1:5000/team/redis:7; docker rmi 127.0.0.1:5000/team/redis:7 >/dev/null
		docker run -d --name redis --restart unless-stopped -p 127.0.0.1:6379:6379 -m 256m --read-only -v data:/data -w /data -u 100:100 --tmpfs /tmp \\
			--health-cmd 'redis-cli ping' --health-interval 1s --pull always 127.0.0.1:5000/team/redis:7 >/dev/null 2>&1
		until_ok 30 docker exec redis redis-cli ping
		printf 'SET key value\\r\\nINCR n\\r\\nINCR n\\r\\nGET key\\r\\nQUIT\\r\\n' | timeout 5 busybox nc 127.0.0.1 6379
		docker run --rm --network container:redis 127.0.0.1:5000/team/redis:7 redis-benchmark -q -n 2000 -c 20 -t set,get 2>/dev/null | tr '\\r' '\\n' | grep -c 'requests per second'
		healthy() { [ "\$(docker inspect --format '{{.State.Health.Status}}' redis)" = healthy ]; }; until_ok 20 healthy && echo healthy
		docker exec redis redis-cli shutdown save >/dev/null 2>&1; until_ok 20 docker exec redis redis-cli ping; docker exec redis redis-cli get key
		docker stop redis; docker inspect --format '{{.State.ExitCode}}' redis; docker logs redis 2>&1 | grep -c 'Ready to accept'
		docker rm redis; docker volume rm data; docker rmi 127.0.0.1:5000/team/redis:7 >/dev/null; kill \$registry; wait \$registry; rm -r /run/registry
	CASE
	mentions '+OK' ':2' value healthy
}
