// embed is a program of somebody else that has containers by the library: it creates one from a
// configuration in memory, starts it, executes a process in it, changes its limits and deletes it.
//
//	embed STATE-DIRECTORY ROOT-FILE-SYSTEM
package main

import (
	"fmt"
	"os"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/libcontainer"
	"rung/libcontainer/bundle"
	"rung/nsenter"
)

func main() {
	libcontainer.UseHands(nsenter.Image())
	if err := lifecycle(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "embed:", err)
		os.Exit(1)
	}
}

func lifecycle(state, rootfs string) error {
	plain := os.Geteuid() != 0
	spec := bundle.Default(plain)
	spec.Root = &specs.Root{Path: rootfs, Readonly: true}
	spec.Process.Terminal = false
	spec.Process.Args = []string{"sleep", "1000"}
	b, err := bundle.FromSpec("/", spec)
	if err != nil {
		return err
	}
	stdio := [3]*os.File{os.Stdin, os.Stdout, os.Stderr}
	r := &libcontainer.Runtime{Root: state, Rootless: plain}
	c, err := r.Create("embedded", b, libcontainer.CreateOptions{Await: true, Stdio: stdio})
	if err != nil {
		return err
	}
	defer c.Close()
	defer c.Delete(true) // also where a step fails
	if err := c.Start(); err != nil {
		return err
	}
	if err := tellStatus(c); err != nil {
		return err
	}
	process := *spec.Process
	process.Args = []string{"echo", "hello from", "exec"}
	pid, err := c.Exec(&process, libcontainer.ExecOptions{Stdio: stdio})
	if err != nil {
		return err
	}
	if _, err := syscall.Wait4(pid, nil, 0, nil); err != nil {
		return err
	}
	limit := int64(100)
	if err := c.Update(&specs.LinuxResources{Pids: &specs.LinuxPids{Limit: &limit}}); err != nil && !plain {
		return err
	}
	if err := c.Kill(syscall.SIGKILL); err != nil {
		return err
	}
	end, err := c.Wait()
	if err != nil {
		return err
	}
	fmt.Println("ended by", end.Signal())
	if err := nothingMapped(); err != nil {
		return err
	}
	return tellStatus(c)
}

func tellStatus(c *libcontainer.Container) error {
	status, err := c.Status()
	fmt.Println(c.ID(), "is", status)
	return err
}
