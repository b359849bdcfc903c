package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	units "github.com/docker/go-units"
	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/urfave/cli/v3"

	"rung/libcontainer"
	"rung/libcontainer/bundle"
)

const resourcesUsage = `path to the file containing the resources to update or '-' to read from the standard input

The form is that of linux.resources in config.json. A value that is not in the file stays as it is:

{
  "memory": {"limit": 0, "reservation": 0, "swap": 0, "checkBeforeUpdate": true},
  "cpu": {"shares": 0, "quota": 0, "burst": 0, "period": 0, "realtimeRuntime": 0, "realtimePeriod": 0,
          "cpus": "", "mems": "", "idle": 0},
  "pids": {"limit": 0},
  "blockIO": {"weight": 0}
}

With this option all others are ignored, but for those of Intel RDT.`

func updateCommand() *cli.Command {
	return &cli.Command{
		Name:        "update",
		Usage:       "update container resource constraints",
		ArgsUsage:   "<container-id>",
		Description: "The update command changes limits of a container. A limit that is not named stays as it is.",
		Flags:       updateFlags(),
		Action: onContainer(func(ctx context.Context, cmd *cli.Command, c *libcontainer.Container) error {
			r, err := updatedResources(cmd)
			if err != nil {
				return err
			}
			return update(ctx, c, r, cmd.String("l3-cache-schema"), cmd.String("mem-bw-schema"))
		}),
	}
}

func update(ctx context.Context, c *libcontainer.Container, r *specs.LinuxResources, l3Cache, memBw string) error {
	group := c.Resctrl()
	if err := group.CheckUpdate(l3Cache, memBw); err != nil {
		return err // nothing has changed yet
	}
	if err := c.Update(ctx, r); err != nil {
		return err
	}
	return group.Update(l3Cache, memBw)
}

func updateFlags() []cli.Flag {
	flags := []cli.Flag{
		&cli.StringFlag{Name: "resources", Aliases: []string{"r"}, Usage: resourcesUsage},
		&cli.IntFlag{Name: "blkio-weight", Usage: "Specifies per cgroup weight, range is from 10 to 1000"},
		&cli.IntFlag{Name: "pids-limit", Usage: "Maximum number of pids allowed in the container"},
	}
	for _, f := range []struct{ name, usage string }{
		{"cpu-period", "CPU CFS period to be used for hardcapping (in usecs). 0 to use system default"},
		{"cpu-quota", "CPU CFS hardcap limit (in usecs). Allowed cpu time in a given period"},
		{"cpu-burst", "CPU CFS hardcap burst limit (in usecs). Allowed accumulated cpu time additionally for burst a given period"},
		{"cpu-share", "CPU shares (relative weight vs. other containers)"},
		{"cpu-rt-period", "CPU realtime period to be used for hardcapping (in usecs). 0 to use system default"},
		{"cpu-rt-runtime", "CPU realtime hardcap limit (in usecs). Allowed cpu time in a given period"},
		{"cpuset-cpus", "CPU(s) to use"},
		{"cpuset-mems", "Memory node(s) to use"},
		{"memory", "Memory limit (in bytes)"},
		{"cpu-idle", "set cgroup SCHED_IDLE or not, 0: default behavior, 1: SCHED_IDLE"},
		{"memory-reservation", "Memory reservation or soft_limit (in bytes)"},
		{"memory-swap", "Total memory usage (memory + swap); set '-1' to enable unlimited swap"},
		{"l3-cache-schema", "The string of Intel RDT/CAT L3 cache schema"},
		{"mem-bw-schema", "The string of Intel RDT/MBA memory bandwidth schema"},
	} {
		flags = append(flags, &cli.StringFlag{Name: f.name, Usage: f.usage})
	}
	for _, name := range []string{"kernel-memory", "kernel-memory-tcp"} {
		flags = append(flags, &cli.StringFlag{Name: name, Usage: "(obsoleted; do not use)", Hidden: true})
	}
	return flags
}

