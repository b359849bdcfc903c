#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2094 # scripts for inner shells; page_file reads another file
# Docker, used as its guides show.

load helpers
load docker

# ---- run ------------------------------------------------------------------------------------------------------------

# bats test_tags=smoke
@test "docker: info and version name the runtime" {
	both --differs 'the versions are their own' <<-'CASE'
		docker info --format '{{.DefaultRuntime}} {{(index .Runtimes "rung").Path}}'
		docker version --format '{{range .Server.Components}}{{if eq .Name "rung"}}{{.Version}}{{end}}{{end}}'
		docker info 2>/dev/null | grep -E '(Default Runtime|runc version)'
	CASE
	mentions 'rung /usr/local/bin/rung' "$("$RUNG" --version | sed -n 's/rung version //p')"
}

@test "docker: the commands of docs/engines.md" {
	both <<-'CASE'
		bash -e <(page_commands Docker) | sed '/^rung /s/ .*//'
	CASE
	says $'hello\nrung\nrung\nhello'
}

# bats test_tags=smoke
@test "docker: a bundle of an image, as docs/first-container.md makes it" {
	both <<-'CASE'
		first_container 'A bundle of a Docker image'
		docker ps -aq
		# docker export of Docker 26 does not unmount the container, with any runtime, even after the container is removed.
		grep -o '/var/lib/docker/overlay2/[0-9a-f]*/merged' /proc/self/mounts | xargs -r umount
	CASE
	says $'hello from the image\nbusybox'
}

# bats test_tags=smoke
@test "docker: run: status of the program" {
	both <<-'CASE'
		for n in 0 1 3 255; do code docker run --rm busybox sh -c "echo out; exit $n"; done
		docker run --rm busybox sh -c 'echo out; echo err >&2' 2>&1 >/dev/null
		code docker run --rm --init busybox sh -c 'kill -KILL $$'
		code docker run --rm busybox sh -c 'kill -TERM $$; echo "pid 1 ignores it"'
	CASE
	mentions 'status 3' 'status 255' 'status 137' 'pid 1 ignores it' $'err\n'
}

# bats test_tags=smoke
@test "docker: run: 125, 126 and 127" {
	both <<-'CASE'
		code docker run --no-such-option busybox 2>/dev/null
		code docker run --rm busybox no-such-program 2>&1 | grep -oE 'status .*|exec: "no-such-program": executable file not found in .PATH'
		code docker run --rm busybox /no/such/program 2>&1 | grep -oE 'status .*|stat /no/such/program: no such file or directory'
		code docker run --rm busybox /etc/passwd 2>&1 | grep -oE 'status .*|exec: "/etc/passwd": permission denied'
		code docker run --rm -w /etc/passwd busybox true 2>&1 | grep -oE 'status .*|[Nn]ot a directory'
		code docker run --rm -u nobody-knows busybox true 2>&1 | grep -v "error waiting"
		code docker run --rm --runtime no-such busybox true 2>&1 | grep -oE 'status .*|[Uu]nknown runtime.*no-such'
		docker ps -a --format '{{.Names}}'
	CASE
	mentions 'status 125' 'status 126' 'status 127' 'executable file not found in $PATH'
}

@test "docker: run: a directory as the program" {
	both --differs "runc 1.1.5 says 'permission denied' only" <<-'CASE'
		docker run --rm busybox /etc 2>&1 | grep -oE 'exec: "/etc": .*directory|permission denied'
	CASE
	says $'exec: "/etc": is a directory\npermission denied'
}

# bats test_tags=smoke
@test "docker: run -it: a terminal" {
	both <<-'CASE'
		code tty docker run -it --rm -e TERM=vt100 busybox sh -c "'tty; test -t 0 && test -t 1 && test -t 2 && echo all three; echo \$TERM; stty -a | grep -o .onlcr; sleep 1; exit 7'"
		printf 'echo typed\nexit 4\n' >input
		code script -qec 'docker run -it --rm busybox sh' /dev/null <input | grep -v '^/ #' | tail -n 3
	CASE
	mentions 'all three' vt100 ' onlcr' 'status 7' 'status 4'
}

@test "docker: run -i: standard input" {
	both <<-'CASE'
		printf 'one\ntwo\n' | docker run -i --rm busybox cat
		head -c 3000000 /dev/zero | docker run -i --rm busybox wc -c
		docker run --rm busybox sh -c 'wc -c; readlink /proc/self/fd/0'
		docker run --rm busybox seq 200000 | sha256sum | cut -c 1-20
	CASE
	mentions two 3000000 /dev/null
}

@test "docker: run -d, logs, wait, rm" {
	both <<-'CASE'
		docker run -d --name one busybox sh -c 'for i in 1 2 3; do echo line $i; done; echo oops >&2; exit 5' >/dev/null
		docker wait one
		docker logs one 2>/dev/null
		docker logs one 2>&1 >/dev/null
		docker logs --tail 2 one 2>&1 | grep -c .
		docker inspect --format '{{.State.Status}} {{.State.ExitCode}} {{.State.Pid}} {{.State.OOMKilled}} {{.HostConfig.Runtime}}' one
		docker ps -a --format '{{.Names}} {{.Command}}' --no-trunc
		code docker run --name one busybox true 2>&1 | grep -oE 'status .*|is already in use'
		docker rm one
	CASE
	mentions $'line 3\n' oops 'exited 5 0 false rung'
}

