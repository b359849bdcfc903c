#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2094 # scripts for inner shells; page_file reads another file
# Docker Swarm over two nodes, whose containers rung runs.

load helpers

start_engine() {
	. "$SOURCE/tests/engines/swarm.bash"
	mkdir -p /etc/docker
	page_file /etc/docker/daemon.json >/etc/docker/daemon.json
	ip link add swarm0 type bridge
	ip addr add 10.77.0.254/24 dev swarm0
	ip link set swarm0 up
	echo '10.77.0.254 registry' >>/etc/hosts
	start_registry
	make_node 1
	make_node 2
	node 1 import --change 'CMD ["sh"]' "$SHARED/busybox.tar" registry:5000/busybox
	node 1 tag registry:5000/busybox registry:5000/busybox:new
	node 1 push -q registry:5000/busybox
	node 1 push -q registry:5000/busybox:new
	node 2 pull -q registry:5000/busybox
	for n in 1 2; do
		node $n run --rm registry:5000/busybox true
	done
	cluster # makes the bridge docker_gwbridge, which stays
	disband
}

stop_engine() {
	. "$SOURCE/tests/engines/swarm.bash"
	node_down 1
	node_down 2
	kill "$(cat /run/registry.pid)"
}

engine_state() {
	. "$SOURCE/tests/engines/swarm.bash"
	for n in 1 2; do
		node $n ps --all --format "container of node $n {{.Names}}"
		node $n volume ls --format "volume of node $n {{.Name}}"
		node $n network ls --format "network of node $n {{.Name}}"
		ls /run/node$n/exec/runtime-rung/moby 2>/dev/null
	done
}

clean_engine() {
	. "$SOURCE/tests/engines/swarm.bash"
	ip link set port2 up
	for n in 1 2; do
		node $n version >/dev/null 2>&1 || node_up $n
		node $n swarm leave --force
		node $n ps -aq | xargs -r docker --context node$n rm -f
	done
}

begin='. "$SOURCE/tests/engines/swarm.bash"'

# bats test_tags=smoke
@test "swarm: the commands of docs/engines.md: two nodes, six replicas, drain" {
	both <<-CASE
		$begin
		bash -e <(page_commands Swarm) 2>&1 | grep -E '^(This node|web|node)|^[0-9]$'
		disband
	CASE
	says $'This node joined a swarm as a worker.\nweb 6/6\n3\nnode2\nnode1 Ready Active\nnode2 Ready Drain\nweb'
}

@test "swarm: a rolling update, one that fails and is rolled back, scale, limits, logs, a replica that ends" {
	both <<-CASE
		$begin
		cluster
		service create -q --name web --replicas 4 --limit-memory 64m --limit-pids 50 --stop-grace-period 1s --update-parallelism 2 --update-delay 0s --update-monitor 2s --update-failure-action rollback \\
			--user 1000:100 --read-only --mount type=tmpfs,target=/t --cap-drop ALL --env WHO=first registry:5000/busybox sh -c 'echo \$WHO; exec sleep 1000000' | grep -v ID
		spread web; one=\$(node 2 ps -q --no-trunc --filter name=web | head -n 1); node 2 exec \$one sh -c 'id; grep -E "^(CapPrm|Seccomp:)" /proc/self/status; grep -o " /t tmpfs" /proc/mounts; cat /proc/1/limits | grep -c Max'
		knob \$one memory memory.limit_in_bytes memory.max; knob \$one pids pids.max pids.max; node 2 inspect --format '{{.HostConfig.Runtime}}' \$one
		service update -q --env-add WHO=second --image registry:5000/busybox:new web | tail -n 1; spread web; service logs --raw --no-task-ids web 2>/dev/null | sort | uniq -c | tr -s ' '
		service update -q --args no-such-program web >/dev/null; rolled() { says_so rollback_completed node 1 service inspect --format '{{.UpdateStatus.State}}' web; }; until_ok 60 rolled
		until_ok 60 is_spread web '2 and 2'; service ps --no-trunc --format '{{.Error}}' web | grep -oE 'executable file not found in .PATH' | sort -u
		service scale -d web=6; until_ok 60 is_spread web '3 and 3'; service scale -d web=1; until_ok 60 is_alone web; spread web | tr ' ' '\n' | sort -u
		[ \$(count web 1) = 1 ] && n=1 || n=2; node \$n kill \$(node \$n ps -q --filter name=web) | wc -l; ended() { says_so 'non-zero exit (137)' node 1 service ps --no-trunc --format '{{.Error}}' web; }; until_ok 60 ended; until_ok 60 is_alone web; service rm web; disband
	CASE
	mentions '2 and 2' 'uid=1000(user)' 67108864 ' /t tmpfs' rung ' 4 second' 'executable file not found in $PATH'
}

