package setup

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/host"
)

// ExplainExec adds to the error of a program that could not be executed that its file system is mounted noexec, if it is the
// root file system: other mounts of the container can not be seen any more.
func ExplainExec(spec *specs.Spec, rootfs, program string, err error) error {
	if !errors.Is(err, syscall.EACCES) || onMount(spec, rootfs, program) {
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
		return err
	}
	return fmt.Errorf("%w (root.path: %s is mounted noexec on the host)", err, rootfs)
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
