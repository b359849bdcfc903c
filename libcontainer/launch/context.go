package launch

import (
	"os"
	"path/filepath"
	"strings"

	"rung/libcontainer/plan"
)

// maxOption is how much of an option an error shows, in bytes: the lowerdir of an overlay may have a page.
const maxOption = 200

// option returns the parameter of a new file system that an op of FSCONFIG sets. If FSMOUNT cannot make the file system it
// returns all parameters: kernels older than a file system's own parser look at them only then.
func (f *Failure) option() string {
	switch {
	case f.Op.Code == plan.Mount && f.Op.Text[2] != "":
		return "options " + short(f.Op.Text[2])
	case f.Op.Code == plan.Fsconfig:
		return "option " + short(parameter(f.Op))
	case !f.makes():
		return ""
	}
	if options := f.options(); len(options) > 0 {
		return "options " + short(strings.Join(options, ","))
	}
	return ""
}

// makes reports whether the failed call was the one that makes a file system.
func (f *Failure) makes() bool { return f.Op.Code == plan.Fsmount && f.Call == "fsconfig" }

// options returns the parameters, except the source, that the plan gives the file system context of the op, in their order.
func (f *Failure) options() (options []string) {
	for i := f.Index - 1; i >= 0; i-- {
		op := &f.Plan.Ops[i]
		if op.Code == plan.Fsopen && op.Slots[0] == f.Op.Slots[0] {
			break
		}
		if op.Code == plan.Fsconfig && op.Slots[0] == f.Op.Slots[0] && op.Text[0] != "source" {
			options = append([]string{parameter(op)}, options...)
		}
	}
	return options
}

func parameter(op *plan.Op) string {
	if op.Text[1] == "" {
		return op.Text[0]
	}
	return op.Text[0] + "=" + op.Text[1]
}

func short(text string) string {
	if len(text) > maxOption {
		return text[:maxOption] + "..."
	}
	return text
}

// fstype returns the type of the file system that the op is about, or "".
func (f *Failure) fstype() string {
	if f.Op.Code == plan.Mount {
		return f.Op.Text[1]
	}
	for i := f.Index - 1; i >= 0; i-- {
		if op := &f.Plan.Ops[i]; op.Code == plan.Fsopen && op.Slots[0] == f.Op.Slots[0] {
			return op.Text[0]
		}
	}
	return ""
}

// layerMissing names the first directory of an overlay's options that is not there. The kernel says so only in its own log.
func (f *Failure) layerMissing() string {
	if f.fstype() != "overlay" {
		return ""
	}
	options := f.options()
	switch f.Op.Code {
	case plan.Mount:
		options = strings.Split(f.Op.Text[2], ",") // no path of a layer has a comma here: a piece of one is no option
	case plan.Fsconfig:
		options = []string{parameter(f.Op)}
	}
	for _, option := range options {
		key, value, _ := strings.Cut(option, "=")
		for _, layer := range layers(key, value) {
			if why := noDirectory(layer); why != "" {
				return key + ": " + layer + " " + why
			}
		}
	}
	return ""
}

// layers returns the absolute paths of an overlay's option. Relative ones start where only the stage is.
func layers(key, value string) (paths []string) {
	switch key {
	case "upperdir", "workdir", "lowerdir+", "datadir+":
		paths = []string{value}
	case "lowerdir":
		paths = strings.Split(strings.ReplaceAll(value, `\:`, "\x00"), ":")
	}
	out := paths[:0]
	for _, path := range paths {
		path = strings.ReplaceAll(strings.ReplaceAll(path, "\x00", ":"), `\`, "")
		if filepath.IsAbs(path) { // "" stands between the two colons before data layers
			out = append(out, path)
		}
	}
	return out
}

func noDirectory(path string) string {
	info, err := os.Stat(path)
	switch {
	case os.IsNotExist(err):
		return "does not exist"
	case err == nil && !info.IsDir():
		return "is no directory"
	}
	return ""
}
