// Package checkpoint saves the processes of a container with CRIU (criu.org), and restores them into a new container.
package checkpoint

import (
	"context"
	"fmt"
	"os"
	"strings"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/libcontainer/bundle"
	"rung/libcontainer/compile"
	"rung/libcontainer/criu"
	"rung/libcontainer/store"
)

// Common has the options of checkpoint and restore. A field without a comment is the option of criu(8) of that name.
type Common struct {
	ImagePath      string // directory of the checkpoint
	WorkPath       string // directory of logs; "" is that of the checkpoint
	CgroupMode     string // soft, full, strict, ignore, or "" for CRIU's default
	TCPEstablished bool
	ExtUnixSockets bool
	ShellJob       bool
	FileLocks      bool
	AutoDedup      bool
	LazyPages      bool
}

// Options is what the caller says of a checkpoint.
type Options struct {
	Common
	ParentPath      string // of an earlier pre-dump, relative to ImagePath
	PreDump         bool   // memory only; the container runs on
	LeaveRunning    bool
	TCPSkipInFlight bool
	LinkRemap       bool
	PageServer      criu.PageServer
	StatusFD        int // gets a zero byte, and is closed, when lazy pages can be had; -1 is none
}

// RestoreOptions is what the caller says of a restore, beside config.json.
type RestoreOptions struct {
	Common
	LSMProfile      string // TYPE:NAME
	LSMMountContext string
	Stdio           [3]*os.File
	Console         *os.File            // socket that gets the pty of a container that has one
	Ready           func(pid int) error // called when the container runs
}

// findCRIU returns the path of a CRIU that is new enough. To a caller that is not root, CRIU answers only a number.
func findCRIU(ctx context.Context) (string, error) {
	if os.Geteuid() != 0 {
		return "", fmt.Errorf("CRIU needs root: %w", syscall.EPERM)
	}
	program, err := criu.Find()
	if err != nil {
		return "", err
	}
	return program, criu.CheckVersion(ctx, program)
}

// newRequest returns a request with what checkpoint and restore have in common.
func newRequest(kind criu.Kind, o *Common, spec *specs.Spec) (*criu.Request, error) {
	mode, err := criu.ParseCgroupMode(o.CgroupMode)
	if err != nil {
		return nil, err
	}
	// If the terminal is the caller's and not the container's, a restore takes its caller's.
	inherits := o.ShellJob && (spec.Process == nil || !spec.Process.Terminal)
	return &criu.Request{
		Kind: kind, OrphanPTS: !inherits, WorkFD: -1, CgroupMode: mode, ConfigFile: criuConfig(spec),
		TCPEstablished: o.TCPEstablished, ExtUnixSockets: o.ExtUnixSockets, ShellJob: o.ShellJob,
		FileLocks: o.FileLocks, AutoDedup: o.AutoDedup, LazyPages: o.LazyPages,
	}, nil
}

// criuConfig returns the file with settings that override those of the request: runc's, unless an annotation names another
// one, or "" for none. CRIU ignores a file that is missing.
func criuConfig(spec *specs.Spec) string {
	if file, given := spec.Annotations["org.criu.config"]; given {
		return file
	}
	return "/etc/criu/runc.conf"
}

// namespaceKey is the key of a namespace at a path, which is runc's.
func namespaceKey(t specs.LinuxNamespaceType) string {
	name := bundle.NamespaceFile(t)
	return "extRoot" + strings.ToUpper(name[:1]) + name[1:] + "NS"
}

// mountOptions are the options of the compiler for a container that is there, as far as mounts depend on them.
func mountOptions(s *store.State) compile.Options {
	return compile.Options{ID: s.ID, Bundle: s.Bundle, Rootfs: s.Rootfs, CgroupPaths: s.CgroupPaths}
}
