#!/usr/bin/env bash
# Runs the linters and prints one TAP line for each. The output of a failed linter follows as comments.
#
#   lint.sh [CHECK...]        default: all checks, listed at the end of this file
set -uo pipefail

# shellcheck source=scripts/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

cd "$repo" || exit 1
export CGO_ENABLED=1
tags=${TAGS:-netgo,osusergo}
golangci_version=v2.15.0
clang_format_version=19 # versions format differently; Debian 12 and 13 both have this one

# The tree may belong to another user, as in containers of CI: git reads such a tree only if it is marked as safe.
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0=$repo

# Prints the files of the checkout that match, also new ones.
files() {
	git ls-files --cached --others --exclude-standard -- "$@" | while read -r file; do
		[ ! -f "$file" ] || printf '%s\n' "$file"
	done
}

check_gofmt() {
	local unformatted
	unformatted=$(files '*.go' | xargs -r "$(scripts/go env GOROOT)/bin/gofmt" -l) || return 1
	[ -z "$unformatted" ] || {
		echo "not formatted: $unformatted"
		return 1
	}
}

check_vet() {
	scripts/go vet -tags "$tags" ./...
}

check_generated() {
	local before after
	before=$(generated_state) || return 1
	scripts/go generate ./... || return 1
	after=$(generated_state) || return 1
	[ "$before" = "$after" ] || {
		echo 'go generate changes files: run make generate and commit them'
		git status --short
		return 1
	}
}

# Prints what go generate may change: the difference to the last commit, and a checksum of every new file.
generated_state() {
	git diff || return 1
	git ls-files --others --exclude-standard | xargs -r sha256sum
}

check_golangci() {
	local bin
	bin=$repo/build/tools/golangci-lint-$golangci_version
	if [ ! -x "$bin" ]; then
		# golangci-lint may need a newer Go than rung. Debian's Go fetches one only with GOTOOLCHAIN=auto.
		(cd / && GOTOOLCHAIN=auto GOBIN=$repo/build/tools GOFLAGS='' "$repo/scripts/go" install \
			"github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$golangci_version") || return 1
		mv build/tools/golangci-lint "$bin"
	fi
	PATH=$(scripts/go env GOROOT)/bin:$PATH "$bin" run --allow-parallel-runners --build-tags "$tags" ./...
}

check_clang_format() {
	local program
	program=$(clang_format) || return 1
	files 'nsenter/*.c' 'nsenter/*.h' 'nsenter/test/*.c' 'bench/*.c' 'tests/*.c' | xargs -r "$program" --dry-run -Werror
}

# Only Debian has the version in the name of the program.
clang_format() {
	local name
	for name in clang-format-$clang_format_version clang-format; do
		if "$name" --version 2>/dev/null | grep -q " version $clang_format_version\."; then
			echo "$name"
			return
		fi
	done
	warn "needs clang-format $clang_format_version"
	return 1
}

check_shellcheck() {
	files '*.sh' '*.bash' '*.bats' .ci/run scripts/go tests/vm/guest/{agent,init,suite} | xargs -r shellcheck --external-sources
}

# Refuses packages that slow every command down: crypto takes half a millisecond to initialise, regexp the tables of Unicode
# (docs/decisions/0024-questions.md; internal/regex asks the C library).
check_start_up() {
	local linked found
	linked=$(scripts/go list -deps -tags "$tags" .) || return 1
	found=$(grep -E '^(crypto/|regexp)' <<<"$linked") || return 0
	printf 'rung links packages that slow down its start:\n%s\n' "$found"
	return 1
}

check_comments() {
	local names found
	names=$(files '*.go' '*.c' '*.h' '*.bats' '*.sh' '*.md') || return 1
	found=$(grep -vE '^(scripts/lint\.sh|CONTRIBUTING\.md)$' <<<"$names" | xargs -r grep -nE '\b(TODO|FIXME|XXX)\b') || return 0
	printf 'promises of later work:\n%s\n' "$found"
	return 1
}

checks=("$@")
[ $# -gt 0 ] || checks=(gofmt vet generated golangci clang_format shellcheck start_up comments)
status=0
number=0
echo "1..${#checks[@]}"
for check in "${checks[@]}"; do
	number=$((number + 1))
	if output=$("check_$check" 2>&1 </dev/null); then
		echo "ok $number $check"
	else
		status=1
		echo "not ok $number $check"
		printf '%s\n' "$output" | sed 's/^/# /'
	fi
done
exit $status
