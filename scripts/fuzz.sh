#!/usr/bin/env bash
# Runs every fuzzer of the tree, one after the other.
#
#   fuzz.sh TIME        TIME for each fuzzer, in Go's notation: 30s, 5m
set -euo pipefail

# shellcheck source=scripts/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

[ $# = 1 ] || die 'usage: fuzz.sh TIME'
cd "$repo"
"$repo/scripts/install-deps.sh" fuzz
export CGO_ENABLED=1
tags=${TAGS:-netgo,osusergo}

# Go minimises each interesting input for up to a minute by default, and configurations are large inputs.
for package in $(scripts/go list -tags "$tags" ./...); do
	for fuzzer in $(scripts/go test -tags "$tags" -list '^Fuzz' "$package" | grep '^Fuzz' || true); do
		echo "== $package $fuzzer"
		scripts/go test -tags "$tags" -run '^$' -fuzz "^$fuzzer\$" -fuzzminimizetime 1s -fuzztime "$1" "$package"
	done
done
if [ -f nsenter/test/Makefile ]; then
	make --no-print-directory -C nsenter/test fuzz FUZZTIME="$1"
fi
