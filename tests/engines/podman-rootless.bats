#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2094 # scripts for inner shells; page_file reads another file
# Podman as a plain user with subordinate ids and without a login session: no systemd, and on cgroup v1 no limits.

load helpers

start_engine() {
	useradd --uid 4343 --create-home --home-dir /run/home --shell /bin/bash plain
	install -d -o plain -g plain -m 0700 /run/user/4343 /var/lib/containers/plain
	mkdir -p /etc/containers/containers.conf.d
	page_file /etc/containers/containers.conf >/etc/containers/containers.conf
	# Settings for this machine, not for rung.
	printf '[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n' >/etc/containers/containers.conf.d/tests.conf
	printf '[storage]\ndriver = "overlay"\nrootless_storage_path = "/var/lib/containers/plain"\n' >/etc/containers/storage.conf
	cp "$SHARED/busybox.tar" /run/busybox.tar
	as_plain podman import --change CMD=sh /run/busybox.tar busybox
	as_plain podman run --rm busybox true
}

stop_engine() {
	as_plain podman rm -af -t 0
	as_plain podman system migrate
}

engine_state() {
	as_plain podman ps --all --format 'container {{.Names}}'
	as_plain podman volume ls --format 'volume {{.Name}}'
	as_plain podman images --format 'image {{.Repository}}' | sort
}

clean_engine() {
	as_plain podman pod rm -af
	as_plain podman rm -af -t 0
	as_plain podman volume prune -f
}

begin='podman() { as_plain podman "$@"; }'

# bats test_tags=smoke
@test "podman rootless: info names the runtime" {
	both --differs 'the versions are their own' <<-CASE
		$begin
		podman info --format '{{.Host.OCIRuntime.Name}} {{.Host.OCIRuntime.Path}} {{.Host.Security.Rootless}}'
		podman info --format '{{.Host.OCIRuntime.Version}}'
	CASE
	mentions 'rung /usr/local/bin/rung true' 'rung version'
}

# bats test_tags=smoke
@test "podman rootless: run: status, terminal, input" {
	both <<-CASE
		$begin
		for n in 0 3 255; do code podman run --rm busybox sh -c "echo out; exit \$n"; done
		code podman run --rm busybox no-such 2>&1 | grep -oE 'status .*|executable file not found in .PATH'
		code podman run --rm busybox /etc/passwd 2>&1 | grep -oE 'status .*|permission denied'
		printf 'one\\ntwo\\n' | podman run -i --rm busybox cat
		podman run --rm busybox sh -c 'id -u; tr -s " " </proc/self/uid_map; grep -E "^(Cap|Seccomp:)" /proc/self/status; cut -d" " -f2 /proc/mounts | sort; hostname >/dev/null; echo x >/made && cat /made'
		code tty 'setpriv --reuid 4343 --regid 4343 --init-groups env HOME=/run/home XDG_RUNTIME_DIR=/run/user/4343 podman run -it --rm busybox sh -c "test -t 0 && echo terminal; sleep 1; exit 5"'
	CASE
	mentions 'status 3' 'status 127' 'status 126' two ' 0 4343 1' terminal 'status 5'
}

# bats test_tags=smoke
@test "podman rootless: exec, logs, stop, kill, rm" {
	both <<-CASE
		$begin
		podman run -d --name one busybox sh -c 'trap "echo bye; exit 4" TERM; echo up; while :; do sleep 0.1; done' >/dev/null
		until_ok 10 says_so up podman logs one
		code podman exec one sh -c 'echo in; exit 9'; echo piped | podman exec -i one cat; podman exec -u 1000 -w /tmp one sh -c 'id; pwd'
		podman exec one ps -o pid,args | grep -c trap; podman inspect --format '{{.State.Status}} {{.OCIRuntime}}' one
		podman stop one; podman wait one; podman start one >/dev/null; until_ok 10 podman exec one true; podman kill one >/dev/null; podman wait one; podman logs one | sort -u; podman rm one >/dev/null
	CASE
	mentions 'status 9' piped 'uid=1000(user)' 'running rung' bye 137
}

