//go:build docgen

package main

import "rung/tools/docgen"

// examples are the command lines of the man pages. tests/integration/docs.bats runs them in the order of the life of a container; web is a
// bundle whose process runs until it is ended.
var examples = map[string][]docgen.Example{
	"spec": {
		{"Write a config.json for root into the current directory:", "rung spec"},
		{"Write one for a user without privilege into the bundle web:", "rung spec --rootless --bundle web"},
	},
	"check":   {{"Ask whether the bundle web would start on this host, and what to change if not:", "rung check --bundle web"}},
	"explain": {{"Print what a container of the bundle web sees, may do and may use:", "rung explain --summary --bundle web"}},
	"create":  {{"Make the container web of the bundle web, and write the PID of its waiting process to a file:", "rung create --bundle web --pid-file web.pid web"}},
	"start":   {{"Let the process of the created container run:", "rung start web"}},
	"state":   {{"Print the state of a container as JSON:", "rung state web"}},
	"list":    {{"Print the ids of all containers:", "rung list --quiet"}},
	"ps":      {{"Print the processes of a container, with the columns of ps -ef:", "rung ps web"}},
	"exec": {
		{"Run a program in a container:", "rung exec web hostname"},
		{"Run a shell in a container as user 1000 and group 100, in another directory:", "rung exec --user 1000:100 --cwd /tmp web sh -c 'id; pwd'"},
	},
	"events": {{"Print what a container uses once, as JSON:", "rung events --stats web"}},
	"update": {{"Let a container have at most 64 processes and 32 MiB of memory from now on:", "rung update --pids-limit 64 --memory 32m web"}},
	"pause":  {{"Stop all processes of a container where they are:", "rung pause web"}},
	"resume": {{"Let them go on:", "rung resume web"}},
	"checkpoint": {
		{"Write a running container to the directory images, and end it (needs CRIU):", "rung checkpoint --image-path images web"},
	},
	"restore": {{"Make the container again from these images, in the background:", "rung restore --image-path images --bundle web --detach web"}},
	"kill": {
		{"Ask the first process of a container to end:", "rung kill web TERM"},
		{"End it, if it has no handler of TERM:", "rung kill web KILL"},
	},
	"delete": {
		{"Remove a container whose process has ended:", "rung delete web"},
		{"End and remove a container, whatever it does; no error if there is none:", "rung delete --force web"},
	},
	"run":      {{"Make, start and delete a container, and end with the status of its process:", "rung run --bundle once once"}},
	"features": {{"Print what rung supports, as JSON:", "rung features"}},
}
