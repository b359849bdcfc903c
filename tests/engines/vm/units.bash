# shellcheck shell=bash
# shellcheck disable=SC2016,SC2034,SC2094 # scripts for inner shells; page_file reads another file
# Podman and Buildah as root and as a user, for tests in which the runtime is the one of containers.conf: a unit has no other.

[ $EUID = 0 ] || export USER_MANAGER=--user

start_engine() {
	local conf=/etc/containers
	[ $EUID = 0 ] || conf=~/.config/containers
	mkdir -p $conf
	page_file /etc/containers/containers.conf >$conf/containers.conf
	sed -i "s|/usr/local/bin/rung|$BINARY|" $conf/containers.conf
	# The machine starts without generators; this one makes the units.
	[ $EUID != 0 ] || rm -f /etc/systemd/system-generators/podman-system-generator
	# The units of a user wait 90 s for a network, which this machine does not have.
	[ $EUID = 0 ] || command systemctl --user mask podman-user-wait-network-online.service
	podman import --change CMD=sh "$SHARED/busybox.tar" localhost/busybox
	podman run --rm --network none busybox true
	# The first pod makes a network, an image of its own and /run/netns, which stay.
	printf 'apiVersion: v1\nkind: Pod\nmetadata: {name: warm}\nspec: {containers: [{name: one, image: localhost/busybox, command: [sleep, "1000"]}]}\n' >/tmp/warm.yaml
	podman kube play /tmp/warm.yaml && podman kube down --force /tmp/warm.yaml
}

stop_engine() {
	podman rm -af -t 0
}

engine_state() {
	podman ps --all --format 'container {{.Names}}'
	podman pod ls --format 'pod {{.Name}}'
	podman volume ls --format 'volume {{.Name}}'
	podman network ls --format 'network {{.Name}}'
	podman secret ls --format 'secret {{.Name}}'
	buildah containers --noheading --format 'container of Buildah {{.ContainerName}}'
	buildah images --noheading --format 'image {{.Name}}' | sort
}

clean_engine() {
	podman pod rm -af -t 0
	podman rm -af -t 0
	podman volume prune -f
	podman network ls -q | grep -vxE 'podman|podman-default-kube-network' | xargs -r podman network rm -f
	buildah rm -a
}

# Each case begins with this text. `quadlet NAME...` puts files of docs/engines.md where Quadlet looks for them, `unit PROPERTY...`
# prints properties of the service $unit.
begin='
use_runtime
manager=(systemctl); units=/etc/containers/systemd
[ $EUID = 0 ] || { manager=(systemctl --user); units=~/.config/containers/systemd; }
systemctl() { command "${manager[@]}" "$@"; }
quadlet() { local name; mkdir -p $units; for name; do page_file $name >$units/$name; done; }
unit() { local name; for name; do systemctl show $unit -p $name; done; }
runtime_of() { podman inspect --format "{{.OCIRuntime}}" "$@" | sed "s/^$RUNTIME\$/the runtime/"; }
group_of() { podman exec $1 cat /proc/self/cgroup >/dev/null; cut -d: -f3 "/proc/$(podman inspect --format "{{.State.Pid}}" $1)/cgroup" | sed -E "s/[0-9a-f]{64}/ID/g"; }
forget() { rm -rf $units; systemctl daemon-reload; systemctl reset-failed; }
'
