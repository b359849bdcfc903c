package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

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

// writePidFile writes the number so that a reader sees all of it or nothing.
func writePidFile(path string, pid int) error {
	if path == "" {
		return nil
	}
	write := replaceFile
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target // what a link names, and not the link, is replaced
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		write = writeInto
	}
	if err := write(path, strconv.Itoa(pid)); err != nil {
		return fmt.Errorf("--pid-file: %w", err)
	}
	return nil
}

func replaceFile(path, text string) error {
	dir, name := filepath.Split(path)
	temporary := filepath.Join(dir, "."+name)
	file, err := newFile(temporary)
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	file.Close()
	if err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		_ = os.Remove(temporary)
	}
	return err
}

// writeInto writes to what is no file, a device or a FIFO: to replace /dev/null would take it from everybody. A FIFO
// without a reader is an error, and nothing to wait for.
func writeInto(path, text string) error {
	file, err := os.OpenFile(path, os.O_WRONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = file.WriteString(text)
	return err
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