// updatedResources reads the file of --resources, or the other options. As with runc, a file makes rung ignore the other
// options.
func updatedResources(cmd *cli.Command) (*specs.LinuxResources, error) {
	if path := cmd.String("resources"); path != "" {
		return readResources(path)
	}
	p := &resourceFlags{cmd: cmd}
	memory, cpu := &specs.LinuxMemory{}, &specs.LinuxCPU{}
	memory.Limit, memory.Swap, memory.Reservation = p.size("memory"), p.size("memory-swap"), p.size("memory-reservation")
	memory.Kernel, memory.KernelTCP = p.size("kernel-memory"), p.size("kernel-memory-tcp") //nolint:staticcheck // warned about
	cpu.Shares, cpu.Period, cpu.Burst = p.unsigned("cpu-share"), p.unsigned("cpu-period"), p.unsigned("cpu-burst")
	cpu.Quota, cpu.Idle = p.signed("cpu-quota"), p.signed("cpu-idle")
	cpu.RealtimePeriod, cpu.RealtimeRuntime = p.unsigned("cpu-rt-period"), p.signed("cpu-rt-runtime")
	cpu.Cpus, cpu.Mems = cmd.String("cpuset-cpus"), cmd.String("cpuset-mems")
	r := &specs.LinuxResources{Memory: memory, CPU: cpu}
	if cmd.IsSet("pids-limit") {
		limit := int64(cmd.Int("pids-limit"))
		r.Pids = &specs.LinuxPids{Limit: &limit}
	}
	if weight := cmd.Int("blkio-weight"); weight != 0 {
		if weight < 0 || weight > 1<<16-1 {
			return nil, fmt.Errorf("invalid value for blkio-weight: %d", weight)
		}
		value := uint16(weight)
		r.BlockIO = &specs.LinuxBlockIO{Weight: &value}
	}
	return r, p.err
}

func readResources(path string) (*specs.LinuxResources, error) {
	defer stopping.idles("--resources " + path)()
	var in io.Reader = os.Stdin
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		in = file
	}
	r := &specs.LinuxResources{}
	raw, err := firstValue(in)
	if err == nil {
		err = bundle.Decode(raw, r)
	}
	if err != nil {
		return nil, fmt.Errorf("--resources %s: %w", path, err)
	}
	r.Devices = nil // as with runc, an update does not change the device rules
	return r, nil
}

// firstValue returns the text of a JSON value, or what was read until it turned out to be none. It does not wait for the end of
// the input: the caller may keep the pipe open.
func firstValue(in io.Reader) ([]byte, error) {
	var seen bytes.Buffer
	var value json.RawMessage
	err := json.NewDecoder(io.TeeReader(in, &seen)).Decode(&value)
	var syntax *json.SyntaxError
	switch {
	case err == nil:
		return value, nil
	case errors.As(err, &syntax), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return seen.Bytes(), nil
	}
	return nil, err
}

// resourceFlags parses the numbers of options and keeps the first error.
type resourceFlags struct {
	cmd *cli.Command
	err error
}

// parsed returns nil for an option that is missing or empty.
func parsed[T any](p *resourceFlags, name string, parse func(string) (T, error)) *T {
	text := p.cmd.String(name)
	if text == "" {
		return nil
	}
	value, err := parse(text)
	if err != nil && p.err == nil {
		p.err = fmt.Errorf("invalid value for %s: %w", name, err)
	}
	return &value
}

func (p *resourceFlags) unsigned(name string) *uint64 {
	return parsed(p, name, func(text string) (uint64, error) { return strconv.ParseUint(text, 10, 64) })
}

func (p *resourceFlags) signed(name string) *int64 {
	return parsed(p, name, func(text string) (int64, error) { return strconv.ParseInt(text, 10, 64) })
}

// size reads "-1", a number of bytes, or a number with a binary unit such as "512m".
func (p *resourceFlags) size(name string) *int64 {
	return parsed(p, name, func(text string) (int64, error) {
		if text == "-1" {
			return -1, nil
		}
		return units.RAMInBytes(text)
	})
}
