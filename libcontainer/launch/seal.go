// Package launch runs the stage: it seals the stage's program, spawns it with a plan,
// answers its SYNCs, and turns a failed op into an error.
package launch

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"

	"rung/internal/sys"
	"rung/libcontainer/plan"
)

// Launcher starts stages. Its zero value is ready to use, by several goroutines; do not copy it
// after its first use.
type Launcher struct {
	// Image is the program that Start spawns: the stage alone, nsenter.Image. Without it, Start spawns a sealed copy
	// of the running binary, whose main package must import nsenter.
	Image []byte
	// Trace has each stage store the time of its operations, for LogTrace.
	Trace bool
	// Timeline records what this program and its stages do; nil: nothing is recorded.
	Timeline *Timeline

	early   atomic.Pointer[early]
	prepare sync.Once
	sealed  *os.File
	failed  error // the error of seal
}

// program returns the stage in a sealed memfd, made at the first call.
func (l *Launcher) program() (*os.File, error) {
	l.prepare.Do(func() { l.sealed, l.failed = seal(l.Image, wantedMark()) })
	return l.sealed, l.failed
}

// check refuses an image that was built from other sources: a plan may mean something else to it,
// and it may lack fixes. The running binary is checked when it is copied.
func (l *Launcher) check() error {
	if len(l.Image) == 0 {
		return nil
	}
	return checkMark(l.Image, wantedMark())
}

// markPrefix begins the text that nsenter/constructor.c puts before the entry point of the stage.
const markPrefix = "rung stage "

func wantedMark() string { return runtime.GOARCH + fmt.Sprintf(" %#08x", uint32(plan.StageIdentity)) }

// checkMark looks for the text in a program, or in a part of it.
func checkMark(program []byte, wanted string) error {
	if bytes.Contains(program, []byte(markPrefix+wanted+"\x00")) {
		return nil
	}
	found := "unknown"
	if _, rest, ok := bytes.Cut(program, []byte(markPrefix)); ok {
		mark, _, _ := bytes.Cut(rest, []byte{0})
		found = string(mark)
	}
	return fmt.Errorf("the stage in this binary does not belong to it: it is %s, and not %s: build rung again with make", found, wanted)
}

// seal copies the stage, or the running binary if there is no image, into a sealed memfd. A process
// in a container cannot write to it, and cannot reach a file of the host through its /proc/PID/exe
// (CVE-2019-5736). A read-only bind mount is not enough: a process that holds a descriptor of a
// detached mount may change the mount's attributes.
func seal(image []byte, wanted string) (*os.File, error) {
	if len(image) == 0 {
		mapped, program, err := ownStage(wanted)
		if err != nil {
			return nil, fmt.Errorf("the stage in the running binary: %w", err)
		}
		defer func() { _ = sys.Unmap(mapped) }()
		image = program
	}
	file, err := sys.SealedProgram("rung", image)
	if err != nil {
		return nil, fmt.Errorf("seal the stage: %w", err)
	}
	return file, nil
}
