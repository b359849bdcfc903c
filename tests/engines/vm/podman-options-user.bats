#!/usr/bin/env bats
# bats file_tags=user-only
# shellcheck disable=SC2016,SC2094,SC2154 # scripts for inner shells; page_file reads another file; begin is of units.bash
# Podman's options that go to the runtime in a way of their own, as a plain user: groups, cgroup modes, readiness, user namespaces,
# networks by pasta, and what distrobox and toolbox do.

load helpers
load units

begin+='
once() { podman run --rm --network none "$@"; }
# Runs a command in a service that has its cgroup for itself, as --cgroups=split needs.
in_service() { systemd-run --user --quiet --pipe --wait --collect --unit case.service -p Delegate=yes "$@"; }
ids() { sed -E "s/[0-9a-f]{64}/ID/g; s/run-[a-z0-9]+/run-N/"; }
# Whether the service $unit has ended, in whatever way.
ended() { case "$(systemctl is-active $unit)" in inactive | failed) ;; *) return 1 ;; esac }
'

@test "podman, user: --group-add keep-groups" {
	both --differs 'runc does not know the annotation of keep-groups' <<-CASE
		$begin
		id -G; once -v /srv/shared:/shared busybox cat /shared/file 2>&1; once --group-add keep-groups -v /srv/shared:/shared busybox sh -c 'exec 2>&1; id -G; cat /shared/file' 2>&1
		podman run -d --name one --network none --group-add keep-groups -v /srv/shared:/shared busybox sleep 1000 >/dev/null; podman exec one cat /shared/file 2>&1; podman rm -f -t 0 one >/dev/null
		once --userns keep-id --group-add keep-groups -v /srv/shared:/shared busybox cat /shared/file 2>&1
	CASE
	mentions 'of the group' denied
}

@test "podman, user: --cgroups=disabled" {
	both --differs 'runc cannot run a container without a cgroup' <<-CASE
		$begin
		code in_service podman run --rm --network none --cgroups disabled busybox cat /proc/self/cgroup
		podman run -d --name one --network none --cgroups disabled busybox sh -c 'trap "exit 4" TERM; while :; do sleep 0.2; done' | wc -l
		code podman exec one sh -c 'exit 9'; quiet podman stop one; podman inspect --format '{{.State.ExitCode}} {{.HostConfig.Cgroups}}' one; podman rm one >/dev/null
	CASE
	mentions 'status 0' 'status 9' '4 disabled'
}

@test "podman, user: --cgroups=split and no-conmon" {
	both <<-CASE
		$begin
		code in_service podman run --rm --network none --cgroups split --cgroupns host -m 64m --pids-limit 50 busybox sh -c 'cat /proc/self/cgroup; cd /sys/fs/cgroup\$(cut -d: -f3 /proc/self/cgroup); cat memory.max pids.max; exit 3' | ids
		in_service podman run --name one --network none --cgroups split busybox sleep 1000 & until_ok 60 podman exec one true; podman exec one cat /proc/self/cgroup; group_of one; podman stop -t 0 one >/dev/null; wait; podman rm one >/dev/null
		code podman run --rm --network none --cgroups no-conmon --cgroupns host -m 64m busybox sh -c 'cat /proc/self/cgroup; cat /sys/fs/cgroup\$(cut -d: -f3 /proc/self/cgroup)/memory.max' | ids
	CASE
	mentions 'status 3' 67108864 50 case.service/libpod-payload-ID libpod-ID.scope
}

@test "podman, user: --sdnotify=container" {
	both <<-CASE
		$begin
		cp "\$COMMANDS/notify" notify; chmod 755 notify
		systemd-run --user --quiet --unit one.service -p Type=notify -p NotifyAccess=all -p Delegate=yes podman run --rm --name one --network none --sdnotify container -v \$PWD/notify:/notify busybox sh -c '/notify send "READY=1\\nSTATUS=container is ready"; sleep 1000'
		unit=one.service; unit ActiveState StatusText; podman exec one sh -c 'echo \${NOTIFY_SOCKET:-no socket in exec}'; podman stop -t 0 one >/dev/null; until_ok 20 ended; systemctl reset-failed
	CASE
	mentions 'container is ready' ActiveState=active
}

