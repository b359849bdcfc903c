package main

import (
	"context"
	"encoding/json"
	"os"
	"time"

	"github.com/urfave/cli/v3"

	"rung/libcontainer"
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
			r, err := runtimeOf(cmd)
			if err != nil {
				return err
			}
			state, err := newContainerState(r, cmd.Args().First())
			if err != nil {
				return err
			}
			data, err := json.MarshalIndent(state, "", "  ")
			if err != nil {
				return err
			}
			_, err = os.Stdout.Write(data)
			return err
		},
	}
}
