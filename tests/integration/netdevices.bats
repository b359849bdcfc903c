#!/usr/bin/env bats
# shellcheck disable=SC2016 # expanded by jq, or by the shell in the container
# linux.netDevices (config-linux.md, "Network Devices"). A network namespace of the test stands for the host's.

load helpers

setup() {
	needs_root
	needs_command ip
	setup_bundle
	HOST=rung-test-$$-$BATS_SUITE_TEST_NUMBER
	ip netns add "$HOST"
	add_device dummy0
}

teardown() {
	local left=0
	teardown_containers || left=1
	ip netns del "$HOST" || true
	[ -z "${OTHER:-}" ] || ip netns del "$OTHER" || left=1
	return $left
}

# Runs a command in the network namespace that stands for the host's.
host() {
	ip netns exec "$HOST" "$@"
}

# Adds one end of a veth pair; the other end stays on the host.
add_device() { # NAME
	host ip link add dev "$1" type veth peer name "peer-$1"
}

no_device() { # NAME
	! host ip link show dev "$1" >/dev/null 2>&1
}

# Replaces rung of the helpers: it runs in that namespace. nsenter, because ip netns exec makes a mount namespace with another /sys.
rung() {
	# shellcheck disable=SC2153 # of helpers.bash
	nsenter --net="/run/netns/$HOST" "$RUNG" --root "$STATE" "$@" 3>&-
}

net_devices() { # JSON
	config '.linux.netDevices = $devices' --argjson devices "$1"
}

# Lets the container join a namespace that outlives it, so that the test can inspect it afterwards.
join_other() {
	OTHER=$HOST-other
	ip netns add "$OTHER"
	config '(.linux.namespaces[] | select(.type == "network")).path = $path' --arg path "/run/netns/$OTHER"
}

other() {
	ip netns exec "$OTHER" "$@"
}

@test "a device is moved, and is up" {
	net_devices '{"dummy0": {}}'
	inside 'ip link show dev dummy0'
	mentions 'dummy0@' ',UP'
	run host ip link show dev dummy0
	[ "$status" -ne 0 ]
}

@test "it keeps MTU, hardware address and permanent global addresses" {
	join_other
	host ip link set dev dummy0 mtu 1789 address 00:11:22:33:44:55 up
	host ip address add 169.254.169.77/32 dev dummy0
	host ip address add 192.0.2.1/24 dev dummy0
	host ip address add 192.0.2.99/24 broadcast 192.0.2.200 dev dummy0
	host ip address add 198.51.100.1 peer 198.51.100.2/32 dev dummy0
	host ip -6 address add 2001:db8::7/64 dev dummy0 nodad
	host ip address add 127.0.0.33 scope host dev dummy0
	host ip address add 203.0.113.9/24 valid_lft 1000 preferred_lft 1000 dev dummy0
	net_devices '{"dummy0": {}}'
	inside 'true'
	run other ip link show dev dummy0
	mentions 'mtu 1789' '00:11:22:33:44:55' ',UP'
	run other ip -j address show dev dummy0
	[ "$(jq -c '[.[0].addr_info[] | select(.scope == "global") | [.local, .address, .prefixlen, .broadcast]] | sort' <<<"$output")" = \
		'[["169.254.169.77",null,32,null],["192.0.2.1",null,24,null],["192.0.2.99",null,24,"192.0.2.200"],["198.51.100.1","198.51.100.2",32,null],["2001:db8::7",null,64,null]]' ]
	[[ $output != *127.0.0.33* ]]
}

@test "it is renamed, also by a template" {
	add_device dummy1
	add_device dummy2
	net_devices '{"dummy0": {"name": "eth0"}, "dummy1": {"name": "eth%d"}, "dummy2": {"name": "eth%d"}}'
	inside 'ip -o link | sed "s/^[0-9]*: //; s/[@:].*//" | grep eth | sort'
	says $'eth0\neth1\neth2'
}

@test "two devices change names" {
	add_device dummy1
	net_devices '{"dummy0": {"name": "dummy1"}, "dummy1": {"name": "dummy0"}}'
	inside 'ip -o link | sed "s/^[0-9]*: //; s/[@:].*//" | grep dummy | sort'
	says $'dummy0\ndummy1'
}

@test "in a user namespace" {
	map_ids
	net_devices '{"dummy0": {"name": "eth0"}}'
	inside 'ip link show dev eth0'
	mentions 'eth0@' ',UP'
}

@test "sysctl and hooks find it in place" {
	net_devices '{"dummy0": {"name": "eth0"}}'
	config '.linux.sysctl["net.ipv4.conf.eth0.rp_filter"] = "2"
		| .hooks.createRuntime = [{path: "/bin/sh", args: ["sh", "-c", "nsenter -t $(jq .pid) -n ip link show dev eth0"], env: ["PATH=" + $path]}]' \
		--arg path "$PATH"
	inside 'cat /proc/sys/net/ipv4/conf/eth0/rp_filter'
	says 2
}