@test "docker: logs -f" {
	both <<-'CASE'
		docker run -d --name one busybox sh -c 'for i in 1 2 3; do echo line $i; sleep 0.2; done' >/dev/null
		timeout 20 docker logs -f one
		docker rm -f one
	CASE
	mentions 'line 3'
}

@test "docker: run: what the program sees" {
	both <<-'CASE'
		docker run --rm -h web.example.org --env A=1 --env-file <(echo B=2) -w /srv/new -u 1000:100 --group-add 5 --entrypoint /bin/sh \
			--label x=y busybox -c 'hostname; echo $A $B; pwd; id; env | grep -E "^(HOME|HOSTNAME|PATH)="; cat /etc/hostname'
		docker run --rm -u user busybox id
		docker run --rm -u 4711 busybox sh -c 'id; echo $HOME'
		docker run --rm busybox sh -c 'cat /proc/1/cmdline | tr "\0" " "; ls /proc/self/fd; umask; cat /proc/self/oom_score_adj'
	CASE
	mentions web.example.org '/srv/new' 'uid=1000(user) gid=100(users) groups=5(tty),100(users)'
}

@test "docker: run: /proc, /sys and /dev" {
	both <<-'CASE'
		docker run --rm busybox sh -c 'cut -d" " -f2 /proc/mounts | sort; find /dev | sort; ls -l /dev | cut -c 1-10 | sort | uniq -c'
		docker run --rm busybox sh -c 'for f in kcore keys timer_list sysrq-trigger acpi scsi; do wc -c </proc/$f; ls -A /proc/$f | head -2; done 2>&1'
		docker run --rm busybox sh -c 'exec 2>&1; echo x >/proc/sysrq-trigger; echo 1 >/proc/sys/kernel/printk; mkdir /sys/x; mount -t tmpfs t /mnt' 2>&1
		docker run --rm busybox sh -c 'sort /proc/mounts | grep -vE "overlay|/proc/(acpi|keys|timer_list)|/sys/firmware|/sys/fs/cgroup " | sed "s/,size=[^,]*//; s/,nr_inodes=[^,]*//; s/,inode64//"'
	CASE
	mentions 'Read-only file system' /dev/mqueue
}

@test "docker: run: what masks are made of" {
	both --differs 'by design: rung masks with a /dev/null of its own (CVE-2025-31133) and one shared tmpfs, and keeps the root of v1 cgroups read-only' <<-'CASE'
		docker run --rm busybox sh -c 'sort /proc/mounts | grep -E "/proc/(acpi|keys|timer_list)|/sys/firmware|/sys/fs/cgroup " | cut -d" " -f2,3,4; mkdir /sys/fs/cgroup/x 2>&1 && echo made'
	CASE
	mentions '/sys/firmware tmpfs ro' '/sys/fs/cgroup/x'\'': Read-only file system'
}

# ---- a container's life ---------------------------------------------------------------------------------------------

# bats test_tags=smoke
@test "docker: exec" {
	both <<-'CASE'
		docker run -d --name one -e OUTER=1 busybox sleep 1000 >/dev/null
		code docker exec one sh -c 'echo $OUTER; hostname >/dev/null; exit 9'
		code docker exec one no-such-program 2>&1 | grep -oE 'status .*|exec: "no-such-program": executable file not found in .PATH'
		code docker exec one /etc/passwd 2>&1 | grep -oE 'status .*|permission denied'
		echo piped | docker exec -i one cat
		code tty docker exec -it one sh -c "'tty; test -t 0 && echo terminal; sleep 1; exit 6'"
		docker exec -u 1000:100 -w /tmp -e X=y one sh -c 'id; pwd; echo $X; grep -E "^(Cap|NoNew|Seccomp:)" /proc/self/status'
		docker exec -d one touch /made
		until_ok 5 docker exec one test -e /made
		code docker exec one sh -c 'kill -KILL $$'
		code docker exec one sh -c 'kill -TERM $$'
		docker exec one ps -o pid,args | grep -v ' ps ' 
		docker rm -f one
	CASE
	mentions 'status 9' 'status 126' piped terminal 'status 6' 'status 137' 'status 143'
}

@test "docker: exec --privileged" {
	needs_capability CAP_SYS_RESOURCE 24
	both <<-'CASE'
		docker run -d --name one busybox sleep 1000 >/dev/null
		docker exec --privileged one grep ^Cap /proc/self/status
		docker rm -f one
	CASE
	mentions CapEff: $'\none'
}

