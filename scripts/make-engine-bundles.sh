#!/usr/bin/env bash
# Writes testdata/engines again: real engines start containers from a busybox image that the script makes, and the script
# keeps the config.json that each engine gave to its runtime, byte for byte.
#
#   make-engine-bundles.sh [OUTPUT]            default OUTPUT: testdata/engines of the tree
#   make-engine-bundles.sh --vm [OUTPUT]       some of the bundles, with the engines of Debian 13, in the machine of tests/vm
#
# Needs only root and Debian's packages. The engines run in a mount and a pid namespace of their own, and all their data,
# sockets and state are below /tmp/rung-engines. So nothing outlives this script, and the paths in the committed files are
# the same on every machine. Each engine runs a wrapper as its OCI runtime, which keeps the configuration and then executes
# runc. If runc cannot start the container (it may lack a capability here), the script says so and keeps the configuration:
# the engine wrote it before.
set -euo pipefail

# shellcheck source=scripts/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

work=/tmp/rung-engines
user=rung-engines
image=localhost/rung/busybox
absent=() # parent cgroups to remove at the end
# The prefixes of the names of bundles, the pattern of the bundles to make, and the file for the versions of the packages.
docker_name=docker podman_name=podman chosen=. versions=versions.txt
if [ -f /usr/local/lib/vm/agent ]; then # in the machine
	docker_name=docker26 podman_name=podman5 chosen='^(docker26-(default|limits|user|tty)|podman5-(default|limits|read-only|tty|rootless))$'
	versions="versions-13.txt"
fi

main() {
	local output
	output=$(readlink -m "${1:-$repo/testdata/engines}")
	[ "$(id -u)" = 0 ] || die 'needs root'
	[ ! -e $work ] || die "$work exists: another run, or prepared bundles: remove it first"
	[ "$chosen" != . ] || "$repo/scripts/install-deps.sh" engines
	mkdir -p "$output"
	trap clean EXIT
	useradd --uid "$plain_uid" --create-home --home-dir $work/home --shell /bin/bash $user
	mapfile -t absent < <(absent_cgroups)
	# The engines copy this limit into the configuration. It is small, so that every machine allows it.
	ulimit -n 1024
	unshare --mount --pid --fork --mount-proc --kill-child bash "$0" --inside "$output"
}

# Runs in the machine without AppArmor: the engines would write their profile into the configuration, and not every machine
# has it.
in_vm() { # [OUTPUT]
	local output
	output=$(readlink -m "${1:-$repo/testdata/engines}")
	mkdir -p "$output"
	"$repo/tests/vm/vm.sh" run --system 13 --image engines --memory 2048 --append apparmor=0 --timeout 1800 \
		--share "$repo" --share "$output:/output:rw" -- scripts/make-engine-bundles.sh /output
}

clean() {
	remove_cgroups "${absent[@]}"
	userdel $user 2>/dev/null || true
	rm -rf --one-file-system $work
}

# inside runs as pid 1 of the namespaces that main made.
inside() {
	output=$1
	mkdir -p $work/{bin,kept}
	chmod 1777 $work $work/kept
	"$repo/scripts/busybox-rootfs.sh" $work/busybox
	install -m 0755 "$repo/scripts/hello.sh" $work/busybox/hello
	tar -C $work/busybox -cf $work/busybox.tar .
	make_wrapper

	with_docker
	[ "$chosen" != . ] || with_containerd
	with_podman
	with_podman_rootless
	[ "$chosen" != . ] || with_umoci
	write_versions
}

make_wrapper() {
	cat >$work/bin/capture <<-'WRAPPER'
		#!/bin/bash
		args=("$@")
		for ((i = 0; i < $#; i++)); do
			case ${args[i]} in
			-b | --bundle) cp "${args[i + 1]}/config.json" /tmp/rung-engines/kept/config.json ;;
			esac
		done
		exec /usr/sbin/runc "$@"
	WRAPPER
	chmod 0755 $work/bin/capture
}

# keep NAME COMMAND...: runs an engine's command and stores its configuration as NAME. It skips a NAME that is not chosen.
keep() {
	local name=$1 status=0
	shift
	[[ $name =~ $chosen ]] || return 0
	rm -f $work/kept/config.json
	"$@" >$work/out 2>&1 </dev/null || status=$?
	[ -s $work/kept/config.json ] || {
		cat $work/out >&2
		die "$name: the engine made no configuration (status $status)"
	}
	install -D -m 0644 $work/kept/config.json "$output/$name/config.json"
	plain_command "$@" >"$output/$name/command"
	if [ $status = 0 ] && grep -q 'Hello from inside' $work/out; then
		echo "$name: kept, and runc ran it"
	else
		echo "$name: kept; runc did not run it here: $(tail -n 3 $work/out | tr '\n' ' ' | cut -c 1-200)"
	fi
}

# plain_command prints a command as a person would have typed it.
plain_command() {
	case $1 in
	script) echo "$3" ;;
	as_user) echo "$2" ;;
	*) echo "$*" ;;
	esac | sed 's/timeout 60 //'
}

