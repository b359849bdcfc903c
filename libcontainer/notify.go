package libcontainer

import (
	"os"
	"path/filepath"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
)

// The socket for sd_notify(3): a directory of the state directory is bound into the
// container, as runc does it, since the socket itself may be made as late as by start.
const (
	notifyDir    = "notify"
	notifySocket = "notify.sock"
	notifyInside = "/run/notify"
)

// addNotify makes the directory, and tells the process about it.
func (c *creation) addNotify() error {
	if err := os.Mkdir(c.path(notifyDir), 0o755); err != nil {
		return err
	}
	spec, process := *c.spec, *c.spec.Process
	spec.Mounts = append(slices.Clone(spec.Mounts), specs.Mount{
		Destination: notifyInside, Type: "bind", Source: c.path(notifyDir),
		Options: []string{"bind", "nosuid", "noexec", "nodev", "ro"},
	})
	process.Env = append(slices.Clone(process.Env), "NOTIFY_SOCKET="+notifyInside+"/"+notifySocket)
	spec.Process = &process
	c.spec, c.config = &spec, &spec
	return nil
}

// ListenNotify makes the socket of a container that was created with Notify; to be called
// before Start.
func (c *Container) ListenNotify() (*os.File, error) { return c.runtime.ListenNotify(c.state.ID) }

// ListenNotify makes the socket of a container that is being created with Notify and without
// Await; to be called by Ready.
func (r *Runtime) ListenNotify(id string) (*os.File, error) {
	dir, err := sys.OpenDirectory(filepath.Join(r.Root, id, notifyDir))
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	return sys.ListenDatagram(dir, notifySocket)
}
