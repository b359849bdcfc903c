// Package launch starts the hands and talks with them: it seals their program, spawns it
// with a plan, serves the SYNCs, and turns (op, errno) into an error.
package launch

import (
	"fmt"
	"os"
	"sync"

	"rung/internal/sys"
)

// Image is the program that Start spawns: the hands alone, as package nsenter embeds them.
// Where it is empty, that is a copy of the running binary, which must import nsenter.
var Image []byte

// program returns what Start executes as a sealed memfd: nothing in a container can write
// to it, nor reach a file of the host through its /proc/PID/exe (CVE-2019-5736). A read-only
// bind mount would not do: who holds a descriptor of a detached mount may change its
// attributes.
var program = sync.OnceValues(func() (*os.File, error) {
	image := Image
	if len(image) == 0 {
		self, err := os.ReadFile("/proc/self/exe")
		if err != nil {
			return nil, fmt.Errorf("read rung's own binary: %w", err)
		}
		image = self
	}
	file, err := sys.SealedProgram("rung", image)
	if err != nil {
		return nil, fmt.Errorf("seal the hands: %w", err)
	}
	return file, nil
})