@test "podman rootless: user namespaces: keep-id, nomap, uidmap" {
	both <<-CASE
		$begin
		for u in keep-id nomap host; do podman run --rm --userns \$u busybox sh -c 'id; tr -s " " </proc/self/uid_map'; done
		podman run --rm --uidmap 0:1:1000 --gidmap 0:1:1000 busybox sh -c 'id -u; tr -s " " </proc/self/uid_map'
		podman run --rm --userns keep-id -u 0 busybox id -u
	CASE
	mentions 'uid=4343' ' 0 1 1000'
}

@test "podman rootless: networks: slirp4netns, none, host" {
	[ -c /dev/net/tun ] || not_here "needs /dev/net/tun"
	both <<-CASE
		$begin
		podman run --rm --network none busybox ip -o link | wc -l
		podman run --rm --network host busybox readlink /proc/self/ns/net | grep -c "\$(readlink /proc/self/ns/net)"
		podman run --rm --network slirp4netns busybox ip -4 -o addr show tap0 | awk '{ print \$4 }'
		podman run -d --name one --network slirp4netns -p 127.0.0.1:8084:80 busybox nc -ll -p 80 -e echo served >/dev/null
		until_ok 10 says_so served timeout 5 busybox nc 127.0.0.1 8084; timeout 5 busybox nc 127.0.0.1 8084 </dev/null; podman rm -f -t 0 one >/dev/null
	CASE
	mentions 10.0.2.100/24 served
}

@test "podman rootless: volumes, tmpfs, read-only, security" {
	both <<-CASE
		$begin
		install -d -o plain d; echo host >d/f; chmod 755 .
		podman run --rm -v \$PWD/d:/data busybox sh -c 'cat /data/f; echo inside >/data/made'; cat d/made; stat -c %u d/made
		podman run --rm -v \$PWD/d:/data:ro busybox touch /data/x 2>&1
		podman run --rm -v named:/vol busybox sh -c 'echo kept >/vol/f'; podman run --rm -v named:/vol busybox cat /vol/f; podman volume rm named
		podman run --rm --read-only --tmpfs /t:size=1m busybox sh -c 'exec 2>&1; touch /x; touch /t/x && grep " /t " /proc/mounts' 2>&1
		podman run --rm --cap-drop all --security-opt no-new-privileges busybox grep -E '^(CapEff|NoNew)' /proc/self/status
		podman run --rm --device /dev/null:/dev/mine busybox sh -c 'ls -l /dev/mine | cut -c 1-10; echo x >/dev/mine && echo ok'
		podman run --rm --sysctl net.core.somaxconn=200 --network none busybox cat /proc/sys/net/core/somaxconn
		podman run --rm --privileged --ulimit nproc=100:100 busybox sh -c 'exec 2>&1; mount -t tmpfs t /tmp && echo mounted' 2>&1
	CASE
	mentions inside 4343 kept 'Read-only file system'
}

@test "podman rootless: pods, build, healthcheck" {
	both <<-CASE
		$begin
		podman pod create --name pod --network none >/dev/null
		podman run -d --pod pod --name web busybox nc -ll -p 80 -e echo served >/dev/null; podman run --rm --pod pod busybox sh -c 'sleep 0.5; nc 127.0.0.1 80 </dev/null'
		podman pod ps --format '{{.Name}} {{.Status}}'; podman pod rm -f -t 0 pod >/dev/null; podman rmi -f \$(podman images -q localhost/podman-pause) >/dev/null
		printf 'FROM busybox\\nRUN echo built >/made; id -u >>/made\\nUSER 1000\\nRUN id >/tmp/who\\nCMD cat /made /tmp/who\\n' >Containerfile; chmod 755 .
		podman build -q -t built . >/dev/null 2>&1; podman run --rm built; podman rmi -f built >/dev/null; podman image prune -f >/dev/null
		podman run -d --name one --health-cmd 'test -e /healthy' --health-interval disable busybox sleep 1000 >/dev/null
		code podman healthcheck run one | grep -v ^\$; podman exec one touch /healthy; code podman healthcheck run one; podman rm -f -t 0 one >/dev/null
	CASE
	mentions served built 'uid=1000(user)' 'status 0'
}

@test "podman rootless: limits" {
	needs_pure_v2 'a user manager that delegates'
	both <<-CASE
		$begin
		podman run --rm -m 64m --pids-limit 50 busybox cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max
	CASE
	mentions $'67108864\n50'
}
