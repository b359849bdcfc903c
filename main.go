// rung is a low-level OCI runtime: it creates and runs containers from bundles, with the
// commands, flags, output and exit codes of runc.
package main

//go:generate go run -tags netgo,osusergo,docgen .

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/urfave/cli/v3"

	"rung/internal/sys"
	"rung/internal/waits"
	"rung/libcontainer"
	"rung/libcontainer/host"
	"rung/libcontainer/launch"
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

// log is set up before anything else, so that the log has the reason of every failure.
var log = &logging{}

// stage starts the processes of containers; nil until main has set up the log.
var stage *launch.Launcher

func main() {
	if len(os.Args) == 3 && os.Args[1] == "init" {
		// The stage found no plan and let Go start: somebody called "rung init".
		fmt.Fprintln(stderr, `rung: "init" is for rung's own use`)
		os.Exit(1)
	}
	if len(os.Args) == 2 && os.Args[1] == "--version" {
		printVersion(os.Stdout, defaultRoot()) // engines ask often: without the option parser
		return
	}
	growStack(false)
	nsenter.ForgetSettings()
	waits.Several = nsenter.StartMonitor
	ctx := stopping.context(context.Background())
	stopping.catch()
	log, _ = newLogging("", "", false)
	if early, err := newLogging(earlyLog(os.Args[1:])); err == nil {
		log = early
	}
	if err := sys.KeepOwnRights(); err != nil {
		fatal(err)
	}
	stage = &launch.Launcher{Image: nsenter.Image()}
	stage.UseEarly(nsenter.Early())
	cli.ErrWriter = errorWriter{}
	cli.VersionPrinter = func(cmd *cli.Command) { printVersion(cmd.Root().Writer, global.root) }
	if programName() == "crun" {
		cli.VersionFlag = &cli.BoolFlag{Name: "version", Aliases: []string{"v", "V"}, Usage: "print the version", HideDefault: true, Local: true}
	}
	cli.ShowCommandHelp = commandHelp
	if err := newApp().Run(ctx, os.Args); err != nil {
		fatal(err)
	}
	timeline.close()
	stage.DiscardEarly()
}

// programName is the name that rung was called by. A rung installed as "runc" calls itself runc in help and messages.
func programName() string {
	if len(os.Args) == 0 || os.Args[0] == "" {
		return "rung"
	}
	return filepath.Base(os.Args[0])
}

// earlyLog finds the options of the log before the option parser runs, so that an error in the options is logged too. It
// looks only before the command: after the id of exec an option belongs to the process.
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
	case "cgroup-manager", "log", "log-format", "root", "rootless", "trace-file":
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

// global has the values of globalFlags: to look one up by its name takes the parser a dozen allocations.
var global struct {
	debug, systemdCgroup, trace                              bool
	log, logFormat, root, cgroupManager, rootless, traceFile string
}

// globalFlags are valid before and after the command, as with runc since 1.6.
func globalFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "debug", Destination: &global.debug, Usage: "enable debug logging"},
		&cli.StringFlag{Name: "log", Destination: &global.log, Usage: "set the log file to write rung logs to (default is '/dev/stderr')"},
		&cli.StringFlag{Name: "log-format", Destination: &global.logFormat, Value: "text", Usage: "set the log format ('text' (default), or 'json')"},
		&cli.StringFlag{Name: "root", Destination: &global.root, Value: defaultRoot(), Usage: "root directory for storage of container state (this should be located in tmpfs)"},
		&cli.BoolFlag{Name: "systemd-cgroup", Destination: &global.systemdCgroup, Usage: "enable systemd cgroup support, expects cgroupsPath to be of form \"slice:prefix:name\" for e.g. \"system.slice:rung:434234\""},
		&cli.StringFlag{Name: "cgroup-manager", Destination: &global.cgroupManager, Usage: "who makes the cgroups of new containers ('cgroupfs', 'systemd', or 'disabled': nobody, and they stay in that of the caller); counts before --systemd-cgroup"},
		&cli.StringFlag{Name: "rootless", Destination: &global.rootless, Value: "auto", Usage: "ignore cgroup permission errors ('true', 'false', or 'auto')"},
		&cli.BoolFlag{Name: "trace", Destination: &global.trace, Usage: "log the time that each operation of the stage took"},
		&cli.StringFlag{Name: "trace-file", Destination: &global.traceFile, Usage: "write what rung and the stage did, and when, to a file in the Trace Event Format, which Perfetto and about:tracing show"},
	}
}

