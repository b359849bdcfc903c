package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/urfave/cli/v3"

	"rung/internal/sys"
	"rung/libcontainer"
	"rung/libcontainer/bundle"
	"rung/libcontainer/check"
	"rung/libcontainer/host"
)

func checkCommand() *cli.Command {
	return &cli.Command{
		Name:      "check",
		Usage:     "tell what this host has and lacks for a bundle",
		ArgsUsage: "[container-id]",
		Description: `The check command prints each thing that the container, or a command of rung, needs of this
host: whether the host has it (ok), does not have it (missing), or keeps it from rung (restricted),
and then who must change what, by the command or the file. What could not be found out is unknown.

Without --bundle it checks for the configuration of "rung spec", with the host's own root file
system. It makes the container in a process that is thrown away before the program begins, so that
the kernel itself answers, and changes nothing: no state, cgroup, hook or mount point is made. What
it had to leave out is listed at the end.

The exit status is 0 if the bundle would start, as far as is known, and 1 if it would not.`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "bundle", Aliases: []string{"b"}, Usage: "path to the root of the bundle directory, defaults to the configuration of \"rung spec\""},
			configFlag(nil),
			&cli.StringFlag{Name: "format", Aliases: []string{"f"}, Value: "text", Usage: "select one of: text or json"},
			&cli.BoolFlag{Name: "as-root", Usage: "tell a plain user what root would need; only root can try it"},
			&cli.BoolFlag{Name: "rootless", Usage: "tell root what the user of sudo, or the owner of the bundle, would need"},
			&cli.BoolFlag{Name: "no-pivot", Usage: "as for create"},
			&cli.BoolFlag{Name: "no-new-keyring", Usage: "as for create"},
		},
		Action: func(ctx context.Context, cmd *cli.Command) error {
			if err := checkArgs(cmd, 1, atMost); err != nil {
				return err
			}
			print, err := reportFormat(cmd.String("format"))
			if err != nil {
				return err
			}
			if cmd.Bool("rootless") && os.Geteuid() == 0 {
				return checkAsUser(cmd)
			}
			report, err := checkBundle(ctx, cmd)
			if err == nil {
				err = print(os.Stdout, report)
			}
			if err == nil && !report.Starts {
				exit(1)
			}
			return err
		},
	}
}

func checkBundle(ctx context.Context, cmd *cli.Command) (*check.Report, error) {
	asRoot := cmd.Bool("as-root")
	_, err := host.InUserNS()
	if err = cmp.Or(err, sys.CheckProc()); err != nil { // nothing is known without it
		return libcontainer.Unreadable(err), nil
	}
	r, look, err := checkerOf(cmd, asRoot)
	if err != nil {
		return nil, err
	}
	b := libcontainer.DefaultBundle(os.Geteuid() != 0 && !asRoot)
	if dir, file := cmd.String("bundle"), cmd.String("config"); dir != "" || file != "" {
		if b, err = bundle.LoadFile(dir, file); err != nil {
			at := absolute(cmp.Or(dir, "."))
			file = cmp.Or(file, bundle.ConfigName)
			if !filepath.IsAbs(file) {
				file = filepath.Join(at, file)
			}
			return libcontainer.Unloadable(at, file, err), nil
		}
	}
	id := cmd.Args().First()
	if id == "" {
		id = "example"
	}
	report, err := look(r, ctx, id, b, libcontainer.CreateOptions{
		NoPivot: cmd.Bool("no-pivot"), NoKeyring: cmd.Bool("no-new-keyring"), Stdio: [3]*os.File{os.Stdin, os.Stdout, os.Stderr},
	})
	if err == nil && cmd.Args().Present() {
		report.Add(r.CheckID(id))
	}
	return report, err
}

type checker func(*libcontainer.Runtime, context.Context, string, *bundle.Bundle, libcontainer.CreateOptions) (*check.Report, error)

