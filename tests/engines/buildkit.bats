#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2094 # scripts for inner shells; page_file reads another file
# BuildKit's own daemon, whose OCI worker runs rung: as root, and in rootlesskit as a plain user.

load helpers

setup_file() {
	"$RUNG_SOURCE/scripts/engine-tools.sh" buildkitd buildctl
	start_worlds
}

start_engine() {
	export PATH=$SOURCE/build/tools:$PATH
	mkdir -p /etc/buildkit /run/home/.config/buildkit /run/user/4343
	echo '127.0.0.1 registry' >>/etc/hosts
	printf 'version: 0.1\nstorage: {filesystem: {rootdirectory: /var/lib/containers/registry}}\nhttp: {addr: "127.0.0.1:5000"}\n' >/run/registry.yml
	setsid docker-registry serve /run/registry.yml >/run/registry.log 2>&1 </dev/null &
	echo $! >/run/registry.pid
	until_ok 20 listens 127.0.0.1 5000
	skopeo --insecure-policy copy -q --dest-tls-verify=false "docker-archive:$SHARED/busybox.image" docker://registry:5000/busybox
	# The registry of these tests has no certificate. The right is for the case that asks for it.
	page_file /etc/buildkit/buildkitd.toml | cat - <(printf '[registry."registry:5000"]\nhttp = true\n') >/run/home/.config/buildkit/buildkitd.toml
	sed '1i insecure-entitlements = ["network.host"]' /run/home/.config/buildkit/buildkitd.toml >/etc/buildkit/buildkitd.toml
	setsid buildkitd --root /var/lib/containers/buildkit >/run/buildkitd.log 2>&1 </dev/null &
	echo $! >/run/buildkitd.pid
	until_socket /run/buildkit/buildkitd.sock /run/buildkitd.log
	useradd --uid 4343 --no-create-home --home-dir /run/home --shell /bin/bash plain
	chown -R plain: /run/home /run/user/4343
	setsid setpriv --reuid 4343 --regid 4343 --init-groups env HOME=/run/home USER=plain XDG_RUNTIME_DIR=/run/user/4343 \
		rootlesskit buildkitd --rootless >/run/rootless.log 2>&1 </dev/null &
	echo $! >/run/rootless.pid
	until_socket /run/user/4343/buildkit/buildkitd.sock /run/rootless.log
	mkdir /run/warm && cd /run/warm && page_file Dockerfile >Dockerfile
	buildctl build --frontend dockerfile.v0 --local context=. --local dockerfile=. && buildctl prune --all
}

stop_engine() {
	kill "$(cat /run/rootless.pid)" "$(cat /run/buildkitd.pid)" "$(cat /run/registry.pid)"
	until_ok 20 test ! -d "/proc/$(cat /run/buildkitd.pid)"
}

engine_state() {
	find /var/lib/containers/buildkit/runc-*/executor /run/home/.local/share/buildkit/runc-*/executor -mindepth 1 -type d
}

clean_engine() {
	:
}

# Each case begins with this text. It has the function build, which builds the Dockerfile on standard input into the directory
# out, prints what the steps print, and has the status of buildctl.
begin='
export PATH=$SOURCE/build/tools:$PATH
build() {
	cat >Dockerfile
	rm -rf out
	buildctl build --progress rawjson --no-cache --frontend dockerfile.v0 --local context=. --local dockerfile=. --output type=local,dest=out "$@" >json 2>&1
	local s=$?
	jq -rR "fromjson? | .logs[]?.data | @base64d" json | sed "/^$/d"
	return $s
}
'

# bats test_tags=smoke
@test "buildkit: the files and the commands of docs/engines.md, with a registry" {
	both <<-CASE
		$begin
		page_file Dockerfile >Dockerfile
		bash -e <(page_commands BuildKit) 2>progress || tail -n 5 progress; quiet buildctl prune --all
		skopeo inspect --tls-verify=false docker://registry:5000/made | jq '.Layers | length'
	CASE
	says $'made by root\n1'
}

