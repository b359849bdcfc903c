#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2094 # scripts for inner shells; page_file reads another file
# Podman as root.

load helpers

start_engine() {
	mkdir -p /etc/containers/containers.conf.d
	page_file /etc/containers/containers.conf >/etc/containers/containers.conf
	# Settings for this machine, not for rung: it has no systemd, and may not allow to raise limits.
	cat >/etc/containers/containers.conf.d/tests.conf <<-'CONF'
		[engine]
		cgroup_manager = "cgroupfs"
		events_logger = "file"
		[containers]
		default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
	CONF
	podman import --change CMD=sh "$SHARED/busybox.tar" busybox
	podman run --rm busybox true
	podman pod create --name warm >/dev/null && podman pod start warm && podman pod rm -f warm
}

stop_engine() {
	podman ps -aq | xargs -r podman rm -f -t 0
}

engine_state() {
	podman ps --all --format 'container {{.Names}}'
	podman pod ls --format 'pod {{.Name}}'
	podman volume ls --format 'volume {{.Name}}'
	podman network ls --format 'network {{.Name}}'
	podman images --format 'image {{.Repository}}' | sort
	ls /run/rung 2>/dev/null
}

clean_engine() {
	podman pod rm -af
	podman rm -af -t 0
	podman volume prune -f
	podman network prune -f
}

# bats test_tags=smoke
@test "podman: info names the runtime" {
	both --differs 'the versions are their own' <<-'CASE'
		podman info --format '{{.Host.OCIRuntime.Name}} {{.Host.OCIRuntime.Path}}'
		podman info --format '{{.Host.OCIRuntime.Version}}'
	CASE
	mentions 'rung /usr/local/bin/rung' "$("$RUNG" --version | head -n 1)"
}

@test "podman: the commands of docs/engines.md" {
	both <<-'CASE'
		bash -e <(page_commands 'Podman and Buildah')
	CASE
	says $'rung\nhello'
}

# bats test_tags=smoke
@test "podman: a bundle of an image, as docs/first-container.md makes it" {
	both <<-'CASE'
		first_container 'A bundle of a Podman image'
		podman ps -aq
	CASE
	says $'hello from the image\nbusybox'
}

# bats test_tags=smoke
@test "podman: run: status of the program" {
	both <<-'CASE'
		for n in 0 3 255; do code podman run --rm busybox sh -c "echo out; exit $n"; done
		code podman run --no-such-option busybox 2>/dev/null
		code podman run --rm busybox no-such-program 2>&1 | grep -oE 'status .*|executable file .?no-such-program|executable file not found in .PATH'
		code podman run --rm busybox /no/such/program 2>&1 | grep -oE 'status .*|no such file or directory'
		code podman run --rm busybox /etc/passwd 2>&1 | grep -oE 'status .*|permission denied'
		code podman run --rm -w /etc/passwd busybox true 2>&1 | grep -oE 'status .*|[Nn]ot a directory'
		code podman run --rm -u nobody-knows busybox true 2>&1
		code podman run --rm --init busybox sh -c 'kill -KILL $$'
		code podman run --rm --runtime no-such busybox true 2>&1 | grep -oE 'status .*|no-such.*not found'
		podman ps -a --format '{{.Names}}'
	CASE
	mentions 'status 3' 'status 125' 'status 126' 'status 127' 'status 137'
}

@test "podman: run -it, -i" {
	both <<-'CASE'
		code tty podman run -it --rm busybox sh -c "'tty; test -t 0 && test -t 1 && test -t 2 && echo all three; sleep 1; exit 7'"
		printf 'one\ntwo\n' | podman run -i --rm busybox cat
		head -c 3000000 /dev/zero | podman run -i --rm busybox wc -c
		podman run --rm busybox seq 200000 | sha256sum | cut -c 1-20
	CASE
	mentions 'all three' 'status 7' two 3000000
}