@test "docker: attach, and signals through it" {
	both <<-'CASE'
		docker run -d --name one busybox sh -c 'trap "echo got INT; exit 3" INT; trap "echo got USR1" USR1; echo ready; while :; do sleep 0.1; done' >/dev/null
		until_ok 5 says_so ready docker logs one
		docker attach one >out 2>&1 & attached=$!
		sleep 0.5
		docker kill -s USR1 one
		until_ok 5 says_so USR1 docker logs one
		kill -INT $attached
		wait $attached; echo "attach ended with $?"
		cat out
		docker wait one
		docker rm one
	CASE
	mentions 'got USR1' 'got INT' 'attach ended with 3'
}

@test "docker: stop, start, restart, kill" {
	both <<-'CASE'
		up_times() { [ "$(docker logs one | grep -c up)" -ge $1 ]; }
		docker run -d --name one busybox sh -c 'trap "echo bye; exit 0" TERM; echo up; while :; do sleep 0.05; done' >/dev/null
		until_ok 5 says_so up docker logs one
		docker stop one; docker wait one; docker logs one
		docker start one; until_ok 5 up_times 2; docker restart one; until_ok 5 up_times 3
		docker inspect --format '{{.State.Status}}' one
		docker kill one; docker wait one
		docker logs one
		docker start one >/dev/null; until_ok 5 up_times 4; docker kill -s TERM one; docker wait one
		docker rm one
		docker run -d --name two busybox sleep 1000 >/dev/null
		docker stop -t 1 two; docker wait two
		code docker stop two; code docker kill two 2>&1 | grep -oE 'status .*|is not running'
		docker rm two
	CASE
	mentions bye 137 'is not running'
}

@test "docker: --stop-signal, --stop-timeout" {
	both <<-'CASE'
		docker run -d --name one --stop-signal USR1 busybox sh -c 'trap "exit 11" USR1; echo up; while :; do sleep 0.05; done' >/dev/null
		until_ok 5 says_so up docker logs one
		docker stop one; docker wait one; docker rm one
		docker run -d --name one --stop-timeout 1 busybox sleep 1000 >/dev/null
		docker stop one; docker wait one; docker rm one
	CASE
	mentions 11 137
}

@test "docker: pause, unpause" {
	both <<-'CASE'
		docker run -d --name one busybox sh -c 'while :; do echo x; sleep 0.05; done' >/dev/null
		docker pause one
		docker inspect --format '{{.State.Status}} {{.State.Paused}}' one
		a=$(docker logs one | wc -l); sleep 0.5; b=$(docker logs one | wc -l); [ $a = $b ] && echo it stands
		code docker exec one true 2>&1 | grep -oE 'status .*|is paused.*'
		code docker pause one 2>&1 | grep -oE 'status .*|is already paused'
		docker unpause one
		sleep 0.5; c=$(docker logs one | wc -l); [ $b -lt $c ] && echo it runs
		code docker unpause one 2>&1 | grep -oE 'status .*|is not paused'
		docker pause one; docker kill one; docker wait one
		docker rm -f one
	CASE
	mentions 'it stands' 'it runs' paused 137
}

@test "docker: a paused container is stopped and removed" {
	both <<-'CASE'
		docker run -d --name one busybox sleep 1000 >/dev/null
		docker pause one; docker stop -t 1 one; docker wait one; docker rm one
		docker run -d --name two busybox sleep 1000 >/dev/null
		docker pause two; docker rm -f two
	CASE
	mentions 137 $'two\ntwo'
}

@test "docker: create, start -a, start -i, wait" {
	both <<-'CASE'
		docker create --name one -i busybox sh -c 'cat; exit 8' >/dev/null
		docker inspect --format '{{.State.Status}}' one
		echo piped | (code docker start -a -i one)
		docker rm one
	CASE
	mentions created piped 'status 8'
}

@test "docker: ps, top, stats, inspect, port" {
	both <<-'CASE'
		docker run -d --name one -m 64m --pids-limit 77 busybox sh -c 'sleep 1000 & sleep 1001' >/dev/null
		docker ps --format '{{.Names}} {{.Image}} {{.Command}} {{.Status}}' | sed 's/Up .*/Up/'
		docker top one -o pid,args | grep -o 'sleep.*' | sort
		docker top one -eo pid,comm,user | awk '{ print $2, $3 }' | sort
		docker stats --no-stream --format '{{.Name}} {{.MemUsage}} {{.PIDs}}' one | sed -E 's/one [0-9.]+[KM]iB/one SOME/'
		docker stats --no-stream --format '{{.CPUPerc}} {{.NetIO}} {{.BlockIO}}' one | sed -E 's/[0-9.]+[kKM]?i?/N/g'
		docker inspect --format '{{.State.Status}} {{.State.Running}} {{.HostConfig.Memory}} {{.HostConfig.Runtime}} {{.Driver}}' one
		[ "$(docker inspect --format '{{.State.Pid}}' one)" -gt 1 ] && echo has a pid
		docker rm -f one
	CASE
	mentions 'SOME / 64MiB 2' 'sleep 1001' 'running true'
}

