# Completion of rung for fish. Made of the commands' definitions by "make generate".

set -l commands create delete events exec explain features kill list pause ps resume run spec start state update help

function __rung_containers
    set -l words (commandline -opc)
    set -l at (contains -i -- --root $words)
    if test -n "$at"
        rung --root $words[(math $at + 1)] list -q 2>/dev/null
    else
        rung list -q 2>/dev/null
    end
end

complete -c rung -f
complete -c rung -n "not __fish_seen_subcommand_from $commands" -l debug -d 'enable debug logging'
complete -c rung -n "not __fish_seen_subcommand_from $commands" -l log -r -F -d 'set the log file to write rung logs to (default is \'/dev/stderr\')'
complete -c rung -n "not __fish_seen_subcommand_from $commands" -l log-format -x -a 'text json' -d 'set the log format (\'text\' (default), or \'json\')'
complete -c rung -n "not __fish_seen_subcommand_from $commands" -l root -x -a '(__fish_complete_directories)' -d 'root directory for storage of container state (this should be located in tmpfs)'
complete -c rung -n "not __fish_seen_subcommand_from $commands" -l systemd-cgroup -d 'enable systemd cgroup support, expects cgroupsPath to be of form "slice:prefix:name" for e.g. "system.slice:rung:434234"'
complete -c rung -n "not __fish_seen_subcommand_from $commands" -l rootless -x -a 'true false auto' -d 'ignore cgroup permission errors (\'true\', \'false\', or \'auto\')'
complete -c rung -n "not __fish_seen_subcommand_from $commands" -l trace -d 'log the time that each operation of the hands took'
complete -c rung -n "not __fish_seen_subcommand_from $commands" -l help -s h -d 'show help'
complete -c rung -n "not __fish_seen_subcommand_from $commands" -l version -s v -d 'print the version'

complete -c rung -n "not __fish_seen_subcommand_from $commands" -a create -d 'create a container'
complete -c rung -n "__fish_seen_subcommand_from create" -l bundle -s b -x -a '(__fish_complete_directories)' -d 'path to the root of the bundle directory, defaults to the current directory'
complete -c rung -n "__fish_seen_subcommand_from create" -l console-socket -r -F -d 'path to an AF_UNIX socket which will receive a file descriptor referencing the master end of the console\'s pseudoterminal'
complete -c rung -n "__fish_seen_subcommand_from create" -l pidfd-socket -r -F -d 'path to an AF_UNIX socket which will receive a file descriptor referencing the init process'
complete -c rung -n "__fish_seen_subcommand_from create" -l pid-file -r -F -d 'specify the file to write the process id to'
complete -c rung -n "__fish_seen_subcommand_from create" -l no-pivot -d 'do not use pivot root to jail process inside rootfs. This should be used whenever the rootfs is on top of a ramdisk'
complete -c rung -n "__fish_seen_subcommand_from create" -l no-new-keyring -d 'do not create a new session keyring for the container. This will cause the container to inherit the calling processes session key'
complete -c rung -n "__fish_seen_subcommand_from create" -l preserve-fds -x -d 'pass N additional file descriptors to the container (stdio + $LISTEN_FDS + N in total)'
complete -c rung -n "__fish_seen_subcommand_from create" -l help -s h -d 'show help'

complete -c rung -n "not __fish_seen_subcommand_from $commands" -a delete -d 'delete any resources held by the container often used with detached container'
complete -c rung -n "__fish_seen_subcommand_from delete" -l force -s f -d 'Forcibly deletes the container if it is still running (uses SIGKILL)'
complete -c rung -n "__fish_seen_subcommand_from delete" -l help -s h -d 'show help'
complete -c rung -n "__fish_seen_subcommand_from delete" -a '(__rung_containers)'

complete -c rung -n "not __fish_seen_subcommand_from $commands" -a events -d 'display container events such as OOM notifications, cpu, memory, and IO usage statistics'
complete -c rung -n "__fish_seen_subcommand_from events" -l interval -x -d 'set the stats collection interval'
complete -c rung -n "__fish_seen_subcommand_from events" -l stats -d 'display the container\'s stats then exit'
complete -c rung -n "__fish_seen_subcommand_from events" -l help -s h -d 'show help'
complete -c rung -n "__fish_seen_subcommand_from events" -a '(__rung_containers)'

