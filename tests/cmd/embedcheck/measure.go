package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"rung/libcontainer"
	"rung/libcontainer/bundle"
)

// measured is how many containers one process measures.
const measured = 21

// measure creates, starts and deletes containers, one after the other, and prints a line for each: the time in microseconds, of
// the first and of the others; and for the first one the memory of the process that waits for start, and the size of its program.
func measure(ctx context.Context, r *libcontainer.Runtime, rootfs string, stdio [3]*os.File) error {
	spec := sleeper(rootfs)
	for i := range measured {
		began := time.Now()
		c, err := r.Create(ctx, "checked", &bundle.Bundle{Dir: "/", Spec: spec}, libcontainer.CreateOptions{Await: true, Stdio: stdio})
		if err != nil {
			return err
		}
		created := time.Now()
		which := "next"
		if i == 0 {
			which = "first"
			err = memory(c.State().Pid)
		}
		asked := time.Now()
		err = errors.Join(err, c.Start(ctx), c.Delete(ctx, true))
		c.Close()
		if err != nil {
			return err
		}
		fmt.Println(which, (created.Sub(began) + time.Since(asked)).Microseconds())
	}
	return nil
}

// memory prints what the kernel says of the memory of a process, in KiB, and the size of its program in bytes.
func memory(pid int) error {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return err
	}
	program, err := os.Stat(fmt.Sprintf("/proc/%d/exe", pid))
	if err != nil {
		return err
	}
	fmt.Printf("program %d\n%s", program.Size(), text)
	return nil
}
