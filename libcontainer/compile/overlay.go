package compile

import (
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/libcontainer/host"
	"rung/libcontainer/plan"
)

// options returns the meaning of a mount's options. An overlay's list of lower directories that is too long for fsconfig(2)
// becomes one parameter for each directory, if the kernel takes that: then its errors name the option, as those of all other
// new file systems do.
func (c *compiler) options(m *specs.Mount) mountOptions {
	o := parseOptions(m.Options)
	if m.Type != "overlay" || !c.facts.LowerdirPieces {
		return o
	}
	var data []plan.Option
	for _, p := range o.data {
		if p.Key != "lowerdir" || len(p.Value) <= host.FsconfigMax {
			data = append(data, p)
			continue
		}
		pieces, ok := pieces(p.Value)
		if !ok {
			return o
		}
		data = append(data, pieces...)
	}
	split := o
	split.data = data
	if len(data) > maxData || split.needsMount2() { // mount(2) takes the list
		return o
	}
	return split
}

// pieces splits a list of lower directories. It does not split one with a meaning of its own: a backslash before a colon, two
// colons before directories of data, and a colon at the beginning, which appends to an earlier list.
func pieces(list string) (out []plan.Option, ok bool) {
	if strings.Contains(list, `\`) {
		return nil, false
	}
	for dir := range strings.SplitSeq(list, ":") {
		if dir == "" {
			return nil, false
		}
		out = append(out, plan.Option{Key: "lowerdir+", Value: dir})
	}
	return out, true
}
