#!/usr/bin/env bash
# Builds programs of engines for which Debian 12 has no package, from the Go module proxy into build/tools.
#
#   engine-tools.sh NAME...        crictl, critest, nerdctl, buildkitd, buildctl, kubelet
set -euo pipefail

# shellcheck source=scripts/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

tools=$repo/build/tools

# Sets the package, its version, the variable that holds the version, and how Go builds the program. nerdctl 1.7 is the last
# one for containerd 1.6.
describe() { # NAME
	local module
	build=(build)
	case $1 in
	crictl | critest) module=sigs.k8s.io/cri-tools version=v1.34.0 variable=pkg/version.Version ;;
	nerdctl) module=github.com/containerd/nerdctl version=v1.7.7 variable=pkg/version.Version ;;
	buildkitd | buildctl) module=github.com/moby/buildkit version=v0.23.2 variable=version.Version ;;
	kubelet) module=k8s.io/kubernetes version=v1.34.2 variable='' ;;
	*) die "which program? crictl, critest, nerdctl, buildkitd, buildctl, kubelet" ;;
	esac
	package=$module/cmd/$1 variable=$module/$variable
	[ "$1" != kubelet ] || variable=k8s.io/component-base/version.gitVersion
	[ "$1" != critest ] || build=(test -c) # it is a Go test
}

# Kubernetes' go.mod takes its own libraries from its source tree. As modules their version has 0 in the place of 1.
use_modules_of_kubernetes() {
	local file
	file=$("$repo/scripts/go" mod download -json "k8s.io/kubernetes@$version" | jq -r .GoMod)
	sed -n "s|^\t\(k8s.io/[a-z0-9-]*\) => ./staging.*|replace \1 => \1 v0.${version#v1.}|p" "$file" >>go.mod
}

make_tool() { # NAME
	local package version variable build output module
	describe "$1"
	output=$tools/$1-$version
	if [ ! -x "$output" ]; then
		module=$(mktemp -d /tmp/rung-engine-tools.XXXXXX)
		warn "building $1 $version"
		(
			cd "$module"
			printf 'module tools\n\ngo 1.24\n' >go.mod
			export GOFLAGS=-mod=mod CGO_ENABLED=0
			[ "$1" != kubelet ] || use_modules_of_kubernetes
			"$repo/scripts/go" get -t "$package@$version"
			"$repo/scripts/go" "${build[@]}" -trimpath -ldflags "-s -w -X $variable=$version" -o "$output" "$package"
		) >"$module/log" 2>&1 || { cat "$module/log" >&2 && die "$1 $version can not be built"; }
		rm -rf "$module"
	fi
	ln -sfn "$1-$version" "$tools/$1"
}

mkdir -p "$tools"
for name; do make_tool "$name"; done