complete -c rung -n "not __fish_seen_subcommand_from $commands" -a exec -d 'execute new process inside the container'
complete -c rung -n "__fish_seen_subcommand_from exec" -l console-socket -r -F -d 'path to an AF_UNIX socket which will receive a file descriptor referencing the master end of the console\'s pseudoterminal'
complete -c rung -n "__fish_seen_subcommand_from exec" -l pidfd-socket -r -F -d 'path to an AF_UNIX socket which will receive a file descriptor referencing the exec process'
complete -c rung -n "__fish_seen_subcommand_from exec" -l cwd -x -d 'current working directory in the container'
complete -c rung -n "__fish_seen_subcommand_from exec" -l env -s e -x -d 'set environment variables'
complete -c rung -n "__fish_seen_subcommand_from exec" -l tty -s t -d 'allocate a pseudo-TTY'
complete -c rung -n "__fish_seen_subcommand_from exec" -l user -s u -x -d 'UID (format: <uid>[:<gid>])'
complete -c rung -n "__fish_seen_subcommand_from exec" -l additional-gids -s g -x -d 'additional gids'
complete -c rung -n "__fish_seen_subcommand_from exec" -l process -s p -r -F -d 'path to the process.json'
complete -c rung -n "__fish_seen_subcommand_from exec" -l detach -s d -d 'detach from the container\'s process'
complete -c rung -n "__fish_seen_subcommand_from exec" -l pid-file -r -F -d 'specify the file to write the process id to'
complete -c rung -n "__fish_seen_subcommand_from exec" -l process-label -x -d 'set the asm process label for the process commonly used with selinux'
complete -c rung -n "__fish_seen_subcommand_from exec" -l apparmor -x -d 'set the apparmor profile for the process'
complete -c rung -n "__fish_seen_subcommand_from exec" -l no-new-privs -d 'set the no new privileges value for the process'
complete -c rung -n "__fish_seen_subcommand_from exec" -l cap -s c -x -d 'add a capability to the bounding set for the process'
complete -c rung -n "__fish_seen_subcommand_from exec" -l preserve-fds -x -d 'pass N additional file descriptors to the container (stdio + $LISTEN_FDS + N in total)'
complete -c rung -n "__fish_seen_subcommand_from exec" -l cgroup -x -d 'run the process in an (existing) sub-cgroup(s). Format is [<controller>:]<cgroup>'
complete -c rung -n "__fish_seen_subcommand_from exec" -l ignore-paused -d 'allow exec in a paused container'
complete -c rung -n "__fish_seen_subcommand_from exec" -l help -s h -d 'show help'
complete -c rung -n "__fish_seen_subcommand_from exec" -a '(__rung_containers)'

complete -c rung -n "not __fish_seen_subcommand_from $commands" -a explain -d 'print what create would do with a bundle, without doing it'
complete -c rung -n "__fish_seen_subcommand_from explain" -l bundle -s b -x -a '(__fish_complete_directories)' -d 'path to the root of the bundle directory, defaults to the current directory'
complete -c rung -n "__fish_seen_subcommand_from explain" -l format -s f -x -a 'text json' -d 'select one of: text or json'
complete -c rung -n "__fish_seen_subcommand_from explain" -l run -d 'explain run instead of create'
complete -c rung -n "__fish_seen_subcommand_from explain" -l no-pivot -d 'as of create'
complete -c rung -n "__fish_seen_subcommand_from explain" -l no-new-keyring -d 'as of create'
complete -c rung -n "__fish_seen_subcommand_from explain" -l help -s h -d 'show help'

complete -c rung -n "not __fish_seen_subcommand_from $commands" -a features -d 'show the enabled features'
complete -c rung -n "__fish_seen_subcommand_from features" -l help -s h -d 'show help'

