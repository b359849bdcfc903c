package libcontainer_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/libcontainer"
	"rung/libcontainer/bundle"
)

// temporary is a directory for the state of containers and a root file system.
func temporary() (dir, rootfs string) {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	rootfs = filepath.Join(dir, "rootfs")
	if err := os.Mkdir(rootfs, 0o755); err != nil {
		panic(err)
	}
	return dir, rootfs
}

// The whole life of a container. It needs root and a program in the root file system;
// tests/cmd/embed does the same, and is run by the tests.
func Example() {
	ctx := context.Background()
	b, err := bundle.Load("/bundles/web") // a directory with config.json and a root file system
	if err != nil {
		panic(err)
	}
	r := &libcontainer.Runtime{Root: "/run/example"}
	c, err := r.Create(ctx, "web", b, libcontainer.CreateOptions{Await: true, Stdio: [3]*os.File{os.Stdin, os.Stdout, os.Stderr}})
	if err != nil {
		panic(err) // names the field of config.json
	}
	defer c.Close()
	if err := c.Start(ctx); err != nil {
		panic(err)
	}
	status, err := c.Wait(ctx)
	if err != nil {
		panic(err)
	}
	fmt.Println("ended with", status.ExitStatus())
	if err := c.Delete(ctx, false); err != nil {
		panic(err)
	}
}

// What would be done with a configuration, without doing it. No privilege is needed.
func ExampleRuntime_Explain() {
	dir, rootfs := temporary()
	defer os.RemoveAll(dir)
	spec := bundle.Default(false)
	spec.Root.Path = rootfs
	spec.Hostname = "web"
	b, err := bundle.FromSpec(dir, spec)
	if err != nil {
		panic(err)
	}
	r := &libcontainer.Runtime{Root: filepath.Join(dir, "state")}
	explained, err := r.Explain("web", b, libcontainer.CreateOptions{Await: true})
	if err != nil {
		panic(err)
	}
	for _, segment := range explained.Segments {
		for _, op := range segment {
			if op.Field == "hostname" {
				fmt.Println(op.Syscalls, "for", op.Field)
			}
		}
	}
	// Output: sethostname for hostname
}

// Errors of a configuration name the field.
func ExampleRuntime_Create_invalid() {
	dir, rootfs := temporary()
	defer os.RemoveAll(dir)
	spec := bundle.Default(false)
	spec.Root.Path = rootfs
	spec.Process.Cwd = "relative"
	_, err := bundle.FromSpec(dir, spec)
	fmt.Println(err)
	// Output: process.cwd: "relative" must be an absolute path
}

func ExampleRuntime_Load() {
	dir, _ := temporary()
	defer os.RemoveAll(dir)
	r := &libcontainer.Runtime{Root: dir}
	_, err := r.Load("nobody")
	text, _, _ := strings.Cut(err.Error(), " in "+dir) // the directory of the example has a name of its own
	fmt.Println(errors.Is(err, libcontainer.ErrNotExist), text)
	_, err = r.Load("../etc")
	fmt.Println(errors.Is(err, libcontainer.ErrInvalidID), err)
	// Output:
	// true container does not exist: nobody
	// true invalid container ID format: "../etc"
}

func ExampleRuntime_List() {
	dir, _ := temporary()
	defer os.RemoveAll(dir)
	r := &libcontainer.Runtime{Root: filepath.Join(dir, "state")}
	if err := os.MkdirAll(filepath.Join(r.Root, "web"), 0o711); err != nil { // as Create makes it
		panic(err)
	}
	ids, err := r.List()
	fmt.Println(ids, err)
	// Output: [web] <nil>
}

// Another process in a running container, such as a probe.
func ExampleContainer_Exec() {
	ctx := context.Background()
	r := &libcontainer.Runtime{Root: "/run/example"}
	c, err := r.Load("web")
	if err != nil {
		panic(err)
	}
	defer c.Close()
	spec, err := c.Spec()
	if err != nil {
		panic(err)
	}
	process := *spec.Process
	process.Args = []string{"/bin/true"}
	started, err := c.Exec(ctx, &process, libcontainer.ExecOptions{Stdio: [3]*os.File{os.Stdin, os.Stdout, os.Stderr}})
	if err != nil {
		panic(err)
	}
	status, err := started.Wait(ctx)
	if err != nil {
		panic(err)
	}
	fmt.Println("ended with", status.ExitStatus())
}

// What is left out stays as it is.
func ExampleContainer_Update() {
	r := &libcontainer.Runtime{Root: "/run/example"}
	c, err := r.Load("web")
	if err != nil {
		panic(err)
	}
	defer c.Close()
	limit := int64(256 << 20)
	if err := c.Update(context.Background(), &specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: &limit}}); err != nil {
		panic(err)
	}
}
