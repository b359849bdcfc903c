// rung is a low-level OCI runtime: it creates and runs containers from bundles, with the
// commands, flags, output and exit codes of runc.
package main

//go:generate go run -tags netgo,osusergo,docgen .

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/urfave/cli/v3"

	"rung/internal/sys"
	"rung/libcontainer"
	"rung/libcontainer/host"
	"rung/libcontainer/seccomp"
	"rung/libcontainer/systemd"
	"rung/nsenter"
)

const usage = `Open Container Initiative runtime

rung creates and runs containers from OCI bundles: a bundle is a directory with a
config.json and a root file system. Commands, flags and output are those of runc; "rung
explain" prints what would be done, and every error names the field of config.json.

To make an example configuration, and run it:

    # rung spec
    # rung run CONTAINER-ID`

// log is set up before anything that can fail.
var log = &logging{}

func main() {
	if len(os.Args) == 3 && os.Args[1] == "init" {
		// The hands found no plan, and let Go start.
		fmt.Fprintln(os.Stderr, `rung: "init" is for rung's own use`)
		os.Exit(1)
	}
	log, _ = newLogging(earlyLog(os.Args[1:]))
	if log == nil {
		log, _ = newLogging("", "", false)
	}
	if err := sys.KeepOwnRights(); err != nil {
		fatal(err)
	}
	libcontainer.UseHands(nsenter.Image())
	libcontainer.UseEarlyHands(nsenter.Early())
	cli.ErrWriter = errorWriter{}
	cli.VersionPrinter = printVersion
	cli.ShowCommandHelp = commandHelp
	if err := newApp().Run(context.Background(), os.Args); err != nil {
		fatal(err)
	}
	libcontainer.DiscardEarlyHands()
}

// programName is the name that rung was called by: one that stands in the place of runc says so in
// its help and its messages. --version tells what it is.
func programName() string {
	if len(os.Args) == 0 || os.Args[0] == "" {
		return "rung"
	}
	return filepath.Base(os.Args[0])
}

// earlyLog finds the options of the log before they are parsed, so that an error in the
// options is in the log too.
func earlyLog(args []string) (path, format string, debug bool) {
	for i := 0; i < len(args) && strings.HasPrefix(args[i], "-"); i++ {
		name, value, inline := strings.Cut(strings.TrimLeft(args[i], "-"), "=")
		if !inline && takesValue(args[i]) {
			if i++; i < len(args) {
				value = args[i]
			}
		}
		switch name {
		case "log":
			path = value
		case "log-format":
			format = value
		case "debug":
			debug = true
		}
	}
	return path, format, debug
}

func takesValue(arg string) bool {
	if strings.Contains(arg, "=") {
		return false
	}
	switch strings.TrimLeft(arg, "-") {
	case "log", "log-format", "root", "rootless":
		return strings.HasPrefix(arg, "-")
	}
	return false
}

func newApp() *cli.Command {
	return &cli.Command{
		Name:                      programName(),
		Version:                   version(),
		Usage:                     usage,
		DisableSliceFlagSeparator: true,
		OnUsageError:              usageError,
		Flags:                     globalFlags(),
		Commands:                  commandsFor(os.Args[1:]),
		Before:                    before,
	}
}

// globalFlags come before the command, as runc's: behind it they are not known.
func globalFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "debug", Local: true, Usage: "enable debug logging"},
		&cli.StringFlag{Name: "log", Local: true, Usage: "set the log file to write rung logs to (default is '/dev/stderr')"},
		&cli.StringFlag{Name: "log-format", Local: true, Value: "text", Usage: "set the log format ('text' (default), or 'json')"},
		&cli.StringFlag{Name: "root", Local: true, Value: defaultRoot(), Usage: "root directory for storage of container state (this should be located in tmpfs)"},
		&cli.BoolFlag{Name: "systemd-cgroup", Local: true, Usage: "enable systemd cgroup support, expects cgroupsPath to be of form \"slice:prefix:name\" for e.g. \"system.slice:rung:434234\""},
		&cli.StringFlag{Name: "rootless", Local: true, Value: "auto", Usage: "ignore cgroup permission errors ('true', 'false', or 'auto')"},
		&cli.BoolFlag{Name: "trace", Local: true, Usage: "log the time that each operation of the hands took"},
	}
}

