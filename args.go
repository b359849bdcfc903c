package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/urfave/cli/v3"

	"rung/libcontainer"
)

// The ways in which the number of arguments may be bounded.
const (
	exactly = "exactly"
	atLeast = "a minimum of"
	atMost  = "a maximum of"
)

func checkArgs(cmd *cli.Command, n int, bound string) error {
	got := cmd.NArg()
	if bound == exactly && got == n || bound == atLeast && got >= n || bound == atMost && got <= n {
		return nil
	}
	fmt.Print("Incorrect Usage.\n\n")
	_ = cli.ShowSubcommandHelp(cmd)
	return fmt.Errorf("%s: %q requires %s %d argument(s)", os.Args[0], cmd.Name, bound, n)
}

func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// loadContainer finds the container that the first argument names.
func loadContainer(cmd *cli.Command) (*libcontainer.Container, error) {
	r, err := runtimeOf(cmd)
	if err != nil {
		return nil, err
	}
	return r.Load(cmd.Args().First())
}

// onContainer is a command whose one argument is a container.
func onContainer(do func(*cli.Command, *libcontainer.Container) error) cli.ActionFunc {
	return func(_ context.Context, cmd *cli.Command) error {
		if err := checkArgs(cmd, 1, exactly); err != nil {
			return err
		}
		c, err := loadContainer(cmd)
		if err != nil {
			return err
		}
		return do(cmd, c)
	}
}

// writePidFile replaces the file, so that a reader sees a whole number.
func writePidFile(path string, pid int) error {
	if path == "" {
		return nil
	}
	dir, name := filepath.Split(path)
	temporary := filepath.Join(dir, "."+name)
	file, err := newFile(temporary)
	if err != nil {
		return fmt.Errorf("--pid-file: %w", err)
	}
	_, err = file.WriteString(strconv.Itoa(pid))
	file.Close()
	if err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		_ = os.Remove(temporary)
		return fmt.Errorf("--pid-file: %w", err)
	}
	return nil
}

// newFile makes a file. One of a rung that was killed while it wrote is in nobody's way.
func newFile(path string) (*os.File, error) {
	const flags = os.O_CREATE | os.O_EXCL | os.O_WRONLY | os.O_SYNC
	file, err := os.OpenFile(path, flags, 0o666)
	if errors.Is(err, fs.ErrExist) && os.Remove(path) == nil {
		file, err = os.OpenFile(path, flags, 0o666)
	}
	return file, err
}