@test "docker: cp, diff, commit, export" {
	both <<-'CASE'
		docker run -d --name one busybox sleep 1000 >/dev/null
		echo content >file; docker cp file one:/tmp/copied; docker exec one cat /tmp/copied
		docker exec one sh -c 'echo other >/tmp/made; rm /etc/group'
		docker cp one:/tmp/made back; cat back
		docker diff one | sort
		docker commit -c 'CMD ["cat", "/tmp/made"]' one committed >/dev/null
		docker run --rm committed
		docker export one | tar t | grep -c ^bin/
		docker rm -f one; docker rmi committed | grep -c Deleted
	CASE
	mentions content other 'D /etc/group'
}

@test "docker: rename, update" {
	both <<-'CASE'
		docker run -d --name one -m 64m --memory-swap 64m busybox sleep 1000 >/dev/null
		docker rename one two
		id=$(docker inspect --format '{{.Id}}' two)
		docker update -m 96m --memory-swap 96m --cpus 0.5 --cpu-shares 512 --cpuset-cpus 1 --pids-limit 33 two
		knob $id memory memory.limit_in_bytes memory.max
		knob $id cpu cpu.cfs_quota_us cpu.max
		knob $id cpu cpu.shares cpu.weight
		knob $id cpuset cpuset.cpus cpuset.cpus
		knob $id pids pids.max pids.max
		docker update --restart on-failure:2 two; docker inspect --format '{{.HostConfig.RestartPolicy}}' two
		code docker update --cpuset-cpus 99 two 2>&1 | grep -oE 'status .*'
		docker exec two true
		docker rm -f two
	CASE
	mentions $'100663296\n' $'33\n'
}

@test "docker: events" {
	both <<-'CASE'
		since=$(date +%s.%N)
		docker run --name one busybox false; docker start one >/dev/null; docker wait one >/dev/null
		docker run -d --name two busybox sleep 100 >/dev/null; docker exec two true; docker pause two; docker unpause two; docker kill two
		docker wait two >/dev/null; docker rm one two
		docker events --since $since --until $(date +%s.%N) --filter type=container --format '{{.Actor.Attributes.name}} {{.Action}} {{.Actor.Attributes.exitCode}}' |
			sort | uniq -c
	CASE
	mentions 'one die 1' 'two pause' 'two die 137'
}

# ---- limits ---------------------------------------------------------------------------------------------------------

# bats test_tags=smoke
@test "docker: limits: memory, cpu, pids" {
	both <<-'CASE'
		id=$(docker run -d --name one -m 64m --memory-swap 96m --memory-reservation 32m --cpus 0.5 --cpu-shares 300 --cpuset-cpus 0 --cpuset-mems 0 \
			--pids-limit 50 busybox sleep 1000)
		knob $id memory memory.limit_in_bytes memory.max
		knob $id memory memory.memsw.limit_in_bytes memory.swap.max
		knob $id memory memory.soft_limit_in_bytes memory.low
		knob $id cpu cpu.cfs_quota_us cpu.max
		knob $id cpu cpu.shares cpu.weight
		knob $id cpuset cpuset.cpus cpuset.cpus
		knob $id cpuset cpuset.mems cpuset.mems
		knob $id pids pids.max pids.max
		docker exec one cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null
		docker exec one grep Cpus_allowed_list /proc/self/status
		docker exec one sh -c 'i=0; while [ $i -lt 60 ]; do sleep 2 & i=$((i + 1)); done; wait' 2>&1 | grep -o "can't fork.*" | head -1
		docker rm -f one
	CASE
	mentions $'67108864\n' $'50\n' "can't fork"
}

@test "docker: limits: periods, quota, real-time words, kernel memory" {
	both <<-'CASE'
		id=$(docker run -d --name one --cpu-period 50000 --cpu-quota 20000 busybox sleep 1000)
		knob $id cpu cpu.cfs_period_us cpu.max; knob $id cpu cpu.cfs_quota_us cpu.max
		docker rm -f one
		id=$(docker run -d --name one -m 64m --memory-swap -1 --memory-swappiness 10 busybox sleep 1000)
		knob $id memory memory.swappiness memory.swap.max; docker rm -f one
		code docker run --rm -m 1m busybox true 2>&1
		code docker run --rm --cpus 200 busybox true 2>&1
		code docker run --rm --cpuset-cpus 77 busybox true 2>&1
		code docker run --rm --pids-limit -1 busybox true; code docker run --rm --pids-limit 0 busybox true
		code docker run --rm --kernel-memory 50m busybox true 2>&1
	CASE
	mentions 20000 'status 125'
}

@test "docker: limits: blkio" {
	both <<-'CASE'
		dev=$(awk '$5 == "/" { print $3; exit }' /proc/self/mountinfo); node=$(readlink -f "/dev/block/$dev" || echo /dev/vda)
		[ -b $node ] || node=/dev/$(sed -n 's/^DEVNAME=//p' /sys/dev/block/$dev/uevent)
		id=$(docker run -d --name one --device-read-bps $node:1mb --device-write-iops $node:100 busybox sleep 1000)
		knob $id blkio blkio.throttle.read_bps_device io.max; knob $id blkio blkio.throttle.write_iops_device io.max
		docker rm -f one
		code docker run --rm --blkio-weight 300 busybox true 2>&1
	CASE
	mentions 1048576
}

