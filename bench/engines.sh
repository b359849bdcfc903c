#!/usr/bin/env bash
# Measures how long a user of an engine waits for `docker run --rm busybox true`, and for the same of podman and nerdctl, with
# rung, crun and runc as the runtime, in paired runs. Writes bench/engines.md.
#
#   engines.sh [docker] [podman] [nerdctl]              default: all
#
#   RUNG=./rung   the binary to measure               ROUNDS=5   rounds; each measures every runtime once
#   RUNS=20       runs for each runtime in a round    WARMUP=2   unmeasured runs before them
#   OUT=FILE      the report                     default: bench/engines.md
#
# Needs root. The engines run in namespaces of their own (tests/engines/world.sh). On a hybrid machine these show pure cgroup
# v1, because Debian's crun does not recognise a hybrid machine.
set -euo pipefail

# shellcheck source=scripts/lib.sh
. "$(dirname "$(readlink -f "$0")")/../scripts/lib.sh"

rounds=${ROUNDS:-5} runs=${RUNS:-20} warmup=${WARMUP:-2}
rung=$(readlink -f "${RUNG:-$repo/rung}")
out=$(readlink -m "${OUT:-$repo/bench/engines.md}")
runtimes=(rung crun runc)
world=$repo/tests/engines/world.sh
engines=("$@")
[ $# -gt 0 ] || engines=(docker podman nerdctl)

[ "$(id -u)" = 0 ] || die 'needs root'
[ -x "$rung" ] || die "$rung is missing: make"
"$repo/scripts/install-deps.sh" bench engines
"$repo/scripts/engine-tools.sh" nerdctl

work=$(mktemp -d /var/tmp/rung-bench.XXXXXX)

clean() {
	[ ! -d "$work/world" ] || "$world" stop "$work/world" || true
	rm -rf --one-file-system "$work"
}
trap clean EXIT

in_world() {
	"$world" in "$work/world" "$@"
}

start_docker() {
	# The option is for this machine, which may not protect the daemon from the OOM killer. Docker 26 has no such option.
	in_world bash -c 'mkdir -p /etc/docker; echo "{\"runtimes\": {\"rung\": {\"path\": \"/usr/local/bin/rung\"},
		\"crun\": {\"path\": \"/usr/bin/crun\"}}}" >/etc/docker/daemon.json
		setsid dockerd $(dockerd --help 2>&1 | sed -n "s/.*\(--oom-score-adjust\).*/\1=0/p") >/run/dockerd.log 2>&1 </dev/null &
		for i in $(seq 300); do [ ! -S /run/docker.sock ] || break; sleep 0.1; done
		docker import --change "CMD [\"sh\"]" '"$work"'/busybox.tar busybox' >/dev/null || die "dockerd did not start: $(in_world tail -n 5 /run/dockerd.log)"
}

start_podman() {
	in_world bash -c 'mkdir -p /etc/containers; cat >/etc/containers/containers.conf; podman import -q '"$work"'/busybox.tar busybox' \
		>/dev/null 2>&1 <<-'CONF' || die 'podman has no image'
			[engine]
			cgroup_manager = "cgroupfs"
			events_logger = "file"
			[engine.runtimes]
			rung = ["/usr/local/bin/rung"]
			crun = ["/usr/bin/crun"]
			runc = ["/usr/sbin/runc"]
			[containers]
			default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
		CONF
}

# The image is made by Podman, because nerdctl loads only images.
start_nerdctl() {
	start_podman
	in_world bash -ec 'mkdir -p /etc/containerd /etc/nerdctl /etc/cni/net.d
		printf "version = 2\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n" >/etc/containerd/config.toml
		echo "data_root = \"/var/lib/containerd/nerdctl\"" >/etc/nerdctl/nerdctl.toml
		setsid containerd >/run/containerd.log 2>&1 </dev/null &
		for i in $(seq 300); do [ ! -S /run/containerd/containerd.sock ] || break; sleep 0.1; done
		cp "$(readlink -f "$1/build/tools/nerdctl")" /usr/local/sbin/nerdctl
		podman save -q --format docker-archive -o "$2/image" localhost/busybox:latest
		nerdctl load -i "$2/image"
		nerdctl tag localhost/busybox busybox' _ "$repo" "$work" >/dev/null 2>"$work/err" || die "nerdctl has no image: $(cat "$work/err")"
}

command_for() { # ENGINE RUNTIME
	case $1 in
	docker) echo "docker run --rm --runtime $2 busybox true" ;;
	podman) echo "podman --runtime $2 run --rm busybox true" ;;
	nerdctl) echo "nerdctl run --rm --runtime $2 busybox true" ;;
	esac
}

