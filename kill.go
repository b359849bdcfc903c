package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"syscall"

	"github.com/urfave/cli/v3"

	"rung/internal/sys"
	"rung/libcontainer"
)

func killCommand() *cli.Command {
	one := 1
	return &cli.Command{
		Name:        "kill",
		Usage:       "kill sends the specified signal (default: SIGTERM) to the container's init process",
		ArgsUsage:   "<container-id> [signal]",
		Description: `The signal is a name, with or without SIG, or a number.`,
		// What is behind the id is the signal: "-0" is number 0, and "-KILL" is no name of one.
		StopOnNthArg: &one,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "all", Aliases: []string{"a"}, Usage: "(obsoleted, do not use)", Hidden: true},
			regexFlag("signals"),
		},
		Action: func(_ context.Context, cmd *cli.Command) error {
			if err := checkArgs(cmd, 1, atLeast); err != nil {
				return err
			}
			if err := checkArgs(cmd, 2, atMost); err != nil {
				return err
			}
			sig, err := parseSignal(cmd.Args().Get(1))
			if err != nil {
				// An unknown container is the first thing to say.
				if _, errLoad := loadContainer(cmd); errLoad != nil && !cmd.Bool("regex") {
					return errLoad
				}
				return err
			}
			return onEach(cmd, func(r *libcontainer.Runtime, id string) error {
				c, err := r.Load(id)
				if err != nil {
					return err
				}
				defer c.Close() // --regex may match thousands
				err = c.Kill(sig)
				if cmd.Bool("all") && err == libcontainer.ErrNotRunning { //nolint:errorlint // one that is being created is it, too
					return nil
				}
				return err
			})
		},
	}
}

func parseSignal(text string) (syscall.Signal, error) {
	if text == "" {
		return syscall.SIGTERM, nil
	}
	if n, err := strconv.Atoi(text); err == nil {
		return syscall.Signal(n), nil
	}
	name := strings.ToUpper(text)
	if !strings.HasPrefix(name, "SIG") {
		name = "SIG" + name
	}
	if sig := sys.SignalNumber(name); sig != 0 {
		return sig, nil
	}
	if sig, ok := realTimeSignal(name); ok {
		return sig, nil
	}
	return 0, fmt.Errorf("unknown signal %q", text)
}

// realTimeSignal reads SIGRTMIN, SIGRTMIN+n, SIGRTMAX and SIGRTMAX-n. C libraries keep signals 32 and 33 for themselves,
// so SIGRTMIN is 34 (signal(7)). Engines need this: systemd stops on SIGRTMIN+3.
func realTimeSignal(name string) (syscall.Signal, bool) {
	const lowest, highest = 34, 64
	number := func(rest string, sign byte, from, step int) (syscall.Signal, bool) {
		if rest == "" {
			return syscall.Signal(from), true
		}
		n, err := strconv.ParseUint(rest[1:], 10, 8)
		if rest[0] != sign || err != nil || n > highest-lowest {
			return 0, false
		}
		return syscall.Signal(from + step*int(n)), true
	}
	if rest, ok := strings.CutPrefix(name, "SIGRTMIN"); ok {
		return number(rest, '+', lowest, 1)
	}
	if rest, ok := strings.CutPrefix(name, "SIGRTMAX"); ok {
		return number(rest, '-', highest, -1)
	}
	return 0, false
}
