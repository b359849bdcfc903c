# shellcheck shell=bash disable=SC2016 # scripts are expanded by the runtime's side
# Output that programs read: state, list, ps, events, features, spec, update.

same -c running -o json 'state' 'rt state "$ID"'
same -c running 'state: the order of its members' 'rt state "$ID" | jq -c keys_unsorted'
same -c running 'state: its white space' 'rt state "$ID" | sed "s/: .*/:/"; rt state "$ID" | tail -c 1'
same -c running 'state: the values' 'rt state "$ID" | jq -c "[.id, .status, .bundle, .rootfs, .owner]"'
same -C running 'state: annotations' 'rt delete -f "$ID"; config ".annotations = {\"a.b\": \"c\"}"; rt create "$ID"; rt state "$ID" | jq -c .annotations'
same -c running -o numbers 'list' 'rt list | sed -n 1p'
same -c running -o numbers 'list: a line' 'rt list | grep $ID | sed -E "s/ {3,}/  /g"'
same -c running -o json 'list -f json' 'rt list -f json | jq "map(select(.id == \"$ID\"))"'
same -c running 'list -f json: on one line' 'rt list -f json | wc -l'
same -c running 'list -q' 'rt list -q | grep -x $ID'
same 'list -f of nothing known' 'rt list -f xml'
same 'list -q -f of nothing known' 'rt list -q -f xml | grep -c nosuch'
same 'list of no container' 'mkdir empty; rt --root "$PWD/empty" list'
same 'list -f json of no container' 'mkdir empty; rt --root "$PWD/empty" list -f json'
same 'list -q of no container' 'mkdir empty; rt --root "$PWD/empty" list -q'
same 'list of a broken state' 'mkdir -p "$PWD/r/x"; rt --root "$PWD/r" list -q 2>/dev/null'
same -c running -o numbers 'ps' 'rt ps "$ID" | sed -E "s/[0-9:]+//g"'
same -c running -o numbers 'ps with options' 'rt ps "$ID" -e -o pid,comm'
same -c running -o numbers 'ps aux' 'rt ps "$ID" aux | sed -n 1p'
same -c running 'ps with wrong options' 'rt ps "$ID" --nosuch >/dev/null'
same -c running 'ps without a PID' 'rt ps "$ID" -e -o comm'
same -c running -o numbers 'ps -f json' 'rt ps -f json "$ID"'
same -c running -o numbers 'ps --format table' 'rt ps --format table "$ID" | wc -l'
same -c running 'ps -f of nothing known' 'rt ps -f xml "$ID"'
# Both leave out members that are 0, and the page cache may or may not be 0.
same -c running -o json+ 'events --stats' 'rt events --stats "$ID" | jq "del(.data.blkio[]?, .data.memory.cache)"'
same -c running 'events --stats: the order of its members' 'rt events --stats "$ID" | jq -c "[keys_unsorted, (.data | keys_unsorted), (.data.cpu | del(.psi, .throttling) | keys_unsorted), (.data.memory | del(.psi, .cache) | keys_unsorted)]"'
same -c running 'events --interval 0' 'rt events --interval 0 "$ID"'
same -c running 'events --interval, negative' 'rt events --interval=-1s "$ID"'
same -C running -o json 'events' 'rt events --interval 200ms "$ID" | { sed -u 1q; rt kill "$ID" KILL; cat >/dev/null; } | jq "{type, id}"'
same -o json 'features' 'rt features | jq "{ociVersionMin, ociVersionMax, hooks, linux: (.linux | {namespaces, cgroup, seccomp: (.seccomp | {enabled, actions, operators}), apparmor, selinux})}"'
same -o none 'features: parsable' 'rt features | jq -e .'
same 'spec' 'mkdir d; (cd d && rt spec) && jq -S . d/config.json'
same 'spec --rootless' 'mkdir d; (cd d && rt spec --rootless) && jq -S . d/config.json'
same 'spec: the file as it is' 'rt spec -b . ; rm config.json; rt spec -b .; cat config.json; stat -c %a config.json'
same 'spec over one' 'rt spec'
same 'spec -b' 'mkdir d; rt spec -b d; ls d'
same 'spec -b that does not exist' 'rt spec -b none'
same 'pid file: no end of line' 'rt create --pid-file p "$ID"; tail -c 1 p | grep -c "[0-9]"'

for option in memory memory-swap memory-reservation kernel-memory cpu-period cpu-quota cpu-burst cpu-share cpu-rt-period \
	cpu-rt-runtime cpu-idle cpuset-cpus cpuset-mems pids-limit blkio-weight; do
	same -c running "update --$option of nothing known" "rt update --$option nosuch \"\$ID\" | sed -n 1p"
done
for option in cpu-quota cpu-share cpu-period pids-limit; do
	same -C running "update --$option" "rt update --$option 200000 \"\$ID\""
done
for option in memory memory-swap memory-reservation; do
	same -C running "update --$option" "rt update --$option 200000000 \"\$ID\""
done
same -C running 'update --memory with a unit' 'rt update --memory 64M "$ID"'
same -C running 'update --memory with another unit' 'rt update --memory 64mib "$ID"'
same -C running 'update --memory -1' 'rt update --memory -1 "$ID"'
same -C running 'update --pids-limit -1' 'rt update --pids-limit -1 "$ID"'
same -C running 'update --pids-limit 0' 'rt update --pids-limit 0 "$ID"'
same -C running 'update --cpuset-cpus' 'rt update --cpuset-cpus 0 "$ID"'
same -C running 'update --cpuset-cpus that the machine has not' 'rt update --cpuset-cpus 4095 "$ID"'
same -C running 'update --cpu-share that is too large' 'rt update --cpu-share 99999999999999999999 "$ID"'
same -C running 'update --cpu-quota of nothing' 'rt update --cpu-quota "" "$ID"'
same -C running 'update of nothing' 'rt update "$ID"'
same -C running 'update: memory below what is used' 'rt update --memory 1 "$ID"'
same -C running 'update -r' 'echo "{\"pids\": {\"limit\": 30}}" >r; rt update -r r "$ID"'
same -C running 'update -r -' 'echo "{\"memory\": {\"limit\": 67108864}}" | rt update -r - "$ID"'
same -C running 'update -r over the other options' 'echo "{\"pids\": {\"limit\": 30}}" >r; rt update -r r --memory nosuch "$ID"'
same -C running 'update -r that does not exist' 'rt update -r nosuch "$ID"'
same -C running 'update -r that is no JSON' 'echo "{" >r; rt update -r r "$ID"'
same -C running 'update -r that is empty' ': >r; rt update -r r "$ID"'
same -C running 'update -r: a string for a number' 'echo "{\"pids\": {\"limit\": \"30\"}}" >r; rt update -r r "$ID"'
same -c running 'update --l3-cache-schema without the hardware' '[ ! -e /sys/fs/resctrl/schemata ] || exit 1; rt update --l3-cache-schema L3:0=f "$ID"'
same -c running 'update --mem-bw-schema without the hardware' '[ ! -e /sys/fs/resctrl/schemata ] || exit 1; rt update --mem-bw-schema MB:0=50 "$ID"'