// commands are made when they are needed: to set up all of them takes a tenth of a
// millisecond.
var commands = [...]struct {
	name string
	make func() *cli.Command
}{
	{"checkpoint", checkpointCommand}, {"create", createCommand}, {"delete", deleteCommand}, {"events", eventsCommand}, {"exec", execCommand}, {"explain", explainCommand},
	{"features", featuresCommand}, {"kill", killCommand}, {"list", listCommand}, {"pause", pauseCommand}, {"ps", psCommand},
	{"restore", restoreCommand}, {"resume", resumeCommand}, {"run", runCommand}, {"spec", specCommand}, {"start", startCommand}, {"state", stateCommand}, {"update", updateCommand},
}

// commandsFor returns the command that the arguments name, or all of them where that is not
// plain to see.
func commandsFor(args []string) (out []*cli.Command) {
	for i, arg := range args {
		if strings.HasPrefix(arg, "-") || i > 0 && takesValue(args[i-1]) {
			continue
		}
		for _, c := range commands {
			if c.name == arg {
				return []*cli.Command{prepared(c.make())}
			}
		}
		break
	}
	for _, c := range commands {
		out = append(out, prepared(c.make()))
	}
	return out
}

// prepared adds what all commands have in common.
func prepared(c *cli.Command) *cli.Command {
	c.DisableSliceFlagSeparator = true
	c.OnUsageError = usageError
	c.HideHelpCommand = true // a container may be called help, or h
	return c
}

// commandHelp is what --help of a command and "help COMMAND" show. With the former the parser takes
// the container's id for the name of a subcommand.
func commandHelp(ctx context.Context, cmd *cli.Command, topic string) error {
	if cmd != cmd.Root() {
		cmd, topic = cmd.Root(), cmd.Name
	}
	return cli.DefaultShowCommandHelp(ctx, cmd, topic)
}

// usageError shows the help on standard output, as runc does; the message itself goes to the
// log when main gets it.
func usageError(_ context.Context, cmd *cli.Command, err error, command bool) error {
	err = errors.New(asRunc(cmd, err.Error()))
	if command {
		fmt.Fprintf(cmd.Root().Writer, "Incorrect Usage: %v\n\n", err)
		_ = cli.ShowSubcommandHelp(cmd)
	} else {
		fmt.Fprintf(cmd.Root().Writer, "Incorrect Usage. %v\n\n", err)
		_ = cli.ShowRootCommandHelp(cmd)
	}
	return err
}

// asRunc has runc's words for what the option parser says.
func asRunc(cmd *cli.Command, text string) string {
	text = strings.Replace(text, "flag needs an argument: --", "flag needs an argument: -", 1)
	value, reason, ok := strings.Cut(text, " for flag -")
	name, _, _ := strings.Cut(reason, ":")
	if !ok {
		return text
	}
	for _, flag := range cmd.Flags {
		if !slices.Contains(flag.Names(), name) {
			continue
		}
		switch flag.(type) {
		case *cli.BoolFlag:
			return strings.Replace(value, "invalid value", "invalid boolean value", 1) + " for -" + name + ": parse error"
		case *cli.IntFlag, *cli.DurationFlag:
			return value + " for flag -" + name + ": parse error"
		}
	}
	return text
}

func before(ctx context.Context, cmd *cli.Command) (context.Context, error) {
	opened, err := newLogging(cmd.String("log"), cmd.String("log-format"), cmd.Bool("debug"))
	if err != nil {
		return ctx, err
	}
	log = opened
	return ctx, prepareRoot(cmd)
}

