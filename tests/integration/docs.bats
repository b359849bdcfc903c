#!/usr/bin/env bats
# Man pages and completions: every command and option is in them, and the shells can load them.

load helpers
load commands

MAN=$RUNG_SOURCE/man
COMPLETIONS=$RUNG_SOURCE/contrib/completions

setup() {
	cd "$BATS_TEST_TMPDIR" || return
}

teardown() {
	:
}

# The names of options in a help text, with their dashes: $OPTIONS, never none.
options_of_help() { # [COMMAND]
	OPTIONS=$("$RUNG" "$@" --help | sed -nE 's/^ +-/-/p' | sed 's/  .*//' | grep -oE -- '--?[a-z][a-z0-9-]*' | sort -u)
	[ -n "$OPTIONS" ] || fail "no options in the help of rung $*"
}

@test "man: a page for each command, and none more" {
	diff <(commands_of_help | sed 's/.*/rung-&.8/' | sort) <(basename -a "$MAN"/rung-*.8 | sort)
	[ -f "$MAN/rung.8" ]
}

@test "man: every option of every command" {
	local command option
	for command in $(commands_of_help); do
		options_of_help "$command"
		for option in $OPTIONS; do
			grep -qF -- "\\fB${option//-/\\-}\\fR" "$MAN/rung-$command.8" || fail "no $option in rung-$command.8"
		done
	done
	options_of_help
	for option in $OPTIONS; do
		grep -qF -- "\\fB${option//-/\\-}\\fR" "$MAN/rung.8" || fail "no $option in rung.8"
	done
	for command in $(commands_of_help); do
		grep -qF "rung\\-$command" "$MAN/rung.8" || fail "no $command in rung.8"
	done
}

@test "man: the pages are read by man" {
	needs_command man
	local page
	for page in "$MAN"/*.8; do
		run man --warnings -l "$page"
		[ "$status" -eq 0 ] || fail "$page: $output"
		[[ $output == *NAME*SYNOPSIS*OPTIONS* ]] || fail "$page: $output"
		[[ $output != *warning* ]] || fail "$page: $output"
	done
}

@test "completion of bash: loads, and knows commands, options, values and containers" {
	bash -n "$COMPLETIONS/bash/rung"
	run bash -c '. "$1" && complete -p rung' _ "$COMPLETIONS/bash/rung"
	[ "$status" -eq 0 ]
	mentions '-F _rung rung'
	[ "$(bash_completes rung st)" = 'start state' ]
	[ "$(bash_completes rung run --bun)" = --bundle ]
	[ "$(bash_completes rung --debug list -f '')" = 'table json' ]
	[ "$(bash_completes rung kill x K)" = KILL ]
	[ "$(bash_completes rung run --bundle /et)" = /etc ]
	mkdir -p "$BATS_TEST_TMPDIR/state/some"
	[ "$(bash_completes rung --root "$BATS_TEST_TMPDIR/state" delete '')" = '' ]
}

# What bash would offer for the last word of a command line.
bash_completes() { # WORD...
	PATH=$(dirname "$RUNG"):$PATH bash -c '. "$1"
		shift
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		_rung 2>/dev/null
		printf "%s\n" "${COMPREPLY[*]}"' _ "$COMPLETIONS/bash/rung" "$@"
}

@test "completion of bash: every option of every command" {
	local command option
	for command in $(commands_of_help); do
		options_of_help "$command"
		for option in $OPTIONS; do
			[[ " $(bash_completes rung "$command" "$option") " == *" $option "* ]] || fail "$command $option"
		done
	done
}

@test "completion of bash: the containers below --root" {
	setup_bundle
	needs_root
	process true
	create_container
	[ "$(bash_completes rung --root "$STATE" start '')" = "$ID" ]
	teardown_containers
}

@test "completion of zsh: loads" {
	needs_command zsh
	zsh -n "$COMPLETIONS/zsh/_rung"
	run zsh -f -c 'fpath=("$1" $fpath) && autoload -U compinit && compinit -u -d "$2" && echo "${_comps[rung]}"' _ \
		"$COMPLETIONS/zsh" "$BATS_TEST_TMPDIR/dump"
	says _rung
	local command
	for command in $(commands_of_help); do
		grep -qE "^	$command\)" "$COMPLETIONS/zsh/_rung" || fail "no $command"
	done
}

@test "completion of fish: loads, and knows commands, options and values" {
	needs_command fish
	fish -n "$COMPLETIONS/fish/rung.fish"
	fish_completes 'rung st' | grep -q '^start'
	fish_completes 'rung run --bund' | grep -q '^--bundle'
	[ "$(fish_completes 'rung list -f ' | cut -f 1 | xargs)" = 'json table' ]
}

fish_completes() { # LINE
	HOME=$BATS_TEST_TMPDIR fish -N -c 'source $argv[1]; complete -C $argv[2]' "$COMPLETIONS/fish/rung.fish" "$1" | grep .
}

@test "install and uninstall: the binary, the pages and the completions, and nothing stays" {
	[ -f "$RUNG_SOURCE/Makefile" ] || skip "needs the whole source tree"
	needs_root
	make -s -C "$RUNG_SOURCE" install DESTDIR="$BATS_TEST_TMPDIR/dest" PREFIX=/usr
	[ -x "$BATS_TEST_TMPDIR/dest/usr/bin/rung" ]
	diff <(basename -a "$MAN"/*) <(ls "$BATS_TEST_TMPDIR/dest/usr/share/man/man8")
	[ -f "$BATS_TEST_TMPDIR/dest/usr/share/bash-completion/completions/rung" ]
	[ -f "$BATS_TEST_TMPDIR/dest/usr/share/zsh/vendor-completions/_rung" ]
	[ -f "$BATS_TEST_TMPDIR/dest/usr/share/fish/vendor_completions.d/rung.fish" ]
	make -s -C "$RUNG_SOURCE" uninstall DESTDIR="$BATS_TEST_TMPDIR/dest" PREFIX=/usr
	run find "$BATS_TEST_TMPDIR/dest" -type f
	says ''
}
