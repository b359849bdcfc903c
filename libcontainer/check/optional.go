package check

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/criu"
)

// Release is the release of the running kernel.
func Release() string { return sys.Release() }

// Checkpoint looks for CRIU, which only checkpoint and restore need.
func Checkpoint(ctx context.Context) Need {
	n := Need{Name: "CRIU", State: OK, For: "checkpoint and restore"}
	path, err := criu.Find()
	if err == nil {
		err = criu.CheckVersion(ctx, path)
	}
	if err == nil {
		return n
	}
	n.State, n.Found = Missing, err.Error()
	if errors.Is(err, exec.ErrNotFound) { // not what the program says
		n.Found = "no program criu is in PATH"
	}
	n.Who, n.Do = administrator, fmt.Sprintf("install CRIU %d.%d or newer: apt-get install criu, dnf install criu", criu.MinVersion/10000, criu.MinVersion/100%100)
	return n
}

// IDMapped is the need for id-mapped mounts. err is that of an attempt on the root file system.
func IDMapped(s *Subject, err error) Need {
	n := Need{Name: "id-mapped mounts", State: OK, For: "mounts with idmap, ridmap or an id map of their own"}
	for i := range s.Spec.Mounts {
		if m := &s.Spec.Mounts[i]; maps(m) {
			n.Required, n.Field = true, fmt.Sprintf("mounts[%d]", i)
		}
	}
	if err != nil {
		n.State, n.Found = stateOf(err), err.Error()
		n.Who, n.Do = administrator, "run rung as root, on a root file system that has id-mapped mounts (ext4, xfs, btrfs, tmpfs since Linux 6.3, overlay since 5.19)"
	}
	return n
}

func maps(m *specs.Mount) bool {
	return len(m.UIDMappings) > 0 || slices.Contains(m.Options, "idmap") || slices.Contains(m.Options, "ridmap")
}
