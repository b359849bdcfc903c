package resctrl

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
)

// Group is the group of one container, and its monitoring group.
type Group struct {
	state  State
	config specs.LinuxIntelRdt
	exists bool     // it was there before
	made   []string // by Create, for Undo
}

// State is what is remembered of a group.
type State struct {
	Root    string `json:"root"`              // of the file system
	Path    string `json:"path"`              // of the group: its class of service
	Remove  bool   `json:"remove,omitempty"`  // with the container: the class is the container's own
	Monitor string `json:"monitor,omitempty"` // path of the monitoring group
}

// Plan finds the group for a container below root, and says whether this machine can do what
// the configuration asks for. It changes nothing. Errors name the field.
func Plan(root, id string, c *specs.LinuxIntelRdt) (*Group, error) {
	class := c.ClosID
	if class == "" {
		class = id
	}
	g := &Group{config: *c, state: State{Root: root, Path: filepath.Join(root, class)}}
	var err error
	if g.exists, err = sys.Exists(g.state.Path); err != nil {
		return nil, fmt.Errorf("linux.intelRdt: %w", err)
	}
	g.state.Remove = c.ClosID == "" && !g.exists
	if c.EnableMonitoring {
		g.state.Monitor = filepath.Join(g.state.Path, "mon_groups", id)
	}
	switch {
	case c.L3CacheSchema != "" && !Allocates(root, "L3"):
		return nil, errors.New("linux.intelRdt.l3CacheSchema: specified in config, but Intel RDT/CAT is not enabled")
	case c.MemBwSchema != "" && !Allocates(root, "MB"):
		return nil, errors.New("linux.intelRdt.memBwSchema: specified in config, but Intel RDT/MBA is not enabled")
	case !g.exists && c.ClosID != "" && lines(c) == "":
		return nil, fmt.Errorf("linux.intelRdt.closID: %s must exist when schemata, l3CacheSchema and memBwSchema are empty: %w",
			g.state.Path, syscall.ENOENT)
	}
	return g, g.agrees()
}

// Allocates reports whether portions of a resource can be given: "L3" the cache, "MB" memory
// bandwidth.
func Allocates(root, resource string) bool {
	there, _ := sys.Exists(filepath.Join(root, "info", resource))
	return there
}

// Load returns the group of a container that was created earlier.
func Load(s State) *Group { return &Group{state: s} }

// State returns what is to be remembered.
func (g *Group) State() State { return g.state }

// Create makes what is missing of the group, writes its schemata, and puts a process into it.
func (g *Group) Create(pid int) error {
	if !g.exists {
		if err := g.mkdir(g.state.Path); err != nil {
			return fmt.Errorf("linux.intelRdt.closID: %w", err)
		}
	}
	if text := lines(&g.config); text != "" {
		if err := g.write(g.state.Path, "schemata", text); err != nil {
			return fmt.Errorf("linux.intelRdt: write %q: %w", text, err)
		}
	}
	if g.state.Monitor != "" {
		if err := g.mkdir(g.state.Monitor); err != nil && !errors.Is(err, syscall.EEXIST) {
			return fmt.Errorf("linux.intelRdt.enableMonitoring: %w", err)
		}
	}
	return g.Join(pid)
}

// Join puts a process into the group and its monitoring group.
func (g *Group) Join(pid int) error {
	for _, path := range []string{g.state.Path, g.state.Monitor} {
		if path == "" {
			continue
		}
		if err := g.write(path, "tasks", strconv.Itoa(pid)); err != nil {
			return fmt.Errorf("linux.intelRdt: add process %d to %s: %w", pid, path, err)
		}
	}
	return nil
}

// Update writes schemas that are not empty, that of the cache first.
func (g *Group) Update(l3Cache, memBw string) error {
	text := lines(&specs.LinuxIntelRdt{L3CacheSchema: l3Cache, MemBwSchema: memBw})
	if text == "" {
		return nil
	}
	if err := g.write(g.state.Path, "schemata", text); err != nil {
		return fmt.Errorf("linux.intelRdt: write %q: %w", text, err)
	}
	return nil
}

// Undo removes what Create has made, after a failure.
func (g *Group) Undo() error {
	var first error
	for i := len(g.made) - 1; i >= 0; i-- {
		if err := remove(g.made[i]); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// Destroy removes the group if it is the container's own, else the monitoring group. What is
// gone already is no error.
func (g *Group) Destroy() error {
	switch {
	case g.state.Remove: // the monitoring group goes with it
		return remove(g.state.Path)
	case g.state.Monitor != "":
		return remove(g.state.Monitor)
	}
	return nil
}

func remove(path string) error {
	if err := syscall.Rmdir(path); err != nil && !errors.Is(err, syscall.ENOENT) {
		return fmt.Errorf("remove the resctrl group %s: %w", path, err)
	}
	return nil
}

func (g *Group) mkdir(path string) error {
	if err := syscall.Mkdir(path, 0o755); err != nil {
		return fmt.Errorf("make the resctrl group %s: %w", path, g.explain(err))
	}
	g.made = append(g.made, path)
	return nil
}

func (g *Group) write(group, file, text string) error {
	if err := sys.WriteControl(filepath.Join(group, file), text); err != nil {
		return g.explain(err)
	}
	return nil
}

// explain adds what the kernel says of the last failure.
func (g *Group) explain(err error) error {
	status := read(filepath.Join(g.state.Root, "info", "last_cmd_status"))
	if status == "" || status == "ok" {
		return err
	}
	return fmt.Errorf("%w, last_cmd_status: %s", err, strings.ReplaceAll(status, "\n", "; "))
}
