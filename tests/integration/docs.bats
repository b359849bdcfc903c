#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2030,SC2031 # scripts for inner shells
# Man pages and completions have every command and option, and the shells can load them. The commands of the README and of the
# page "First container" are run word for word.

load helpers
load commands

MAN=$RUNG_SOURCE/man
COMPLETIONS=$RUNG_SOURCE/contrib/completions

setup() {
	cd "$BATS_TEST_TMPDIR" || return
}

teardown() {
	local dir
	for dir in "$BATS_TEST_TMPDIR"/{run,xdg,home/run}/rung/{first,hello}; do
		[ ! -d "$dir" ] || "$RUNG" --root "${dir%/*}" delete --force "${dir##*/}"
	done
}

# Sets $OPTIONS to the names of the options in a help text, with their dashes: those of rung, or those that only the command has. There
# must be at least one.
options_of_help() { # [COMMAND]
	OPTIONS=$("$RUNG" "$@" --help | if [ $# = 0 ]; then cat; else sed '/^GLOBAL OPTIONS:/,$d'; fi | sed -nE 's/^ +-/-/p' | sed 's/  .*//' | grep -oE -- '--?[a-z][a-z0-9-]*' | sort -u)
	[ -n "$OPTIONS" ] || fail "no options in the help of rung $*"
}

@test "man: a page for each command, and no other" {
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

# Prints the example command lines of a man page.
examples_of() { # COMMAND
	awk '/^\.SH / { here = $2 == "EXAMPLES" } here && /^\.RS$/ { inside = 1; next } /^\.RE$/ { inside = 0 } here && inside' "$MAN/rung-$1.8" |
		sed 's/\\-/-/g; s/\\e/\\/g'
}

# Runs the examples of commands in the directory with the bundles web and once.
examples() { # COMMAND...
	local command
	for command; do
		examples_of "$command" >script
		[ -s script ] || fail "no example in rung-$command.8" || return
		# What a container in the background writes would go to the pipe of bats.
		PATH=${RUNG%/*}:$PATH bash -e script </dev/null >output 2>&1 3>&- || fail "$command: $(<output)" || return
		[ "$command" != kill ] || wait_until 10 ended web
	done
}

ended() {
	[ "$("$RUNG" state "$1" | jq -r .status)" = stopped ]
}

# Makes the bundles web, which runs until it is ended, and once.
bundles_of_examples() {
	"$RUNG_SOURCE/scripts/busybox-rootfs.sh" rootfs
	mkdir web once
	"$RUNG" spec --bundle once
	jq --arg rootfs "$PWD/rootfs" '.root.path = $rootfs | .process.terminal = false | .process.args = ["true"]' once/config.json >once/new
	mv once/new once/config.json
	jq '.process.args = ["sleep", "1000"]' once/config.json >web.json
}

# bats test_tags=user-only
@test "man: the examples of check and explain, as a user" {
	needs_command jq
	bundles_of_examples
	mkdir -m 0700 xdg
	export XDG_RUNTIME_DIR=$PWD/xdg
	examples spec
	jq --arg rootfs "$PWD/rootfs" '.root.path = $rootfs | .process.terminal = false' web/config.json >web.json
	mv web.json web/config.json
	examples check explain
}

@test "man: each command has an example, and the examples run in the order of a container's life" {
	needs_root
	needs_controller memory
	local command
	for command in $(commands_of_help); do
		[ -n "$(examples_of "$command")" ] || fail "no example in rung-$command.8"
	done
	export -f examples examples_of ended wait_until fail
	export MAN RUNG
	bundles_of_examples
	run unshare --mount --propagation private bash -ec 'mount -t tmpfs none /run
		examples spec
		mv web.json web/config.json
		examples check explain create start state list ps
		grep -q sleep output
		examples exec
		grep -qx /tmp output
		examples events update pause resume
		trap "\"\$RUNG\" delete --force web" EXIT
		examples kill delete run features'
	[ "$status" -eq 0 ] || fail "$output"
}

@test "man: the examples of checkpoint and restore" {
	needs_root
	criu check >/dev/null 2>&1 || skip "needs CRIU, on a kernel that it can work with"
	export -f examples examples_of ended wait_until fail
	export MAN RUNG
	bundles_of_examples
	# CRIU knows no files of the host, such as the output of the examples, and a sleep that it restores ends at once.
	jq '.process.args = ["sh", "-c", "exec >/dev/null 2>&1 </dev/null; trap exit TERM; while :; do sleep 1; done"]' web.json >web/config.json
	run unshare --mount --propagation private bash -ec 'mount -t tmpfs none /run
		trap "\"\$RUNG\" delete --force web" EXIT
		examples create start checkpoint restore state
		grep -q running output
		examples kill delete'
	[ "$status" -eq 0 ] || fail "$output"
}

@test "completion of bash: loads, and knows commands, options, values and containers" {
	bash -n "$COMPLETIONS/bash/rung"
	run bash -c '. "$1" && complete -p rung' _ "$COMPLETIONS/bash/rung"
	[ "$status" -eq 0 ]
	mentions '-F _rung rung'
	[ "$(bash_completes rung st)" = 'start state' ]
	[ "$(bash_completes rung run --bun)" = --bundle ]
	[ "$(bash_completes rung run --roo)" = '--root --rootless' ]
	[ "$(bash_completes rung run --log-format j)" = json ]
	[ "$(bash_completes rung spec --rootless fal)" = '' ] # a switch of its own
	[ "$(bash_completes rung --debug list -f '')" = 'table json' ]
	[ "$(bash_completes rung kill x K)" = KILL ]
	[ "$(bash_completes rung run --bundle /et)" = /etc ]
	mkdir -p "$BATS_TEST_TMPDIR/state/some"
	[ "$(bash_completes rung --root "$BATS_TEST_TMPDIR/state" delete '')" = '' ]
}

# Prints what bash offers for the last word of a command line.
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
	needs_command make
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

# ---- pages whose commands are run -----------------------------------------------------------------------------------

# Prints the commands of a section of a page: of all blocks or of block NUMBER. A block begins with ```sh or is indented.
page_commands() { # FILE HEADING [NUMBER]
	awk -v heading="## $2" -v wanted="${3:-}" '
		/^## / { here = $0 == heading; block = 0; inside = 0; next }
		!here { next }
		/^```/ { fenced = $0 == "```sh"; block += fenced; next }
		!fenced && !/^    / { indented = 0; next }
		!fenced && !indented { indented = 1; block++ }
		wanted == "" || block == wanted { sub(/^    /, ""); print; found = 1 }
		END { exit !found }' "$RUNG_SOURCE/$1"
}

# Makes a machine on which a plain user has sudo and rung is not installed. /usr/local and /run are private to the test.
plain_user() {
	needs_root
	[ -f "$RUNG_SOURCE/Makefile" ] || skip "needs the whole source tree"
	needs_command make
	local shell=$BATS_TEST_TMPDIR/local/root-shell
	chmod 0755 "$BATS_RUN_TMPDIR" "${BATS_TEST_TMPDIR%/*}" "$BATS_TEST_TMPDIR"
	mkdir -p local/bin run home
	chown 4242:4242 home
	# Only that user may execute it.
	install -m 4750 -g 4242 "$BASH" "$shell"
	printf '#!/bin/sh\nexec /usr/local/root-shell -p -c %s sudo "$@"\n' \
		"'exec setpriv --reuid 0 --regid 0 --clear-groups env -i PATH=\"\$PATH\" HOME=/root USER=root TERM=dumb \"\$@\"'" >local/bin/sudo
	chmod 0755 local/bin/sudo
	[ "$(as_user <<<'sudo id -u')" = 0 ] || skip "needs a temporary directory without nosuid"
}

# Runs a script as that user, with Debian's PATH for plain users. The output of a detached container is in the file "output".
as_user() { # [PROGRAM OF THE TESTS THAT RUNS IT...]
	cat >"$BATS_TEST_TMPDIR/script"
	chmod 0644 "$BATS_TEST_TMPDIR/script"
	unshare -m bash -c '
		mount --bind "$1/local" /usr/local && mount --bind "$1/run" /run || exit
		cd "${WHERE:-$1/home}" || exit
		exec "${@:2}" setpriv --reuid 4242 --regid 4242 --clear-groups env -i HOME="$1/home" TERM=dumb \
			PATH=/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games bash -e "$1/script"' _ "$BATS_TEST_TMPDIR" "$@" \
		>"$BATS_TEST_TMPDIR/output" 2>&1 </dev/null 3>&-
	local status=$?
	cat "$BATS_TEST_TMPDIR/output"
	return $status
}

# Does the same at a terminal: the shell in the container prints its name, and then exits.
at_terminal() {
	as_user "$RUNG_TEST_COMMANDS/console" 'expect=# ' 'send=echo in $(hostname)\n' 'expect=in runc' 'send=exit\n' --
}

# Runs "sudo make install" of the README in the tree.
installed() {
	[[ "$(page_commands README.md 'By hand' 1)" == 'sudo make install '* ]]
	WHERE=$RUNG_SOURCE as_user < <(page_commands README.md 'By hand' 1)
}

@test "README: by hand: what is installed is in the PATH of a plain user, who runs a container as root and without" {
	plain_user
	needs_command busybox
	installed
	local commands
	commands=$(page_commands README.md 'By hand' 2)
	[ "$(tail -n 1 <<<"$commands")" = 'sudo rung run hello' ]
	run -0 as_user <<<"$(head -n -1 <<<"$commands")"
	mentions 'explained for root, as uid 4242 sees the machine'
	WHERE=$PWD/home/hello run -0 at_terminal <<<"$(tail -n 1 <<<"$commands")"
	mentions 'in runc'
	commands=$(page_commands README.md 'By hand' 3)
	[ "$(tail -n 1 <<<"$commands")" = 'rung run hello' ]
	WHERE=$PWD/home/hello run -0 at_terminal <<<"mkdir -m 700 ~/run; export XDG_RUNTIME_DIR=~/run
		$commands"
	mentions 'in runc'
	[ -d home/run/rung ]
	[ ! -e run/rung/hello ]
	[ ! -e home/run/rung/hello ]
}

@test "First container: of busybox, as root" {
	plain_user
	needs_command busybox
	installed
	run -0 as_user < <(page_commands docs/first-container.md 'A bundle of busybox')
	export WHERE=$PWD/home/first
	run -0 as_user < <(page_commands docs/first-container.md 'As root' 1)
	mentions 'explained for root, as uid 4242 sees the machine'
	run -0 at_terminal < <(page_commands docs/first-container.md 'As root' 2)
	mentions 'in runc'
	run -0 as_user < <(page_commands docs/first-container.md 'As root' 3)
	run -0 as_user < <(page_commands docs/first-container.md 'As root' 4)
	mentions "$WHERE" running '"status": "running"' sleep
	[ "${lines[-1]}" = runc ]
	run -0 as_user < <(page_commands docs/first-container.md 'As root' 5)
	[ ! -e run/rung/first ]
	run -0 as_user <<<'sudo rung run --detach first; sudo rung delete --force first'
	[ ! -e run/rung/first ]
}

# bats test_tags=user-only
@test "First container: of busybox, as a user, with the own id and with more" {
	needs_subids
	needs_command busybox
	needs_command jq
	mkdir -m 0700 xdg
	export XDG_RUNTIME_DIR=$PWD/xdg PATH=${RUNG%/*}:$PATH
	local heading
	for heading in 'A bundle of busybox' 'As a user' 'With more ids'; do
		page_commands docs/first-container.md "$heading"
	done >script
	bash -e script >output 2>&1 </dev/null 3>&- || fail "$(<output)"
	run -0 cat output
	mentions "explained for uid $(id -u); --as-root explains for root" "$PWD/first" 'uid=1000 gid=100'
	grep -qx 0 output # id -u
	[ ! -e xdg/rung/first ]
}

# Runs the commands of a section of a page in the current directory, as the caller, with a /run of its own. Sets $status and $output.
page_section() { # FILE HEADING [NUMBER]
	page_commands "$1" "$2" "${3:-}" >script
	PATH=${RUNG%/*}:$PATH run unshare --mount --propagation private bash -c 'mount -t tmpfs none /run; exec bash -e script' </dev/null 3>&-
}

@test "A failure, worked through: what explain, check and --trace say" {
	needs_root
	needs_command busybox
	local page=docs/a-failure.md line
	page_section $page 'A bundle with two mistakes'
	[ "$status" -eq 0 ] || fail "$output"
	page_section $page 'explain: what can be known without doing it' 1
	[ "$status" -eq 1 ]
	line=$(page_commands $page 'explain: what can be known without doing it' 2)
	mentions "${line/\/…/$PWD}"
	page_section $page 'explain: what can be known without doing it' 3
	[ "$status" -eq 0 ] || fail "$output"
	page_section $page 'check: what the kernel says' 1
	[ "$status" -eq 1 ]
	page_commands $page 'check: what the kernel says' 2 >said
	[ -s said ]
	while IFS= read -r line; do mentions "$line"; done <said
	page_section $page 'check: what the kernel says' 3
	[ "$status" -eq 0 ] || fail "$output"
	mentions 'it would start'
	[ "${lines[-1]}" = hello ]
	page_section $page '--trace: where the time goes'
	[ "$status" -eq 0 ] || fail "$output"
	mentions hello
	[ "$(grep -cE '^[0-9.]+	' <<<"$output")" -eq 5 ] || fail "$output"
}

# bats test_tags=user-only
@test "Without root: ask the host" {
	needs_command jq
	mkdir -m 0700 xdg
	export XDG_RUNTIME_DIR=$PWD/xdg PATH=${RUNG%/*}:$PATH
	page_commands docs/rootless.md 'Ask the host' >script
	run -0 bash -e script
	mentions "$PWD/box" 'would start'
}

@test "Troubleshooting: each message is one that a test demands" {
	local text count=0
	while IFS= read -r text; do
		count=$((count + 1))
		grep -qF -- "$text" "$RUNG_SOURCE"/tests/{messages/{configurations,hosts,mistakes},integration/check.bats} || fail "no test demands: $text"
	done < <(sed -n 's/^| `\([^`]*\)` |.*/\1/p' "$RUNG_SOURCE/docs/troubleshooting.md")
	[ "$count" -ge 25 ]
}

@test "Hosts: the oldest kernel is that of rung check" {
	grep -qF 'Linux 5.14 is the oldest that rung works on' "$RUNG_SOURCE/docs/hosts.md"
	run "$RUNG" check
	mentions 'Linux 5.14 or newer'
}

# Prints the file of a page that stands behind a line with its path.
page_file() { # FILE PATH
	awk -v path="\`$2\`:" '$0 == path { here = 1; next } here && /^```/ { if (inside) exit; inside = 1; next } inside' "$RUNG_SOURCE/$1"
}

# Prints the command lines of a unit that it has for KEY, with rung and bundle of the test.
unit_commands() { # FILE KEY
	sed -n "s/^$2=-\{0,1\}//p" "$1" | sed "s#/usr/local/bin/rung#$RUNG#; s#/srv/#$PWD/#"
}

@test "systemd: the units are read by systemd, and their command lines run" {
	needs_root
	needs_command busybox
	local unit dir
	for unit in web.service echo.socket echo.service; do
		page_file docs/systemd.md "/etc/systemd/system/$unit" >"$unit"
		[ -s "$unit" ] || fail "no $unit in the page"
	done
	if command -v systemd-analyze >/dev/null; then
		mkdir units
		for unit in web.service echo.socket echo.service; do sed "s#/usr/local/bin/rung#$RUNG#" "$unit" >"units/$unit"; done
		run systemd-analyze verify --man=no units/*
		[[ $output != *units/* && $output != *web.service* && $output != *echo.* ]] || fail "$output"
	fi
	"$RUNG_SOURCE/scripts/busybox-rootfs.sh" rootfs
	for dir in web echo; do
		mkdir "$dir"
		"$RUNG" spec --bundle "$dir"
	done
	jq --arg rootfs "$PWD/rootfs" '.root.path = $rootfs | .process.terminal = false
		| .process.args = ["sh", "-c", "trap \"exit 3\" TERM; echo up; while :; do sleep 0.05; done"]' web/config.json >new
	mv new web/config.json
	jq --arg rootfs "$PWD/rootfs" '.root.path = $rootfs | .process.terminal = false
		| .process.args = ["sh", "-c", "echo $LISTEN_FDS; cat <&3"]' echo/config.json >new
	mv new echo/config.json
	echo 'of the socket' >socket
	{
		echo 'mount -t tmpfs none /run'
		unit_commands web.service ExecStartPre
		echo "$(unit_commands web.service ExecStart) >up &"
		echo 'pid=$!; until grep -q up up; do sleep 0.05; done; kill -TERM $pid; status=0; wait $pid || status=$?; [ $status = 3 ]'
		unit_commands web.service ExecStopPost
		unit_commands echo.service ExecStartPre
		echo "LISTEN_FDS=1 bash -c 'export LISTEN_PID=\$\$; exec $(unit_commands echo.service ExecStart)' 3<socket"
		unit_commands echo.service ExecStopPost
	} >script
	run unshare --mount --propagation private bash -ex script </dev/null
	[ "$status" -eq 0 ] || fail "$output"
	[[ $output == *$'\n1\n'* && $output == *'of the socket'* ]] || fail "$output"
}

@test "make docs: each page is in the index, each link leads somewhere, and nothing is fetched" {
	[ -f "$RUNG_SOURCE/Makefile" ] || skip "needs the whole source tree"
	needs_command cmark-gfm
	needs_command man
	needs_command col
	run -0 "$RUNG_SOURCE/scripts/docs.sh" "$PWD/site"
	says "$PWD/site/docs/index.html"
	local page
	for page in "$RUNG_SOURCE"/docs/*.md; do
		page=$(basename "$page" .md)
		[ "$page" = index ] || grep -qF "\"$page.html\"" site/docs/index.html || fail "not in the index: $page"
	done
	run grep -rlE '<script|<link[^>]*http|<img|url\(' site
	says ''
	[ "$(dead_links site)" = '' ] || fail "$(dead_links site)"
	echo '<a href="gone.html">x</a> <a href="index.html#gone">x</a>' >>site/docs/faq.html
	[ "$(dead_links site | wc -l)" -eq 2 ]
}

# Prints the links of a site that lead to no file, or to no heading.
dead_links() { # DIR
	local page link file
	while IFS=: read -r page link; do
		link=${link#href=\"} link=${link%\"}
		case $link in http://* | https://* | mailto:*) continue ;; esac
		file=${link%%#*}
		file=${page%/*}/${file:-${page##*/}}
		if [ ! -e "$file" ]; then
			echo "$page: $link"
		elif [[ $link == *#* ]] && ! grep -qF "id=\"${link#*#}\"" "$file"; then
			echo "$page: no heading $link"
		fi
	done < <(grep -roE 'href="[^"]*"' --include='*.html' "$1" | sort -u)
}
