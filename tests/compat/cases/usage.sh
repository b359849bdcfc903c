# shellcheck shell=bash disable=SC2016,SC2154 # compare.sh sets the variables; scripts are expanded by the runtime's side
# The command line: help, version, global options, wrong numbers of arguments and wrong options.

same -o flags 'nothing' 'rt'
same -o flags 'help' 'rt help'
same -o flags 'h' 'rt h'
same -o flags '--help' 'rt --help'
same -o flags '-h' 'rt -h'
same -o flags 'help after a global option' 'rt --debug --help'
same 'help of no command' 'rt help nosuch'
# A build from a module, and not from a checkout, knows no commit.
same -o numbers '--version' 'rt --version | sed "/^commit/d; s/:.*//; s/version .*/version/"'
same -o numbers '-v' 'rt -v | sed "/^commit/d; s/:.*//; s/version .*/version/"'
same 'no such command' 'rt nosuch | sed -n 1p'
same 'no such global option' 'rt --nosuch list | sed -n 1p'
same 'a global option without its value' 'rt --log | sed -n 1p'
same '--log-format of nothing known' 'rt --log-format xml list'
same '--log that cannot be opened' 'rt --log /nonexistent/log list'
same '--log takes the message' 'rt --log log state nosuch; cat log | wc -l; grep -c level=error log'
same '--log --log-format json' 'rt --log log --log-format json state nosuch; jq -c keys log; jq -r .level log; jq -r .msg log >&2'
same '--log-format json alone' 'rt --log-format json state nosuch'
same '--log: an option that does not exist' 'rt --log log state --nosuch >/dev/null; grep -c level=error log'
same '--rootless of nothing known' 'rt --rootless perhaps create "$ID"'
same '--rootless of nothing known, list' 'rt --rootless perhaps list -q | grep -v cc-; true'
same '--rootless=true' 'rt --rootless=true create "$ID"; rt state "$ID" | jq -r .status'
same '--rootless=AUTO' 'rt --rootless=AUTO create "$ID"; rt state "$ID" | jq -r .status'
same '--rootless=T' 'rt --rootless=T create "$ID"; rt state "$ID" | jq -r .status'
same '--rootless=auto' 'rt --rootless=auto create "$ID"; rt state "$ID" | jq -r .status'
same '--root of the file system' 'rt --root / list'
same '--root of nothing' 'rt --root "" list'
same '--root that does not exist' 'rt --root "$PWD/none" list'
same '--root that does not exist, state' 'rt --root "$PWD/none" state x'
same '--root is made' 'rt --root "$PWD/made" create x; rt --root "$PWD/made" list -q; rt --root "$PWD/made" delete x'
same '--root, relative' 'rt --root made create x; rt --root made list -q; rt --root made delete x'
same '--debug=false' 'rt --debug=false list -q | grep -v cc-; true'
same '--debug of no truth' 'rt --debug=perhaps list | sed -n 1p'

for command in "${commands[@]}"; do
	same -o flags "$command --help" "rt $command --help"
	same -o none "$command -h" "rt $command -h"
	same -o flags "$command --help of an id" "rt $command --help x"
	same "help $command" "rt help $command | sed -n 1p"
	same "$command --nosuch" "told $command --nosuch x"
done
for command in checkpoint create delete events exec kill pause ps restore resume run start state update; do
	same "$command without an id" "rt $command | sed -n 1p"
	same "$command of an empty id" "rt $command '' | sed -n 1p"
	same "$command of an id with a slash" "rt $command a/b | sed -n 1p"
done
for command in checkpoint create delete events pause restore resume run start state update; do
	same "$command with too many arguments" "rt $command a b | sed -n 1p"
done
same 'kill with too many arguments' 'rt kill a b c | sed -n 1p'
for command in list spec features; do
	same "$command with an argument" "rt $command a | sed -n 1p"
done

