package libcontainer

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/libcontainer/bundle"
	"rung/libcontainer/compile"
	"rung/libcontainer/create"
	"rung/libcontainer/host"
	"rung/libcontainer/plan"
)

// Explanation is what create would do: nothing in it has been done.
type Explanation struct {
	ID       string              `json:"id"`
	Bundle   string              `json:"bundle"`
	AsRoot   bool                `json:"asRoot,omitempty"` // what root would do, explained to another user
	Facts    *host.Facts         `json:"facts"`
	Inherits []ExplainedSource   `json:"inherits"`
	Segments [][]ExplainedOp     `json:"segments"`
	Actions  map[string][]string `json:"actions"` // of the parent, by SYNC
	Unknown  string              `json:"unknown,omitempty"`

	// Refusal is the error that Create would end with on this host, as far as that can be known without doing it; nil if none is.
	Refusal error `json:"-"`

	plans   []*plan.Plan
	program *compile.Program
	spec    *specs.Spec
	cgroups []string // directories
}

// ExplainedSource is a descriptor that the stage is given.
type ExplainedSource struct {
	Slot    int    `json:"slot"`
	Path    string `json:"path,omitempty"`
	Field   string `json:"field,omitempty"`
	Purpose string `json:"purpose"`
}

// ExplainedOp is one operation of the stage.
type ExplainedOp struct {
	Op       string `json:"op"`
	Operands string `json:"operands,omitempty"`
	Syscalls string `json:"syscalls"`
	Field    string `json:"field,omitempty"`
	Purpose  string `json:"purpose"`
}

// Explain compiles a bundle as Create would. What Create looks up inside of the
// container is looked up in the root file system as it lies on the host.
func (r *Runtime) Explain(id string, b *bundle.Bundle, o CreateOptions) (*Explanation, error) {
	return r.explain(id, b, o, host.Probe)
}

// ExplainAsRoot is Explain for who is not root and wants to know what Create would do for root, of a
// Runtime with Root and Rootless as root has them. Facts.Unseen lists what only root may look at.
func (r *Runtime) ExplainAsRoot(id string, b *bundle.Bundle, o CreateOptions) (*Explanation, error) {
	e, err := r.explain(id, b, o, host.ProbeForRoot)
	if err != nil {
		return nil, err
	}
	e.AsRoot = os.Geteuid() != 0
	return e, nil
}

func (r *Runtime) explain(id string, b *bundle.Bundle, o CreateOptions, probe func() (*host.Facts, error)) (*Explanation, error) {
	b, err := r.begin(id, b)
	if err != nil {
		return nil, err
	}
	if err := checkRuns(b, &o); err != nil {
		return nil, err
	}
	facts, err := probe()
	if err != nil {
		return nil, fmt.Errorf("probe the machine: %w", err)
	}
	preview, err := create.NewPreview(r.config(), id, b, facts, o)
	if err != nil {
		return nil, err
	}
	e := &Explanation{
		ID: id, Bundle: b.Dir, Facts: facts, Unknown: preview.Unknown, program: preview.Program, Actions: map[string][]string{},
		plans: []*plan.Plan{preview.Program.First, preview.Program.Second}, spec: b.Spec, cgroups: preview.Cgroups,
		Refusal: preview.Refusal,
	}
	if preview.Third != nil {
		e.plans = append(e.plans, preview.Third)
	}
	e.fill()
	return e, nil
}

func (e *Explanation) fill() {
	for _, s := range e.program.Sources {
		e.Inherits = append(e.Inherits, ExplainedSource{int(s.Slot), s.Path, s.Origin.Field, s.Origin.Purpose})
	}
	for _, p := range e.plans {
		ops := make([]ExplainedOp, len(p.Ops))
		for i := range p.Ops {
			op := &p.Ops[i]
			ops[i] = ExplainedOp{op.Code.String(), operandsOf(op), op.Code.Syscalls(), op.Origin.Field, op.Origin.Purpose}
		}
		e.Segments = append(e.Segments, ops)
	}
	for point, actions := range e.program.Actions {
		for _, a := range actions {
			e.Actions[point.String()] = append(e.Actions[point.String()], actionLine(a))
		}
	}
}

func actionLine(a compile.Action) string {
	if a.Origin.Field == "" {
		return a.Origin.Purpose
	}
	return a.Origin.Field + ": " + a.Origin.Purpose
}

// JSON prints the explanation as one object.
func (e *Explanation) JSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(e)
}

// Text prints the explanation for people: facts, descriptors, ops, and after each SYNC what
// the parent does there.
func (e *Explanation) Text(w io.Writer) error {
	p := &printer{w: w}
	p.line("container %s of bundle %s", e.ID, e.Bundle)
	p.line("explained for %s", e.reader())
	p.line("\nfacts:")
	p.line("  euid %d, user namespace %v, capabilities %#x (last %d)", e.Facts.EUID, e.Facts.UserNS, e.Facts.Capabilities, e.Facts.LastCapability)
	p.line("  cgroups %s, %d hierarchies", e.Facts.Cgroups.Mode, len(e.Facts.Cgroups.Hierarchies))
	for _, what := range e.Facts.Unseen {
		p.line("  not seen without the rights of root: %s", what)
	}
	p.line("\nthe stage inherits:")
	for _, s := range e.Inherits {
		what := strings.TrimSpace(s.Purpose + " " + s.Path)
		if s.Field != "" {
			what += "  # " + s.Field
		}
		p.line("  @%d  %s", s.Slot, what)
	}
	for i, segment := range e.plans {
		p.line("\nsegment %d:", i)
		for j := range segment.Ops {
			op := &segment.Ops[j]
			p.line("%4d  %s", j, op.Format())
			if point, ok := op.Point(); ok {
				e.syncText(p, point)
			}
		}
	}
	if e.Unknown != "" {
		p.line("\nnote: %s", e.Unknown)
	}
	return p.err
}

// reader says whose plan it is.
func (e *Explanation) reader() string {
	switch {
	case e.AsRoot:
		return fmt.Sprintf("root, as uid %d sees the machine", os.Geteuid())
	case e.Facts.EUID == 0:
		return "root"
	}
	return fmt.Sprintf("uid %d; --as-root explains for root", e.Facts.EUID)
}

func (e *Explanation) syncText(p *printer, point plan.SyncPoint) {
	for _, a := range e.program.Actions[point] {
		p.line("      | rung: %s", actionLine(a))
	}
}

// printer keeps the first error, so that lines can be printed without a check of each.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", args...)
	}
}
