#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2094 # scripts for inner shells; page_file reads another file
# Buildah: builds, and runs in working containers. umoci: a bundle made and run by hand.

load helpers

start_engine() {
	mkdir -p /etc/containers/containers.conf.d
	page_file /etc/containers/containers.conf >/etc/containers/containers.conf
	# Settings for this machine, not for rung: it may not allow to raise limits.
	printf '[engine]\ncgroup_manager = "cgroupfs"\n[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]\n' \
		>/etc/containers/containers.conf.d/tests.conf
	buildah pull -q "docker-archive:$SHARED/busybox.image" >/dev/null
	c=$(buildah from busybox)
	buildah run --runtime rung "$c" true # makes the network's firewall rules before the snapshot: they stay
	buildah rm "$c" >/dev/null
}

stop_engine() {
	buildah rm -a >/dev/null
}

engine_state() {
	buildah containers --noheading --format 'container {{.ContainerName}}'
	buildah images --noheading --format 'image {{.Name}}'
}

clean_engine() {
	buildah rm -a
}

# bats test_tags=smoke
@test "buildah: build" {
	both <<-'CASE'
		mkdir context; echo copied >context/file
		cat >context/Containerfile <<-'END'
			FROM localhost/busybox
			ENV WHO=builder
			RUN echo "made by $WHO" >/made && id -u >>/made && pwd >>/made
			COPY file /file
			WORKDIR /srv
			RUN pwd >>/made; hostname >/dev/null; grep -E "^(CapEff|Seccomp:)" /proc/self/status >>/made
			USER 1000
			RUN id >/tmp/who
		END
		buildah build --runtime rung -q -t built context >/dev/null 2>&1
		c=$(buildah from built); buildah run --runtime rung $c cat /made /file /tmp/who; buildah rm $c >/dev/null
		printf 'FROM localhost/busybox\nRUN exit 7\n' >context/Containerfile
		code buildah build --runtime rung context 2>&1 | grep -oE 'exit status 7|status .*' | sort -u
		printf 'FROM localhost/busybox\nRUN ["no-such"]\n' >context/Containerfile
		code buildah build --runtime rung context 2>&1 | grep -oE 'executable file not found in .PATH|^status .*' | sort -u
		buildah rmi built >/dev/null; buildah rmi --prune >/dev/null
	CASE
	mentions 'made by builder' copied 'uid=1000(user)' 'exit status 7' 'executable file not found in $PATH'
}

@test "buildah: run" {
	both <<-'CASE'
		c=$(buildah from busybox); r="buildah run --runtime rung"
		code $r $c sh -c 'echo out; exit 3' 2>/dev/null; code $r $c no-such 2>&1 | grep -oE 'status .*|executable file not found in .PATH'
		$r --user 1000:100 --workingdir /tmp --env A=1 $c sh -c 'id; pwd; echo $A' 2>/dev/null
		mkdir d; echo host >d/f; $r -v $PWD/d:/data:ro $c sh -c 'exec 2>&1; cat /data/f; touch /data/x' 2>&1 | grep -v 'exit status'
		$r --cap-drop all $c grep CapEff /proc/self/status; $r --cap-add CAP_NET_ADMIN $c grep CapEff /proc/self/status
		$r --network none $c sh -c 'ip -o link | wc -l'; $r --hostname web $c hostname
		echo piped | $r $c cat; code tty $r -t $c sh -c "'test -t 0 && echo terminal'"
		$r --mount type=tmpfs,dst=/t $c grep -c ' /t tmpfs' /proc/mounts
		buildah rm $c >/dev/null
	CASE
	mentions 'status 3' 'uid=1000(user)' host piped terminal
}

@test "buildah: the runtime that containers.conf names is the one that runs" {
	both <<-'CASE'
		mv /usr/local/bin/rung /usr/local/bin/real
		printf '#!/bin/sh\necho called >>/run/called\nexec /usr/local/bin/real "$@"\n' >/usr/local/bin/rung; chmod 0755 /usr/local/bin/rung
		c=$(buildah from busybox); buildah run $c echo hello; sort -u /run/called; rm -f /run/called
		buildah run --runtime /usr/local/bin/rung $c echo again; sort -u /run/called; rm -f /run/called; buildah rm $c >/dev/null
		mv /usr/local/bin/real /usr/local/bin/rung
	CASE
	says $'hello\ncalled\nagain\ncalled'
}

# bats test_tags=smoke
@test "umoci: a bundle, unpacked and run by hand" {
	both <<-'CASE'
		cp -r "$SHARED/layout" .; umoci unpack --image layout:busybox bundle >/dev/null 2>&1
		printf 'echo made >/file; hostname; id\nexit 3\n' >input
		code script -qec 'rung run --bundle bundle by-hand' /dev/null <input | grep -E '^(umoci|uid=|status)'
		umoci repack --image layout:again bundle >/dev/null 2>&1; umoci unpack --image layout:again other >/dev/null 2>&1; cat other/rootfs/file
	CASE
	mentions 'uid=0(root)' 'status 3' made
}