@test "a device that is not there, or whose name is taken, is refused, and the others are given back" {
	local devices
	join_other
	host ip link set dev dummy0 up
	host ip address add 192.0.2.99/24 broadcast 192.0.2.200 dev dummy0
	net_devices '{"dummy0": {"name": "a0"}, "missing0": {}}'
	refused 'linux.netDevices[missing0]: find the device: no such device'
	other ip link add dev taken type bridge
	add_device dummy1
	net_devices '{"dummy0": {"name": "a0"}, "dummy1": {"name": "taken"}}'
	refused 'linux.netDevices[dummy1]: a device named taken exists in the network namespace: file exists'
	devices=$(other ip -j link | jq -c '[.[].ifname] | sort')
	[ "$devices" = '["lo","taken"]' ]
	run host ip address show dev dummy0
	mentions ',UP' '192.0.2.99/24 brd 192.0.2.200'
}

@test "a create that fails later gives the device back" {
	net_devices '{"dummy0": {"name": "eth0"}}'
	config '.hooks.createRuntime = [{path: "/bin/false"}]'
	run_container
	[ "$status" -eq 1 ]
	mentions 'hooks.createRuntime[0]'
	host ip link show dev dummy0
}

@test "with the namespace a virtual device ends; of a joined one it stays" {
	net_devices '{"dummy0": {}}'
	start_sleeper
	rung delete --force "$ID"
	run host ip link show dev dummy0
	[ "$status" -ne 0 ]
	wait_until 10 no_device peer-dummy0 # the kernel ends a namespace and its devices a moment later
	add_device dummy0
	join_other
	start_sleeper
	rung delete --force "$ID"
	other ip link show dev dummy0
}

@test "the host's own network namespace is refused" {
	config '.linux.namespaces |= map(select(.type != "network"))'
	net_devices '{"dummy0": {}}'
	refused 'linux.netDevices' 'unable to move network devices without a NET namespace'
}

@test "the host's own network namespace by its path is refused" {
	config '(.linux.namespaces[] | select(.type == "network")).path = $path' --arg path "/run/netns/$HOST"
	net_devices '{"dummy0": {}}'
	refused linux.netDevices 'unable to move network devices without a NET namespace'
	host ip link show dev dummy0
}

@test "names that no device can have" {
	local name
	for name in 'a/b' 'a b' a234567890123456 'eth%d%d' 'eth%s'; do
		config '.linux.netDevices = {"dummy0": {name: $n}}' --arg n "$name"
		refused 'linux.netDevices[dummy0].name'
	done
	net_devices '{"dummy0": {}, "dummy1": {"name": "dummy0"}}'
	refused linux.netDevices 'both to be named'
	host ip link show dev dummy0
}

@test "a device that may not leave its network namespace: the kernel's reason" {
	net_devices '{"lo": {}}'
	refused 'linux.netDevices[lo]'
	host ip link add dev br0 type bridge
	net_devices '{"br0": {}}'
	refused 'linux.netDevices[br0]: move to the network namespace: invalid argument'
	! at_least 6.18 || mentions 'argument (' # older kernels say no more
	host ip link show dev br0
}

# ip-address(8): "must begin with the name of the device"
@test "labels of addresses follow the name" {
	host ip address add 192.0.2.1/24 label dummy0:a dev dummy0
	net_devices '{"dummy0": {"name": "eth0"}}'
	inside 'ip -4 addr show dev eth0'
	mentions 'inet 192.0.2.1/24' eth0:a
	host ip link add dev dummy0 type veth peer name peer1
	host ip address add 192.0.2.1/24 label dummy0:ab dev dummy0
	net_devices '{"dummy0": {"name": "a2345678901234"}}'
	inside 'ip -4 addr show dev a2345678901234'
	mentions 'inet 192.0.2.1/24' $' a2345678901234\n'
}

@test "an address that the container can not have: the device is given back" {
	join_other
	other sysctl -qw net.ipv6.conf.default.disable_ipv6=1
	host ip link set dev dummy0 up
	host ip -6 address add 2001:db8::7/64 dev dummy0 nodad
	host ip address add 192.0.2.1/24 label dummy0:a dev dummy0
	net_devices '{"dummy0": {"name": "eth0"}}'
	refused 'linux.netDevices[dummy0]: add address 2001:db8::7/64: permission denied'
	run host ip address show dev dummy0
	mentions ',UP' 2001:db8::7/64 dummy0:a
}

@test "a device that a hook has renamed is given back by its old name" {
	net_devices '{"dummy0": {"name": "eth0"}}'
	process /no/such/program
	config '.hooks.createRuntime = [{path: "/bin/sh", args: ["sh", "-c",
		"nsenter -t $(jq .pid) -n sh -c \"ip link set dev eth0 down; ip link set dev eth0 name other0\""], env: ["PATH=" + $path]}]' \
		--arg path "$PATH"
	refused 'no such file or directory'
	host ip link show dev dummy0
}

@test "a foreground run does not keep the network namespace" {
	local rung
	net_devices '{"dummy0": {}}'
	process sleep 1000
	rung run -b "$BUNDLE" "$ID" >/dev/null 2>&1 </dev/null &
	rung=$!
	wait_until 10 test -e "$STATE/$ID/state.json"
	wait_until 10 no_namespace_of "$rung"
	rung delete --force "$ID"
	wait "$rung" || true
}

no_namespace_of() { # PID: rung, or the subshell that waits for it
	! find "/proc/$1/fd" "/proc/$(pgrep -P "$1" -x rung || echo "$1")/fd" -lname 'net:*' | grep .
}

@test "explain lists the move of a device" {
	net_devices '{"dummy0": {}}'
	rung explain -b "$BUNDLE" "$ID" | grep -q 'rung: linux.netDevices: move network devices'
}