// commands holds functions because setting up all commands takes a tenth of a millisecond: commandsFor makes only the
// one that it needs.
var commands = [...]struct {
	name string
	make func() *cli.Command
	// What a command that changes nothing may wait for: SIGTERM and SIGINT end it at once.
	waits string
}{
	{"check", checkCommand, "the bundle, or a reader of the output"},
	{"checkpoint", checkpointCommand, ""}, {"create", createCommand, ""}, {"delete", deleteCommand, ""},
	{"events", eventsCommand, "an event of the container"}, {"exec", execCommand, ""},
	{"explain", explainCommand, "the bundle, or a reader of the output"}, {"features", featuresCommand, aReader},
	{"kill", killCommand, ""}, {"list", listCommand, aReader}, {"pause", pauseCommand, ""},
	{"ps", psCommand, "the program ps, or a reader of the output"}, {"restore", restoreCommand, ""}, {"resume", resumeCommand, ""},
	{"run", runCommand, ""}, {"spec", specCommand, aReader}, {"start", startCommand, ""}, {"state", stateCommand, aReader},
	{"update", updateCommand, ""},
}

const aReader = "a reader of the output"

// commandsFor returns the command that the arguments name, or all commands if they name none: help lists them all.
func commandsFor(args []string) (out []*cli.Command) {
	for i, arg := range args {
		if strings.HasPrefix(arg, "-") || i > 0 && takesValue(args[i-1]) {
			continue
		}
		for _, c := range commands {
			if c.name == arg {
				return []*cli.Command{prepared(c.make(), c.waits)}
			}
		}
		break
	}
	for _, c := range commands {
		out = append(out, prepared(c.make(), c.waits))
	}
	return out
}

// prepared adds what all commands have in common.
func prepared(c *cli.Command, waits string) *cli.Command {
	c.DisableSliceFlagSeparator = true
	c.OnUsageError = usageError
	c.HideHelpCommand = true // a container may be called help, or h
	if waits != "" {
		c.Before = func(ctx context.Context, _ *cli.Command) (context.Context, error) {
			stopping.idles(waits)
			return ctx, nil
		}
	}
	return c
}

// commandHelp shows the text of "COMMAND --help" and "help COMMAND". For the first form the parser passes the container's
// id as topic, as if it were a subcommand; the command itself is the topic then.
func commandHelp(ctx context.Context, cmd *cli.Command, topic string) error {
	if cmd != cmd.Root() {
		cmd, topic = cmd.Root(), cmd.Name
	}
	return cli.DefaultShowCommandHelp(ctx, cmd, topic)
}

// usageError prints the error on stderr and the help on standard output, as runc does since 1.6. main logs the error that
// it returns.
func usageError(_ context.Context, cmd *cli.Command, err error, command bool) error {
	err = suggestOption(cmd, err)
	fmt.Fprintf(stderr, "Incorrect Usage: %v\n\n", err)
	if command {
		_ = cli.ShowSubcommandHelp(cmd)
	} else {
		_ = cli.ShowRootCommandHelp(cmd)
	}
	return err
}

func before(ctx context.Context, cmd *cli.Command) (context.Context, error) {
	opened, err := newLogging(global.log, global.logFormat, global.debug)
	if err != nil {
		return ctx, err
	}
	log = opened
	return ctx, prepareRoot(cmd)
}

// prepareRoot refuses "/" as --root, and creates the default root below XDG_RUNTIME_DIR. The sticky bit keeps that
// directory from being cleaned up (XDG Base Directory Specification).
func prepareRoot(cmd *cli.Command) error {
	root := global.root
	if absolute(root) == "/" {
		return errors.New("Option --root argument should not be set to /")
	}
	dir := os.Getenv("XDG_RUNTIME_DIR")
	// With XDG_RUNTIME_DIR=/run the path is also that of systemRoot, which root of the host uses: honorXDG tells them apart.
	if cmd.IsSet("root") || dir == "" || root != dir+"/rung" || !honorXDG() {
		return nil
	}
	if err := os.MkdirAll(root, 0o700); err != nil {
		return fmt.Errorf("the path in $XDG_RUNTIME_DIR must be writable by the user: %w", err)
	}
	return os.Chmod(root, 0o700|os.ModeSticky)
}