@test "swarm: the stack of docs/engines.md: a global service with a port, a secret and a health check; replicas with a limit for each node" {
	both <<-CASE
		$begin
		cluster; page_file stack.yaml >stack.yaml; echo of the stack >page
		node 1 stack deploy --compose-file stack.yaml shop 2>&1 | sort
		until_ok 60 is_spread shop_web '1 and 1'; until_ok 60 is_spread shop_worker '2 and 2'
		for i in 1 2; do served() { says_so 'of the stack' timeout 3 busybox wget -q -O - http://10.77.0.\$i:8080/page; }; until_ok 60 served; timeout 5 busybox wget -q -O - http://10.77.0.\$i:8080/page; done
		healthy() { [ "\$(node 2 ps --filter name=shop_web --filter health=healthy -q | wc -l)" = 1 ]; }; until_ok 60 healthy && echo healthy
		web=\$(node 2 ps -q --no-trunc --filter name=shop_web); knob \$web memory memory.limit_in_bytes memory.max; node 2 exec \$web sh -c 'grep " /run/secrets/page " /proc/mounts | cut -d" " -f 3,4 | cut -d, -f1; stat -c "%a %u" /run/secrets/page'
		node 2 exec \$(node 2 ps -q --filter name=shop_worker | head -n 1) sh -c 'nslookup -type=a tasks.web 2>/dev/null | grep -c ^Name; for i in \$(seq 4); do timeout 5 wget -q -O - http://tasks.web/page; done; wget --header "Host: x" -q -O /dev/null http://tasks.web/no 2>&1'
		sed -i 's/sleep 1000000/sleep 1000001/' stack.yaml; node 1 stack deploy --compose-file stack.yaml shop | sort
		updated() { says_so completed node 1 service inspect --format '{{.UpdateStatus.State}}' shop_worker; }; until_ok 60 updated; until_ok 60 is_spread shop_worker '2 and 2'; node 2 ps --format '{{.Command}}' --filter name=shop_worker
		node 1 stack services --format '{{.Name}} {{.Mode}} {{.Replicas}}' shop | sort; node 1 stack rm shop | sort; disband
	CASE
	mentions 'of the stack' healthy 67108864 'tmpfs ro' 'sleep 1000001'
}

@test "swarm: a node is lost and comes back; its daemon is killed" {
	both <<-CASE
		$begin
		cluster; service create -q --name web --replicas 6 --stop-grace-period 1s registry:5000/busybox sleep 1000000 | grep -v ID; spread web
		status() { node 1 node ls --filter name=node2 --format '{{.Status}}'; }
		ip link set port2 down; until_ok 60 says_so Down status; status; all_here() { [ \$(count web 1) = 6 ]; }; until_ok 60 all_here; spread web
		ip link set port2 up; until_ok 60 says_so Ready status; until_ok 60 is_spread web '6 and 0'; spread web
		service update -q --force web >/dev/null; until_ok 60 is_spread web '3 and 3'; spread web
		node_down 2 KILL; node_up 2; until_ok 60 says_so Ready status; full() { [ \$((\$(count web 1) + \$(count web 2))) = 6 ]; }; until_ok 60 full && echo all six; node 1 service ls --format '{{.Replicas}}'
		node 1 node update --availability drain node2; until_ok 60 is_spread web '6 and 0'; spread web
		service rm web; disband; for n in 1 2; do ls /run/node\$n/exec/runtime-rung/moby; done
	CASE
	mentions '3 and 3' Down '6 and 3' '6 and 0' 'all six' 6/6
}
