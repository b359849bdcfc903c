package compile

import (
	"encoding/binary"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/libcontainer/idlist"
	"rung/libcontainer/plan"
)

// idMask returns a list as a bit mask of longs, as sched_setaffinity(2) and set_mempolicy(2) want it.
func idMask(text string) string {
	var mask []byte
	list, _ := idlist.Parse(text) // bundle.Validate has refused a malformed list
	for _, word := range list.Words() {
		mask = binary.NativeEndian.AppendUint64(mask, word)
	}
	return string(mask)
}

// memoryPolicies has the modes at their numbers in <linux/mempolicy.h>. The last one is of Linux 6.9.
var memoryPolicies = [...]specs.MemoryPolicyModeType{
	specs.MpolDefault, specs.MpolPreferred, specs.MpolBind, specs.MpolInterleave, specs.MpolLocal,
	specs.MpolPreferredMany, specs.MpolWeightedInterleave,
}

func memoryPolicyMode(m specs.MemoryPolicyModeType) uint64 {
	return uint64(max(slices.Index(memoryPolicies[:], m), 0))
}

// memoryPolicyFlags has the flags in the order of their bits, from 1<<13 up.
var memoryPolicyFlags = [...]specs.MemoryPolicyFlagType{
	specs.MpolFNumaBalancing, specs.MpolFRelativeNodes, specs.MpolFStaticNodes,
}

func memoryPolicyFlag(f specs.MemoryPolicyFlagType) uint64 {
	if i := slices.Index(memoryPolicyFlags[:], f); i >= 0 {
		return 1 << (13 + i)
	}
	return 0
}

// memoryPolicy sets linux.memoryPolicy. The kernel wants one bit more than the mask has
// (set_mempolicy(2), "maxnode").
func (c *compiler) memoryPolicy() {
	p := c.spec.Linux.MemoryPolicy
	if p == nil || p.Mode == "" {
		return
	}
	mode := memoryPolicyMode(p.Mode)
	for _, f := range p.Flags {
		mode |= memoryPolicyFlag(f)
	}
	mask := idMask(p.Nodes)
	c.b.For("linux.memoryPolicy", "NUMA memory policy")
	bits := uint64(8*len(mask) + 1) // 1 for no nodes: 0 would be an error
	c.b.Add(plan.Op{Code: plan.Mempolicy, Ints: [4]uint64{mode, bits}, Text: [3]string{mask}})
}

// affinity sets the CPUs of an exec'ed process, before or after it has entered the cgroup
// (config.md, execCPUAffinity).
func (c *compiler) affinity(list, field, purpose string) {
	if list != "" {
		c.b.For(field, purpose)
		c.b.Text(plan.Affinity, idMask(list))
	}
}
