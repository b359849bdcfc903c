#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2154 # scripts for inner shells; begin is of cri.bash
# A kubelet without a cluster, on containerd's CRI plugin. It runs the pods that it finds as files. They have no RuntimeClass, so
# containerd's default runtime is rung here.

load helpers
load cri

setup_file() {
	"$RUNG_SOURCE/scripts/engine-tools.sh" crictl kubelet
	start_worlds
}

# Each case begins with this text, too. The kernel's settings that kubelet would change are the machine's, so kubelet sees files
# that have its values. A pod's directory of logs is /var/log/pods, whatever the settings.
node='
iptables-save >rules; mkdir pods kubelet logs tunables; mkdir -p /var/log/pods; mount --bind "$PWD/logs" /var/log/pods
tunable() { echo $2 >tunables/${1##*/}; mount --bind tunables/${1##*/} /proc/sys/$1; }
tunable vm/overcommit_memory 1; tunable kernel/panic 10; tunable kernel/panic_on_oops 1
cat >kubelet.yaml <<YAML
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
staticPodPath: $PWD/pods
fileCheckFrequency: 1s
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
cgroupDriver: cgroupfs
failSwapOn: false
failCgroupV1: false
oomScoreAdj: 0
makeIPTablesUtilChains: false
localStorageCapacityIsolation: false
volumePluginDir: $PWD/plugins
podLogsDir: /var/log/pods
resolvConf: ""
address: 127.0.0.1
authentication: {anonymous: {enabled: true}, webhook: {enabled: false}}
authorization: {mode: AlwaysAllow}
YAML
start_kubelet() {
	setsid "$SOURCE/build/tools/kubelet" --config kubelet.yaml --root-dir "$PWD/kubelet" --cert-dir "$PWD/kubelet/pki" --hostname-override node >>kubelet.log 2>&1 </dev/null &
	kubelet=$!
}
stop_kubelet() { kill $kubelet; wait $kubelet; } 2>/dev/null
leave_node() {
	stop_kubelet; crictl rmp -fa >/dev/null 2>&1; iptables-restore <rules
	grep -o "$PWD/kubelet[^ ]*" /proc/self/mountinfo | sort -r | xargs -r umount; umount /var/log/pods /proc/sys/vm/overcommit_memory /proc/sys/kernel/panic /proc/sys/kernel/panic_on_oops
	find /sys/fs/cgroup -depth -path "*/kubepods*" -type d -exec rmdir {} + 2>/dev/null
}
trap leave_node EXIT
id_of() { crictl ps -q --name "^$1\$"; }
inside() { local name=$1; shift; crictl exec -s $(id_of $name) "$@" 2>/dev/null; }
attempt() { crictl ps -o json --name "^$1\$" | jq -r ".containers[].metadata.attempt"; }
runs() { [ -n "$(id_of $1)" ]; }
gone() { [ -z "$(crictl ps -q)" ]; }
'
# The pod of both tests: an init container, a sidecar, and a container with probes, hooks and limits.
pod='
cat >pods/shop.json <<JSON
{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "shop"}, "spec": {
 "terminationGracePeriodSeconds": 5, "volumes": [{"name": "data", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}}],
 "initContainers": [
  {"name": "init", "image": "localhost/busybox:latest", "imagePullPolicy": "Never", "volumeMounts": [{"name": "data", "mountPath": "/data"}],
   "command": ["sh", "-c", "echo from init >/data/config"]},
  {"name": "side", "image": "localhost/busybox:latest", "imagePullPolicy": "Never", "volumeMounts": [{"name": "data", "mountPath": "/data"}],
   "restartPolicy": "Always", "startupProbe": {"exec": {"command": ["test", "-e", "/data/side"]}, "periodSeconds": 1},
   "command": ["sh", "-c", "sleep 1; touch /data/side; while :; do sleep 0.2; done"]}],
 "containers": [
  {"name": "main", "image": "localhost/busybox:latest", "imagePullPolicy": "Never", "volumeMounts": [{"name": "data", "mountPath": "/data"}],
   "resources": {"limits": {"memory": "MEMORY", "cpu": "500m"}, "requests": {"memory": "16Mi", "cpu": "100m"}},
   "securityContext": {"runAsUser": 1000, "readOnlyRootFilesystem": true, "allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
   "lifecycle": {"postStart": {"exec": {"command": ["sh", "-c", "echo post start >>/data/log"]}}, "preStop": {"exec": {"command": ["sh", "-c", "echo pre stop >>/data/log"]}}},
   "livenessProbe": {"exec": {"command": ["test", "!", "-e", "/data/ill"]}, "periodSeconds": 1, "failureThreshold": 1},
   "command": ["sh", "-c", "rm -f /data/ill; cat /data/config; test -e /data/side && echo after the sidecar; trap \"exit 0\" TERM; while :; do sleep 0.2; done"]}]}}
JSON
'

@test "kubelet: a pod of a file: init, sidecar, hooks, probes, limits, and its end" {
	both <<-CASE
		$begin $node
		start_kubelet; ${pod//MEMORY/64Mi}
		until_ok 60 runs main || tail -n 20 kubelet.log; until_ok 20 says_so sidecar crictl logs \$(id_of main); crictl logs \$(id_of main)
		crictl pods -o json | jq -r '.items[] | .metadata.name, .state, .runtimeHandler'; attempt main
		inside main sh -c 'id -u; grep -E "^(CapEff|NoNewPrivs|Seccomp):" /proc/self/status; touch /x 2>&1; df -k /data | tail -n 1 | tr -s " " | cut -d" " -f2; cat /data/log'
		group=\$(grep -m 1 kubepods /proc/\$(crictl inspect \$(id_of main) | jq .info.pid)/cgroup | cut -d: -f3 | cut -d/ -f-3 | sed 's/pod.*/pod/'); echo \$group
		crictl inspect \$(id_of main) | jq '.status.resources.linux | .memoryLimitInBytes, .cpuQuota, .cpuShares'
		inside main touch /data/ill; again() { [ "\$(attempt main)" = 1 ]; }; until_ok 40 again && echo the liveness probe restarted main; inside main cat /data/log; attempt side
		kill -KILL \$(crictl inspect \$(id_of side) | jq .info.pid); again() { [ "\$(attempt side)" = 1 ]; }; until_ok 40 again && echo the sidecar is restarted; attempt main
		rm pods/shop.json; until_ok 60 gone && echo the pod has ended; crictl ps -ao json | jq -r '.containers[].state' | sort -u; no_states() { [ -z "\$(ls /run/containerd/runc/k8s.io)" ]; }; until_ok 60 no_states && echo no state is left
	CASE
	mentions $'from init\nafter the sidecar' SANDBOX_READY $'NoNewPrivs:\t1' 67108864 'liveness probe restarted' 'sidecar is restarted' 'pod has ended' 'no state is left'
}

@test "kubelet: it is started again, containerd too, the pod lives on; a changed file replaces it" {
	both <<-CASE
		$begin $node
		start_kubelet; ${pod//MEMORY/64Mi}
		until_ok 60 runs main || tail -n 20 kubelet.log; pid=\$(crictl inspect \$(id_of main) | jq .info.pid)
		stop_kubelet; inside main touch /data/ill; start_kubelet; again() { [ "\$(attempt main)" = 1 ]; }; until_ok 60 again && echo it probes again
		pid=\$(crictl inspect \$(id_of main) | jq .info.pid); stop_kubelet; kill \$(cat /run/containerd.pid); until_ok 20 test ! -d /proc/\$(cat /run/containerd.pid)
		setsid containerd >>/run/containerd.log 2>&1 </dev/null & echo \$! >/run/containerd.pid; until_ok 30 crictl info; start_kubelet; sleep 5; [ "\$(crictl inspect \$(id_of main) | jq .info.pid)" = \$pid ] && echo the same process
		${pod//MEMORY/32Mi}
		limit() { crictl inspect \$(id_of main) | jq .status.resources.linux.memoryLimitInBytes; }; until_ok 60 says_so 33554432 limit && limit; until_ok 20 says_so sidecar crictl logs \$(id_of main); crictl logs \$(id_of main); attempt main
		rm pods/shop.json; until_ok 60 gone && echo the pod has ended
	CASE
	mentions 'probes again' 'the same process' 33554432 'pod has ended'
}