@test "podman: run: what the program sees" {
	both <<-'CASE'
		podman run --rm -h web.example.org --env A=1 -w /tmp -u 1000:100 --group-add 5 --entrypoint /bin/sh busybox -c \
			'hostname; echo $A; pwd; id; env | grep -E "^(HOME|HOSTNAME|PATH|container)="; cat /etc/hostname; grep -E "^(Cap|NoNew|Seccomp:)" /proc/self/status'
		podman run --rm busybox sh -c 'cut -d" " -f2 /proc/mounts | sort; find /dev | sort; umask; cat /proc/self/oom_score_adj; ulimit -a'
		podman run --rm busybox sh -c 'sort /proc/mounts | grep -vE "overlay|/proc/(acpi|keys|latency|scsi|timer|sched)|/sys/(firmware|dev)|/sys/fs/(selinux|cgroup )" | sed "s/,size=[^,]*//; s/,nr_inodes=[^,]*//; s/,inode64//"'
		podman run --rm busybox sh -c 'exec 2>&1; echo 1 >/proc/sys/kernel/printk; mkdir /sys/x' 2>&1
	CASE
	mentions web.example.org 'uid=1000(user)' 'Read-only file system'
}

# bats test_tags=smoke
@test "podman: run -d, exec, logs, top, stats, inspect, stop, rm" {
	both <<-'CASE'
		podman run -d --name one -m 64m --pids-limit 77 busybox sh -c 'trap "echo bye; exit 4" TERM; echo up; while :; do sleep 0.1; done' >/dev/null
		until_ok 10 says_so up podman logs one
		code podman exec one sh -c 'echo in; exit 9'; echo piped | podman exec -i one cat
		code tty podman exec -it one sh -c "'test -t 0 && echo terminal; sleep 1'"
		code podman exec one no-such 2>&1 | grep -oE 'status .*|executable file not found in .PATH'
		code podman exec one /etc/passwd 2>&1 | grep -oE 'status .*|permission denied'
		podman exec -u 1000 -w /tmp -e X=y one sh -c 'id; pwd; echo $X'
		podman exec -d one touch /made; until_ok 5 podman exec one test -e /made
		podman top one comm user | head -2
		podman stats --no-stream --format '{{.Name}} {{.MemUsage}}' one | sed -E 's/one [0-9.]+[kM]B/one SOME/'
		podman inspect --format '{{.State.Status}} {{.OCIRuntime}} {{.HostConfig.Memory}}' one
		podman stop one; podman wait one; podman logs one
		podman start one >/dev/null; until_ok 10 podman exec one true; podman restart one >/dev/null; podman kill one >/dev/null; podman wait one
		podman inspect --format '{{.State.Status}} {{.State.ExitCode}}' one
		podman rm one >/dev/null
	CASE
	mentions 'status 9' terminal piped bye 'running rung 67108864' 'exited 137'
}

@test "podman: pause, unpause, rename, cp, diff, commit" {
	both <<-'CASE'
		podman run -d --name one busybox sh -c 'while :; do echo x; sleep 0.05; done' >/dev/null
		quiet podman pause one; podman inspect --format '{{.State.Status}}' one
		a=$(podman logs one | wc -l); sleep 0.5; b=$(podman logs one | wc -l); [ $a = $b ] && echo it stands
		code podman exec one true 2>&1 | grep -oE 'status .*|can only .*'
		quiet podman unpause one; sleep 0.5; c=$(podman logs one | wc -l); [ $b -lt $c ] && echo it runs
		podman rename one two; echo content >file; podman cp file two:/tmp/f; podman exec two cat /tmp/f
		podman diff two | sort
		podman commit -q two committed >/dev/null; podman run --rm committed cat /tmp/f
		podman rm -f -t 0 two >/dev/null; podman rmi committed | grep -c Untagged
	CASE
	mentions paused 'it stands' 'it runs' content
}

