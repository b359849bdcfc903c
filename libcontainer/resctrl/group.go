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

// Group is the resctrl group of one container, with its monitoring group.
type Group struct {
	state  State
	config specs.LinuxIntelRdt
	exists bool     // the group existed when Plan looked
	made   []string // the directories that Create made, for Undo
}

// State is the part of a Group that the container's state keeps.
type State struct {
	Root    string `json:"root"`              // the root of the file system
	Path    string `json:"path"`              // the directory of the group: its class of service
	Remove  bool   `json:"remove,omitempty"`  // Destroy removes the group, because it is the container's own
	Monitor string `json:"monitor,omitempty"` // the directory of the monitoring group, "" if there is none
}

// Plan returns the group for the container id below root, as Find returns it. It changes nothing. It fails if this
// machine cannot do what the configuration asks for. Errors name the field.
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
	cache, bandwidth, err := Allocates(root)
	switch {
	case err != nil:
		return nil, fmt.Errorf("linux.intelRdt: %w", err)
	case c.L3CacheSchema != "" && !cache:
		return nil, errors.New("linux.intelRdt.l3CacheSchema: specified in config, but Intel RDT/CAT is not enabled")
	case c.MemBwSchema != "" && !bandwidth:
		return nil, errors.New("linux.intelRdt.memBwSchema: specified in config, but Intel RDT/MBA is not enabled")
	case !g.exists && c.ClosID != "" && lines(c) == "":
		return nil, fmt.Errorf("linux.intelRdt.closID: %s must exist when schemata, l3CacheSchema and memBwSchema are empty: %w",
			g.state.Path, syscall.ENOENT)
	}
	return g, g.checkSchemata()
}

// Allocates reports whether the machine can allocate portions of the L3 cache and of memory bandwidth.
func Allocates(root string) (cache, bandwidth bool, err error) {
	if cache, err = sys.Exists(filepath.Join(root, "info", "L3")); err != nil {
		return false, false, err
	}
	bandwidth, err = sys.Exists(filepath.Join(root, "info", "MB"))
	return cache, bandwidth, err
}

// Load returns the group of a container that was created earlier.
func Load(s State) *Group { return &Group{state: s} }

// State returns the part of the Group that Load takes.
func (g *Group) State() State { return g.state }

// Create makes the group and its monitoring group unless they exist, writes the schemata, and puts the process into
// both. After an error the caller calls Undo.
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

// Update writes the schemas that are not empty, the cache's first. g may be nil if both are empty.
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

// Undo removes the directories that Create made, for a caller whose create failed. It returns the first error.
func (g *Group) Undo() error {
	var first error
	for i := len(g.made) - 1; i >= 0; i-- {
		if err := remove(g.made[i]); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// Destroy removes the group if it is the container's own, else only the monitoring group. A missing directory is no
// error.
func (g *Group) Destroy() error {
	switch {
	case g.state.Remove: // this also removes the monitoring group
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

// explain adds the kernel's reason for the last failure.
func (g *Group) explain(err error) error {
	status := read(filepath.Join(g.state.Root, "info", "last_cmd_status"))
	if status == "" || status == "ok" {
		return err
	}
	return fmt.Errorf("%w, last_cmd_status: %s", err, strings.ReplaceAll(status, "\n", "; "))
}