same 'an option with one dash' 'rt run -bundle "$PWD/nosuch" "$ID"'
same 'an option with its value behind =' 'rt run --bundle="$PWD/nosuch" "$ID"'
same 'a short option with its value behind =' 'rt run -b="$PWD/nosuch" "$ID"'
same 'an option twice: the last one counts' 'rt run -b "$PWD/nosuch" -b "$PWD" -d "$ID"; rt state "$ID" | jq -r .status'
same 'an option behind the id' 'rt run "$ID" -b "$PWD/nosuch"'
same 'two options behind the id' 'rt run "$ID" --detach --bundle "$PWD"; rt state "$ID" | jq -r .status'
same '-- before the id' 'rt create -- "$ID"; rt state -- "$ID" | jq -r .status'
same '-- behind the id' 'rt state "$ID" --'
same 'a truth behind =' 'rt run -d=true "$ID"; rt state "$ID" | jq -r .status'
same 'no truth behind =' 'rt run --detach=perhaps "$ID" | sed -n 1p'
same 'a number that is none' 'rt run --preserve-fds x "$ID" | sed -n 1p'
same 'a number of descriptors that is negative' 'rt run -d --preserve-fds -1 "$ID"; rt state "$ID" | jq -r .status'
same 'an interval that is none' 'rt events --interval x "$ID" | sed -n 1p'
same 'an option without its value' 'rt run --bundle | sed -n 1p'
same 'short options in one word' 'rt list -qf json | sed -n 1p'

# Every option of every command: without its value, with a value that is no number, no time and no truth, and unknown ones.
for command in "${commands[@]}"; do
	script=
	for option in $(options_of "$command"); do
		case $option in
		--help | -h) ;;
		*=) script+="told $command ${option%=};" ;;
		*) script+="told $command $option=perhaps a/b;" ;;
		esac
		case $option in
		--preserve-fds= | --status-fd= | --interval= | --blkio-weight= | --pids-limit=)
			script+="told $command ${option%=} many a/b; told $command $option a/b; told $command ${option}9999999999999999999999 a/b;"
			;;
		esac
	done
	[ -z "$script" ] || same "$command: wrong values of its options" "$script"
	same "$command: wrong options" "told $command -Z a/b; told $command --no a/b; told $command -no-such=1 a/b; told $command ---x a/b
		told $command --version a/b; told $command -v a/b; told $command --Help; told $command --help --nosuch; told $command --nosuch --help"
	same "$command: wrong global options behind it" "for option in root log log-format rootless; do told $command --\$option; done
		told $command --debug=perhaps a/b; told $command --systemd-cgroup=perhaps a/b; told $command --log-format xml a/b"
done
same 'wrong global options' 'for option in root log log-format rootless; do told --$option; done; told --debug=perhaps list; told --systemd-cgroup=perhaps list
	told ---x list; told - list; told --ROOT x list; told -root; told --log-format=xml list; told nosuch --nosuch; told help --nosuch; told help -x'
same 'a number of arguments that is wrong' 'for command in checkpoint create delete events exec kill pause ps restore resume run start state update; do told $command; done
	for command in checkpoint create delete events pause restore resume run start state update; do told $command a b; done
	for command in list spec features; do told $command a; done; told kill a b c; told list -'
same -c running 'global options behind the command' 'rt list -q --root "$PWD/none"; rt state "$ID" --debug 2>/dev/null | jq -r .status; rt list --root /; rt list --log "$PWD/none/log"'
same '--log behind the command' 'rt state nosuch --log log --log-format json; jq -r .msg log'
same -C running 'kill: signals that begin with a dash' 'for signal in -0 -9 -1 -99 -KILL -s; do rt kill "$ID" $signal; echo "$signal $?"; done; rt state "$ID" | jq -r .status'
same -C running 'kill: --all behind the id' 'rt kill "$ID" --all KILL | sed -n 1p; rt kill "$ID" --all'
same 'exec of a program behind options that are its own' 'rt exec nosuch --root x --log y; ls y'
