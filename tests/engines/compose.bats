#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2094 # scripts for inner shells; page_file reads another file
# Docker Compose 2, of Debian's unstable suite, on Debian 12's Docker.

load helpers
load docker

setup_file() {
	"$RUNG_SOURCE/scripts/unstable.sh" docker-compose >/dev/null
	start_worlds
}

# Each case begins with this text. It has the function state SERVICE..., which prints state, exit status and restarts of each
# container. Compose prints its progress on standard error.
begin='
export DOCKER_CONFIG=$PWD/client
mkdir -p $DOCKER_CONFIG/cli-plugins
ln -s "$SOURCE/build/tools/docker-compose/bin/docker-compose" $DOCKER_CONFIG/cli-plugins/
compose() { docker compose "$@" 2>$PWD/progress || { local s=$?; tail -n 3 $PWD/progress; return $s; }; }
state() { docker compose ps -aq "$@" | xargs -r docker inspect --format "{{.Name}} {{.State.Status}} {{.State.ExitCode}} {{.RestartCount}} {{.HostConfig.Runtime}}" | sort; }
'

# bats test_tags=smoke
@test "compose: the file and the commands of docs/engines.md: two services, health, dependency, a volume, scale" {
	both <<-CASE
		$begin
		page_file compose.yaml >compose.yaml
		bash -e <(page_commands Compose) 2>progress || tail -n 5 progress
	CASE
	says $'db running healthy\nweb running \nready\nready\n3'
}

@test "compose: a change of the file makes only the changed service anew; stop, start, restart, pause, kill, scale down" {
	both <<-CASE
		$begin
		cat >compose.yaml <<-'YAML'
			name: change
			services:
			  one: {image: busybox, command: sh -c "trap 'exit 4' TERM; while :; do sleep 0.1; done", stop_grace_period: 20s}
			  two: {image: busybox, command: sleep 1000000, restart: always, stop_grace_period: 1s}
		YAML
		compose up -d --scale two=3; state; a=\$(docker compose ps -q one) b=\$(docker compose ps -q two | sort)
		sed -i 's/image: busybox, command: sh/environment: {NEW: value}, &/' compose.yaml; compose up -d --scale two=3; state
		[ "\$a" != "\$(docker compose ps -q one)" ] && [ "\$b" = "\$(docker compose ps -q two | sort)" ] && echo only one is new; compose exec -T one sh -c 'echo \$NEW'
		compose stop one; state one; compose start one; state one; compose restart one; state one
		compose pause two; state two; code compose exec -T two true | grep -oE 'is paused|status .*'; compose unpause two; compose kill -s KILL one; state one
		docker inspect --format '{{.State.Pid}}' change-two-1 | xargs kill -KILL; again() { says_so 'running 0 1' state two; }; until_ok 20 again; state two
		compose up -d --scale two=1; state two; compose top two | grep -c 'sleep 1000000'; compose down; docker compose ls -a --format json
	CASE
	mentions '/change-two-3 running 0 0 rung' 'only one is new' value '/change-one-1 exited 4' paused '/change-one-1 exited 137' '[]'
}

@test "compose: limits, security, tmpfs, secrets, configs, networks, one-off runs, exit codes" {
	both <<-CASE
		$begin
		echo of a secret >secret; echo of a config >config; chmod 644 secret config
		cat >compose.yaml <<-'YAML'
			name: all
			services:
			  limited:
			    image: busybox
			    command: sleep 1000000
			    stop_grace_period: 1s
			    user: "1000:100"
			    group_add: ["4"]
			    read_only: true
			    tmpfs: ["/t:size=1m,mode=1777"]
			    cap_drop: [ALL]
			    cap_add: [NET_BIND_SERVICE]
			    security_opt: ["no-new-privileges:true"]
			    ulimits: {nofile: {soft: 256, hard: 512}}
			    sysctls: {net.core.somaxconn: 200}
			    oom_score_adj: 500
			    shm_size: 12m
			    hostname: host
			    extra_hosts: {db: 10.7.7.7}
			    devices: ["/dev/null:/dev/mine"]
			    secrets: [secret]
			    configs: [{source: config, target: /etc/config}]
			    networks: {inner: {ipv4_address: 10.9.0.9, aliases: [alias]}}
			    deploy: {resources: {limits: {cpus: "0.5", memory: 64M, pids: 50}, reservations: {memory: 32M}}}
			  other: {image: busybox, command: sleep 1000000, init: true, networks: [inner], profiles: [more]}
			  once: {image: busybox, command: sh -c 'echo done; exit 7', network_mode: none}
			  after: {image: busybox, command: echo never, depends_on: {once: {condition: service_completed_successfully}}}
			secrets: {secret: {file: secret}}
			configs: {config: {file: config}}
			networks: {inner: {ipam: {config: [{subnet: 10.9.0.0/24}]}}}
		YAML
		compose up -d limited; state limited
		compose exec -T limited sh -c 'exec 2>&1; id; grep -E "^(Cap|NoNew|Seccomp:)" /proc/self/status; touch /x; touch /t/x && grep " /t " /proc/mounts; grep "open files" /proc/self/limits; cat /proc/sys/net/core/somaxconn /proc/1/oom_score_adj; df -k /dev/shm | tail -n 1; hostname; grep -w db /etc/hosts; echo x >/dev/mine && echo device; cat /run/secrets/secret /etc/config; ip -4 -o addr show eth0 | tr -s " " | cut -d" " -f4'
		id=\$(docker compose ps -q limited); knob \$id memory memory.limit_in_bytes memory.max; knob \$id cpu cpu.cfs_quota_us cpu.max; knob \$id pids pids.max pids.max
		compose --profile more up -d other; compose exec -T other sh -c 'ping -c 1 -W 2 alias >/dev/null && echo reached; tr "\0" " " </proc/1/cmdline | cut -c 1-16'
		code compose run --rm -T once sh -c 'echo one-off; exit 5'; echo piped | compose run --rm -T once cat
		code compose up --no-log-prefix --abort-on-container-exit --exit-code-from once once | grep -E '^(done|status)'; code compose up after >said; grep -oE 'didn.t complete successfully' said; state once after
		compose --profile more down; docker compose ls -a --format json
	CASE
	mentions 'uid=1000(user) gid=100(users) groups=4' 'NoNewPrivs:	1' size=1024k 'of a secret' 'of a config' 10.9.0.9/24 67108864 50000 reached one-off piped 'status 5' 'status 7'
}