@test "podman, user: --userns=auto, keep-id, nomap" {
	both <<-CASE
		$begin
		see='exec 2>&1; tr -s " " </proc/self/uid_map; id; stat -c "%u:%g" / /proc/self /dev/null; touch /x && stat -c %u /x; grep -E "^Cap(Eff|Bnd)" /proc/self/status'
		for u in auto auto:size=4096 keep-id keep-id:uid=200,gid=210 nomap host; do once --userns \$u busybox sh -c "\$see" 2>&1; code once --userns \$u -u 0 busybox id; done
		podman run -d --name one --userns auto --network none busybox sleep 1000 >/dev/null; once --userns container:one busybox id -u; podman exec -u 1 one id -u; podman rm -f -t 0 one >/dev/null
		mkdir d; once --userns keep-id -v \$PWD/d:/d busybox sh -c 'touch /d/made; stat -c %U:%u /d/made'; stat -c %u d/made; once --userns nomap -v \$PWD/d:/d busybox sh -c 'exec 2>&1; stat -c %u /d/made; touch /d/other' 2>&1
	CASE
	mentions 'uid=1000(' 'uid=200' ' 0 1 '
}

@test "podman, user: networks: pasta, a published port, a bridge" {
	both <<-CASE
		$begin
		podman run --rm --network pasta busybox sh -c 'ip -o link | wc -l; ip -o link show lo | grep -c LOOPBACK,UP'
		podman run -d --name one -p 127.0.0.1:8084:80 busybox nc -ll -p 80 -e echo served >/dev/null; until_ok 60 says_so served timeout 5 busybox nc 127.0.0.1 8084; podman rm -f -t 0 one >/dev/null
		podman network create --subnet 10.98.0.0/24 net >/dev/null; podman run -d --name web --network net busybox nc -ll -p 80 -e echo by name >/dev/null; podman run --rm --network net busybox sh -c 'timeout 20 nc web 80 </dev/null; ip -4 -o addr show eth0 | cut -d" " -f 7'
		podman rm -f -t 0 web >/dev/null; podman network rm net
	CASE
	mentions '10.98.0.'
}

# The mounts, namespaces and options that distrobox and toolbox give to podman, and what their entry points then do.
@test "podman, user: the options of distrobox and toolbox" {
	both <<-CASE
		$begin
		mkdir -p home; echo mine >home/file
		podman create --name box --hostname box --privileged --security-opt label=disable --security-opt apparmor=unconfined --pids-limit -1 --user root:root --ipc host --network host --pid host --userns keep-id \
			--ulimit host --annotation run.oci.keep_original_groups=1 --mount type=devpts,destination=/dev/pts --volume /:/run/host/:rslave --volume /dev:/dev:rslave --volume /sys:/sys:rslave --volume /tmp:/tmp:rslave \
			--volume \$PWD/home:/home/user:rslave --volume \$XDG_RUNTIME_DIR:\$XDG_RUNTIME_DIR:rslave --volume /etc/hosts:/etc/hosts:ro busybox sh -c 'mkdir -p /mnt/x; mount --rbind /run/host/usr /mnt/x && echo bound; exec sleep 1000' >/dev/null
		code podman start box >/dev/null; until_ok 30 says_so bound podman logs box; podman exec box sh -c 'hostname; cat /run/host/etc/hostname; cat /home/user/file; ls /run/host/usr/bin/podman /mnt/x/bin/podman; id -u; [ \$\$ -gt 100 ] && echo pids of the host; echo x >/dev/null && grep -c " /dev/pts " /proc/mounts; grep -E "^(CapEff|Seccomp:)" /proc/self/status; ulimit -n'
		podman exec --user \$(id -u):\$(id -g) --workdir /home/user --env A=b --env XDG_RUNTIME_DIR=\$XDG_RUNTIME_DIR box sh -c 'id -u; pwd; echo \$A; cat file; touch made; test -S \$XDG_RUNTIME_DIR/bus && echo a bus'; stat -c %u home/made; code podman exec box sh -c 'exit 9'
		podman stop -t 0 box >/dev/null; code podman start box >/dev/null; podman exec box cat /home/user/file; podman rm -f -t 0 box >/dev/null 2>&1
		podman create --name bar --hostname toolbox --privileged --cgroupns host --dns none --no-hosts --env TOOLBOX_PATH=/usr/bin/toolbox --ipc host --network host --pid host --security-opt label=disable --ulimit host --userns keep-id --user root:root \
			--mount type=devpts,destination=/dev/pts --volume /:/run/host:rslave --volume /dev:/dev:rslave --volume \$PWD/home:\$PWD/home:rslave --volume \$XDG_RUNTIME_DIR:\$XDG_RUNTIME_DIR busybox sh -c 'ln -s /run/host/etc/hostname /etc/of-host; echo started; exec sleep 1000' >/dev/null
		code podman start bar >/dev/null; until_ok 30 says_so started podman logs bar; podman exec bar sh -c "exec 2>&1; cat /etc/of-host; ls /run/host/usr/bin/podman; cat \$PWD/home/file; cut -d: -f3 /proc/self/cgroup" 2>&1 | ids; podman rm -f -t 0 bar >/dev/null 2>&1
	CASE
	mentions mine /mnt/x/bin/podman /run/host/usr/bin/podman 'pids of the host' 'a bus' 'status 9'
}
