package setup

import (
	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
)

// WithoutUnconfined returns a process without the AppArmor profile "unconfined" where AppArmor is off: there every process is
// unconfined, and the kernel takes no profile (buildah's --security-opt apparmor=unconfined; so does crun).
func WithoutUnconfined(p *specs.Process) *specs.Process {
	if p == nil || p.ApparmorProfile != "unconfined" {
		return p
	}
	if on, err := sys.AppArmorEnabled(); on || err != nil {
		return p
	}
	out := *p
	out.ApparmorProfile = ""
	return &out
}
