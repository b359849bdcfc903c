// embed runs a container from a configuration in memory, with a second process in it: embed STATE-DIRECTORY ROOT-FILE-SYSTEM
package main

import (
	"context"
	"fmt"
	"os"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/libcontainer"
	"rung/libcontainer/bundle"
	"rung/libcontainer/launch"
	"rung/nsenter"
)

func main() {
	r := &libcontainer.Runtime{Root: os.Args[1], Rootless: os.Geteuid() != 0, Stage: &launch.Launcher{Image: nsenter.Image()}}
	if err := lifecycle(context.Background(), r, os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "embed:", err)
		os.Exit(1)
	}
}

func lifecycle(ctx context.Context, r *libcontainer.Runtime, rootfs string) error {
	spec := bundle.Default(r.Rootless)
	spec.Root = &specs.Root{Path: rootfs, Readonly: true}
	spec.Process.Terminal = false
	spec.Process.Args = []string{"sleep", "1000"}
	stdio := [3]*os.File{os.Stdin, os.Stdout, os.Stderr}
	c, err := r.Create(ctx, "embedded", &bundle.Bundle{Dir: "/", Spec: spec}, libcontainer.CreateOptions{Await: true, Stdio: stdio})
	if err != nil {
		return err // one line that names the field of the configuration
	}
	defer c.Close()
	defer c.Delete(ctx, true) // also after an error, and of a container that runs
	if err := c.Start(ctx); err != nil {
		return err
	}
	status, err := c.Status()
	if err != nil {
		return err
	}
	fmt.Println(c.ID(), "is", status)
	echo := *spec.Process
	echo.Args = []string{"echo", "hello from", "exec"}
	process, err := c.Exec(ctx, &echo, libcontainer.ExecOptions{Stdio: stdio})
	if err != nil {
		return err
	}
	if _, err := process.Wait(ctx); err != nil {
		return err
	}
	if err := c.Kill(syscall.SIGKILL); err != nil {
		return err
	}
	end, err := c.Wait(ctx)
	if err != nil {
		return err
	}
	fmt.Println("ended by", end.Signal())
	return nil
}
