# shellcheck shell=bash
# shellcheck disable=SC2016,SC2094 # scripts for inner shells; page_file reads another file
# Starts dockerd, for docker.bats and docker-daemon.bats.

# Checkpoints need the experimental mode.
# shellcheck disable=SC2046 # an empty text must be no argument
start_engine() {
	mkdir -p /etc/docker
	page_file /etc/docker/daemon.json >/etc/docker/daemon.json
	setsid dockerd --experimental $(oom_option) >/run/dockerd.log 2>&1 </dev/null &
	until_socket /run/docker.sock /run/dockerd.log
	docker import --change 'CMD ["sh"]' "$SHARED/busybox.tar" busybox
	docker run --rm busybox true
	docker run --rm --network host busybox true
}

stop_engine() {
	kill "$(cat /run/docker.pid)"
	until_ok 20 test ! -e /run/docker.pid
}

engine_state() {
	docker ps --all --format 'container {{.Names}}'
	docker volume ls --format 'volume {{.Name}}'
	docker network ls --format 'network {{.Name}}'
	docker images --format 'image {{.Repository}}' | sort
	ls /run/docker/runtime-rung/moby 2>/dev/null
}

clean_engine() {
	docker ps -aq | xargs -r docker rm -f
	docker volume ls -q | xargs -r docker volume rm -f
	docker network prune -f
}
