package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/urfave/cli/v3"

	"rung/libcontainer"
	"rung/libcontainer/criu"
	"rung/libcontainer/host"
)

func checkpointCommand() *cli.Command {
	return &cli.Command{
		Name:  "checkpoint",
		Usage: "checkpoint a running container",
		ArgsUsage: `<container-id>

Where "<container-id>" is the name for the instance of the container to be
checkpointed.`,
		Description: `The checkpoint command saves the processes of a container with CRIU (criu.org), which must be
in PATH. Then it deletes the container, unless --leave-running or --pre-dump is given.`,
		Flags: append(criuFlags(),
			&cli.StringFlag{Name: "parent-path", Usage: "path for previous criu image files in pre-dump"},
			&cli.BoolFlag{Name: "leave-running", Usage: "leave the process running after checkpointing"},
			&cli.BoolFlag{Name: "tcp-skip-in-flight", Usage: "skip in-flight tcp connections"},
			&cli.BoolFlag{Name: "link-remap", Usage: "allow one to link unlinked files back when possible"},
			&cli.IntFlag{Name: "status-fd", Value: -1, Usage: "criu writes \\0 to this FD once lazy-pages is ready"},
			&cli.StringFlag{Name: "page-server", Usage: "ADDRESS:PORT of the page server"},
			&cli.BoolFlag{Name: "pre-dump", Usage: "dump container's memory information only, leave the container running after this"},
		),
		Action: checkpoint,
	}
}

// criuFlags are the flags that checkpoint and restore share.
func criuFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "image-path", Usage: "path of criu image files (default: \"checkpoint\" in the current directory)"},
		&cli.StringFlag{Name: "work-path", Usage: "path for saving work files and logs"},
		&cli.BoolFlag{Name: "tcp-established", Usage: "allow open tcp connections"},
		&cli.BoolFlag{Name: "ext-unix-sk", Usage: "allow external unix sockets"},
		&cli.BoolFlag{Name: "shell-job", Usage: "allow shell jobs"},
		&cli.BoolFlag{Name: "lazy-pages", Usage: "use userfaultfd to lazily restore memory pages"},
		&cli.BoolFlag{Name: "file-locks", Usage: "handle file locks, for safety"},
		&cli.StringFlag{Name: "manage-cgroups-mode", Usage: "cgroups mode: soft|full|strict|ignore (default: soft)"},
		&cli.StringSliceFlag{Name: "empty-ns", Usage: "create a namespace, but don't restore its properties"},
		&cli.BoolFlag{Name: "auto-dedup", Usage: "enable auto deduplication of memory images"},
	}
}

func checkpoint(ctx context.Context, cmd *cli.Command) error {
	if err := checkArgs(cmd, 1, exactly); err != nil {
		return err
	}
	warnRootless()
	c, err := loadContainer(cmd)
	if err != nil {
		return err
	}
	defer c.Close()
	status, err := c.Status()
	if err != nil {
		return err
	}
	if status == libcontainer.Created || status == libcontainer.Stopped {
		return fmt.Errorf("Container cannot be checkpointed in %s state", status) //nolint:staticcheck,revive // runc's words
	}
	shared, err := criuOptions(cmd)
	if err != nil {
		return err
	}
	parent, err := parentPath(shared.ImagePath, cmd.String("parent-path"))
	if err != nil {
		return err
	}
	server, err := pageServer(cmd.String("page-server"))
	if err != nil {
		return err
	}
	return c.Checkpoint(ctx, libcontainer.CheckpointOptions{
		Common: *shared, ParentPath: parent, PreDump: cmd.Bool("pre-dump"), LeaveRunning: cmd.Bool("leave-running"),
		TCPSkipInFlight: cmd.Bool("tcp-skip-in-flight"), LinkRemap: cmd.Bool("link-remap"),
		PageServer: server, StatusFD: cmd.Int("status-fd"),
	})
}

func warnRootless() {
	if inside, _ := host.InUserNS(); os.Geteuid() != 0 || inside {
		log.Warn("rung checkpoint is untested with rootless containers")
	}
}

func criuOptions(cmd *cli.Command) (*libcontainer.CRIUOptions, error) {
	for _, ns := range cmd.StringSlice("empty-ns") {
		if ns != "network" { // rung does not manage networks and never restores a network namespace's properties
			return nil, fmt.Errorf("namespace %q is not supported", ns)
		}
	}
	if _, err := criu.ParseCgroupMode(cmd.String("manage-cgroups-mode")); err != nil {
		return nil, err
	}
	image := cmd.String("image-path")
	if image == "" {
		image = "checkpoint"
	}
	work := cmd.String("work-path")
	if work != "" {
		work = absolute(work)
	}
	return &libcontainer.CRIUOptions{
		ImagePath: absolute(image), WorkPath: work, CgroupMode: cmd.String("manage-cgroups-mode"),
		TCPEstablished: cmd.Bool("tcp-established"), ExtUnixSockets: cmd.Bool("ext-unix-sk"),
		ShellJob: cmd.Bool("shell-job"), FileLocks: cmd.Bool("file-locks"),
		AutoDedup: cmd.Bool("auto-dedup"), LazyPages: cmd.Bool("lazy-pages"),
	}, nil
}

// parentPath checks --parent-path. CRIU makes a symbolic link to it in the directory of the images, so it is relative to
// that directory.
func parentPath(image, parent string) (string, error) {
	if parent == "" {
		return "", nil
	}
	if filepath.IsAbs(parent) {
		return "", errors.New("--parent-path must be relative")
	}
	if err := os.MkdirAll(image, 0o700); err != nil {
		return "", err
	}
	path := filepath.Join(image, parent)
	info, err := os.Stat(path)
	if err == nil && !info.IsDir() {
		err = &os.PathError{Op: "open", Path: path, Err: syscall.ENOTDIR}
	}
	if err != nil {
		return "", fmt.Errorf("invalid --parent-path: %w", err)
	}
	return parent, nil
}

func pageServer(option string) (criu.PageServer, error) {
	if option == "" {
		return criu.PageServer{}, nil
	}
	address, port := splitAddress(option)
	if address == "" || port == "" {
		return criu.PageServer{}, errors.New("Use --page-server ADDRESS:PORT to specify page server") //nolint:staticcheck,revive // runc's words
	}
	n, err := strconv.Atoi(port)
	if err != nil || n < 1 || n > 65535 {
		return criu.PageServer{}, errors.New("Invalid port number") //nolint:staticcheck,revive // runc's words
	}
	return criu.PageServer{Address: address, Port: n}, nil
}

// splitAddress cuts host:port or [host]:port in two. Both results are empty if s has neither form. Package net is not used
// because its initialisation would slow every command down.
func splitAddress(s string) (host, port string) {
	colon := strings.LastIndexByte(s, ':')
	if colon < 0 {
		return "", ""
	}
	host, port = s[:colon], s[colon+1:]
	if inner, ok := strings.CutPrefix(host, "["); ok && strings.HasSuffix(inner, "]") {
		return inner[:len(inner)-1], port
	}
	if strings.ContainsAny(host, ":[]") {
		return "", ""
	}
	return host, port
}
