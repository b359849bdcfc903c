#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2094,SC2154 # scripts for inner shells; page_file reads another file; begin is of units.bash
# Podman's options that go to the runtime in a way of their own, as root: groups, cgroup modes, readiness, user namespaces.

load helpers
load units

begin+='
once() { podman run --rm --network none "$@"; }
# Runs a command in a service that has its cgroup for itself, as --cgroups=split needs.
in_service() { command systemd-run --quiet --pipe --wait --collect --unit case.service -p Delegate=yes "$@"; }
ids() { sed -E "s/[0-9a-f]{64}/ID/g; s/run-[a-z0-9]+/run-N/"; }
# Whether the service $unit has ended, in whatever way.
ended() { case "$(systemctl is-active $unit)" in inactive | failed) ;; *) return 1 ;; esac }
'

@test "podman: --group-add keep-groups" {
	both --differs 'runc does not know the annotation of keep-groups' <<-CASE
		$begin
		setpriv --groups 0,4242,4243 podman run --rm --network none --group-add keep-groups busybox id -G
		setpriv --groups 0,4242,4243 podman run --rm --network none busybox id -G
		setpriv --groups 0,4242 podman run -d --name one --network none --group-add keep-groups busybox sleep 1000 >/dev/null; setpriv --groups 0,4242 podman exec one id -G; podman rm -f -t 0 one >/dev/null
	CASE
	mentions $'0 4242 4243\n0'
}

@test "podman: --cgroups=disabled" {
	both --differs 'runc cannot run a container without a cgroup' <<-CASE
		$begin
		code in_service podman run --rm --network none --cgroups disabled busybox cat /proc/self/cgroup
		podman run -d --name one --network none --cgroups disabled busybox sh -c 'trap "exit 4" TERM; while :; do sleep 0.2; done' | wc -l
		code podman exec one sh -c 'exit 9'; quiet podman stop one; podman inspect --format '{{.State.ExitCode}} {{.HostConfig.Cgroups}}' one; podman rm one >/dev/null
	CASE
	mentions 'status 0' 'status 9' '4 disabled'
}

@test "podman: --cgroups=split and no-conmon" {
	both <<-CASE
		$begin
		code in_service podman run --rm --network none --cgroups split --cgroupns host -m 64m --pids-limit 50 busybox sh -c 'cat /proc/self/cgroup; cd /sys/fs/cgroup\$(cut -d: -f3 /proc/self/cgroup); cat memory.max pids.max; exit 3' | ids
		in_service podman run --name one --network none --cgroups split busybox sleep 1000 & until_ok 60 podman exec one true; podman exec one cat /proc/self/cgroup; group_of one; podman stop -t 0 one >/dev/null; wait; podman rm one >/dev/null
		code podman run --rm --network none --cgroups no-conmon --cgroupns host -m 64m busybox sh -c 'cat /proc/self/cgroup; cat /sys/fs/cgroup\$(cut -d: -f3 /proc/self/cgroup)/memory.max' | ids
		podman run -d --name one --network none --cgroups no-conmon busybox sleep 1000 >/dev/null; group_of one; grep -c libpod /proc/\$(podman inspect --format '{{.State.ConmonPid}}' one)/cgroup; podman rm -f -t 0 one >/dev/null
	CASE
	mentions 'status 3' 67108864 50 case.service/libpod-payload-ID machine.slice/libpod-ID
}

@test "podman: --sdnotify=container, conmon, healthy, ignore" {
	both <<-CASE
		$begin
		cp "\$COMMANDS/notify" notify; chmod 755 notify
		start() { command systemd-run --quiet --unit \$1.service -p Type=notify -p NotifyAccess=all -p Delegate=yes podman run --rm --name \$1 --network none --sdnotify "\${@:2}"; unit=\$1.service; unit ActiveState StatusText; }
		code start one container -v \$PWD/notify:/notify busybox sh -c '/notify send "READY=1\\nSTATUS=container is ready"; sleep 1000'; [ "\$(systemctl show one -p MainPID --value)" = "\$(podman inspect --format '{{.State.ConmonPid}}' one)" ] && echo conmon is the main process
		podman exec one sh -c 'echo \${NOTIFY_SOCKET:-no socket in exec}'; podman stop -t 0 one >/dev/null; until_ok 20 ended && quiet systemctl reset-failed
		code start two conmon busybox sleep 1000; podman exec two sh -c 'echo \${NOTIFY_SOCKET:-no socket}'; podman stop -t 0 two >/dev/null; until_ok 20 ended
		code start three healthy --health-cmd 'test -e /tmp' --health-interval 1s busybox sleep 1000; podman inspect --format '{{.State.Health.Status}}' three; podman stop -t 0 three >/dev/null; until_ok 20 ended; systemctl reset-failed
	CASE
	mentions 'container is ready' 'ActiveState=active' 'conmon is the main process' 'no socket' healthy
}

