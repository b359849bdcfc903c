package setup

import (
	"errors"
	"fmt"
	"slices"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/host"
	"rung/libcontainer/seccomp"
)

// ExplainExec adds to the error of a program that could not be executed what is known about the cause: its file system is mounted
// noexec, its interpreter is missing, it is of another machine, or the seccomp profile denies execve(2). It looks into the root file system only: other mounts
// of the container can not be seen any more.
func ExplainExec(spec *specs.Spec, rootfs, program string, err error) error {
	if Denies(spec, "execve") && !errors.Is(err, syscall.ENOENT) && !errors.Is(err, syscall.EACCES) {
		return fmt.Errorf("%w (linux.seccomp denies execve, by which the program begins)", err)
	}
	if onMount(spec, rootfs, program) {
		return err
	}
	if errors.Is(err, syscall.ENOENT) {
		if sys.HasNoFiles(rootfs) {
			return fmt.Errorf("%w (root.path: %s has no files on the host)", err, rootfs)
		}
		return explainFormat(spec, rootfs, program, err)
	}
	if errors.Is(err, syscall.ENOEXEC) || errors.Is(err, syscall.ELOOP) {
		return explainFormat(spec, rootfs, program, err)
	}
	if !errors.Is(err, syscall.EACCES) {
		return err
	}
	root, errOpen := sys.OpenPath(rootfs)
	if errOpen != nil {
		return err
	}
	defer root.Close()
	file, errOpen := sys.OpenInRoot(root, program, sys.O_PATH)
	if errOpen != nil {
		return err
	}
	defer file.Close()
	if seen, errLook := sys.Look(sys.FDPath(file)); errLook != nil || seen.Flags&sys.ST_NOEXEC == 0 {
		if st, errStat := sys.StatInRoot(root, program); errStat == nil && st.Mode&(syscall.S_IFMT|0o111) == syscall.S_IFREG {
			return fmt.Errorf("%w (nobody may execute %s: chmod +x)", err, program)
		}
		return explainFormat(spec, rootfs, program, err)
	}
	return fmt.Errorf("%w (root.path: %s is mounted noexec on the host)", err, rootfs)
}

// Denies reports whether the seccomp profile of a configuration denies a system call whatever its arguments are.
func Denies(spec *specs.Spec, call string) bool {
	profile := spec.Linux.Seccomp
	if profile == nil || seccomp.Passes(profile, []string{call}) {
		return false
	}
	return !slices.ContainsFunc(profile.Syscalls, func(r specs.LinuxSyscall) bool { return len(r.Args) > 0 && slices.Contains(r.Names, call) })
}

// KillsAtStart reports whether the seccomp profile ends the process at execve(2), whatever the arguments are. The kernel then says
// nothing, and the status of the process is all that is left.
func KillsAtStart(spec *specs.Spec) bool {
	if !Denies(spec, "execve") {
		return false
	}
	action := spec.Linux.Seccomp.DefaultAction
	for _, r := range spec.Linux.Seccomp.Syscalls {
		if slices.Contains(r.Names, "execve") {
			action = r.Action
		}
	}
	return action == specs.ActKill || action == specs.ActKillProcess || action == specs.ActKillThread
}

// explainFormat adds to the error of a program that is there why the kernel cannot execute it, if that is what the error is of.
func explainFormat(spec *specs.Spec, rootfs, program string, err error) error {
	if v := format(spec, rootfs, program, true); v != nil && errors.Is(err, v.errno) {
		return fmt.Errorf("%w (%s)", err, v.why)
	}
	return err
}

// Format returns what execve(2) will say of a program that is there and that the process may execute; nil if nothing is known
// against it.
func Format(spec *specs.Spec, rootfs, program string) *Verdict {
	return format(spec, rootfs, program, false)
}

func format(spec *specs.Spec, rootfs, program string, refused bool) *Verdict {
	root, err := sys.OpenPath(rootfs)
	if err != nil {
		return nil
	}
	defer root.Close()
	f := formats{spec: spec, rootfs: rootfs, root: root, cwd: "/", refused: refused}
	if spec.Process != nil {
		f.cwd = spec.Process.Cwd
	}
	if v := f.of(program); v.errno != 0 {
		return &v
	}
	return nil
}

// onMount reports whether the configuration mounts something over a file of the root file system.
func onMount(spec *specs.Spec, rootfs, file string) bool {
	for i := range spec.Mounts {
		if _, below := host.Below(file, host.Destination(&spec.Mounts[i], rootfs)); below {
			return true
		}
	}
	return false
}