# bats test_tags=smoke
@test "podman: limits, and an OOM kill" {
	both <<-'CASE'
		g() { if [ -e /sys/fs/cgroup/cgroup.controllers ]; then podman exec one cat /sys/fs/cgroup/$3; else podman exec one cat /sys/fs/cgroup/$1/$2; fi; }
		podman run -d --name one -m 64m --memory-swap 96m --memory-reservation 32m --cpus 0.5 --cpu-shares 300 --cpuset-cpus 0 --pids-limit 50 \
			--shm-size 12m --oom-score-adj 500 --ulimit nofile=256:512 --ulimit nproc=100:200 busybox sleep 1000 >/dev/null
		g memory memory.limit_in_bytes memory.max; g memory memory.memsw.limit_in_bytes memory.swap.max; g memory memory.soft_limit_in_bytes memory.low
		g cpu cpu.cfs_quota_us cpu.max; g cpu cpu.shares cpu.weight; g cpuset cpuset.cpus cpuset.cpus; g pids pids.max pids.max
		podman exec one sh -c 'cat /proc/1/oom_score_adj; grep "open files" /proc/1/limits; df -k /dev/shm | tail -1'
		podman rm -f -t 0 one >/dev/null
		code podman run --name one -m 16m --memory-swap 16m busybox sh -c 'dd if=/dev/zero of=/dev/null bs=64M count=1; s=$?; sleep 2; exit $s'
		podman inspect --format '{{.State.OOMKilled}} {{.State.ExitCode}}' one; podman rm one >/dev/null
		code podman run --rm --cpuset-cpus 77 busybox true 2>&1 | grep status
		code podman run --rm -m 1k busybox true 2>&1 | grep status
	CASE
	mentions 67108864 $'50\n' 'status 137'
}

@test "podman: networks: none, host, bridge, container, names, ports" {
	both <<-'CASE'
		podman run --rm --network none busybox ip -o link | cut -d: -f2
		[ "$(podman run --rm --network host busybox readlink /proc/self/ns/net)" = "$(readlink /proc/self/ns/net)" ] && echo same namespace
		podman network create --subnet 10.9.0.0/24 net
		podman run -d --name one --network net -p 127.0.0.1:8080:80 busybox nc -ll -p 80 -e echo served >/dev/null 2>&1
		podman exec one ip -4 -o addr show eth0 | awk '{ print $4 }'
		podman run --rm --network container:one busybox sh -c 'nc 127.0.0.1 80 </dev/null'
		podman run --rm --network net --cap-add net_raw --dns-search example.org busybox sh -c 'ping -c 1 -W 2 10.9.0.2 >/dev/null && echo reached; nc one 80 </dev/null'
		timeout 2 busybox nc 127.0.0.1 8080 </dev/null; podman port one
		podman run --rm --add-host db:10.7.7.7 --dns 10.1.2.3 busybox grep -h -wE 'db|10.1.2.3' /etc/hosts /etc/resolv.conf
		podman rm -f -t 0 one >/dev/null; podman network rm net
	CASE
	mentions 'same namespace' 10.9.0.2/24 served reached
}

@test "podman: volumes, tmpfs, read-only" {
	both <<-'CASE'
		mkdir d; echo host >d/file; chmod 755 .
		podman run --rm -v $PWD/d:/data busybox sh -c 'cat /data/file; echo inside >/data/made'; cat d/made
		podman run --rm -v $PWD/d:/data:ro busybox sh -c 'exec 2>&1; echo x >/data/y' 2>&1
		podman run --rm -v named:/vol busybox sh -c 'echo kept >/vol/f'; podman run --rm --mount type=volume,source=named,target=/vol,ro=true busybox sh -c 'exec 2>&1; cat /vol/f; echo x >/vol/g' 2>&1
		podman run --rm -v $PWD/d:/data:O busybox sh -c 'echo gone >/data/overlaid; cat /data/overlaid'; ls d
		podman run --rm --tmpfs /t:size=1m,mode=700 --mount type=tmpfs,destination=/u,tmpfs-size=2m busybox sh -c 'grep -E " /[tu] " /proc/mounts | sort; stat -c "%a %u" /t'
		podman run --rm --read-only busybox sh -c 'exec 2>&1; touch /x; touch /tmp/x && echo written' 2>&1
		podman run --rm -v $PWD/d:/data:rw,Z,noexec busybox grep -c ' /data .*noexec' /proc/mounts
		code podman run --rm -v $PWD/d/file:/bin busybox true 2>&1 | grep -oE 'status .*|[Nn]ot a directory'
		podman volume rm named; podman secret create s d/file >/dev/null; podman run --rm --secret s busybox cat /run/secrets/s; podman secret rm s >/dev/null
	CASE
	mentions inside kept gone 'Read-only file system' written
}