complete -c rung -n "not __fish_seen_subcommand_from $commands" -a kill -d 'kill sends the specified signal (default: SIGTERM) to the container\'s init process'
complete -c rung -n "__fish_seen_subcommand_from kill" -l help -s h -d 'show help'
complete -c rung -n "__fish_seen_subcommand_from kill" -a '(__rung_containers)'
complete -c rung -n "__fish_seen_subcommand_from kill" -a 'TERM KILL HUP INT QUIT USR1 USR2 STOP CONT'

complete -c rung -n "not __fish_seen_subcommand_from $commands" -a list -d 'lists containers started by rung with the given root'
complete -c rung -n "__fish_seen_subcommand_from list" -l format -s f -x -a 'table json' -d 'select one of: table or json'
complete -c rung -n "__fish_seen_subcommand_from list" -l quiet -s q -d 'display only container IDs'
complete -c rung -n "__fish_seen_subcommand_from list" -l help -s h -d 'show help'

complete -c rung -n "not __fish_seen_subcommand_from $commands" -a pause -d 'pause suspends all processes inside the container'
complete -c rung -n "__fish_seen_subcommand_from pause" -l help -s h -d 'show help'
complete -c rung -n "__fish_seen_subcommand_from pause" -a '(__rung_containers)'

complete -c rung -n "not __fish_seen_subcommand_from $commands" -a ps -d 'ps displays the processes running inside a container'
complete -c rung -n "__fish_seen_subcommand_from ps" -l format -s f -x -a 'table json' -d 'select one of: table or json'
complete -c rung -n "__fish_seen_subcommand_from ps" -l help -s h -d 'show help'
complete -c rung -n "__fish_seen_subcommand_from ps" -a '(__rung_containers)'

complete -c rung -n "not __fish_seen_subcommand_from $commands" -a resume -d 'resumes all processes that have been previously paused'
complete -c rung -n "__fish_seen_subcommand_from resume" -l help -s h -d 'show help'
complete -c rung -n "__fish_seen_subcommand_from resume" -a '(__rung_containers)'

complete -c rung -n "not __fish_seen_subcommand_from $commands" -a run -d 'create and run a container'
complete -c rung -n "__fish_seen_subcommand_from run" -l bundle -s b -x -a '(__fish_complete_directories)' -d 'path to the root of the bundle directory, defaults to the current directory'
complete -c rung -n "__fish_seen_subcommand_from run" -l console-socket -r -F -d 'path to an AF_UNIX socket which will receive a file descriptor referencing the master end of the console\'s pseudoterminal'
complete -c rung -n "__fish_seen_subcommand_from run" -l pidfd-socket -r -F -d 'path to an AF_UNIX socket which will receive a file descriptor referencing the init process'
complete -c rung -n "__fish_seen_subcommand_from run" -l pid-file -r -F -d 'specify the file to write the process id to'
complete -c rung -n "__fish_seen_subcommand_from run" -l no-pivot -d 'do not use pivot root to jail process inside rootfs. This should be used whenever the rootfs is on top of a ramdisk'
complete -c rung -n "__fish_seen_subcommand_from run" -l no-new-keyring -d 'do not create a new session keyring for the container. This will cause the container to inherit the calling processes session key'
complete -c rung -n "__fish_seen_subcommand_from run" -l preserve-fds -x -d 'pass N additional file descriptors to the container (stdio + $LISTEN_FDS + N in total)'
complete -c rung -n "__fish_seen_subcommand_from run" -l detach -s d -d 'detach from the container\'s process'
complete -c rung -n "__fish_seen_subcommand_from run" -l keep -d 'do not delete the container after it exits'
complete -c rung -n "__fish_seen_subcommand_from run" -l no-subreaper -d 'disable the use of the subreaper used to reap reparented processes'
complete -c rung -n "__fish_seen_subcommand_from run" -l help -s h -d 'show help'