@test "docker: OOM kill is reported" {
	# The shim does not always see a kill so soon after the start, seen with rung and with runc: there are three trials.
	both <<-'CASE'
		oom() { for try in 1 2 3; do code docker run --name one -m 16m --memory-swap 16m busybox "$@" >said 2>&1; docker inspect --format '{{.State.OOMKilled}} {{.State.ExitCode}}' one >>said; docker rm one >>said; ! grep -q true said || break; done; cat said; }
		oom sh -c 'dd if=/dev/zero of=/dev/null bs=64M count=1'
		oom dd if=/dev/zero of=/dev/null bs=64M count=1
	CASE
	mentions 'true 137'
}

@test "docker: limits: --oom-kill-disable, --oom-score-adj, --ulimit, --shm-size" {
	both <<-'CASE'
		id=$(docker run -d --name one -m 64m --oom-kill-disable busybox sleep 1000)
		knob $id memory memory.oom_control memory.max | head -1; docker rm -f one
		docker run --rm --oom-score-adj 500 busybox cat /proc/self/oom_score_adj
		docker run --rm --ulimit nofile=256:512 --ulimit core=0 --ulimit nproc=100:200 busybox grep -E 'open files|core file|processes' /proc/self/limits
		docker run --rm --shm-size 12m busybox df -k /dev/shm
		code docker run --rm --ulimit nofile=9999999:99999999 busybox true 2>&1 | grep status
	CASE
	mentions 500 12288
}

# ---- networks -------------------------------------------------------------------------------------------------------

# bats test_tags=smoke
@test "docker: network: none, host, bridge, container" {
	both <<-'CASE'
		docker run --rm --network none busybox ip -o link | cut -d: -f2
		docker run --rm --network host busybox ip -o link | cut -d: -f2 | cut -d@ -f1 | sort
		[ "$(docker run --rm --network host busybox readlink /proc/self/ns/net)" = "$(readlink /proc/self/ns/net)" ] && echo same namespace
		docker run -d --name one busybox nc -ll -p 80 -e echo served >/dev/null
		docker exec one ip -4 -o addr show eth0 | awk '{ print $4 }'
		docker run --rm --network container:one busybox sh -c 'ip -4 -o addr show eth0; nc 127.0.0.1 80 </dev/null' | awk '{ print $NF == "served" ? $NF : $4 }'
		docker run --rm busybox sh -c 'ping -c 1 -W 2 172.17.0.2 >/dev/null && echo reached; nc 172.17.0.2 80 </dev/null'
		docker rm -f one
	CASE
	mentions 'same namespace' 172.17.0.2/16 reached served
}

@test "docker: network: user-defined, names, aliases" {
	both <<-'CASE'
		docker network create --subnet 10.9.0.0/24 net >/dev/null
		docker run -d --name server --network net --network-alias www busybox nc -ll -p 80 -e echo served >/dev/null
		docker run --rm --network net busybox sh -c 'nc server 80 </dev/null; nc www 80 </dev/null; nslookup server 2>/dev/null | grep -A1 ^Name'
		docker run -d --name late busybox sleep 1000 >/dev/null
		docker network connect net late; docker exec late ip -4 -o addr show eth1 | awk '{ print $4 }'; docker exec late nc server 80 </dev/null
		docker network disconnect net late; docker exec late ip -o link | grep -c eth1
		docker rm -f server late; docker network rm net
	CASE
	mentions served 10.9.0.3/24
}

@test "docker: network: published port, --dns, --add-host, --mac-address, --ip" {
	both <<-'CASE'
		docker run -d --name one -p 127.0.0.1:8080:80 busybox nc -ll -p 80 -e echo served >/dev/null
		docker port one
		until_ok 5 says_so served timeout 1 busybox nc 127.0.0.1 8080
		timeout 2 busybox nc 127.0.0.1 8080 </dev/null
		docker rm -f one
		docker run --rm --dns 10.1.2.3 --dns-search example.org --dns-option ndots:3 busybox cat /etc/resolv.conf
		docker run --rm --add-host db:10.7.7.7 busybox grep -w db /etc/hosts
		docker run --rm --mac-address 02:42:ac:11:00:99 busybox cat /sys/class/net/eth0/address
		docker network create --subnet 10.9.0.0/24 net >/dev/null
		docker run --rm --network net --ip 10.9.0.77 busybox ip -4 -o addr show eth0 | awk '{ print $4 }'; docker network rm net
	CASE
	mentions '80/tcp -> 127.0.0.1:8080' served 'nameserver 10.1.2.3' 10.7.7.7 02:42:ac:11:00:99 10.9.0.77/24
}

# ---- volumes --------------------------------------------------------------------------------------------------------

