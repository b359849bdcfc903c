// Package launch starts the hands and talks with them: it seals their program, spawns it
// with a plan, serves the SYNCs, and turns (op, errno) into an error.
package launch

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"sync"

	"rung/internal/sys"
	"rung/libcontainer/plan"
)

// Image is the program that Start spawns: the hands alone, as package nsenter embeds them.
// Where it is empty, that is a copy of the running binary, which must import nsenter.
var Image []byte

// checkImage refuses a stage that was left by a build of other sources: a plan means something else
// to it, and it lacks what was mended since.
var checkImage = sync.OnceValue(func() error {
	return checkMark(Image, fmt.Sprintf("%s %#08x", runtime.GOARCH, uint32(plan.StageIdentity)))
})

// checkMark looks for the text that nsenter/constructor.c puts into the stage. The running binary has none in
// place of an image: both sides of it were compiled at once.
func checkMark(image []byte, wanted string) error {
	const prefix = "rung stage "
	if len(image) == 0 || bytes.Contains(image, []byte(prefix+wanted+"\x00")) {
		return nil
	}
	found := "unknown"
	if _, rest, ok := bytes.Cut(image, []byte(prefix)); ok {
		mark, _, _ := bytes.Cut(rest, []byte{0})
		found = string(mark)
	}
	return fmt.Errorf("the stage in this binary does not belong to it: it is %s, and not %s: build rung again with make", found, wanted)
}

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
