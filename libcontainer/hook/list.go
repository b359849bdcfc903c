package hook

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/waits"
	"rung/libcontainer/bundle"
)

// RunAll runs a list of hooks in its order; the first failure ends it. name is that of the list, such as "prestart".
// start and note are those of Run.
func RunAll(ctx context.Context, list []specs.Hook, name string, state *State, start Start, note Note) error {
	for i := range list {
		if err := Run(ctx, list[i], field(name, i), state, start, note); err != nil {
			return err
		}
	}
	return nil
}

func field(list string, i int) string { return fmt.Sprintf("hooks.%s[%d]", list, i) }

// Poststop runs the hooks of poststop. All of them run, and failures are logged only (runtime.md, "Lifecycle", step 13). That
// goes for their output too: without its files they still run. If ctx ends, the hook that runs is killed, and so are the others
// waits.CleanUp later.
func Poststop(ctx context.Context, spec *specs.Spec, state *State, log *slog.Logger) {
	if spec.Hooks == nil || len(spec.Hooks.Poststop) == 0 {
		return
	}
	out, err := openOutput(state.Annotations)
	if err != nil {
		log.Warn(err.Error())
		out = &output{}
	}
	defer out.close()
	limit := ctx
	for i, h := range spec.Hooks.Poststop {
		if ctx.Err() != nil && limit == ctx {
			cleanUp, done := waits.ForCleanUp(ctx)
			defer done()
			limit = cleanUp
		}
		if err := runTo(limit, h, field("poststop", i), state, out, nil, nil); err != nil {
			log.Warn(err.Error())
		}
	}
}

// StateInside returns the state that a hook in the container's namespaces reads: its PID is that of the container's PID
// namespace.
func StateInside(spec *specs.Spec, state *State) *State {
	inside := *state
	if bundle.IsNew(spec, specs.PIDNamespace) {
		inside.Pid = 1
	}
	return &inside
}
