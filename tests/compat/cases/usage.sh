# shellcheck shell=bash disable=SC2016 # scripts are expanded by the runtime's side
# The command line: help, version, global options, wrong numbers of arguments and wrong options.

same -o flags 'nothing' 'rt'
same -o flags 'help' 'rt help'
same -o flags 'h' 'rt h'
same -o flags '--help' 'rt --help'
same -o flags '-h' 'rt -h'
same -o flags 'help after a global option' 'rt --debug --help'
same 'help of no command' 'rt help nosuch'
same -o numbers '--version' 'rt --version | sed "s/:.*//; s/version .*/version/"'
same -o numbers '-v' 'rt -v | sed "s/:.*//; s/version .*/version/"'
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

for command in checkpoint create delete events exec kill list pause ps restore resume run spec start state update features; do
	same -o flags "$command --help" "rt $command --help"
	same -o none "$command -h" "rt $command -h"
	same -o flags "$command --help of an id" "rt $command --help x"
	same "help $command" "rt help $command | sed -n 1p"
	same "$command --nosuch" "rt $command --nosuch x | grep -o '^Incorrect Usage: .*'"
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
