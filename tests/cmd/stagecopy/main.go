// Command stagecopy makes of a program that uses the library the copy that serves as its stage, and has it execute a plan. It
// proves that the copy needs no loader and no relocations, also where there is no kernel for containers: the emulator may be
// qemu-user.
//
//	stagecopy PROGRAM [EMULATOR [ARGUMENT...]]      PROGRAM and stagecopy are of the same commit and architecture
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"rung/internal/sys"
	"rung/libcontainer/launch"
	"rung/libcontainer/plan"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: stagecopy PROGRAM [EMULATOR [ARGUMENT...]]")
		os.Exit(2)
	}
	if err := try(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "stagecopy:", err)
		os.Exit(1)
	}
}

func try(program string, emulator []string) error {
	dir, err := os.MkdirTemp("", "stagecopy")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	whole, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	stage, err := launch.StageOf(whole)
	if err != nil {
		return err
	}
	copied := dir + "/stage"
	if err := os.WriteFile(copied, stage, 0o700); err != nil {
		return err
	}
	if err := alone(append(emulator, copied)); err != nil {
		return err
	}
	return executes(append(emulator, copied), dir)
}

// alone checks that without a plan the copy ends at once.
func alone(command []string) error {
	err := exec.Command(command[0], command[1:]...).Run()
	var ended *exec.ExitError
	if !errors.As(err, &ended) || ended.ExitCode() != 127 {
		return fmt.Errorf("without a plan it ended with %s, and not with exit status 127", fmt.Sprint(err))
	}
	return nil
}

// executes checks that the copy executes the plan that it is spawned for: an op, and another that fails.
func executes(command []string, dir string) error {
	b := plan.NewBuilder()
	b.Number(plan.Umask, 0o27)
	b.Exec(dir+"/absent", []string{"absent"}, nil)
	data, err := b.Plan(true).Marshal()
	if err != nil {
		return err
	}
	memory, err := sys.SealedMemfd("plan", data)
	if err != nil {
		return err
	}
	page, err := sys.Memfd("progress")
	if err != nil {
		return err
	}
	progress, err := launch.ProgressIn(page, false)
	if err != nil {
		return err
	}
	ours, theirs, err := sys.PacketPair()
	if err != nil {
		return err
	}
	defer ours.Close()
	c := exec.Command(command[0], append(command[1:], "init", "3")...)
	c.ExtraFiles = []*os.File{theirs, page, memory}
	said := c.Run()
	if !progress.Begun() || progress.Op() != 1 || progress.Errno() != syscall.ENOENT {
		return fmt.Errorf("the plan: begun %v, op %d, errno %d; the process: %s", progress.Begun(), progress.Op(), int(progress.Errno()), fmt.Sprint(said))
	}
	return nil
}