# keep_tty is keep with a terminal as standard input and output.
keep_tty() {
	local name=$1
	shift
	keep "$name" script -qec "$*" /dev/null
}

wait_for() { # SOCKET PID LOG
	local tries
	for ((tries = 0; tries < 300; tries++)); do
		[ ! -S "$1" ] || return 0
		kill -0 "$2" 2>/dev/null || break
		sleep 0.1
	done
	tail -n 20 "$3" >&2
	die "no $1"
}

stop() {
	kill "$1" 2>/dev/null || true
	wait "$1" 2>/dev/null || true
}

with_docker() {
	local pid dir=$work/docker options=()
	mkdir -p $dir
	[ $docker_name != docker ] || options=(--oom-score-adjust=0) # newer versions lack the option and do not adjust the score
	echo '{}' >$dir/daemon.json
	dockerd --config-file $dir/daemon.json --data-root $dir/data --exec-root $dir/run --pidfile $dir/pid \
		--host unix://$dir/sock --iptables=false --ip6tables=false --ip-forward=false --ip-masq=false \
		--bridge=none --exec-opt native.cgroupdriver=cgroupfs --add-runtime capture=$work/bin/capture \
		--default-runtime capture "${options[@]}" >$dir/log 2>&1 </dev/null &
	pid=$!
	wait_for $dir/sock $pid $dir/log
	export DOCKER_HOST=unix://$dir/sock
	docker import --change 'CMD ["/hello"]' $work/busybox.tar $image >/dev/null
	docker save --output $work/image.tar $image

	local run=(timeout 60 docker run --rm --hostname web)
	keep "$docker_name-default" "${run[@]}" --network none $image
	keep "$docker_name-host-network" "${run[@]}" --network host $image
	keep "$docker_name-limits" "${run[@]}" --network host -m 64m --cpus 0.5 --cpuset-cpus 0 --pids-limit 50 $image
	keep "$docker_name-read-only" "${run[@]}" --network host --read-only --tmpfs /run $image
	keep "$docker_name-user" "${run[@]}" --network host --user 1000:1000 --group-add 100 --workdir /tmp --cap-drop ALL \
		--cap-add NET_BIND_SERVICE --security-opt no-new-privileges --ulimit nofile=256:512 --env GREETING=hello \
		$image
	keep "$docker_name-cgroupns" "${run[@]}" --network host --cgroupns private $image
	keep "$docker_name-privileged" "${run[@]}" --network host --privileged $image
	keep_tty "$docker_name-tty" "${run[@]}" -t --network host $image
	unset DOCKER_HOST
	stop $pid
}

with_containerd() {
	local pid dir=$work/containerd
	mkdir -p $dir
	cat >$dir/config.toml <<-TOML
		version = 2
		root = "$dir/root"
		state = "$dir/state"
		disabled_plugins = ["io.containerd.grpc.v1.cri"]
		[grpc]
		  address = "$dir/sock"
	TOML
	containerd --config $dir/config.toml >$dir/log 2>&1 </dev/null &
	pid=$!
	wait_for $dir/sock $pid $dir/log
	export CONTAINERD_ADDRESS=$dir/sock
	ctr images import $work/image.tar >/dev/null

	local run=(timeout 60 ctr run --rm --runc-binary "$work/bin/capture")
	local name=$image:latest
	keep ctr-default "${run[@]}" $name web
	keep ctr-limits "${run[@]}" --memory-limit 67108864 --cpus 0.5 $name web
	keep ctr-seccomp "${run[@]}" --seccomp --read-only --cwd /tmp --env GREETING=hello $name web
	keep_tty ctr-tty "${run[@]}" --tty $name web
	unset CONTAINERD_ADDRESS
	stop $pid
}

