package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/libcontainer"
	"rung/libcontainer/bundle"
	"rung/libcontainer/launch"
)

// sleeper is a configuration whose process sleeps.
func sleeper(rootfs string) *specs.Spec {
	spec := bundle.Default(os.Geteuid() != 0)
	spec.Root = &specs.Root{Path: rootfs, Readonly: true}
	spec.Process.Terminal = false
	spec.Process.Args = []string{"sleep", "1000"}
	return spec
}

// life is all that happens to one container of many.
func life(ctx context.Context, r *libcontainer.Runtime, id, rootfs string, stdio [3]*os.File) (err error) {
	spec := sleeper(rootfs)
	c, err := r.Create(ctx, id, &bundle.Bundle{Dir: "/", Spec: spec}, libcontainer.CreateOptions{Await: true, Stdio: stdio})
	if err != nil {
		return fmt.Errorf("create: %w", err)
	}
	defer c.Close()
	defer func() { err = errors.Join(err, c.Delete(ctx, true)) }()
	if err := c.Start(ctx); err != nil {
		return fmt.Errorf("start: %w", err)
	}
	second := *spec.Process
	second.Args = []string{"true"}
	process, err := c.Exec(ctx, &second, libcontainer.ExecOptions{Stdio: stdio})
	if err != nil {
		return fmt.Errorf("exec: %w", err)
	}
	defer process.Close()
	if end, err := process.Wait(ctx); err != nil || end.ExitStatus() != 0 {
		return unexpected("wait for exec", end, err)
	}
	if err := c.Kill(syscall.SIGKILL); err != nil {
		return fmt.Errorf("kill: %w", err)
	}
	_, err = c.Wait(ctx)
	return err
}

// many makes twenty containers at the same time by one Runtime.
func many(ctx context.Context, r *libcontainer.Runtime, rootfs string, stdio [3]*os.File) error {
	errs := make([]error, 20)
	var done sync.WaitGroup
	for i := range errs {
		done.Add(1)
		go func() {
			defer done.Done()
			errs[i] = life(ctx, r, fmt.Sprintf("checked-%d", i), rootfs, stdio)
		}()
	}
	done.Wait()
	return errors.Join(errs...)
}

// two uses two Runtimes at the same time, with different stages: they do not know of each other.
func two(ctx context.Context, first *libcontainer.Runtime, rootfs string, stdio [3]*os.File) error {
	second := &libcontainer.Runtime{Root: filepath.Join(first.Root, "second"), Rootless: first.Rootless, Stage: &launch.Launcher{}}
	errs := make([]error, 2)
	var done sync.WaitGroup
	for i, r := range []*libcontainer.Runtime{first, second} {
		done.Add(1)
		go func() {
			defer done.Done()
			errs[i] = life(ctx, r, fmt.Sprintf("checked-two-%d", i), rootfs, stdio)
		}()
	}
	done.Wait()
	ids, err := second.List()
	if err == nil && len(ids) != 0 {
		err = fmt.Errorf("left: %v", ids)
	}
	// What the Runtime keeps for its next container goes with the directory.
	return errors.Join(append(errs, err, os.RemoveAll(second.Root))...)
}

// promises checks what docs/library.md promises of contexts, handles, copies and errors.
func promises(ctx context.Context, r *libcontainer.Runtime, rootfs string, stdio [3]*os.File) error {
	spec := sleeper(rootfs)
	b := &bundle.Bundle{Dir: "/", Spec: spec}
	c, err := r.Create(ctx, "checked", b, libcontainer.CreateOptions{Stdio: stdio})
	if err != nil {
		return err
	}
	defer c.Close()
	err = errors.Join(
		named("copy", isCopy(c)), named("contexts", contexts(ctx, c)), named("handle", handle(ctx, c, spec.Process, stdio)),
		named("errors", errorsOf(ctx, r, b, stdio)),
	)
	err = errors.Join(err, c.Kill(syscall.SIGKILL))
	_, waited := c.Wait(ctx)
	return errors.Join(err, waited, c.Delete(ctx, false), named("hook", hookEnds(ctx, r, rootfs, stdio)))
}

// unexpected is the error of a result, which may be no error itself.
func unexpected(what string, results ...any) error {
	return errors.New(what + ": " + fmt.Sprint(results...))
}