@test "podman: security: capabilities, seccomp, no-new-privileges, masks" {
	both <<-'CASE'
		s='exec 2>&1; grep -E "^(Cap|NoNewPrivs|Seccomp:|Uid|Gid|Groups)" /proc/self/status'
		podman run --rm --cap-drop all --cap-add net_admin busybox sh -c "exec 2>&1; $s; ip link set lo mtu 1400 && echo changed; chown 1 /bin" 2>&1
		podman run --rm --security-opt seccomp=unconfined --security-opt no-new-privileges busybox sh -c "$s"
		podman run --rm -u 1000 --cap-add net_raw busybox sh -c "$s"
		podman run --rm --security-opt mask=/proc/cmdline --security-opt unmask=/sys/firmware busybox sh -c 'wc -c </proc/cmdline; ls /sys/firmware | head -1'
		echo '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO","errnoRet":28}]}' >p.json
		podman run --rm --security-opt seccomp=p.json busybox mkdir /x 2>&1
		podman run --rm --device /dev/loop0:/dev/mine:r busybox sh -c 'exec 2>&1; ls -l /dev/mine | cut -c 1-10; echo x >/dev/mine' 2>&1
		podman run --rm --sysctl net.core.somaxconn=200 --sysctl kernel.msgmax=9000 busybox cat /proc/sys/net/core/somaxconn /proc/sys/kernel/msgmax
		for ns in pid ipc uts; do [ "$(podman run --rm --$ns host busybox readlink /proc/self/ns/$ns)" = "$(readlink /proc/self/ns/$ns)" ] && echo $ns of the host; done
		podman run --rm --cgroupns private busybox cut -d: -f2- /proc/self/cgroup | sort
		podman run --rm --umask 0077 --timeout 60 --tz UTC busybox sh -c umask
	CASE
	mentions changed 'No space left' 'pid of the host' 9000
}

@test "podman: --privileged" {
	needs_capability CAP_SYS_RESOURCE 24
	both <<-'CASE'
		podman run --rm --privileged busybox sh -c 'grep -E "^(Cap|Seccomp:)" /proc/self/status; mount -t tmpfs t /tmp && echo mounted'
	CASE
	mentions mounted
}

@test "podman: user namespaces: --uidmap, keep-id, auto" {
	both <<-'CASE'
		podman run --rm --uidmap 0:100000:65536 --gidmap 0:100000:65536 busybox sh -c 'id -u; tr -s " " </proc/self/uid_map; stat -c %u /bin /proc/1; echo x >/made; cat /made; grep ^CapEff /proc/self/status'
		grep -q ^containers: /etc/subuid || printf 'containers:200000:1000000\n' | tee -a /etc/subuid >>/etc/subgid
		podman run --rm --userns auto:size=4096 busybox sh -c 'tr -s " " </proc/self/uid_map; id'
		podman run --rm --userns auto --network none busybox sh -c 'ip -o link | wc -l; mount | grep -c sysfs'
		podman run -d --name one --uidmap 0:100000:65536 busybox sleep 1000 >/dev/null
		podman exec -u 1000 one id; podman run --rm --userns container:one busybox tr -s " " </proc/self/uid_map | wc -l
		podman rm -f -t 0 one >/dev/null
	CASE
	mentions ' 0 100000 65536' 'uid=1000(user)'
}

# podman#16027, runc#4475
@test "podman: /dev/stdout of another user in a user namespace" {
	both --differs 'with runc the pipes stay those of a user that the namespace does not map' <<-'CASE'
		podman run --rm --uidmap 0:100000:65536 --gidmap 0:100000:65536 busybox sh -c 'echo root >/dev/stdout'
		podman run --rm --uidmap 0:100000:65536 --gidmap 0:100000:65536 -u 1000 busybox sh -c 'echo user >/dev/stdout; echo error >/dev/stderr'
		podman run -d --name one --uidmap 0:100000:65536 busybox sleep 1000 >/dev/null
		podman exec -u 1000 one sh -c 'echo exec >/dev/stdout'
		podman rm -f -t 0 one >/dev/null
	CASE
	says $'root\nuser\nerror\nexec'
}