// prepareRoot: the sticky bit keeps a directory below XDG_RUNTIME_DIR from being cleaned up
// (XDG Base Directory Specification).
func prepareRoot(cmd *cli.Command) error {
	root := cmd.String("root")
	if cmd.IsSet("root") && absolute(root) == "/" {
		return errors.New("Option --root argument should not be set to /")
	}
	dir := os.Getenv("XDG_RUNTIME_DIR")
	if cmd.IsSet("root") || dir == "" || root != dir+"/rung" || !honorXDG() { // which may be /run
		return nil
	}
	if err := os.MkdirAll(root, 0o700); err != nil {
		return fmt.Errorf("the path in $XDG_RUNTIME_DIR must be writable by the user: %w", err)
	}
	return os.Chmod(root, 0o700|os.ModeSticky)
}

// systemRoot is where the state of the host's root is.
const systemRoot = "/run/rung"

// defaultRoot is systemRoot, and below XDG_RUNTIME_DIR for who is not the host's root.
func defaultRoot() string {
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" && honorXDG() {
		return dir + "/rung"
	}
	return systemRoot
}

func honorXDG() bool {
	if os.Geteuid() != 0 {
		return true
	}
	inside, err := host.InUserNS()
	if err != nil {
		fatal(err)
	}
	user, set := os.LookupEnv("USER")
	return inside && (!set || user != "root")
}

func printVersion(cmd *cli.Command) {
	out := cmd.Root().Writer
	fmt.Fprintln(out, "rung version", version())
	if commit := commit(); commit != "" {
		fmt.Fprintln(out, "commit:", commit)
	}
	fmt.Fprintln(out, "spec:", specs.Version)
	fmt.Fprintln(out, "go:", runtime.Version())
	fmt.Fprintln(out, "libseccomp:", seccomp.Version())
}

// errorWriter sends the messages of the option parser to the log.
type errorWriter struct{}

func (errorWriter) Write(p []byte) (int, error) {
	log.Error(strings.TrimSpace(string(p)))
	if !log.toStderr {
		return os.Stderr.Write(p)
	}
	return len(p), nil
}

// fatal tells the reason, in the log and on stderr, and ends rung.
func fatal(err error) { fatalCode(err, 1) }

func fatalCode(err error, code int) {
	libcontainer.DiscardEarlyHands()
	log.Error(err.Error())
	if !log.toStderr {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

// runtimeOf makes the library's Runtime from the global options.
func runtimeOf(cmd *cli.Command) (*libcontainer.Runtime, error) {
	return runtimeFor(cmd, os.Geteuid())
}

// runtimeFor makes the one that a user would have.
func runtimeFor(cmd *cli.Command, euid int) (*libcontainer.Runtime, error) {
	bySystemd := cmd.Bool("systemd-cgroup")
	rootless, err := rootlessCgroups(cmd.String("rootless"), bySystemd, euid)
	if err != nil {
		return nil, err
	}
	return &libcontainer.Runtime{
		Root: absolute(cmd.String("root")), Rootless: rootless, Systemd: bySystemd, Trace: cmd.Bool("trace"), Log: log.Logger,
	}, nil
}

// rootlessCgroups reports whether cgroups that may not be written are to be left out. With systemd
// it says whose units containers are: root of a user namespace has a systemd of his own there, or
// is a plain user outside.
func rootlessCgroups(option string, bySystemd bool, euid int) (bool, error) {
	if option == "" || strings.EqualFold(option, "auto") {
		if euid != 0 {
			return true, nil
		}
		inside, err := host.InUserNS()
		if inside && bySystemd {
			owner, known := systemd.UserOwner()
			return known && owner != 0, err
		}
		return inside, err
	}
	on, err := strconv.ParseBool(option)
	if err != nil {
		return false, fmt.Errorf("--rootless: %q is neither true nor false nor auto", option)
	}
	return on, nil
}