@test "podman: --userns=auto, keep-id, nomap, uidmap" {
	both <<-CASE
		$begin
		grep -q ^containers: /etc/subuid || for f in /etc/subuid /etc/subgid; do echo containers:2147483647:2147483648 >>\$f; done
		see='exec 2>&1; tr -s " " </proc/self/uid_map; id; stat -c "%u:%g" / /proc/self /etc; touch /x && stat -c %u /x; cat /proc/self/setgroups; grep -E "^Cap(Eff|Bnd)" /proc/self/status'
		for u in auto auto:size=4096 auto:uidmapping=0:5000:10; do once --userns \$u busybox sh -c "\$see"; once --userns \$u -u 1 busybox id; done
		podman run -d --name one --userns auto --network none busybox sleep 1000 >/dev/null; podman run -d --name two --userns auto --network none busybox sleep 1000 >/dev/null
		[ "\$(podman exec one cat /proc/self/uid_map)" != "\$(podman exec two cat /proc/self/uid_map)" ] && echo maps differ; once --userns container:one busybox sh -c 'id -u'; podman exec -u 1 one id -u; podman rm -f -t 0 one two >/dev/null
		for u in keep-id nomap host private; do code once --userns \$u busybox id -u 2>&1 | sed -E 's/^time.*//'; done
		once --uidmap 0:100000:2000 --gidmap 0:100000:2000 -v \$PWD:/data:U busybox sh -c 'stat -c %u /data; tr -s " " </proc/self/uid_map'
	CASE
	mentions 'maps differ' ' 0 2147483647 ' ' 0 100000 2000'
}

@test "podman: a volume with idmap in a user namespace" {
	both --differs 'runc 1.1 has no id-mapped mounts, and ignores the option' <<-CASE
		$begin
		mkdir d; once --uidmap 0:100000:2000 --gidmap 0:100000:2000 -v \$PWD/d:/data:idmap busybox sh -c 'stat -c %u /data; touch /data/made && echo made'; stat -c %u d d/made
	CASE
	says $'0\nmade\n0\n0'
}

@test "podman: the host's /dev/null keeps its owner" {
	both --differs-from crun "crun gives the host's /dev/null, the container's standard input, to the container's user" <<-CASE
		$begin
		chown 0:0 /dev/null; once -u 5 busybox stat -c %u:%g /dev/null; stat -c %u:%g /dev/null; once --userns auto busybox sh -c 'stat -c %u:%g /dev/null; echo x >/dev/null && echo written'; stat -c %u:%g /dev/null; chown 0:0 /dev/null
	CASE
	says $'0:0\n0:0\n65534:65534\nwritten\n0:0'
}

# The mounts, namespaces and options that distrobox and toolbox give to podman, and what their entry points then do.
@test "podman: the options of distrobox and toolbox" {
	both <<-CASE
		$begin
		mkdir -p home; echo mine >home/file; mount --make-rshared /
		podman create --name box --hostname box --privileged --security-opt label=disable --security-opt apparmor=unconfined --pids-limit -1 --user root:root --ipc host --network host --pid host \
			--ulimit host --annotation run.oci.keep_original_groups=1 --mount type=devpts,destination=/dev/pts --volume /:/run/host/:rslave --volume /dev:/dev:rslave --volume /sys:/sys:rslave --volume /tmp:/tmp:rslave \
			--volume \$PWD/home:/home/user:rslave --volume /etc/hosts:/etc/hosts:ro --volume /run/systemd/journal:/run/systemd/journal:ro busybox sleep 1000 >/dev/null
		code podman start box >/dev/null; podman exec box sh -c 'hostname; cat /run/host/etc/hostname; cat /home/user/file; ls /run/host/usr/bin/podman; id -u; [ \$\$ -gt 100 ] && echo pids of the host; test -c /dev/null && echo x >/dev/null && grep -c " /dev/pts " /proc/mounts'
		mkdir late; mount -t tmpfs late late; echo of the host >late/file; podman exec box cat /run/host\$PWD/late/file; umount late; rmdir late
		podman exec box sh -c 'mkdir /mnt; mount --bind /run/host/etc /mnt && cat /mnt/hostname; umount /mnt; mkdir -p /run/x; mount -t tmpfs t /run/x && echo mounted; grep -E "^(CapEff|Seccomp:)" /proc/self/status; ulimit -n' ; ls home
		podman exec --user 1000:1000 --workdir /home/user --env A=b box sh -c 'id; pwd; echo \$A; cat file'; code podman exec box sh -c 'exit 9'
		podman stop -t 0 box >/dev/null; code podman start box >/dev/null; podman exec box cat /home/user/file; podman rm -f -t 0 box >/dev/null 2>&1
		podman create --name bar --hostname toolbox --privileged --cgroupns host --dns none --no-hosts --env TOOLBOX_PATH=/usr/bin/toolbox --ipc host --network host --pid host --security-opt label=disable --ulimit host --user root:root \
			--label com.github.containers.toolbox=true --mount type=devpts,destination=/dev/pts --volume /:/run/host:rslave --volume /dev:/dev:rslave --volume \$PWD/home:\$PWD/home:rslave --volume /run/systemd/journal:/run/systemd/journal busybox sh -c 'ln -s /run/host/etc/hostname /etc/of-host; mkdir -p /mnt; mount --rbind /run/host/usr /mnt; mount -o remount,bind,ro /mnt; echo started; exec sleep 1000' >/dev/null
		code podman start bar >/dev/null; until_ok 30 says_so started podman logs bar; podman exec bar sh -c "exec 2>&1; cat /etc/of-host; ls /mnt/bin/podman; touch /mnt/x; cat \$PWD/home/file; cut -d: -f3 /proc/self/cgroup" 2>&1 | ids; podman rm -f -t 0 bar >/dev/null 2>&1
	CASE
	mentions 'mine' /run/host/usr/bin/podman 'pids of the host' 'of the host' mounted 'status 9' 'Read-only file system'
}