with_podman() {
	local dir=$work/podman ulimits=(--ulimit nofile=1024:1024 --ulimit nproc=4096:4096)
	local podman=(podman --root "$dir/root" --runroot "$dir/run" --tmpdir "$dir/tmp" --storage-driver overlay
		--cgroup-manager cgroupfs --events-backend none --runtime "$work/bin/capture")
	mkdir -p $dir
	"${podman[@]}" import --change CMD=/hello $work/busybox.tar $image >/dev/null 2>&1

	local run=(timeout 60 "${podman[@]}" run --rm --network none --hostname web)
	keep "$podman_name-default" "${run[@]}" $image
	keep "$podman_name-ulimits" "${run[@]}" "${ulimits[@]}" $image
	keep "$podman_name-limits" "${run[@]}" "${ulimits[@]}" -m 64m --cpus 0.5 --cpuset-cpus 0 --pids-limit 50 $image
	keep "$podman_name-read-only" "${run[@]}" "${ulimits[@]}" --read-only --user 1000:1000 $image
	keep "$podman_name-cgroupns" "${run[@]}" "${ulimits[@]}" --cgroupns private $image
	keep "$podman_name-userns" "${run[@]}" "${ulimits[@]}" --uidmap 0:100000:65536 --gidmap 0:100000:65536 $image
	keep_tty "$podman_name-tty" "${run[@]}" "${ulimits[@]}" -t $image
}

# as_user runs a shell command line as a plain user with subordinate ids and without a login session.
as_user() {
	setpriv --reuid $user --regid $user --init-groups \
		env -i PATH="$PATH" HOME=$work/rootless XDG_RUNTIME_DIR=$work/rootless/xdg bash -c "cd; $*"
}

with_podman_rootless() {
	local dir=$work/rootless limits='--ulimit nofile=1024:1024 --ulimit nproc=4096:4096'
	local engine="podman --root $dir/root --runroot $dir/run --tmpdir $dir/tmp --storage-driver overlay \
--cgroup-manager cgroupfs --events-backend none --runtime $work/bin/capture"
	install -d -o $user -g $user -m 0700 $dir $dir/xdg
	as_user "$engine import --change CMD=/hello $work/busybox.tar $image" >/dev/null 2>&1

	local start="timeout 60 $engine run --rm --network none --hostname web $limits"
	keep "$podman_name-rootless" as_user "$start $image"
	keep "$podman_name-rootless-keep-id" as_user "$start --userns keep-id $image"
	as_user "$engine system migrate" >/dev/null 2>&1 || true
}

with_umoci() {
	local dir=$work/umoci
	mkdir -p $dir/home
	chown $user: $dir/home
	make_oci_image $dir/oci:busybox $work/busybox
	umoci_keep umoci-busybox umoci unpack --image $dir/oci:busybox $dir/bundle

	cp -r $dir/oci $dir/home/oci
	chown -R $user: $dir/home
	umoci_keep umoci-rootless as_user "umoci unpack --rootless --image $dir/home/oci:busybox $dir/bundle"

	mmdebstrap --quiet --variant=extract --include=base-files,base-passwd,libc6,dash,coreutils \
		"$(. /etc/os-release && echo "$VERSION_CODENAME")" $dir/debian >$dir/log 2>&1 ||
		{ cat $dir/log >&2 && die 'mmdebstrap failed'; }
	rm -rf $dir/debian/dev/*
	make_oci_image $dir/oci:debian $dir/debian
	umoci config --image $dir/oci:debian --config.user 1000:1000 --config.workingdir /srv \
		--config.env LANG=C.UTF-8 --config.volume /var/cache/hello --config.label org.example.kind=test
	umoci_keep umoci-debian umoci unpack --image $dir/oci:debian $dir/bundle
}

make_oci_image() { # LAYOUT:TAG ROOTFS
	[ -d "${1%:*}" ] || umoci init --layout "${1%:*}"
	umoci new --image "$1"
	umoci insert --image "$1" "$2" /
	umoci config --image "$1" --config.entrypoint /hello \
		--config.env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
}

umoci_keep() { # NAME COMMAND...: the command unpacks to $work/umoci/bundle
	local name=$1 bundle=$work/umoci/bundle
	shift
	rm -rf $bundle
	install -d -o $user $work/umoci
	"$@" >$work/out 2>&1 || { cat $work/out >&2 && die "$name: umoci failed"; }
	install -D -m 0644 $bundle/config.json "$output/$name/config.json"
	plain_command "$@" >"$output/$name/command"
	echo "$name: kept"
}

write_versions() {
	dpkg-query -W -f '${Package} ${Version}\n' docker.io containerd podman umoci runc busybox-static libseccomp2 \
		>"$output/$versions"
}

case ${1:-} in
--inside) inside "$2" ;;
--vm) in_vm "${@:2}" ;;
*) main "$@" ;;
esac
