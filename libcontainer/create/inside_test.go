package create

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/libcontainer/exchange"
	"rung/libcontainer/host"
	"rung/libcontainer/setup"
)

// While the host's root lies on the container's, "/etc/passwd -> ../etc-of-the-image/passwd" may lead to the host.
func TestWhatIsFoundUnderTheHostsRootDoesNotCount(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	root, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for _, uncovered := range []bool{false, true} {
		looked := false
		i := &inside{
			setup: &setup.Setup{
				Facts: &host.Facts{NullBroken: "no node was made"},
				Spec:  &specs.Spec{Process: &specs.Process{Args: []string{"sh"}}},
			},
			exchange: &exchange.Exchange{},
			guessed:  "/", // as found
			uncovered: func(look func()) bool {
				look()
				looked = true
				return uncovered
			},
		}
		if err := i.verify(root); err != nil || !looked {
			t.Errorf("uncovered %t: %v, looked %t", uncovered, err, looked)
		}
		if i.known != uncovered {
			t.Errorf("uncovered %t: what was found counts: %t", uncovered, i.known)
		}
	}
}