@test "docker: volumes: -v, --mount, --volumes-from, --tmpfs, read-only" {
	both <<-'CASE'
		mkdir d; echo host >d/file; chmod 755 .
		docker run --rm -v $PWD/d:/data busybox sh -c 'cat /data/file; echo inside >/data/made'; cat d/made
		docker run --rm -v $PWD/d:/data:ro busybox sh -c 'exec 2>&1; echo x >/data/y' 2>&1
		docker run --rm -v $PWD/d/file:/etc/motd busybox cat /etc/motd
		docker run --rm -v named:/vol busybox sh -c 'echo kept >/vol/f'
		docker run --rm --mount type=volume,source=named,target=/vol,readonly busybox sh -c 'exec 2>&1; cat /vol/f; echo x >/vol/g' 2>&1
		docker run --rm --mount type=bind,source=$PWD/d,target=/data,readonly busybox sh -c 'exec 2>&1; ls /data; touch /data/z' 2>&1
		docker run -d --name one -v named:/vol -v /anon busybox sleep 1000 >/dev/null
		docker run --rm --volumes-from one busybox sh -c 'cat /vol/f; ls -d /anon'
		docker run --rm --tmpfs /t:size=1m,mode=700,uid=5 --mount type=tmpfs,target=/u,tmpfs-size=2m busybox sh -c 'grep -E " /[tu] " /proc/mounts; stat -c "%a %u" /t'
		docker run --rm -v $PWD/new/dir:/made busybox ls -d /made; ls -d new/dir
		docker rm -fv one; docker volume rm named
		code docker run --rm --mount type=bind,source=/no/such,target=/x busybox true 2>&1
		code docker run --rm -v $PWD/d/file:/bin busybox true 2>&1 | grep -oE 'status .*|[Nn]ot a directory'
	CASE
	mentions inside kept 'Read-only file system' size=1024k 'status 125'
}

@test "docker: volumes: propagation" {
	both <<-'CASE'
		mkdir -p d/sub; mount --bind d d; mount --make-rshared d
		for p in rprivate rslave rshared; do
			docker run -d --name $p --cap-add SYS_ADMIN -v $PWD/d:/data:$p busybox sleep 1000 >/dev/null
		done
		mkdir d/late; mount -t tmpfs t d/late; echo new >d/late/f
		for p in rprivate rslave rshared; do echo $p; docker exec $p cat /data/late/f 2>&1; done
		docker exec rshared sh -c 'mount -t tmpfs t /data/sub && echo from inside >/data/sub/g' 2>&1
		cat d/sub/g 2>&1; docker exec rslave cat /data/sub/g 2>&1; docker exec rprivate cat /data/sub/g 2>&1
		docker rm -f rprivate rslave rshared; umount -R d; mount --bind d d; mount --make-private d
		code docker run --rm -v $PWD/d:/data:rshared busybox true 2>&1 | grep -oE 'status .*|not a shared mount'
		umount d
	CASE
	mentions 'new' 'status 125'
}

@test "docker: read-only root" {
	both <<-'CASE'
		docker run --rm --read-only busybox sh -c 'exec 2>&1; touch /x; touch /tmp/x; echo ok >/dev/shm/x; cat /dev/shm/x; touch /etc/resolv.conf' 2>&1
		docker run --rm --read-only --tmpfs /run --tmpfs /tmp:exec -v vol:/v busybox sh -c 'touch /run/x /tmp/x /v/x && echo written; grep " / " /proc/mounts | cut -d" " -f4 | cut -d, -f1'
		docker volume rm vol
	CASE
	mentions 'Read-only file system' written ro
}

# ---- security -------------------------------------------------------------------------------------------------------

@test "docker: security: capabilities, seccomp, no-new-privileges, user" {
	both <<-'CASE'
		s='exec 2>&1; grep -E "^(Cap|NoNewPrivs|Seccomp:|Uid|Gid|Groups)" /proc/self/status'
		docker run --rm busybox sh -c "$s"
		docker run --rm --cap-drop ALL --cap-add NET_ADMIN busybox sh -c "$s; ip link set lo mtu 1400 && echo changed; chown 1 /bin"  2>&1
		docker run --rm --cap-add SYS_TIME --cap-drop CHOWN busybox sh -c "$s"
		docker run --rm --security-opt seccomp=unconfined --security-opt no-new-privileges busybox sh -c "$s"
		docker run --rm -u 1000:1000 --cap-add NET_RAW busybox sh -c "$s"
		docker run --rm busybox unshare -m true 2>&1; docker run --rm --security-opt seccomp=unconfined --cap-add SYS_ADMIN busybox unshare -m echo unshared
		echo '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO","errnoRet":28}]}' >p.json
		docker run --rm --security-opt seccomp=p.json busybox mkdir /x 2>&1
		echo '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_KILL_PROCESS"}]}' >p.json
		code docker run --rm --security-opt seccomp=p.json busybox mkdir /x 2>&1
	CASE
	mentions changed unshared 'No space left' 'status 159'
}

