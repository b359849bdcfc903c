// Command embedcheck is another program that uses the library, and checks what docs/library.md promises.
//
//	embedcheck many STATE-DIRECTORY ROOT-FILE-SYSTEM     containers by many goroutines, contexts, handles, errors
//	embedcheck measure STATE-DIRECTORY ROOT-FILE-SYSTEM  times and memory, for bench/library.sh
//	embedcheck look STATE-DIRECTORY ROOT-FILE-SYSTEM PROGRAM [ARGUMENT...]
//
// With look a test can see each state of the container: embedcheck tells what it has done, and waits for a line of standard input.
package main

import (
	"bufio"
	"context"
	"errors"
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
	if len(os.Args) < 4 {
		fmt.Fprintln(os.Stderr, "usage: embedcheck many|measure|look STATE-DIRECTORY ROOT-FILE-SYSTEM [PROGRAM [ARGUMENT...]]")
		os.Exit(2)
	}
	if err := check(context.Background(), os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "embedcheck:", err)
		os.Exit(1)
	}
}

// check does what is asked, and after it checks that nothing of this process is left: goroutines, descriptors, memory.
func check(ctx context.Context, what, state, rootfs string) error {
	r := &libcontainer.Runtime{Root: state, Rootless: os.Geteuid() != 0, Stage: &launch.Launcher{Image: nsenter.Image()}}
	null, err := os.OpenFile("/dev/null", os.O_RDWR, 0)
	if err != nil {
		return err
	}
	_ = null.Fd() // in no poller, whose descriptors would be counted
	stdio := [3]*os.File{null, os.Stdout, os.Stderr}
	before := descriptors()
	switch what {
	case "many":
		err = errors.Join(ownRuntime(), many(ctx, r, rootfs, stdio), two(ctx, r, rootfs, stdio), promises(ctx, r, rootfs, stdio))
	case "measure":
		err = measure(ctx, r, rootfs, stdio)
	case "look":
		err = look(ctx, r, rootfs, stdio)
	default:
		err = errors.New("not many, measure or look: " + what)
	}
	if err == nil {
		err = errors.Join(nothingMapped(), sameDescriptors(before), noGoroutine())
	}
	if err == nil {
		fmt.Println("nothing is left")
	}
	return err
}

// ownRuntime checks that the Go runtime of this program started as its caller said: only rung's command sets GOMAXPROCS.
func ownRuntime() error {
	if value, set := os.LookupEnv("GOMAXPROCS"); set {
		return errors.New("GOMAXPROCS is set in the environment, to " + value)
	}
	return nil
}

func look(ctx context.Context, r *libcontainer.Runtime, rootfs string, stdio [3]*os.File) error {
	spec := sleeper(rootfs)
	spec.Process.Args = os.Args[4:]
	c, err := r.Create(ctx, "checked", &bundle.Bundle{Dir: "/", Spec: spec}, libcontainer.CreateOptions{Await: true, Stdio: stdio})
	if err != nil {
		return err
	}
	defer c.Close()
	return errors.Join(use(ctx, c, spec.Process, stdio, bufio.NewReader(os.Stdin), r.Rootless), c.Delete(ctx, true))
}

func use(ctx context.Context, c *libcontainer.Container, p *specs.Process, stdio [3]*os.File, in *bufio.Reader, plain bool) error {
	if err := tell(in, "created", c.State().Pid); err != nil {
		return err
	}
	if err := c.Start(ctx); err != nil {
		return err
	}
	second := *p
	second.Args = []string{"sleep", "1000"}
	process, err := c.Exec(ctx, &second, libcontainer.ExecOptions{Stdio: stdio})
	if err != nil {
		return err
	}
	defer process.Close()
	if err := tell(in, "executed", process.Pid); err != nil {
		return err
	}
	limit := int64(100)
	if err := c.Update(ctx, &specs.LinuxResources{Pids: &specs.LinuxPids{Limit: &limit}}); err != nil && !plain {
		return err
	}
	if err := process.Signal(syscall.SIGKILL); err != nil {
		return err
	}
	if end, err := process.Wait(ctx); err != nil || end.Signal() != syscall.SIGKILL {
		return unexpected("the second process", end, err)
	}
	if err := c.Kill(syscall.SIGKILL); err != nil {
		return err
	}
	if _, err := c.Wait(ctx); err != nil {
		return err
	}
	now, err := c.Status()
	if err == nil && now != libcontainer.Stopped {
		err = fmt.Errorf("after the end the container is %s", now)
	}
	return err
}

// tell says what was done, and waits until the test has looked at it.
func tell(in *bufio.Reader, what string, pid int) error {
	fmt.Println(what, pid)
	_, err := in.ReadString('\n')
	return err
}
