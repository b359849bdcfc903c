// Package check finds out what a host has and lacks for a bundle: need by need, with who must change what. It changes nothing.
package check

import (
	"cmp"
	"errors"
	"strings"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/host"
	"rung/libcontainer/setup"
)

// State says how a need is met.
type State string

// The states.
const (
	OK         State = "ok"
	Missing    State = "missing"    // the host does not have it
	Restricted State = "restricted" // the host has it, and a right, a setting or a filter keeps it from rung
	Unknown    State = "unknown"    // it could not be found out without a change, or without the rights of root
)

// Need is one thing that a container, or a command of rung, needs of the host.
type Need struct {
	Name     string `json:"name"`
	State    State  `json:"state"`
	Required bool   `json:"required"`        // without it this bundle does not start
	Field    string `json:"field,omitempty"` // field of config.json that needs it
	For      string `json:"for,omitempty"`   // what rung needs it for
	Found    string `json:"found,omitempty"` // what is there, or what stands in the way
	Who      string `json:"who,omitempty"`   // who must change something, if it is not ok
	Do       string `json:"do,omitempty"`    // the command, or the file and what belongs there
}

// Subject is what the needs are found out for.
type Subject struct {
	Spec      *specs.Spec
	Facts     *host.Facts
	Config    string // path of config.json; "" of the default bundle
	Root      string // the directory of containers' states
	Rootless  bool   // a cgroup that may not be written is left out
	NoKeyring bool
	NoPivot   bool
}

// Report is the answer for one bundle.
type Report struct {
	Bundle  string   `json:"bundle,omitempty"` // "" is the default bundle
	UID     int      `json:"uid"`              // for whom
	Kernel  string   `json:"kernel"`
	Starts  bool     `json:"starts"` // every required need is met, as far as is known
	Needs   []Need   `json:"needs"`
	Untried []string `json:"untried,omitempty"` // what the trial left out: field and reason
}

// Add adds needs, and counts the required ones that are not met.
func (r *Report) Add(needs ...Need) {
	r.Needs = append(r.Needs, needs...)
	r.Starts = r.Unmet() == 0
}

// AddOnce is Add for a need that another one may tell of already, in the same words.
func (r *Report) AddOnce(n Need) {
	for i := range r.Needs {
		if told := r.Needs[i].Found; n.Found != "" && strings.HasPrefix(told, n.Found) {
			return
		}
	}
	r.Add(n)
}

// Unmet is the number of required needs that are not met.
func (r *Report) Unmet() (n int) {
	for i := range r.Needs {
		if need := &r.Needs[i]; need.Required && (need.State == Missing || need.State == Restricted) {
			n++
		}
	}
	return n
}

// Who must change something.
const (
	administrator = "the administrator of this host"
	author        = "the author of the bundle"
	image         = "the author of the image"
	caller        = "the caller of rung"
)

// Machine returns the needs that do not depend on a trial.
func Machine(s *Subject) (out []Need) {
	for _, look := range []func(*Subject) []Need{
		kernel, calls, limits, nullDevice, stateDirectory, namespaces, users, lsm, filesystems, seccompFilter,
	} {
		out = append(out, look(s)...)
	}
	return out
}

// OfError is the need that an error of the preview or of the trial tells about. name is that of the need without an error.
func OfError(s *Subject, name, purpose string, err error) Need {
	n := Need{Name: name, State: OK, Required: true, For: purpose}
	if err == nil {
		return n
	}
	err = sys.Explained(err)
	n.State, n.Found, n.Field = stateOf(err), err.Error(), fieldOf(err.Error())
	n.Who, n.Do = cureOf(s, n.Field, err)
	return n
}

// stateOf tells what is denied from what is not there.
func stateOf(err error) State {
	for _, denied := range []error{syscall.EPERM, syscall.EACCES, syscall.EROFS, syscall.EBUSY} {
		if errors.Is(err, denied) {
			return Restricted
		}
	}
	return Missing
}

// fieldOf returns the field of config.json that an error names, or "".
func fieldOf(text string) string {
	text = strings.TrimPrefix(strings.TrimPrefix(text, setup.InitError), setup.StartError)
	if strings.HasPrefix(text, "exec: ") || strings.HasPrefix(text, "exec /") { // runc's words
		return "process.args"
	}
	for word := range strings.FieldsSeq(text) {
		word = strings.TrimSuffix(word, ":")
		first, _, _ := strings.Cut(word, ".")
		first, _, _ = strings.Cut(first, "[")
		switch first {
		case "mounts", "linux", "process", "root", "hooks", "hostname", "domainname", "annotations", "ociVersion":
			return word
		}
	}
	return ""
}

// cureOf says who must do what about an error of a field.
func cureOf(s *Subject, field string, err error) (who, do string) {
	text := err.Error()
	for _, known := range cures() {
		if strings.Contains(text, known.says) {
			if do := known.do(s, text); do != "" {
				return known.who, do
			}
		}
	}
	if errors.Is(err, syscall.EPERM) {
		if do := capabilityCure(); do != "" {
			return caller, do
		}
	}
	if field != "" {
		return author, "edit " + field + " in " + cmp.Or(s.Config, "config.json")
	}
	return administrator, ""
}