@test "docker: security: --privileged" {
	needs_capability CAP_SYS_RESOURCE 24
	both <<-'CASE'
		docker run --rm --privileged busybox sh -c 'grep -E "^(Cap|Seccomp:)" /proc/self/status; mount -t tmpfs t /tmp && echo mounted; ls /dev | grep -c loop'
	CASE
	mentions mounted
}

@test "docker: namespaces: --pid, --ipc, --uts, --cgroupns" {
	both <<-'CASE'
		same() { [ "$(docker run --rm "${@:2}" busybox readlink /proc/self/ns/$1)" = "$(readlink /proc/self/ns/$1)" ] && echo "$* as the host" || echo "$* its own"; }
		for ns in pid ipc uts cgroup user mnt net; do same $ns; done
		same pid --pid host; same ipc --ipc host; same uts --uts host; same cgroup --cgroupns private; same cgroup --cgroupns host
		docker run -d --name one --ipc shareable busybox sleep 1000 >/dev/null
		docker exec one sh -c 'echo shared >/dev/shm/f'
		docker run --rm --ipc container:one busybox cat /dev/shm/f
		docker run --rm --pid container:one busybox ps -o pid,args | grep 'sleep 1000'
		docker rm -f one
		docker run --rm --cgroupns private busybox cat /proc/self/cgroup | cut -d: -f2- | sort
	CASE
	mentions 'pid --pid host as the host' shared 'cgroup --cgroupns private its own'
}

@test "docker: --device, --device-cgroup-rule, --sysctl, --init" {
	both <<-'CASE'
		docker run --rm --device /dev/loop0 --device /dev/loop1:/dev/mine:r busybox sh -c 'exec 2>&1; ls -l /dev/loop0 /dev/mine | cut -c 1-10; head -c 0 /dev/loop0; echo x 2>&1 >/dev/mine' 2>&1
		docker run --rm busybox sh -c 'exec 2>&1; mknod /dev/d b 7 0; head -c 0 /dev/d && cat /dev/d' 2>&1
		docker run --rm --device-cgroup-rule 'b 7:* rmw' busybox sh -c 'exec 2>&1; mknod /dev/d b 7 0; cat /dev/d' 2>&1
		docker run --rm --sysctl net.ipv4.ip_forward=0 --sysctl kernel.msgmax=9000 --sysctl net.core.somaxconn=200 busybox cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax /proc/sys/net/core/somaxconn
		code docker run --rm --sysctl kernel.hostname=x busybox true 2>&1 | grep -oE 'status .*|not in a separate kernel namespace|sysctl.*kernel.hostname'
		docker run --rm --init busybox sh -c 'tr "\0" " " </proc/1/cmdline | cut -c 1-20; exit 3'; echo $?
	CASE
	mentions 'Operation not permitted' 9000 docker-init
}

# ---- build ----------------------------------------------------------------------------------------------------------

dockerfile='
mkdir context; cd context; echo copied >file
cat >Dockerfile <<EOF
FROM busybox
ENV WHO=builder
RUN echo "made by \$WHO" >/made && id -u >>/made
COPY file /file
WORKDIR /srv
USER 1000:100
RUN id >/tmp/who; pwd >>/tmp/who
RUN ["sh", "-c", "cat /proc/self/status | grep CapEff >>/tmp/who"]
CMD cat /made /file /tmp/who
EOF
'

# bats test_tags=smoke
@test "docker: build, the classic builder" {
	both <<-CASE
		$dockerfile
		DOCKER_BUILDKIT=0 docker build -q -t built . >/dev/null
		docker run --rm built
		printf 'FROM busybox\nRUN exit 7\n' | DOCKER_BUILDKIT=0 docker build - 2>&1 | grep -o 'returned a non-zero code: .*'
		printf 'FROM busybox\nRUN ["no-such"]\n' | DOCKER_BUILDKIT=0 docker build - 2>&1 | grep -o 'executable file not found in .PATH'
		docker rmi built | grep -c Untagged; docker ps -aq | xargs -r docker rm >/dev/null; docker image prune -f >/dev/null
	CASE
	mentions 'made by builder' copied 'uid=1000(user)' 'non-zero code: 7'
}

@test "docker: build, BuildKit" {
	both <<-CASE
		$dockerfile
		DOCKER_BUILDKIT=1 docker build -q -t built . >/dev/null
		docker run --rm built
		printf 'FROM busybox\nRUN exit 7\n' | DOCKER_BUILDKIT=1 docker build --progress plain - 2>&1 | grep -o 'exit code: 7' | head -1
		printf 'FROM busybox\nRUN --mount=type=tmpfs,target=/t touch /t/x && ls /t\nRUN test -z "\$(ls -A /t)"\n' | DOCKER_BUILDKIT=1 docker build --progress plain - 2>&1 | grep -c ERROR
		docker rmi built | grep -c Untagged; docker builder prune -af >/dev/null; docker image prune -f >/dev/null
	CASE
	mentions 'made by builder' copied 'uid=1000(user)' 'exit code: 7'
}