func named(name string, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// isCopy changes what Spec returns.
func isCopy(c *libcontainer.Container) error {
	first, err := c.Spec()
	if err != nil {
		return err
	}
	first.Process.Args[0], first.Linux.Namespaces = "changed", nil
	second, err := c.Spec()
	if err == nil && (second.Process.Args[0] != "sleep" || len(second.Linux.Namespaces) == 0) {
		err = fmt.Errorf("%v", second.Process.Args)
	}
	return err
}

// contexts checks that Wait and Events return when their context ends, and leave the container alone.
func contexts(ctx context.Context, c *libcontainer.Container) error {
	for name, wait := range map[string]func(context.Context) error{
		"Wait": func(ctx context.Context) error { _, err := c.Wait(ctx); return err },
		"Events": func(ctx context.Context) error {
			return c.Events(ctx, time.Hour, func(*libcontainer.Event) error { return nil })
		},
	} {
		short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		err := wait(short)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			return unexpected(name, err)
		}
	}
	now, err := c.Status()
	if err == nil && now != libcontainer.Running {
		err = fmt.Errorf("the container is %s", now)
	}
	return err
}

// handle checks the Process of Exec.
func handle(ctx context.Context, c *libcontainer.Container, p *specs.Process, stdio [3]*os.File) error {
	process, err := c.Exec(ctx, p, libcontainer.ExecOptions{Stdio: stdio})
	if err != nil {
		return err
	}
	defer process.Close()
	pidfd, err := process.Pidfd()
	if err != nil {
		return err
	}
	info, err := os.ReadFile(fmt.Sprintf("/proc/self/fdinfo/%d", pidfd.Fd()))
	if err != nil || !slices.Contains(strings.Split(string(info), "\n"), fmt.Sprintf("Pid:\t%d", process.Pid)) {
		return unexpected("pidfd", process.Pid, string(info), err)
	}
	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	if _, err := process.Wait(short); !errors.Is(err, context.DeadlineExceeded) {
		return unexpected("wait for a process that sleeps", err)
	}
	if err := process.Signal(syscall.SIGKILL); err != nil {
		return err
	}
	if end, err := process.Wait(ctx); err != nil || end.Signal() != syscall.SIGKILL {
		return unexpected("wait", end, err)
	}
	if err := process.Signal(syscall.SIGKILL); !errors.Is(err, libcontainer.ErrNotRunning) {
		return unexpected("signal after the end", err)
	}
	return nil
}

// errorsOf checks errors that a program tells apart.
func errorsOf(ctx context.Context, r *libcontainer.Runtime, b *bundle.Bundle, stdio [3]*os.File) error {
	if _, err := r.Create(ctx, "checked", b, libcontainer.CreateOptions{Stdio: stdio}); !errors.Is(err, libcontainer.ErrExist) {
		return unexpected("a second container of that name", err)
	}
	if _, err := r.Load("nobody"); !errors.Is(err, libcontainer.ErrNotExist) {
		return unexpected("no container", err)
	}
	spec := *b.Spec
	process := *spec.Process
	process.Args, spec.Process = []string{"/etc"}, &process
	_, err := r.Create(ctx, "checked-exec", &bundle.Bundle{Dir: "/", Spec: &spec}, libcontainer.CreateOptions{Stdio: stdio})
	if err == nil {
		return errors.New("a directory was executed")
	}
	return nil
}

// hookEnds checks that the end of a context ends a hook and the Create that waits for it, and that nothing is left.
func hookEnds(ctx context.Context, r *libcontainer.Runtime, rootfs string, stdio [3]*os.File) error {
	spec := sleeper(rootfs)
	spec.Hooks = &specs.Hooks{CreateRuntime: []specs.Hook{{Path: "/bin/sleep", Args: []string{"sleep", "1000"}}}}
	short, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	_, err := r.Create(short, "checked", &bundle.Bundle{Dir: "/", Spec: spec}, libcontainer.CreateOptions{Await: true, Stdio: stdio})
	if !errors.Is(err, context.DeadlineExceeded) {
		return unexpected("create", err)
	}
	ids, err := r.List()
	if err == nil && len(ids) != 0 {
		err = fmt.Errorf("left: %v", ids)
	}
	return err
}
