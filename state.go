package main

import (
	"context"
	"maps"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/urfave/cli/v3"

	"rung/libcontainer"
	"rung/libcontainer/bundle"
)

// containerState is the output of state and list. The fields are in runc's order.
type containerState struct {
	OCIVersion  string            `json:"ociVersion"`
	ID          string            `json:"id"`
	Pid         int               `json:"pid"`
	Status      string            `json:"status"`
	Bundle      string            `json:"bundle"`
	Rootfs      string            `json:"rootfs"`
	Created     time.Time         `json:"created"`
	Annotations map[string]string `json:"annotations,omitempty"`
	Owner       string            `json:"owner"`
}

// newContainerState returns nil with the error of a container whose state cannot be read.
func newContainerState(r *libcontainer.Runtime, id string) (*containerState, error) {
	s, status, err := r.Peek(id)
	if err != nil && s.ID == "" {
		return nil, err
	}
	out := &containerState{
		OCIVersion: s.OCIVersion, ID: s.ID, Pid: s.Pid, Status: string(status), Bundle: s.Bundle,
		Rootfs: s.Rootfs, Created: s.Created, Annotations: s.Annotations,
	}
	if status == libcontainer.Stopped {
		out.Pid = 0
	}
	return out, err
}

func stateCommand() *cli.Command {
	return &cli.Command{
		Name:        "state",
		Usage:       "output the state of a container",
		ArgsUsage:   "<container-id>",
		Description: "The state command prints the state of a container as JSON.",
		Action: func(_ context.Context, cmd *cli.Command) error {
			if err := checkArgs(cmd, 1, exactly); err != nil {
				return err
			}
			r, err := runtimeOf()
			if err != nil {
				return err
			}
			state, err := newContainerState(r, cmd.Args().First())
			if err != nil {
				return err
			}
			var room [1 << 10]byte
			_, err = os.Stdout.Write(state.appendIndented(room[:0]))
			return err
		},
	}
}

// appendIndented is json.MarshalIndent without reflection, which touches 20 pages more: what engines ask for most is the state.
func (s *containerState) appendIndented(b []byte) []byte {
	b = append(b, "{\n"...)
	member := func(name, value string) {
		b = append(append(append(b, "  \""...), name...), "\": "...)
		b = append(bundle.AppendString(b, value), ",\n"...)
	}
	member("ociVersion", s.OCIVersion)
	member("id", s.ID)
	b = append(strconv.AppendInt(append(b, "  \"pid\": "...), int64(s.Pid), 10), ",\n"...)
	member("status", s.Status)
	member("bundle", s.Bundle)
	member("rootfs", s.Rootfs)
	member("created", s.Created.Format(time.RFC3339Nano))
	if len(s.Annotations) > 0 {
		b = append(b, "  \"annotations\": {\n"...)
		for i, key := range slices.Sorted(maps.Keys(s.Annotations)) {
			if i > 0 {
				b = append(b, ",\n"...)
			}
			b = bundle.AppendString(append(b, "    "...), key)
			b = bundle.AppendString(append(b, ": "...), s.Annotations[key])
		}
		b = append(b, "\n  },\n"...)
	}
	return append(bundle.AppendString(append(b, "  \"owner\": "...), s.Owner), "\n}"...)
}