// checkerOf returns the runtime and the check of the caller, or those of root.
func checkerOf(cmd *cli.Command, asRoot bool) (*libcontainer.Runtime, checker, error) {
	if !asRoot {
		r, err := runtimeOf()
		return r, (*libcontainer.Runtime).Check, err
	}
	r, err := rootsRuntime(cmd)
	return r, (*libcontainer.Runtime).CheckAsRoot, err
}

// checkAsUser runs the same command as the user that the check is for: that of sudo, or the owner of the bundle.
func checkAsUser(cmd *cli.Command) error {
	uid, gid, err := userOf(cmd.String("bundle"))
	if err != nil {
		return err
	}
	child := exec.Command("/proc/self/exe", os.Args[1:]...) //nolint:gosec // this program
	child.Args[0] = os.Args[0]
	child.Stdin, child.Stdout, child.Stderr = os.Stdin, os.Stdout, os.Stderr
	child.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: gid}}
	const variable = "XDG_RUNTIME_DIR=" // that of root is not the user's, who may have none
	child.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, variable) })
	own := "/run/user/" + strconv.Itoa(int(uid)) // pam_systemd(8)
	if there, err := sys.Exists(own); err == nil && there {
		child.Env = append(child.Env, variable+own)
	}
	var ended *exec.ExitError
	if err := child.Run(); errors.As(err, &ended) {
		os.Exit(ended.ExitCode())
	} else if err != nil {
		return fmt.Errorf("--rootless: run rung as user %d: %w", uid, err)
	}
	return nil
}

func userOf(dir string) (uid, gid uint32, err error) {
	user, errUID := strconv.ParseUint(os.Getenv("SUDO_UID"), 10, 32)
	group, errGID := strconv.ParseUint(os.Getenv("SUDO_GID"), 10, 32)
	if errUID == nil && errGID == nil && user != 0 {
		return uint32(user), uint32(group), nil
	}
	if dir != "" {
		st, err := sys.Stat(dir)
		if err != nil {
			return 0, 0, fmt.Errorf("--bundle: %w", err)
		}
		if st.Uid != 0 {
			return st.Uid, st.Gid, nil
		}
	}
	return 0, 0, errors.New("--rootless: root is no plain user: run it through sudo, or with a bundle that belongs to the user")
}

// reportFormat returns what prints a report.
func reportFormat(name string) (func(io.Writer, *check.Report) error, error) {
	switch name {
	case "text":
		return printReport, nil
	case "json":
		return func(w io.Writer, r *check.Report) error {
			enc := json.NewEncoder(w)
			enc.SetIndent("", "  ")
			return enc.Encode(r)
		}, nil
	}
	return nil, errors.New("invalid format option (do: --format text, or --format json)")
}

// printReport prints a line for each need that is met, and what to do for the others.
func printReport(w io.Writer, r *check.Report) error {
	var out strings.Builder
	what := "the default bundle"
	if r.Bundle != "" {
		what = "bundle " + r.Bundle
	}
	fmt.Fprintf(&out, "%s, for uid %d, on Linux %s\n\n", what, r.UID, r.Kernel)
	for i := range r.Needs {
		printNeed(&out, &r.Needs[i])
	}
	for _, left := range r.Untried {
		fmt.Fprintf(&out, "not tried: %s\n", left)
	}
	switch {
	case r.Starts:
		out.WriteString("\nit would start\n")
	default:
		fmt.Fprintf(&out, "\nit would not start: needs that are not met: %d\n", r.Unmet())
	}
	_, err := io.WriteString(w, out.String())
	return err
}

func printNeed(out *strings.Builder, n *check.Need) {
	mark := " "
	if n.Required && n.State != check.OK {
		mark = "!"
	}
	fmt.Fprintf(out, "%s %-10s  %s", mark, n.State, n.Name)
	if n.Found != "" {
		fmt.Fprintf(out, ": %s", n.Found)
	}
	out.WriteString("\n")
	if n.State == check.OK {
		return
	}
	for _, line := range [...]struct{ label, text string }{{"needed", n.For}, {"who", n.Who}, {"do", n.Do}} {
		if line.text != "" {
			fmt.Fprintf(out, "              %s: %s\n", line.label, line.text)
		}
	}
}
