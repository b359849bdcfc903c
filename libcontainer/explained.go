package libcontainer

import (
	"fmt"
	"strings"

	"rung/internal/sys"
	"rung/libcontainer/host"
	"rung/libcontainer/plan"
)

// operandsOf returns the operands of an op with names in the place of the kernel's numbers.
func operandsOf(op *plan.Op) string {
	named := namedOperands(op)
	if named == "" {
		return op.Operands()
	}
	return strings.Join(append([]string{named}, op.Conditions()...), " ")
}

// namedOperands is operandsOf for the ops whose format has numbers, without the conditions; "" for any other.
func namedOperands(op *plan.Op) string {
	switch op.Code {
	case plan.Bounding, plan.Ambient:
		return "caps=" + capabilities(op.Ints[0])
	case plan.Capset:
		return fmt.Sprintf("effective=%s permitted=%s inheritable=%s", capabilities(op.Ints[0]), capabilities(op.Ints[1]), capabilities(op.Ints[2]))
	case plan.Rlimit:
		return fmt.Sprintf("%s soft=%s hard=%s", sys.RlimitName(int(op.Ints[0])), limit(op.Ints[1]), limit(op.Ints[2]))
	case plan.Keyring:
		return fmt.Sprintf("%q possessor=%s user=%s", op.Text[0], keyRights(op.Ints[0]>>24), keyRights(op.Ints[0]>>16))
	}
	return ""
}

func capabilities(set uint64) string {
	if set == 0 {
		return "none"
	}
	return strings.Join(host.CapabilitySet(set), ",")
}

func limit(n uint64) string {
	if n == ^uint64(0) {
		return "unlimited"
	}
	return fmt.Sprint(n)
}

// keyRights names the bits of one class of holders (keyctl_setperm(3)).
func keyRights(bits uint64) string {
	var out []string
	for i, name := range [...]string{"view", "read", "write", "search", "link", "setattr"} {
		if bits>>i&1 == 1 {
			out = append(out, name)
		}
	}
	return strings.Join(out, ",")
}