complete -c rung -n "not __fish_seen_subcommand_from $commands" -a spec -d 'create a new specification file'
complete -c rung -n "__fish_seen_subcommand_from spec" -l bundle -s b -x -a '(__fish_complete_directories)' -d 'path to the root of the bundle directory'
complete -c rung -n "__fish_seen_subcommand_from spec" -l rootless -d 'generate a configuration for a rootless container'
complete -c rung -n "__fish_seen_subcommand_from spec" -l help -s h -d 'show help'

complete -c rung -n "not __fish_seen_subcommand_from $commands" -a start -d 'executes the user defined process in a created container'
complete -c rung -n "__fish_seen_subcommand_from start" -l help -s h -d 'show help'
complete -c rung -n "__fish_seen_subcommand_from start" -a '(__rung_containers)'

complete -c rung -n "not __fish_seen_subcommand_from $commands" -a state -d 'output the state of a container'
complete -c rung -n "__fish_seen_subcommand_from state" -l help -s h -d 'show help'
complete -c rung -n "__fish_seen_subcommand_from state" -a '(__rung_containers)'

complete -c rung -n "not __fish_seen_subcommand_from $commands" -a update -d 'update container resource constraints'
complete -c rung -n "__fish_seen_subcommand_from update" -l resources -s r -r -F -d 'path to the file containing the resources to update or \'-\' to read from the standard input'
complete -c rung -n "__fish_seen_subcommand_from update" -l blkio-weight -x -d 'Specifies per cgroup weight, range is from 10 to 1000'
complete -c rung -n "__fish_seen_subcommand_from update" -l pids-limit -x -d 'Maximum number of pids allowed in the container'
complete -c rung -n "__fish_seen_subcommand_from update" -l cpu-period -x -d 'CPU CFS period to be used for hardcapping (in usecs). 0 to use system default'
complete -c rung -n "__fish_seen_subcommand_from update" -l cpu-quota -x -d 'CPU CFS hardcap limit (in usecs). Allowed cpu time in a given period'
complete -c rung -n "__fish_seen_subcommand_from update" -l cpu-burst -x -d 'CPU CFS hardcap burst limit (in usecs). Allowed accumulated cpu time additionally for burst a given period'
complete -c rung -n "__fish_seen_subcommand_from update" -l cpu-share -x -d 'CPU shares (relative weight vs. other containers)'
complete -c rung -n "__fish_seen_subcommand_from update" -l cpu-rt-period -x -d 'CPU realtime period to be used for hardcapping (in usecs). 0 to use system default'
complete -c rung -n "__fish_seen_subcommand_from update" -l cpu-rt-runtime -x -d 'CPU realtime hardcap limit (in usecs). Allowed cpu time in a given period'
complete -c rung -n "__fish_seen_subcommand_from update" -l cpuset-cpus -x -d 'CPU(s) to use'
complete -c rung -n "__fish_seen_subcommand_from update" -l cpuset-mems -x -d 'Memory node(s) to use'
complete -c rung -n "__fish_seen_subcommand_from update" -l memory -x -d 'Memory limit (in bytes)'
complete -c rung -n "__fish_seen_subcommand_from update" -l cpu-idle -x -d 'set cgroup SCHED_IDLE or not, 0: default behavior, 1: SCHED_IDLE'
complete -c rung -n "__fish_seen_subcommand_from update" -l memory-reservation -x -d 'Memory reservation or soft_limit (in bytes)'
complete -c rung -n "__fish_seen_subcommand_from update" -l memory-swap -x -d 'Total memory usage (memory + swap); set \'-1\' to enable unlimited swap'
complete -c rung -n "__fish_seen_subcommand_from update" -l l3-cache-schema -x -d 'The string of Intel RDT/CAT L3 cache schema'
complete -c rung -n "__fish_seen_subcommand_from update" -l mem-bw-schema -x -d 'The string of Intel RDT/MBA memory bandwidth schema'
complete -c rung -n "__fish_seen_subcommand_from update" -l help -s h -d 'show help'
complete -c rung -n "__fish_seen_subcommand_from update" -a '(__rung_containers)'

complete -c rung -n "not __fish_seen_subcommand_from $commands" -a help -d 'show help of a command'
complete -c rung -n "__fish_seen_subcommand_from help" -a "$commands"
