package libcontainer

import (
	"errors"
	"fmt"

	"rung/libcontainer/resctrl"
)

// planResctrl finds the group of linux.intelRdt, before anything is made.
func (c *creation) planResctrl() error {
	config := c.spec.Linux.IntelRdt
	if config == nil {
		return nil
	}
	root, err := resctrl.Find()
	if err != nil {
		return fmt.Errorf("linux.intelRdt: %w", err)
	}
	if c.resctrl, err = resctrl.Plan(root, c.state.ID, config); err != nil {
		return err
	}
	state := c.resctrl.State()
	c.state.Resctrl = &state
	return nil
}

// undoResctrl is told of, since the error of the create is another one.
func (c *creation) undoResctrl() {
	if c.resctrl == nil {
		return
	}
	if err := c.resctrl.Undo(); err != nil {
		c.runtime.Log.Warn(err.Error())
	}
}

func (c *Container) destroyResctrl() error {
	if c.state.Resctrl == nil {
		return nil
	}
	return resctrl.Load(*c.state.Resctrl).Destroy()
}

// Resctrl returns the container's group, nil if its configuration has no linux.intelRdt.
func (c *Container) Resctrl() *resctrl.Group {
	if c.state.Resctrl == nil {
		return nil
	}
	return resctrl.Load(*c.state.Resctrl)
}

// UpdateResctrl writes a schema of the L3 cache, one of memory bandwidth, or both; "" leaves
// one as it is.
func (c *Container) UpdateResctrl(l3Cache, memBw string) error {
	if l3Cache == "" && memBw == "" {
		return nil
	}
	if err := c.CheckResctrl(l3Cache, memBw); err != nil {
		return err
	}
	return c.Resctrl().Update(l3Cache, memBw)
}

// CheckResctrl says whether this machine and this container have what UpdateResctrl changes. The errors have runc's words.
func (c *Container) CheckResctrl(l3Cache, memBw string) error {
	if l3Cache == "" && memBw == "" {
		return nil
	}
	root, err := resctrl.Find()
	switch {
	case l3Cache != "" && (err != nil || !resctrl.Allocates(root, "L3")):
		return errors.New("Intel RDT/CAT: l3 cache schema is not enabled")
	case memBw != "" && (err != nil || !resctrl.Allocates(root, "MB")):
		return errors.New("Intel RDT/MBA: memory bandwidth schema is not enabled")
	case c.state.Resctrl == nil:
		return errors.New("updating a non-existent Intel RDT configuration is not supported")
	}
	return nil
}
