package host

import (
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
)

// FsconfigMax is the longest value that fsconfig(2) takes, in bytes.
const FsconfigMax = 255

// probeOverlay asks for LowerdirPieces if the configuration has a list of lower directories that needs them.
func (f *Facts) probeOverlay(spec *specs.Spec) {
	for i := range spec.Mounts {
		if m := &spec.Mounts[i]; m.Type == "overlay" && hasLongLowerdir(m) {
			f.LowerdirPieces = sys.TakesParameter("overlay", "lowerdir+", "/")
			return
		}
	}
}

func hasLongLowerdir(m *specs.Mount) bool {
	for _, option := range m.Options {
		if _, list, is := strings.Cut(option, "lowerdir="); is && len(list) > FsconfigMax {
			return true
		}
	}
	return false
}