# bats test_tags=smoke
@test "podman: --cgroups=disabled" {
	both --differs 'runc cannot run a container without a cgroup' <<-'CASE'
		code podman run --rm --network none --cgroups disabled busybox sh -c 'echo runs; cat /proc/self/cgroup' >seen 2>errors; grep -x runs seen; grep -c libpod seen
		podman run -d --name one --network none --cgroups disabled busybox sh -c 'trap "exit 4" TERM; while :; do sleep 0.2; done' 2>/dev/null | wc -l; code podman exec one sh -c 'exit 9' 2>/dev/null; quiet podman stop one; podman inspect --format '{{.State.ExitCode}}' one 2>/dev/null; quiet podman rm -f one
	CASE
	says $'runs\n0\n1\nstatus 9\n4'
}

@test "podman: --group-add keep-groups" {
	both --differs 'runc does not know the annotation of keep-groups' <<-'CASE'
		setpriv --groups 0,4242,4243 podman run --rm --network none --group-add keep-groups busybox id -G
		setpriv --groups 0,4242,4243 podman run --rm --network none busybox id -G
	CASE
	says $'0 4242 4243\n0'
}

@test "podman: pods" {
	both <<-'CASE'
		podman pod create --name pod -p 127.0.0.1:8081:80 >/dev/null
		podman run -d --pod pod --name web busybox nc -ll -p 80 -e echo served >/dev/null
		podman run --rm --pod pod busybox sh -c 'nc 127.0.0.1 80 </dev/null; hostname'
		for ns in net ipc uts; do [ "$(podman exec web readlink /proc/self/ns/$ns)" = "$(podman run --rm --pod pod busybox readlink /proc/self/ns/$ns)" ] && echo $ns shared; done
		timeout 2 busybox nc 127.0.0.1 8081 </dev/null
		podman pod ps --format '{{.Name}} {{.Status}} {{.NumberOfContainers}}'; podman pod top pod comm | grep -vx echo | sort
		podman pod pause pod >/dev/null; podman pod unpause pod >/dev/null; podman pod stop -t 0 pod >/dev/null; podman pod start pod >/dev/null; podman pod ps --format '{{.Status}}'
		podman generate kube pod 2>/dev/null | grep -E '^ *(- )?(image|hostPort|kind):'
		podman pod rm -f -t 0 pod >/dev/null; echo removed
		podman pod create --name shared --share pid,net >/dev/null; podman run -d --pod shared --name a busybox sleep 1000 >/dev/null
		podman run --rm --pod shared busybox ps -o args | grep -E 'sleep|catatonit' | sort; podman pod rm -f -t 0 shared >/dev/null
	CASE
	mentions served 'net shared' Running removed 'sleep 1000'
}

@test "podman: play kube, generate systemd" {
	both <<-'CASE'
		cat >pod.yaml <<-'YAML'
			apiVersion: v1
			kind: Pod
			metadata: {name: kube}
			spec:
			  restartPolicy: Never
			  containers:
			  - name: main
			    image: localhost/busybox
			    imagePullPolicy: Never
			    command: [/bin/sh, -c, "echo from kube; id -u; cat /etc/conf/key; sleep 1000"]
			    securityContext: {runAsUser: 1000, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
			    resources: {limits: {memory: 64Mi, cpu: 500m}}
			    volumeMounts: [{name: conf, mountPath: /etc/conf}, {name: scratch, mountPath: /scratch}]
			  volumes:
			  - {name: conf, configMap: {name: conf}}
			  - {name: scratch, emptyDir: {}}
		YAML
		printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: conf}\ndata: {key: value}\n' >map.yaml
		podman play kube --configmap map.yaml pod.yaml >/dev/null 2>&1; until_ok 10 says_so value podman logs kube-main; podman logs kube-main; echo
		podman inspect --format '{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}}' kube-main; podman exec kube-main /bin/grep CapEff /proc/self/status
		podman play kube --down pod.yaml >/dev/null; podman network rm podman-default-kube-network >/dev/null; podman volume ls -q | xargs -r podman volume rm >/dev/null
		podman create --name unit busybox sleep 5 >/dev/null; podman generate systemd unit | grep -E '^(Exec|Type)'; podman rm unit >/dev/null
	CASE
	mentions 'from kube' 1000 value 67108864
}