# bats test_tags=smoke
@test "buildkit, rootless: the files and the commands of docs/engines.md, what a step sees, errors" {
	both <<-CASE
		mkdir work; chmod 0755 . ; cd work; chown 4343:4343 .
		cat >case <<'INNER'
		$begin
		page_file Dockerfile >Dockerfile
		bash -e <(page_commands BuildKit) 2>progress || tail -n 5 progress
		printf 'FROM registry:5000/busybox\nRUN id -u; tr -s " " </proc/self/uid_map; grep -E "^(CapEff|Seccomp:|NoNew)" /proc/self/status; cut -d" " -f2,3 /proc/mounts | grep -vE "/proc/(keys|timer_list)" | sort; chown 1000:100 /tmp && stat -c "%%u %%g" /tmp\nUSER 1000:100\nRUN id; echo x >/tmp/x && echo written\n' | code build
		printf 'FROM registry:5000/busybox\nRUN exit 7\n' | code build; grep -o 'exit code: 7' json | sort -u
		quiet buildctl prune --all
		INNER
		declare -f code quiet page_file page_commands >functions; as_plain env SOURCE="\$SOURCE" BUILDKIT_HOST=unix:///run/user/4343/buildkit/buildkitd.sock bash -c 'cd '"\$PWD"'; . ./functions; . ./case'
	CASE
	mentions 'made by root' '0 4343 1' 'CapEff' 'uid=1000(user) gid=100(users)' written 'exit code: 7'
}

@test "buildkit: what a step sees; mounts; errors; rights" {
	both <<-CASE
		$begin
		echo copied >file; echo of a secret >secret
		printf '%s\n' 'FROM registry:5000/busybox' 'ENV WHO=builder' \\
			'RUN echo "made by \$WHO" >/made; id; pwd; grep -E "^(Cap|NoNew|Seccomp:)" /proc/self/status; cut -d" " -f2,3 /proc/mounts | grep -vE "/proc/(keys|timer_list)" | sort; ls /dev | sort; hostname; cat /proc/self/limits | grep "open files"' \\
			'RUN --mount=type=tmpfs,target=/t,size=1048576 --mount=type=secret,id=s --mount=type=bind,source=file,target=/f --mount=type=cache,target=/c cat /run/secrets/s /f; grep " /t " /proc/mounts; touch /f 2>&1; echo kept >>/c/n; cat /c/n' \\
			'RUN --mount=type=cache,target=/c cat /c/n; ls /run' 'RUN --network=none ip -o link | cut -d: -f2' \\
			'COPY file /file' 'WORKDIR /srv' 'USER 1000:100' 'RUN id; pwd; echo x >/dev/stdout' | code build --secret id=s,src=secret; cat out/made out/file
		printf 'FROM registry:5000/busybox\nRUN --network=host ip -o link | wc -l\n' | code build --allow network.host
		for step in 'exit 7' '["no-such"]' '["/etc"]' '["/etc/passwd"]'; do printf 'FROM registry:5000/busybox\nRUN %s\n' "\$step" | code build | grep -oE 'status .*|executable file not found in .PATH|permission denied'; grep -oE 'exit code: [0-9]+' json | sort -u; done
		quiet buildctl prune --all
	CASE
	mentions 'made by builder' copied 'of a secret' ' /t tmpfs' 'uid=1000(user) gid=100(users)' 'exit code: 7' 'executable file not found'
}

@test "buildkit: ten steps at once; a build that is cancelled leaves nothing" {
	both <<-CASE
		$begin
		{ for i in \$(seq 10); do printf 'FROM registry:5000/busybox AS s%d\nRUN sleep 1; echo %d >/n\n' \$i \$i; done; echo FROM scratch; for i in \$(seq 10); do echo "COPY --from=s\$i /n /n\$i"; done; } | code build; cat out/n* | sort -n | tr '\n' ' '
		printf 'FROM registry:5000/busybox\nRUN trap "" TERM INT; sleep 987654\n' >Dockerfile
		buildctl build --frontend dockerfile.v0 --no-cache --local context=. --local dockerfile=. >log 2>&1 & b=\$!
		until_ok 60 pgrep -f '^sleep 987654'; kill -INT \$b; wait \$b; none() { ! pgrep -f '^sleep 987654'; }; until_ok 30 none && echo gone; quiet buildctl prune --all
	CASE
	mentions '1 2 3 4 5 6 7 8 9 10' gone
}
