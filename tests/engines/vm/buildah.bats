#!/usr/bin/env bats
# bats file_tags=user
# shellcheck disable=SC2016,SC2094,SC2154 # scripts for inner shells; page_file reads another file; begin is of units.bash
# Buildah as root and as a plain user, with the runtime of containers.conf.

load helpers
load units

# Buildah's default for a user is no runtime (isolation chroot, or rootless in a namespace of its own): `oci` asks for one.
begin+='
export BUILDAH_ISOLATION=oci
[ $EUID = 0 ] || BUILDAH_ISOLATION=rootless
buildah() { command buildah "$@" 2> >(grep -vE "^time=|^Writing|^Getting|^Copying|^STEP" >&2); }
'

@test "buildah: build" {
	both <<-CASE
		$begin
		mkdir context; echo copied >context/file
		printf '%s\\n' 'FROM localhost/busybox' 'ENV WHO=builder' 'RUN echo "made by \$WHO" >/made && id -u >>/made && pwd >>/made' 'COPY file /file' 'WORKDIR /srv' \
			'RUN pwd >>/made; hostname >/dev/null; grep -E "^(CapEff|Seccomp:)" /proc/self/status >>/made; cut -d: -f1,2 /proc/self/cgroup >>/made' 'RUN --mount=type=tmpfs,target=/t touch /t/x && grep -c " /t tmpfs" /proc/mounts >>/made' \
			'RUN --mount=type=cache,target=/c echo x >/c/x' 'RUN --network=none ip -o link | wc -l >>/made' 'USER 1000' 'RUN id >/tmp/who' >context/Containerfile
		buildah build -q -t built context >/dev/null; c=\$(buildah from built); buildah run \$c cat /made /file /tmp/who; buildah rm \$c >/dev/null
		printf 'FROM localhost/busybox\\nRUN exit 7\\n' >context/Containerfile; code buildah build context 2>&1 | grep -oE 'exit status 7|status .*' | sort -u
		printf 'FROM localhost/busybox\\nRUN ["no-such"]\\n' >context/Containerfile; code buildah build context 2>&1 | grep -oE '^status .*' | sort -u
		code buildah build --memory 64m --cpu-quota 50000 -q - >/dev/null <<<'FROM localhost/busybox'; buildah rmi built >/dev/null; buildah rmi --prune >/dev/null
	CASE
	mentions 'made by builder' copied 'uid=1000(user)' 'exit status 7'
}

@test "buildah: run" {
	both --differs "runc masks files with the container's /dev/null, rung and crun with the host's" <<-CASE
		$begin
		c=\$(buildah from localhost/busybox); r="buildah run"
		code \$r \$c sh -c 'echo out; exit 3' 2>/dev/null; code \$r \$c no-such 2>&1 | grep -oE 'status .*'
		\$r --user 1000:100 --workingdir /tmp --env A=1 \$c sh -c 'id; pwd; echo \$A'
		mkdir d; echo host >d/f; chmod 755 . d; \$r -v \$PWD/d:/data:ro \$c sh -c 'exec 2>&1; cat /data/f; touch /data/x' 2>&1 | grep -v 'exit status'
		\$r --cap-drop all \$c grep CapEff /proc/self/status; \$r --cap-add CAP_NET_ADMIN \$c grep CapEff /proc/self/status
		\$r --network none \$c sh -c 'ip -o link | wc -l'; \$r --hostname web \$c hostname; echo piped | \$r \$c cat; code tty \$r -t \$c sh -c "'test -t 0 && echo terminal; sleep 1'" | grep -E 'terminal|status'
		\$r --mount type=tmpfs,dst=/t \$c grep -c ' /t tmpfs' /proc/mounts; \$r \$c sh -c 'tr -s " " </proc/self/uid_map; cut -d" " -f2,3 /proc/mounts | sort'; buildah rm \$c >/dev/null
	CASE
	mentions 'status 3' 'uid=1000(user)' host piped terminal
}
