# shellcheck shell=bash disable=SC2016 # rows have backquotes
# Where runc and rung differ on purpose: differ WHAT ROW CASE..., with ROW as it stands in docs/coming-from-runc.md.
# "before VERSION" is for what runc itself has changed since the version of Debian 12, 1.1.5; Debian 13 has 1.1.15.

differ 'status shape class' 'an `ociVersion` that is missing, is no version, or is not 1.x' \
	'run: an unknown version' 'run: no version' 'run: a version that is none'
differ 'status class' 'a resource limit that is given twice' 'run: an rlimit twice'
differ 'status class' 'id mappings without a user namespace' 'run: maps without a user namespace'
differ 'class' 'hooks with a path that is not absolute' 'run: a hook of a relative path'
differ 'status class' '`exec --preserve-fds` and `run --preserve-fds` of descriptors that are not open' \
	'exec: --preserve-fds that are not open' 'run: --preserve-fds that are not open'
differ 'status shape class' 'a negative number of `--preserve-fds`' 'usage: a number of descriptors that is negative'
differ 'status shape class' '`exec ID -- PROGRAM`' 'exec: -- behind the id'
differ 'status' '`events` ends when the container'"'"'s process has ended' 'output: events'

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