// systemRoot is the directory of container states for root of the host.
const systemRoot = "/run/rung"

// defaultRoot is systemRoot for root of the host, and a directory below XDG_RUNTIME_DIR for everybody else.
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

// printVersion prints lines of the form "name: value", except the first. Programs that call runc or crun by that name read its
// first line as that runtime's: "runc version" and one word (nerdctl, go-runc). Its number is rung's then too, and the line
// "runtime" says that it is.
func printVersion(out io.Writer, root string) {
	name := programName()
	if name != "runc" && name != "crun" {
		name = "rung"
	}
	fmt.Fprintln(out, name, "version", version())
	if name != "rung" {
		fmt.Fprintln(out, "runtime: rung", version())
	}
	if commit := commit(); commit != "" {
		fmt.Fprintln(out, "commit:", commit)
	}
	fmt.Fprintln(out, "spec:", specs.Version)
	fmt.Fprintln(out, "go:", runtime.Version())
	fmt.Fprintln(out, "libseccomp:", seccomp.Version())
	if name == "crun" { // the features that crun's first users ask for by "grep +CRIU"
		fmt.Fprintln(out, "rundir:", root)
		fmt.Fprintln(out, "+SYSTEMD +SELINUX +APPARMOR +CAP +SECCOMP +EBPF +CRIU")
	}
}

// errorWriter sends the messages of the option parser to the log, which ends rung after one.
type errorWriter struct{}

func (errorWriter) Write(p []byte) (int, error) {
	text := suggestCommand(strings.TrimSpace(string(p)))
	log.Error(text)
	if !log.toStderr {
		if _, err := fmt.Fprintln(stderr, text); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// fatal ends rung with the reason in the log and on stderr.
func fatal(err error) { fatalCode(err, 1) }

func fatalCode(err error, code int) {
	if stage != nil {
		stage.DiscardEarly()
	}
	stopping.end(err)
	report(withCure(err))
	exit(code)
}

// report writes the reason of a failure to the log and to stderr.
func report(err error) {
	log.Error(err.Error())
	if !log.toStderr {
		fmt.Fprintln(stderr, err)
	}
}

// runtimeOf makes the library's Runtime from the global options.
func runtimeOf() (*libcontainer.Runtime, error) {
	return runtimeFor(os.Geteuid())
}

// runtimeFor makes the Runtime that a user with this effective uid gets.
func runtimeFor(euid int) (*libcontainer.Runtime, error) {
	bySystemd, noCgroup, err := cgroupManager()
	if err != nil {
		return nil, err
	}
	rootless, err := rootlessCgroups(global.rootless, bySystemd, euid)
	if err != nil {
		return nil, err
	}
	stage.Trace = global.trace
	if err := timeline.open(global.traceFile); err != nil {
		return nil, err
	}
	stage.Timeline = timeline.Timeline
	return &libcontainer.Runtime{
		Root: absolute(global.root), Rootless: rootless, Systemd: bySystemd, NoCgroup: noCgroup, Stage: stage, Log: log.Logger,
	}, nil
}

// cgroupManager reads --cgroup-manager, which is crun's, and --systemd-cgroup. Podman passes the former behind the latter, where
// it counts with crun.
func cgroupManager() (bySystemd, noCgroup bool, err error) {
	switch global.cgroupManager {
	case "":
		return global.systemdCgroup, false, nil
	case "cgroupfs":
		return false, false, nil
	case "systemd":
		return true, false, nil
	case "disabled":
		return false, true, nil
	default:
		return false, false, fmt.Errorf("--cgroup-manager: %q is not cgroupfs, systemd or disabled", global.cgroupManager)
	}
}

// rootlessCgroups reports whether rung skips cgroups that it may not write. With systemd it also decides which systemd
// gets the units: root of a user namespace either has a systemd of its own in there, or is a plain user outside and uses
// that user's.
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

// growStack makes room on the stack for most commands at once: the runtime would double the stack four times, and copy it each
// time. It is called without use: the frame of the function counts, and is not filled.
//
//go:noinline
func growStack(use bool) byte {
	if use {
		var room [24 << 10]byte
		return room[len(os.Args)]
	}
	return 0
}
