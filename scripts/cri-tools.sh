#!/usr/bin/env bash
# Builds crictl, and critest on request, from the Go module proxy into build/tools: Debian 12 has no package for them.
#
#   cri-tools.sh [critest]
set -euo pipefail

# shellcheck source=scripts/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

version=v1.34.0
tools=$repo/build/tools

build() { # NAME
	local output=$tools/$1-$version module
	if [ ! -x "$output" ]; then
		module=$(mktemp -d /tmp/rung-cri-tools.XXXXXX)
		warn "building $1 $version"
		(
			cd "$module"
			printf 'module tools\n\ngo 1.24\n' >go.mod
			export GOFLAGS=-mod=mod CGO_ENABLED=0
			"$repo/scripts/go" get -t "sigs.k8s.io/cri-tools/cmd/$1@$version"
			flags=(-trimpath -ldflags "-s -w -X sigs.k8s.io/cri-tools/pkg/version.Version=$version" -o "$output")
			case $1 in
			critest) "$repo/scripts/go" test -c "${flags[@]}" "sigs.k8s.io/cri-tools/cmd/$1" ;; # critest is a Go test
			*) "$repo/scripts/go" build "${flags[@]}" "sigs.k8s.io/cri-tools/cmd/$1" ;;
			esac
		) >"$module/log" 2>&1 || { cat "$module/log" >&2 && die "$1 $version can not be built"; }
		rm -rf "$module"
	fi
	ln -sfn "$1-$version" "$tools/$1"
}

mkdir -p "$tools"
build crictl
for tool; do build "$tool"; done
