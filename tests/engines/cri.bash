# shellcheck shell=bash
# shellcheck disable=SC2016,SC2034,SC2094 # scripts for inner shells; page_file reads another file
# containerd with its CRI plugin, for the tests with crictl, critest and kubelet. Its default runtime is rung. With
# SYSTEMD_CGROUP=true it uses the systemd cgroup driver, has crun as a third handler, and its pods use the handler $RUNTIME.

start_engine() {
	mkdir -p /etc/containerd /etc/cni/net.d
	# The first part is for these tests: a pause image without a registry, and no OOM protection, which needs a right.
	cat - <(page_file /etc/containerd/config.toml) >/etc/containerd/config.toml <<-'TOML'
		[plugins."io.containerd.grpc.v1.cri"]
		  sandbox_image = "localhost/pause:latest"
		  restrict_oom_score_adj = true
		[plugins."io.containerd.grpc.v1.cri".containerd]
		  default_runtime_name = "rung"
		[plugins."io.containerd.grpc.v1.cri".cni]
		  bin_dir = "/usr/lib/cni"
	TOML
	sed -i -e '/^version/d' -e '1i version = 2' /etc/containerd/config.toml
	# Adds the setting that docs/engines.md names for this driver. The page has no options for runc.
	if [ "${SYSTEMD_CGROUP:-}" = true ]; then
		sed -i '/BinaryName/a SystemdCgroup = true' /etc/containerd/config.toml
		printf '[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]\nSystemdCgroup = true\n' >>/etc/containerd/config.toml
		third=$(sed -n '/containerd.runtimes.rung\]/,/SystemdCgroup/p' /etc/containerd/config.toml | sed 's/rung/crun/; s|/usr/local/bin|/usr/bin|')
		echo "$third" >>/etc/containerd/config.toml
	fi
	cat >/etc/cni/net.d/10-pods.conflist <<-'JSON'
		{"cniVersion": "0.4.0", "name": "pods", "plugins": [
		{"type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": true,
		"ipam": {"type": "host-local", "ranges": [[{"subnet": "10.22.0.0/16"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
		{"type": "portmap", "capabilities": {"portMappings": true}}]}
	JSON
	printf 'runtime-endpoint: unix:///run/containerd/containerd.sock\nimage-endpoint: unix:///run/containerd/containerd.sock\ntimeout: 30\n' >/etc/crictl.yaml
	setsid containerd >>/run/containerd.log 2>&1 </dev/null &
	echo $! >/run/containerd.pid
	until_socket /run/containerd/containerd.sock /run/containerd.log
	ctr -n k8s.io images import "$SHARED/busybox.image" >/dev/null
	ctr -n k8s.io images import "$SHARED/pause.image" >/dev/null
	crictl() { "$SOURCE/build/tools/crictl" "$@"; }
	until_ok 30 crictl info
	# The first pod makes the bridge and its rules, which stay. So it runs before the snapshot.
	parent=${SYSTEMD_CGROUP:+'"cgroup_parent": "kubepods.slice"'} # systemd's driver has no default
	printf '{"metadata": {"name": "warm", "namespace": "default", "uid": "warm"}, "port_mappings": [{"container_port": 80, "host_port": 8082}], "linux": {%s}}' "$parent" >/run/warm.json
	pod=$(crictl runp --runtime rung /run/warm.json) && crictl rmp -f "$pod"
}

stop_engine() {
	kill "$(cat /run/containerd.pid)"
	until_ok 20 test ! -d "/proc/$(cat /run/containerd.pid)"
}

engine_state() {
	"$SOURCE/build/tools/crictl" pods -q | sed 's/^/pod /'
	"$SOURCE/build/tools/crictl" ps -aq | sed 's/^/container /'
	ctr -n k8s.io tasks ls -q | sed 's/^/task /'
	ls /run/containerd/runc/k8s.io 2>/dev/null
}

clean_engine() {
	"$SOURCE/build/tools/crictl" rmp -fa
}

# Each case begins with this text. It has the functions pod [SETTINGS] and container POD NAME SCRIPT [SETTINGS], with settings
# in JSON.
begin='
crictl() { "$SOURCE/build/tools/crictl" "$@"; }
pod() {
	local uid=pod-$RANDOM
	jq -n "{metadata: {name: \"$uid\", namespace: \"default\", uid: \"$uid\"}, log_directory: \"$PWD/logs\", linux: {}} * ${1:-{\}}" >$uid.json
	ln -sf $uid.json pod.json; mkdir -p logs
	crictl runp --runtime ${RUNTIME:-rung} $uid.json 2>/dev/null
}
container() {
	jq -n --arg s "$3" "{metadata: {name: \"$2\"}, image: {image: \"localhost/busybox:latest\"}, command: [\"sh\", \"-c\", \$s], log_path: \"$2.log\", linux: {}} * ${4:-{\}}" >$2.json
	crictl create $1 $2.json pod.json
}
state() { crictl inspect $1 | jq -r .status.state; }
'