# The runtimes take turns in every round, and each round begins with another one. So a machine that gets warm or busy is
# slower for all of them.
measure() { # ENGINE
	local round runtime order=("${runtimes[@]}")
	for ((round = 0; round < rounds; round++)); do
		for runtime in "${order[@]}"; do
			in_world hyperfine --shell=none --style=none --warmup "$warmup" --runs "$runs" \
				--export-json "$work/$1.$runtime.$round.json" "$(command_for "$1" "$runtime")" >/dev/null 2>"$work/err" ||
				die "$1 with $runtime: $(cat "$work/err")"
		done
		order=("${order[@]:1}" "${order[0]}")
	done
}

# Prints a quantile of the times in milliseconds.
quantile() { # ENGINE RUNTIME 0..1
	jq -rs --argjson q "$3" '[.[].results[].times[]] | sort | .[(length - 1) * $q | floor] * 1000' "$work/$1.$2".*.json
}

# In each round subtracts the other runtime's median from rung's. Prints the median of these differences, in milliseconds.
paired() { # ENGINE RUNTIME
	local round
	for ((round = 0; round < rounds; round++)); do
		jq -s '.[0].results[0].median - .[1].results[0].median' "$work/$1.rung.$round.json" "$work/$1.$2.$round.json"
	done | sort -g | awk '{ d[NR] = $1 } END { printf "%.0f", (d[int((NR + 1) / 2)] + d[int(NR / 2) + 1]) / 2 * 1000 }'
}

table() { # ENGINE
	local runtime
	for runtime in "${runtimes[@]}"; do
		printf '| `%s run --rm busybox true` | %s | %.0f | %.0f to %.0f | %s |\n' "$1" "$runtime" "$(quantile "$1" "$runtime" 0.5)" \
			"$(quantile "$1" "$runtime" 0.25)" "$(quantile "$1" "$runtime" 0.75)" \
			"$([ "$runtime" = rung ] || paired "$1" "$runtime")"
	done
}

report() {
	local nerdctl
	nerdctl=$(basename "$(readlink "$repo/build/tools/nerdctl")")
	cat <<-HEAD
		# What a user of an engine waits for

		Written by \`make bench-engines\`. Times are in milliseconds, from the start of the command to its end. Most of the time is
		the engine's own, and the same for all runtimes. The last column is rung's median minus the other runtime's in the same
		round, as a median over all rounds: below zero rung is faster.

		| command | runtime | median | quartiles | rung minus this |
		|---|---|--:|--:|--:|
	HEAD
	cat "$work/tables"
	cat <<-TAIL

		$rounds rounds of $runs runs each, after $warmup unmeasured. $(. /etc/os-release && echo "$PRETTY_NAME"), $(nproc) CPUs, $(uname -r), load at the end $(cut -d' ' -f1 /proc/loadavg).
		$("$rung" --version | head -n 1); $(crun --version | head -n 1); $(runc --version | head -n 1);
		$(dpkg-query -W -f '${Package} ${Version}; ' docker.io containerd podman conmon)nerdctl ${nerdctl#nerdctl-v}.
	TAIL
}

"$repo/scripts/busybox-rootfs.sh" "$work/busybox"
tar -C "$work/busybox" -cf "$work/busybox.tar" .
WORLD_CGROUP=v1 "$world" start "$work/world" "$rung"
in_world rm /usr/local/sbin/runc # a link to rung; the measurement is of Debian's runc
for engine in "${engines[@]}"; do
	"start_$engine"
	echo "measuring $engine" >&2
	measure "$engine"
	table "$engine" >>"$work/tables"
done
report >"$out"
cat "$out"
