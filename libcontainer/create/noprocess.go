package create

import "github.com/opencontainers/runtime-spec/specs-go"

// nobody is what waits for start in a container whose configuration has no process: without capabilities. It never executes
// its program, because start refuses such a container (config.md, "Process"). With HOME nothing is looked up inside.
var nobody = specs.Process{Cwd: "/", Args: []string{"/"}, Env: []string{"HOME=/"}, NoNewPrivileges: true}

// withProcess is a configuration with a process that waits.
func withProcess(spec *specs.Spec) *specs.Spec {
	if spec.Process != nil {
		return spec
	}
	out, process := *spec, nobody
	out.Process = &process
	return &out
}

// programOf returns the program that the plan executes without a search for it: that of nobody.
func programOf(given *specs.Process) string {
	if given == nil {
		return nobody.Args[0]
	}
	return ""
}