@test "podman: build" {
	both <<-'CASE'
		printf 'FROM busybox\nRUN echo built >/made; id -u >>/made\nUSER 1000\nRUN id >/tmp/who; grep CapEff /proc/self/status >>/tmp/who\nCMD cat /made /tmp/who\n' >Containerfile
		podman build -q -t built . >/dev/null 2>&1; podman run --rm built; podman rmi -f built >/dev/null
		printf 'FROM busybox\nRUN exit 7\n' | podman build - 2>&1 | grep -o 'exit status 7' | head -1
		podman image prune -f >/dev/null
	CASE
	mentions built 'uid=1000(user)' 'exit status 7'
}

@test "podman: health checks, restart policies, --init, systemd mode" {
	both <<-'CASE'
		podman run -d --name one --health-cmd 'test -e /healthy' --health-interval disable --health-retries 1 busybox sleep 1000 >/dev/null
		code podman healthcheck run one | grep -v ^$; podman exec one touch /healthy; code podman healthcheck run one; podman inspect --format '{{.State.Health.Status}}' one
		podman rm -f -t 0 one >/dev/null
		podman run -d --name one --restart on-failure:2 busybox sh -c 'echo run; exit 3' >/dev/null
		count() { [ "$(podman logs one | wc -l)" = 3 ]; }; until_ok 20 count; podman wait one; podman inspect --format '{{.RestartCount}}' one; podman rm -f one >/dev/null
		podman run --rm --init busybox sh -c 'tr "\0" " " </proc/1/cmdline | cut -c 1-14'; echo
		podman run --rm --systemd always busybox sh -c 'grep -E " /(run|run/lock|tmp|var/log/journal) " /proc/mounts | cut -d" " -f2,3 | sort; echo $container; kill -l 37; test -w /sys/fs/cgroup/systemd && echo writable'
	CASE
	mentions healthy '/run tmpfs'
}

@test "podman: a registry on loopback: push, pull, run" {
	both <<-'CASE'
		printf 'version: 0.1\nstorage: {filesystem: {rootdirectory: /run/registry}}\nhttp: {addr: "127.0.0.1:5000"}\n' >registry.yml
		docker-registry serve registry.yml >registry.log 2>&1 & registry=$!
		until_ok 20 listens 127.0.0.1 5000
		podman push -q --tls-verify=false busybox 127.0.0.1:5000/team/app
		podman run --rm --pull always -q --tls-verify=false 127.0.0.1:5000/team/app echo pulled
		podman rmi 127.0.0.1:5000/team/app | grep -c Untagged; kill $registry; wait $registry; rm -r /run/registry
	CASE
	mentions pulled
}

@test "podman: checkpoint, restore" {
	needs_criu
	both <<-'CASE'
		n() { podman logs "$1" | tail -n 1 | tr -d '\r'; }
		past() { [ "$(n "$1")" -ge "$2" ]; }
		podman run -d --name one -m 64m busybox sh -c 'i=0; while :; do echo $((i += 1)); sleep 0.1; done' >/dev/null
		podman run -dt --name two busybox sh -c 'i=0; while :; do echo $((i += 1)); sleep 0.1; done' >/dev/null
		for c in one two; do
			until_ok 10 past $c 5; code podman container checkpoint $c; podman inspect --format '{{.State.Status}} {{.State.Checkpointed}}' $c
			a=$(n $c); code podman container restore --keep $c; podman inspect --format '{{.State.Status}} {{.State.Restored}}' $c
			until_ok 10 past $c $((a + 5)) && echo it counts on; podman logs $c | tr -d '\r' | grep -cx 1
			code podman exec $c sh -c 'echo exec works; exit 3'
		done
		podman exec two readlink /proc/1/fd/0
		podman container checkpoint --leave-running --export one.tgz --print-stats one | grep -oE '"(frozen_time|pages_written|runtime_checkpoint_duration)"'; podman inspect --format '{{.State.Status}}' one
		podman stop -t 0 one >/dev/null; podman rm one >/dev/null
		code quiet podman container restore --import one.tgz --name three; podman inspect --format '{{.State.Status}} {{.HostConfig.Memory}}' three; a=$(n three); until_ok 10 past three $((a + 5)) && echo from an archive
		podman container checkpoint --create-image saved three >/dev/null; podman rm -f -t 0 three >/dev/null
		code quiet podman container restore saved; podman ps --format '{{.Names}}' | sort
		podman rm -f -t 0 two three >/dev/null; podman rmi -f saved | grep -c Untagged
		code podman container restore no-such 2>&1 | grep -oE 'status .*|no such container'
	CASE
	mentions 'exited true' 'running true' 'it counts on' 'exec works' /dev/pts/0 'from an archive' 'running 67108864'
}

