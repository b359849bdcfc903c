package create

import (
	"os"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/libcontainer/store"
)

// The socket for sd_notify(3) is in a directory of the state directory, which is bound into the container, as runc does
// it: the socket itself may be made as late as by start.
const (
	notifyInside = "/run/notify"
	// NotifySocket is the name of the socket in the directory.
	NotifySocket = "notify.sock"
)

// addNotify makes the directory, and tells the process about it.
func (c *creation) addNotify() error {
	dir := c.setup.Container.Path(store.NotifyDir)
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	spec, process := *c.setup.Spec, *c.setup.Spec.Process
	spec.Mounts = append(slices.Clone(spec.Mounts), specs.Mount{
		Destination: notifyInside, Type: "bind", Source: dir,
		Options: []string{"bind", "nosuid", "noexec", "nodev", "ro"},
	})
	process.Env = append(slices.Clone(process.Env), "NOTIFY_SOCKET="+notifyInside+"/"+NotifySocket)
	spec.Process = &process
	c.setup.Spec = &spec
	c.setup.Container.SetConfig(&spec)
	return nil
}
