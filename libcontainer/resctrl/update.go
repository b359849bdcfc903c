package resctrl

import (
	"errors"
	"fmt"
)

// CheckUpdate reports whether this machine and this container have what Update changes. g may be nil: a container without a
// group. The errors have runc's words.
func (g *Group) CheckUpdate(l3Cache, memBw string) error {
	if l3Cache == "" && memBw == "" {
		return nil
	}
	var cache, bandwidth bool
	root, err := Find()
	if err == nil {
		cache, bandwidth, err = Allocates(root)
	}
	switch {
	case err != nil && !errors.Is(err, ErrNotMounted):
		return fmt.Errorf("linux.intelRdt: %w", err)
	case l3Cache != "" && !cache:
		return errors.New("Intel RDT/CAT: l3 cache schema is not enabled")
	case memBw != "" && !bandwidth:
		return errors.New("Intel RDT/MBA: memory bandwidth schema is not enabled")
	case g == nil:
		return errors.New("updating a non-existent Intel RDT configuration is not supported")
	}
	return nil
}
