# shellcheck shell=bash disable=SC2016,SC2154 # rows have backquotes; compare.sh sets the variables
# The intended differences between runc and rung: differ WHAT ROW CASE..., with ROW as in docs/coming-from-runc.md. "before VERSION"
# is for changes of runc itself since version 1.1.5 of Debian 12; Debian 13 has 1.1.15. "since VERSION" is the opposite.

differ 'status shape class' 'an `ociVersion` that is missing, is no version, or is not 1.x' \
	'run: an unknown version' 'run: no version' 'run: a version that is none'
differ 'status class' 'a resource limit that is given twice' 'run: an rlimit twice'
differ 'status class' 'id mappings without a user namespace' 'run: maps without a user namespace'
differ 'class' 'hooks with a path that is not absolute' 'run: a hook of a relative path'
differ 'status shape class' 'a negative number of `--preserve-fds`' 'usage: a number of descriptors that is negative'
differ 'status' '`events` ends when the container'"'"'s process has ended' 'output: events'
differ 'class' '`--rootless` with a value that is no truth' 'usage: --rootless of nothing known, list'
since 1.6 differ 'status shape class' 'a container called `help` or `h`' 'lifecycle: a container called h' 'lifecycle: a container called help'
since 1.6 differ 'status shape class' '`--log` has what is wrong with the options too' 'usage: --log: an option that does not exist'
since 1.6 differ 'shape' 'a wrong number of arguments is followed by the help' 'usage: a number of arguments that is wrong'
for command in "${commands[@]}"; do
	since 1.6 differ 'status class' 'the help of a command with an id behind it' "usage: $command --help of an id"
done

before 1.1.15 differ 'class' 'the words of some errors' 'exec: a directory' 'exec: --env without a value' \
	'run: a directory as program'
before 1.1.15 differ 'status class' 'a mount over a directory of /proc, and an unknown personality' 'run: a mount over proc'
before 1.2 differ 'class' 'the words of some errors' 'exec: no program' 'exec: --user of no number' \
	'exec: --user with a group of no number' 'exec: --cgroup that leaves the container' 'run: a namespace of another kind'
before 1.2 differ 'status class' '`exec --cgroup` with an empty controller, or with one twice' \
	'exec: --cgroup without a controller' 'exec: --cgroup twice the same controller'
before 1.2 differ 'status shape class' '`exec --pidfd-socket`' 'exec: --pidfd-socket that nobody has'
before 1.2 differ 'shape class' '`update --cpu-burst` and `--cpu-idle`' 'output: update --cpu-burst of nothing known' \
	'output: update --cpu-idle of nothing known'
before 1.2 differ 'shape' 'members of `features`, and capabilities of `spec`' 'output: features' 'output: spec' \
	'output: spec --rootless' 'output: spec: the file as it is'
before 1.2 differ 'status class' 'a config.json of `null` is an error, not a crash' 'run: config.json: null'
before 1.2 differ 'shape' 'no global option `--criu`, and no `kill --all` in the help' 'usage: nothing' 'usage: help' 'usage: h' 'usage: --help' \
	'usage: -h' 'usage: help after a global option' 'usage: kill --help' 'usage: kill --help of an id'
before 1.2 differ 'status shape class' 'a `--root` that is "/", or does not exist' 'usage: --root of the file system' \
	'usage: --root that does not exist'
before 1.2 differ 'status class' 'a mount over a directory of /proc, and an unknown personality' 'run: an unknown personality'
before 1.6 differ 'status shape class' '`exec ID -- PROGRAM`' 'exec: -- behind the id'
before 1.6 differ 'shape' '"Incorrect Usage: …" is on stderr' 'usage: no such global option' 'usage: a global option without its value' \
	'usage: --debug of no truth' 'usage: no truth behind =' 'usage: a number that is none' 'usage: an interval that is none' \
	'usage: an option without its value' 'usage: short options in one word' 'usage: wrong global options' \
	'output: update --pids-limit of nothing known' 'output: update --blkio-weight of nothing known' \
	'exec: --additional-gids with a comma' 'exec: --additional-gids of no number'
for command in "${commands[@]}"; do
	before 1.6 differ 'shape' '"Incorrect Usage: …" is on stderr' "usage: $command --nosuch" "usage: $command: wrong options" \
		"usage: $command: wrong global options behind it"
	[ "$(options_of "$command" | grep -cvE '^(-h|--help)$')" = 0 ] ||
		before 1.6 differ 'shape' '"Incorrect Usage: …" is on stderr' "usage: $command: wrong values of its options"
done
before 1.6 differ 'shape class' 'global options count behind the command too' 'usage: global options behind the command'
before 1.6 differ 'status shape class' 'global options count behind the command too' 'usage: --log behind the command'
before 1.6 differ 'status shape class' '`kill` takes what follows the id for a signal' 'usage: kill: --all behind the id'
