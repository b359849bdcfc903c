package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v3"

	"rung/libcontainer"
)

func listCommand() *cli.Command {
	return &cli.Command{
		Name:        "list",
		Usage:       "lists containers started by rung with the given root",
		ArgsUsage:   " ",
		Description: `The list command prints the containers whose state is below the directory of the global option "--root".`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "format", Aliases: []string{"f"}, Value: "table", Usage: "select one of: table or json"},
			&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "display only container IDs"},
		},
		Action: func(_ context.Context, cmd *cli.Command) error {
			if err := checkArgs(cmd, 0, exactly); err != nil {
				return err
			}
			states, err := allStates(cmd)
			if err != nil {
				return err
			}
			return printList(states, cmd.Bool("quiet"), cmd.String("format"))
		},
	}
}

func printList(states []*containerState, quiet bool, format string) error {
	if quiet {
		out := bufio.NewWriter(os.Stdout)
		for _, s := range states {
			fmt.Fprintln(out, s.ID)
		}
		return out.Flush()
	}
	switch format {
	case "table":
		out := bufio.NewWriter(os.Stdout) // tabwriter writes each cell and its padding by themselves
		w := tabwriter.NewWriter(out, 12, 1, 3, ' ', 0)
		fmt.Fprint(w, "ID\tPID\tSTATUS\tBUNDLE\tCREATED\tOWNER\n")
		for _, s := range states {
			fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\n", s.ID, s.Pid, s.Status, s.Bundle, s.Created.Format(time.RFC3339Nano), s.Owner)
		}
		if err := w.Flush(); err != nil {
			return err
		}
		return out.Flush()
	case "json":
		return json.NewEncoder(os.Stdout).Encode(states)
	}
	return errors.New("invalid format option (do: --format table, or --format json)")
}

// allStates returns the states of all containers that it can read. It prints a message for each other one.
func allStates(cmd *cli.Command) ([]*containerState, error) {
	r, err := runtimeOf(cmd)
	if err != nil {
		return nil, err
	}
	ids, err := r.List()
	if errors.Is(err, fs.ErrNotExist) && !cmd.IsSet("root") {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []*containerState
	for _, id := range ids {
		c, err := r.Load(id)
		if err != nil {
			fmt.Fprintf(os.Stderr, "load container %s: %v\n", id, err)
			continue
		}
		s, err := newContainerState(c)
		c.Close()
		if err == nil {
			s.Owner, err = ownerOf(r, id)
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "status for %s: %v\n", id, err)
			continue
		}
		out = append(out, s)
	}
	return out, nil
}

// ownerOf returns the name of the user that owns the container's directory, or "#" and the uid for a user without a name.
// It returns "" for a container that was deleted in the meantime.
func ownerOf(r *libcontainer.Runtime, id string) (string, error) {
	info, err := os.Stat(filepath.Join(r.Root, id))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	uid := strconv.Itoa(int(info.Sys().(*syscall.Stat_t).Uid))
	u, err := user.LookupId(uid)
	var unknown user.UnknownUserIdError
	switch {
	case err == nil:
		return u.Username, nil
	case errors.As(err, &unknown), errors.Is(err, fs.ErrNotExist):
		return "#" + uid, nil
	}
	return "", err
}
