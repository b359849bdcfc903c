// Command dockerapi does over the HTTP API of dockerd (version 1.41) what management pages such as Portainer do: it makes a
// container, lists it, reads statistics and logs as streams, runs programs in it, with a terminal too, copies files, and follows
// the events. It prints what does not differ from run to run.
//
//	dockerapi [IMAGE]        default: busybox
package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

const script = `echo out; echo err >&2; trap "exit 4" TERM; while :; do sleep 0.1; echo line; done`

func main() {
	image := "busybox"
	if len(os.Args) > 1 {
		image = os.Args[1]
	}
	d := dial("/run/docker.sock")
	d.post("/containers/create?name=page", map[string]any{
		"Image": image, "Cmd": []string{"sh", "-c", script}, "Labels": map[string]string{"page": "yes"},
		"HostConfig": map[string]any{"Memory": 64 << 20, "PidsLimit": 50, "NanoCpus": 500_000_000},
	}, nil)
	since := time.Now().Unix() - 1
	d.post("/containers/page/start", nil, nil)
	lists(d)
	statistics(d)
	logs(d)
	execs(d)
	terminal(d)
	files(d)
	lifecycle(d)
	d.do("DELETE", "/containers/page?force=1&v=1", nil, nil)
	events(d, since)
}

// lists prints what the tables of containers and processes, and the page of the daemon, have.
func lists(d *daemon) {
	var containers []struct {
		Names           []string
		State           string
		HostConfig      struct{ NetworkMode string }
		NetworkSettings struct {
			Networks map[string]struct{ IPAddress string }
		}
	}
	d.get("/containers/json?all=1&filters="+filter("label", "page=yes"), &containers)
	for _, c := range containers {
		fmt.Println("list:", c.Names, c.State, c.HostConfig.NetworkMode, c.NetworkSettings.Networks["bridge"].IPAddress != "")
	}
	var info struct {
		DefaultRuntime    string
		ContainersRunning int
	}
	d.get("/info", &info)
	fmt.Println("info:", info.DefaultRuntime, info.ContainersRunning)
	var top struct{ Titles, Processes any }
	d.get("/containers/page/top?ps_args=-o+pid,args", &top)
	fmt.Println("top:", top.Titles, top.Processes != nil)
	var inspected struct {
		State      struct{ Running, OOMKilled bool }
		HostConfig struct {
			Runtime string
			Memory  int64
		}
	}
	d.get("/containers/page/json", &inspected)
	fmt.Println("inspect:", inspected)
}

type stats struct {
	Name   string
	Memory struct{ Usage, Limit uint64 }   `json:"memory_stats"`
	Pids   struct{ Current, Limit uint64 } `json:"pids_stats"`
	CPU    struct {
		Usage struct {
			Total uint64 `json:"total_usage"`
		} `json:"cpu_usage"`
		System uint64 `json:"system_cpu_usage"`
	} `json:"cpu_stats"`
	Networks map[string]struct {
		Received uint64 `json:"rx_bytes"`
	}
}

// statistics reads two values of the stream, as graphs do, and one without a stream.
func statistics(d *daemon) {
	var s [2]stats
	stream := d.stream("/containers/page/stats?stream=1")
	for i := range s {
		decode(stream, &s[i])
	}
	must(stream.Close())
	_, hasNetwork := s[1].Networks["eth0"]
	fmt.Println("stats:", s[1].Name, s[1].Memory.Limit, s[1].Memory.Usage > 0, s[1].Pids.Limit, s[1].Pids.Current > 0, hasNetwork)
	fmt.Println("processor time grows:", s[1].CPU.Usage.Total > s[0].CPU.Usage.Total, s[1].CPU.System > s[0].CPU.System)
	var once stats
	d.get("/containers/page/stats?stream=0&one-shot=1", &once)
	fmt.Println("one-shot:", once.Memory.Limit)
}

// logs prints the first lines of both streams, and then a line that comes while the log is followed.
func logs(d *daemon) {
	out, err := demultiplex(d.stream("/containers/page/logs?stdout=1&stderr=1"))
	fmt.Println("logs:", firstLine(out), "and", firstLine(err))
	follow := d.stream("/containers/page/logs?stdout=1&follow=1&tail=0")
	_, text := frame(follow)
	must(follow.Close())
	fmt.Println("followed:", len(text) > 1)
}

func execs(d *daemon) {
	for _, command := range []string{"echo inside; echo wrong >&2; exit 9", "id -u; pwd"} {
		id := d.exec(map[string]any{
			"Cmd": []string{"sh", "-c", command}, "AttachStdout": true, "AttachStderr": true, "WorkingDir": "/tmp", "User": "1000",
		})
		out, err := demultiplex(d.start(id, false))
		fmt.Printf("exec: %q %q %d\n", out, err, d.exitCode(id))
	}
	id := d.exec(map[string]any{"Cmd": []string{"no-such"}, "AttachStdout": true})
	out, _ := demultiplex(d.start(id, false))
	fmt.Printf("exec of no program: %v %d\n", len(out) > 0, d.exitCode(id))
}

// terminal types into a shell in a terminal and changes its size, as a console in a page does.
func terminal(d *daemon) {
	id := d.exec(map[string]any{"Cmd": []string{"sh"}, "AttachStdin": true, "AttachStdout": true, "Tty": true})
	console := d.start(id, true)
	defer console.Close() //nolint:errcheck // the exec has ended
	expect(console, "/ #")
	d.post("/exec/"+id+"/resize?h=33&w=111", nil, nil)
	write(console, "stty size; test -t 0 && echo a terminal\n")
	fmt.Println("terminal:", strings.Contains(expect(console, "\na terminal"), "33 111"))
	write(console, "exit 5\n")
	_, err := io.Copy(io.Discard, console)
	must(err)
	fmt.Println("terminal ended:", d.exitCode(id))
}

// lifecycle presses every button of the page.
func lifecycle(d *daemon) {
	for _, verb := range []string{"pause", "unpause", "restart?t=5", "stop?t=5", "start", "kill?signal=KILL"} {
		status := d.do("POST", "/containers/page/"+verb, nil, nil)
		if verb == "kill?signal=KILL" {
			d.do("POST", "/containers/page/wait", nil, nil)
		}
		var c struct {
			State struct {
				Status   string
				ExitCode int
			}
		}
		d.get("/containers/page/json", &c)
		fmt.Println(verb, status, c.State.Status, c.State.ExitCode)
	}
	var said struct{ Message string }
	fmt.Println("kill again:", d.do("POST", "/containers/page/kill", nil, &said), said.Message != "")
}

// events prints what the container's events were. dockerd sends those between two times.
func events(d *daemon, since int64) {
	stream := d.stream(fmt.Sprintf("/events?since=%d&until=%d&filters=%s", since, time.Now().Unix()+1, filter("container", "page")))
	defer stream.Close() //nolint:errcheck // it was read
	count := map[string]int{}
	for {
		var e struct{ Type, Action string }
		if !decodeNext(stream, &e) {
			break
		}
		if e.Type == "container" {
			count[firstWord(e.Action)]++
		}
	}
	fmt.Println("events:", count)
}
