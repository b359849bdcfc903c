# shellcheck shell=bash disable=SC2016 # scripts are expanded by the runtime's side
# Each command in each state of a container.

status='rt state "$ID" | jq -r .status'
for state_of in none created running paused stopped; do
	with=(-C "$state_of")
	[ "$state_of" != none ] || with=()
	same "${with[@]}" "$state_of: create" 'rt create "$ID"'
	same "${with[@]}" "$state_of: run -d" 'rt run -d "$ID"'
	same "${with[@]}" "$state_of: start" "rt start \"\$ID\"; echo \$?; $status"
	same "${with[@]}" -o json "$state_of: state" 'rt state "$ID"'
	same "${with[@]}" "$state_of: kill" 'rt kill "$ID"'
	same "${with[@]}" "$state_of: kill KILL" 'rt kill "$ID" KILL'
	same "${with[@]}" "$state_of: kill 0" "rt kill \"\$ID\" 0; echo \$?; $status"
	same "${with[@]}" "$state_of: kill -0" "rt kill \"\$ID\" -0; echo \$?; $status"
	same "${with[@]}" "$state_of: kill -KILL" 'rt kill "$ID" -KILL'
	same "${with[@]}" "$state_of: kill of an unknown signal" 'rt kill "$ID" NOSUCH'
	same "${with[@]}" "$state_of: kill --all" 'rt kill --all "$ID" KILL'
	same "${with[@]}" "$state_of: delete" 'rt delete "$ID"; echo $?; rt list -q | grep -cx "$ID"; true'
	same "${with[@]}" "$state_of: delete --force" 'rt delete --force "$ID"; echo $?; rt list -q | grep -cx "$ID"; true'
	same "${with[@]}" "$state_of: delete behind the id" 'rt delete "$ID" -f; echo $?; rt list -q | grep -cx "$ID"; true'
	same "${with[@]}" "$state_of: exec" '[ "$(rt state "$ID" | jq -r .status)" = paused ] || rt exec "$ID" echo hello'
	same "${with[@]}" "$state_of: exec -d in a paused one" '[ "$(rt state "$ID" | jq -r .status)" != paused ] || rt exec -d "$ID" true'
	same "${with[@]}" "$state_of: pause" "rt pause \"\$ID\"; echo \$?; $status"
	same "${with[@]}" "$state_of: resume" "rt resume \"\$ID\"; echo \$?; $status"
	same "${with[@]}" -o numbers "$state_of: ps" 'rt ps "$ID" | wc -l'
	same "${with[@]}" -o numbers "$state_of: ps -f json" 'rt ps -f json "$ID"'
	same "${with[@]}" -o json "$state_of: events --stats" 'rt events --stats "$ID" | jq "{type, id}"'
	same "${with[@]}" "$state_of: update" 'rt update --pids-limit 50 "$ID"'
done
for id in h help; do
	same "a container called $id" "rt run -d $id; rt state $id | jq -r .status; rt exec $id echo inside; rt kill $id KILL; rt delete -f $id; rt state $id"
done
