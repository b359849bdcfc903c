package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/urfave/cli/v3"

	"rung/internal/waits"
)

func psCommand() *cli.Command {
	one := 1
	return &cli.Command{
		Name:        "ps",
		Usage:       "ps displays the processes running inside a container",
		ArgsUsage:   "<container-id> [ps options]",
		Description: `The words behind the id are options for the host's ps. Without any, they are "-ef".`,
		// In "rung ps ID -e -x" the options belong to ps.
		StopOnNthArg: &one,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "format", Aliases: []string{"f"}, Value: "table", Usage: "select one of: table or json"},
		},
		Action: func(ctx context.Context, cmd *cli.Command) error {
			if err := checkArgs(cmd, 1, atLeast); err != nil {
				return err
			}
			c, err := loadContainer(cmd)
			if err != nil {
				return err
			}
			pids, err := c.Processes()
			if err != nil {
				return err
			}
			switch cmd.String("format") {
			case "table":
				return psTable(ctx, os.Stdout, pids, cmd.Args().Tail())
			case "json":
				return json.NewEncoder(os.Stdout).Encode(pids)
			}
			return errors.New("invalid format option (do: --format table, or --format json)")
		},
	}
}

// psTable runs the host's ps and prints the header and the lines of the given processes.
func psTable(ctx context.Context, w io.Writer, pids []int, options []string) error {
	if len(options) == 0 {
		options = []string{"-ef"}
	}
	waits.Several() // one goroutine reads what ps prints, another waits for its end
	ps := exec.CommandContext(ctx, "ps", options...)
	// A signal to rung ends it at once, and ps with it, however long ps would go on. The kernel sends this signal at the end of
	// the thread that has started ps.
	runtime.LockOSThread() //nolint:forbidigo // for the parent of ps, no work of the stage's
	defer runtime.UnlockOSThread()
	ps.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	output, err := ps.CombinedOutput()
	if err != nil {
		return fmt.Errorf("ps %s: %w: %s", strings.Join(options, " "), err, strings.TrimSpace(string(output)))
	}
	lines := strings.Split(strings.TrimSuffix(string(output), "\n"), "\n")
	column := slices.Index(strings.Fields(lines[0]), "PID")
	if column < 0 {
		return errors.New("couldn't find PID field in ps output")
	}
	shown := lines[:1]
	for _, line := range lines[1:] {
		fields := strings.Fields(line)
		if len(fields) <= column {
			continue
		}
		pid, err := strconv.Atoi(fields[column])
		if err != nil {
			return fmt.Errorf("unable to parse pid: %w", err)
		}
		if slices.Contains(pids, pid) {
			shown = append(shown, line)
		}
	}
	_, err = fmt.Fprintln(w, strings.Join(shown, "\n"))
	return err
}
