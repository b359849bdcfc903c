package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/urfave/cli/v3"

	"rung/internal/sys"
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
		return printTable(states)
	case "json":
		return json.NewEncoder(os.Stdout).Encode(states)
	}
	return errors.New("invalid format option (do: --format table, or --format json)")
}

// columns are those of a table but for the last one, which no space follows.
const columns = 5

// printTable prints what text/tabwriter made of it, which looks at each byte of a cell by itself: a column is as wide as its longest
// cell and three spaces, and at least twelve characters.
func printTable(states []*containerState) error {
	rows := make([][columns + 1]string, 1, len(states)+1)
	rows[0] = [...]string{"ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"}
	for _, s := range states {
		rows = append(rows, [...]string{s.ID, strconv.Itoa(s.Pid), s.Status, s.Bundle, s.Created.Format(time.RFC3339Nano), s.Owner})
	}
	var widths [columns]int
	for i := range widths {
		widths[i] = 12
		for r := range rows {
			widths[i] = max(widths[i], utf8.RuneCountInString(rows[r][i])+3)
		}
	}
	var out bytes.Buffer
	for r := range rows {
		for i, width := range widths {
			out.WriteString(rows[r][i])
			for n := utf8.RuneCountInString(rows[r][i]); n < width; n++ {
				out.WriteByte(' ')
			}
		}
		out.WriteString(rows[r][columns])
		out.WriteByte('\n')
	}
	_, err := os.Stdout.Write(out.Bytes())
	return err
}

// allStates returns the states of all containers that it can read. It prints a message for each other one.
func allStates(cmd *cli.Command) ([]*containerState, error) {
	r, err := runtimeOf()
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
	var out []*containerState // null in JSON if there is none, as with runc
	for _, id := range ids {
		s, err := newContainerState(r, id)
		if s == nil {
			fmt.Fprintf(stderr, "load container %s: %v\n", id, err)
			continue
		}
		if err == nil {
			s.Owner, err = ownerOf(r, id)
		}
		if err != nil {
			fmt.Fprintf(stderr, "status for %s: %v\n", id, err)
			continue
		}
		out = append(out, s)
	}
	return out, nil
}

// ownerOf returns the name of the user that owns the container's directory, or "#" and the uid for a user without a name.
// It returns "" for a container that was deleted in the meantime.
func ownerOf(r *libcontainer.Runtime, id string) (string, error) {
	st, err := sys.Stat(r.Root + "/" + id)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	uid := strconv.Itoa(int(st.Uid))
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
