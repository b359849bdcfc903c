# shellcheck shell=bash
# shellcheck disable=SC2016,SC2034 # scripts for inner shells; read by the tests
# containerd for the tests with ctr: io.containerd.runc.v2 with the runtime as its binary.

start_engine() {
	mkdir -p /etc/containerd
	printf 'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n' >/etc/containerd/config.toml
	setsid containerd >>/run/containerd.log 2>&1 </dev/null &
	echo $! >/run/containerd.pid
	until_socket /run/containerd/containerd.sock /run/containerd.log
	ctr images import "$SHARED/busybox.image" >/dev/null
	ctr run --rm --runc-binary "$(command -v "${RUNTIME:-rung}")" localhost/busybox:latest warm true
}

stop_engine() {
	kill "$(cat /run/containerd.pid)"
	until_ok 20 test ! -d "/proc/$(cat /run/containerd.pid)"
}

engine_state() {
	ctr containers ls -q | sed 's/^/container /'
	ctr tasks ls -q | sed 's/^/task /'
	ctr snapshots ls | awk 'NR > 1 { print "snapshot", $1 }' | sort
	ls /run/containerd/runc/default 2>/dev/null
}

clean_engine() {
	ctr tasks ls -q | xargs -r -n 1 ctr tasks rm -f
	ctr containers ls -q | xargs -r ctr containers rm
}

# Each case begins with this text. In a world the runtime of either is at the path of rung.
begin='
binary=$(command -v ${RUNTIME:-rung})
image=localhost/busybox:latest
start() { ctr run -d --runc-binary $binary "${@:2}" $image $1 sh -c "trap \"exit 4\" TERM; while :; do sleep 0.1; done"; }
once() { ctr run --rm --runc-binary $binary "$@"; }
state() { ctr tasks ls | awk -v id=$1 "\$1 == id { print \$3 }"; }
remove() { ctr tasks rm -f $1 >/dev/null 2>&1; ctr containers rm $1; }
'