# ---- its API --------------------------------------------------------------------------------------------------------

# bats test_tags=smoke
@test "docker: the API, as pages such as Portainer use it: lists, statistics, logs, exec, a terminal, files, events" {
	both <<-'CASE'
		"$COMMANDS/dockerapi"
	CASE
	mentions 'list: [/page] running' 'stats: /page 67108864 true 50 true' 'exec: "inside\n" "wrong\n" 9' 'terminal: true' 'terminal ended: 5' 'file: 200 put 384 1000 text' 'exited 137'
}

# ---- health, restarts, many -----------------------------------------------------------------------------------------

@test "docker: health checks" {
	both <<-'CASE'
		docker run -d --name one --health-cmd 'test -e /healthy' --health-interval 1s --health-retries 2 --health-start-period 0s busybox sleep 1000 >/dev/null
		health() { docker inspect --format '{{.State.Health.Status}}' one; }
		until_ok 20 says_so unhealthy health; health
		docker exec one touch /healthy
		is_healthy() { [ "$(health)" = healthy ]; }
		until_ok 20 is_healthy; health
		docker inspect --format '{{(index .State.Health.Log 0).ExitCode}}' one
		docker rm -f one
	CASE
	mentions unhealthy $'\nhealthy'
}

@test "docker: restart policies" {
	both <<-'CASE'
		docker run -d --name one --restart on-failure:2 busybox sh -c 'echo run; exit 3' >/dev/null
		count() { [ "$(docker inspect --format '{{.RestartCount}} {{.State.Running}} {{.State.Restarting}}' one)" = "$1" ]; }
		until_ok 20 count '2 false false'; docker logs one; docker inspect --format '{{.State.ExitCode}} {{.RestartCount}}' one; docker rm -f one
		docker run -d --name one --restart always busybox sleep 1000 >/dev/null
		pid=$(docker inspect --format '{{.State.Pid}}' one); kill -KILL $pid
		until_ok 20 count '1 true false'; docker inspect --format '{{.RestartCount}} {{.State.Status}}' one
		docker stop -t 0 one; docker inspect --format '{{.State.Status}}' one; docker rm one
	CASE
	mentions '3 2' '1 running' exited
}

@test "docker: checkpoint, and start from it" {
	needs_criu
	both <<-'CASE'
		# Retries: Docker packs the checkpoint again, which fails until containerd has removed the archive that it was unpacked from.
		from() {
			local n s said
			for n in $(seq 100); do
				s=0; said=$(docker start --checkpoint "$@" 2>&1) || s=$?
				[[ $said == *'commit failed: content '*'already exists'* ]] || break
				sleep 0.2
			done
			[ -z "$said" ] || echo "$said"
			return $s
		}
		docker run -d --name one -m 64m -v kept:/data -p 127.0.0.1:8089:80 busybox sh -c 'nc -ll -p 80 -e cat /data/n & i=0; while :; do echo $((i += 1)); echo $i >/data/n; sleep 0.1; done' >/dev/null
		docker run -dt --name two busybox sh -c 'tty; i=0; while :; do echo $((i += 1)); sleep 0.1; done' >/dev/null
		for c in one two; do
			until_ok 10 says_so 5 docker logs $c
			code docker checkpoint create $c saved; docker checkpoint ls $c; docker inspect --format '{{.State.Status}} {{.State.ExitCode}}' $c
			a=$(docker logs $c | tail -n 1 | tr -d '\r'); code from saved $c; docker inspect --format '{{.State.Status}} {{.State.ExitCode}}' $c
			until_ok 10 says_so $((a + 5)) docker logs $c && echo it counts on; docker logs $c | tr -d '\r' | grep -cx 1
			code docker exec $c sh -c 'echo exec works; exit 3'
			code docker checkpoint create --leave-running $c again; docker inspect --format '{{.State.Status}}' $c
			docker checkpoint rm $c saved; docker checkpoint ls $c
		done
		[ "$(timeout 2 busybox nc 127.0.0.1 8089 </dev/null)" -ge 10 ] && echo it serves; docker exec two readlink /proc/1/fd/0
		code docker checkpoint create no-such c 2>&1 | grep -oE 'status .*|No such container'; code docker start --checkpoint no-such two 2>&1 | grep -oE 'status .*|already running'
		docker rm -f one two; docker volume rm kept
	CASE
	mentions 'exited 137' 'running 0' 'it counts on' 'exec works' 'it serves' /dev/pts/0
}

@test "docker: 50 containers at once" {
	both <<-'CASE'
		for i in $(seq 50); do docker run -d --name c$i busybox sh -c "echo I am $i; sleep 1000" >/dev/null & done; wait
		docker ps -q | wc -l
		for i in 1 25 50; do docker logs c$i; docker exec c$i hostname >/dev/null && echo alive; done
		docker rm -f $(docker ps -aq) | wc -l
	CASE
	mentions $'50\n' 'I am 25' alive
}
