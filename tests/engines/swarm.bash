# shellcheck shell=bash
# shellcheck disable=SC2046 # an empty text must be no argument
# Functions for the two nodes of swarm.bats, in a world: two daemons, each with a network namespace, a host name and directories
# of its own, on one bridge with a registry. The contexts of Docker's client have the names of the nodes.

export DOCKER_CONFIG=/run/client

node() { docker --context "node$1" "${@:2}"; }

# Starts the daemon of a node. Not ip netns exec: it mounts a new /sys, without cgroups.
node_up() { # NUMBER
	local dir=/run/node$1 lib=/var/lib/docker/node$1
	rm -f "$dir"/docker.{pid,sock}
	setsid nsenter --net="/run/netns/node$1" unshare --uts bash -c 'hostname "${0##*/}"; exec dockerd "$@"' "$dir" $(oom_option) \
		--data-root "$lib" --exec-root "$dir/exec" --pidfile "$dir/docker.pid" --host "unix://$dir/docker.sock" \
		--insecure-registry registry:5000 >>"$dir/log" 2>&1 </dev/null &
	disown
	until_ok 60 node "$1" version
}

node_down() { # NUMBER [SIGNAL]
	local pid
	pid=$(cat "/run/node$1/docker.pid")
	kill "-${2:-TERM}" "$pid"
	until_ok 30 test ! -d "/proc/$pid"
}

make_node() { # NUMBER
	ip netns add "node$1"
	ip link add "port$1" type veth peer name eth0 netns "node$1"
	ip link set "port$1" master swarm0 up
	ip -n "node$1" addr add "10.77.0.$1/24" dev eth0
	ip -n "node$1" link set lo up
	ip -n "node$1" link set eth0 up
	ip -n "node$1" route add default via 10.77.0.254
	mkdir -p "/run/node$1"
	docker context create "node$1" --docker "host=unix:///run/node$1/docker.sock"
	node_up "$1"
}

start_registry() {
	cat >/run/registry.yml <<-'YAML'
		version: 0.1
		storage: {filesystem: {rootdirectory: /var/lib/docker/registry}}
		http: {addr: "0.0.0.0:5000"}
	YAML
	setsid docker-registry serve /run/registry.yml >/run/registry.log 2>&1 </dev/null &
	echo $! >/run/registry.pid
	until_ok 20 listens 10.77.0.254 5000
}

# Makes a swarm of both nodes; disband ends it.
cluster() {
	quiet node 1 swarm init --advertise-addr eth0
	quiet node 2 swarm join --advertise-addr eth0 --token "$(node 1 swarm join-token --quiet worker)" 10.77.0.1:2377
}
disband() {
	quiet node 2 swarm leave
	quiet node 1 swarm leave --force
	until_ok 30 empty
}
empty() { [ -z "$(node 1 ps -aq)$(node 2 ps -aq)" ]; }

# Prints how many containers of a service run on a node. They are the node's own words, not the manager's.
count() { node "$2" ps -q --filter "name=^$1\\." | wc -l; } # SERVICE NODE
spread() { echo "$(count "$1" 1) and $(count "$1" 2)"; }    # SERVICE
is_spread() { [ "$(spread "$1")" = "$2" ]; }                # SERVICE 'N and N'
is_alone() { [ $(($(count "$1" 1) + $(count "$1" 2))) = 1 ]; } # SERVICE
service() { node 1 service "$@" 2>&1; }
