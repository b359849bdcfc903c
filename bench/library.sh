#!/usr/bin/env bash
# Measures what the two ways to have a stage cost a program that uses the library: with the image of scripts/build.sh, and with a
# copy of the running binary after plain go build. Root, or a user who may make user namespaces. Prints a table in Markdown.
#
#   bench/library.sh [ROUNDS]      default 10; a round runs each program once, in turn, for 21 containers
set -euo pipefail

# shellcheck source=scripts/lib.sh
. "$(dirname "$(readlink -f "$0")")/../scripts/lib.sh"
cd "$repo"
rounds=${1:-10}
work=$(mktemp -d)
stage=nsenter/image/stage
names=(image dynamic pie static)

finish() {
	[ ! -e "$work/stage" ] || mv "$work/stage" $stage
	rm -rf --one-file-system "$work"
}
trap finish EXIT

build_programs() {
	scripts/build.sh "$work/image" ./tests/cmd/embedcheck
	mv $stage "$work/stage"
	export CGO_ENABLED=1
	scripts/go build -o "$work/dynamic" ./tests/cmd/embedcheck
	scripts/go build -buildmode=pie -o "$work/pie" ./tests/cmd/embedcheck
	scripts/go build -tags netgo,osusergo -ldflags '-linkmode external -extldflags -static' -o "$work/static" ./tests/cmd/embedcheck
	mv "$work/stage" $stage
}

# Prints the lower quartile: what the other programs of a busy machine do only adds to a time.
quartile() { # FILE WORD
	awk -v word="$2" '$1 == word { print $2 }' "$1" | sort -n | awk '{ all[NR] = $1 } END { print all[int((NR + 3) / 4)] }'
}

build_programs
scripts/busybox-rootfs.sh "$work/rootfs"
for ((round = 0; round < rounds; round++)); do
	for name in "${names[@]}"; do
		"$work/$name" measure "$work/state" "$work/rootfs" >>"$work/$name.out" 2>&1 || die "$name: $(tail -n 3 "$work/$name.out")"
	done
done
echo "| stage | first create, start, delete (ms) | the next ones (ms) | memory of a waiting process: RSS, PSS (KiB) | copy (KiB) |"
echo "|---|--:|--:|--:|--:|"
for name in "${names[@]}"; do
	out=$work/$name.out
	awk -v name="$name" -v first="$(quartile "$out" first)" -v next_="$(quartile "$out" next)" -v rss="$(quartile "$out" Rss:)" \
		-v pss="$(quartile "$out" Pss:)" -v size="$(quartile "$out" program)" \
		'BEGIN { printf "| %s | %.2f | %.2f | %d, %d | %d |\n", name, first / 1000, next_ / 1000, rss, pss, size / 1024 }'
done
