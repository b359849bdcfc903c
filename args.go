package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/urfave/cli/v3"

	"rung/internal/regex"
	"rung/libcontainer"
)

// The bounds of checkArgs, in the words of its error message.
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

// absolute returns an absolute, clean path. ".." is what it is for the kernel, also behind a link and where $PWD leads through one;
// filepath.Abs takes it by the text.
func absolute(path string) string {
	if !filepath.IsAbs(path) {
		here, err := syscall.Getwd()
		if err != nil {
			return path
		}
		path = here + "/" + path
	}
	if at := strings.LastIndex(path+"/", "/../"); at >= 0 {
		last := at + len("/..")
		if above, err := filepath.EvalSymlinks(path[:last]); err == nil {
			path = above + path[last:]
		}
	}
	return filepath.Clean(path)
}

// loadContainer finds the container that the first argument names.
func loadContainer(cmd *cli.Command) (*libcontainer.Container, error) {
	r, err := runtimeOf()
	if err != nil {
		return nil, err
	}
	return r.Load(cmd.Args().First())
}

// onContainer returns the action of a command whose one argument is the id of a container.
func onContainer(do func(context.Context, *cli.Command, *libcontainer.Container) error) cli.ActionFunc {
	return func(ctx context.Context, cmd *cli.Command) error {
		if err := checkArgs(cmd, 1, exactly); err != nil {
			return err
		}
		c, err := loadContainer(cmd)
		if err != nil {
			return err
		}
		return do(ctx, cmd, c)
	}
}

// writePidFile writes the number in one step: a reader sees the whole number or no file. An empty path means no file.
func writePidFile(path string, pid int) error {
	if path == "" {
		return nil
	}
	write := replaceFile
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target // the target of a symbolic link is replaced, the link stays
	}
	// A symbolic link to a missing file stays too: writeInto creates that file.
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
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

// writeInto writes to a device, a FIFO or the missing target of a symbolic link. Replacing /dev/null would remove it for
// the whole host. O_NONBLOCK makes a FIFO without a reader an error; otherwise rung would wait for one.
func writeInto(path, text string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|syscall.O_NONBLOCK, 0o666)
	if err != nil {
		return err
	}
	defer file.Close()
	_ = file.SetWriteDeadline(time.Now().Add(writeLimit)) // a FIFO may be full; other files have no deadline, and do not wait
	_, err = file.WriteString(text)
	return err
}

// writeLimit bounds the wait for room in a FIFO of --pid-file.
const writeLimit = 10 * time.Second

// newFile creates a file. It removes a file of that name first: a rung that was killed while it wrote may have left one.
func newFile(path string) (*os.File, error) {
	const flags = os.O_CREATE | os.O_EXCL | os.O_WRONLY | os.O_SYNC
	file, err := os.OpenFile(path, flags, 0o666)
	if errors.Is(err, fs.ErrExist) && os.Remove(path) == nil {
		file, err = os.OpenFile(path, flags, 0o666)
	}
	return file, err
}

// regexFlag is an option of crun.
func regexFlag(does string) cli.Flag {
	return &cli.BoolFlag{Name: "regex", Aliases: []string{"r"}, Usage: does + " all containers whose id matches the extended regular expression that stands in the place of the id"}
}

// onEach calls do with the container that the first argument names, or with --regex for each that it matches. It goes on after an
// error, logs each but the last, and returns the last.
func onEach(cmd *cli.Command, do func(*libcontainer.Runtime, string) error) error {
	r, err := runtimeOf()
	if err != nil {
		return err
	}
	if !cmd.Bool("regex") {
		return do(r, cmd.Args().First())
	}
	pattern, err := regex.Compile(cmd.Args().First())
	if err != nil {
		return fmt.Errorf("--regex: %w", err)
	}
	defer pattern.Free()
	ids, err := r.List()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var last error
	for _, id := range ids {
		if !pattern.Match(id) {
			continue
		}
		if err := do(r, id); err != nil {
			if last != nil {
				log.Error(last.Error())
			}
			last = fmt.Errorf("%s: %w", id, err)
		}
	}
	return last
}