@test "podman: checkpoint of connections, ports, volumes, a pod's member" {
	needs_criu
	both <<-'CASE'
		podman run -d --name one -v vol:/data -p 127.0.0.1:8080:80 busybox sh -c 'echo served >/data/f; exec nc -ll -p 80 -e cat /data/f' >/dev/null
		until_ok 10 podman exec one test -e /data/f; code podman container checkpoint -e one.tgz one; podman rm -f -t 0 one >/dev/null; podman volume rm vol
		code quiet podman container restore --import one.tgz; timeout 2 busybox nc 127.0.0.1 8080 </dev/null; podman rm -f -t 0 one >/dev/null; podman volume rm vol
		podman run -d --name one busybox sh -c 'nc -ll -p 80 -e cat & sleep 1; tail -f /dev/null | nc 127.0.0.1 80' >/dev/null
		until_ok 10 podman exec one sh -c 'awk "{ print \$3, \$4 }" /proc/net/tcp | grep -q ":0050 01"'
		code podman container checkpoint one 2>&1 | grep -oE 'status .*|criu failed: type [A-Z]+' | sed 's/NOTIFY/DUMP/'; podman inspect --format '{{.State.Status}}' one
		code podman container checkpoint --tcp-established one; code podman container restore one 2>&1 | grep status; code podman container restore --tcp-established one; podman inspect --format '{{.State.Status}}' one
		podman rm -f -t 0 one >/dev/null
		podman pod create --name pod --share ipc,net,uts >/dev/null; podman run -d --pod pod --name one busybox sh -c 'echo up; tail -f /dev/null' >/dev/null
		until_ok 10 says_so up podman logs one; code podman container checkpoint one; code podman container restore one; podman pod ps --format '{{.Name}} {{.Status}} {{.NumberOfContainers}}'
		podman pod rm -f -t 0 pod >/dev/null
	CASE
	mentions served 'status 125' running 'pod Running 2'
}

@test "podman: checkpoint in two steps" {
	needs_criu mem_dirty_track
	both <<-'CASE'
		podman run -d --name one busybox sh -c 'i=0; while :; do echo $((i += 1)); sleep 0.1; done' >/dev/null
		until_ok 10 says_so 5 podman logs one; code podman container checkpoint --pre-checkpoint -e first.tgz one; podman inspect --format '{{.State.Status}}' one
		code podman container checkpoint --with-previous -e second.tgz one; podman rm -f -t 0 one >/dev/null
		code quiet podman container restore --import-previous first.tgz --import second.tgz; podman inspect --format '{{.State.Status}}' one; podman rm -f -t 0 one >/dev/null
	CASE
	mentions 'status 0' running
}

@test "podman: 20 containers at once" {
	both <<-'CASE'
		for i in $(seq 20); do podman run -d --network none --name c$i busybox sh -c "echo I am $i; sleep 1000" >/dev/null & done; wait
		podman ps -q | wc -l; podman logs c1; podman logs c20; podman exec c20 echo alive
		podman rm -af -t 0 | wc -l
	CASE
	mentions $'20\n' 'I am 20' alive
}
