package launch

import (
	"testing"

	"rung/libcontainer/plan"
)

// A ".." in a symbolic link of the image leads to the host while the old root lies on the new one.
func TestCovered(t *testing.T) {
	mounts := &plan.Plan{Ops: make([]plan.Op, 9)}
	enter := &plan.Plan{Ops: make([]plan.Op, 9)}
	enter.Ops[4].Code = plan.PivotRoot
	enter.Ops[5].Code = plan.Umount
	for name, c := range map[string]struct {
		segments []*plan.Plan
		from, to Position
		want     bool
	}{
		"in the segment before": {[]*plan.Plan{mounts, enter}, Position{0, 7}, Position{0, 8}, false},
		"up to the pivot":       {[]*plan.Plan{mounts, enter}, Position{0, 7}, Position{1, 3}, false},
		"ends in the pivot":     {[]*plan.Plan{mounts, enter}, Position{0, 7}, Position{1, 4}, true},
		"begins in the umount":  {[]*plan.Plan{mounts, enter}, Position{1, 5}, Position{1, 8}, true},
		"across both":           {[]*plan.Plan{mounts, enter}, Position{0, 0}, Position{1, 8}, true},
		"across the segment":    {[]*plan.Plan{mounts, enter, mounts}, Position{1, 0}, Position{2, 0}, true},
		"after the umount":      {[]*plan.Plan{mounts, enter}, Position{1, 6}, Position{1, 8}, false},
		"a segment later":       {[]*plan.Plan{mounts, enter, mounts}, Position{2, 0}, Position{2, 5}, false},
		"no pivot":              {[]*plan.Plan{mounts, mounts}, Position{0, 0}, Position{1, 8}, false},
	} {
		if got := covered(c.segments, c.from, c.to); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
