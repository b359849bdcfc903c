package bundle

import (
	"errors"
	"math"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
)

// errNoProcess has runc's wording.
var errNoProcess = errors.New("process property must not be empty")

// RequireProcess refuses a configuration without a process. Validate allows it, because only start needs one (config.md,
// "Process").
func RequireProcess(s *specs.Spec) error {
	if s.Process == nil {
		return &FieldError{Field: "process", Err: errNoProcess}
	}
	return nil
}

func checkProcess(s *specs.Spec) error {
	if s.Process == nil {
		return nil
	}
	return ValidateProcess(s.Process, "process")
}

// noID is -1 as a uid or gid: setuid(2) and other calls take it for "no change", so it
// is no user or group.
const noID = math.MaxUint32

// ValidateProcess is the part of Validate that `exec` shares with `create`.
// field is the path of p in its document: "process" in config.json.
func ValidateProcess(p *specs.Process, field string) error {
	if p == nil {
		return &FieldError{Field: field, Err: errNoProcess}
	}
	checks := [...]func(*specs.Process, string) error{
		checkCwd,
		checkArgs,
		checkEnv,
		checkConsoleSize,
		checkUser,
		checkCapabilities,
		checkRlimits,
		checkOOMScoreAdj,
		checkScheduler,
		checkIOPriority,
		checkAffinity,
		checkLabels,
	}
	for _, check := range checks {
		if err := check(p, field); err != nil {
			return err
		}
	}
	return nil
}

func checkCwd(p *specs.Process, field string) error {
	return absolute(field+".cwd", p.Cwd)
}

// checkCapabilities refuses effective capabilities that are not permitted, as capset(2) does.
func checkCapabilities(p *specs.Process, field string) error {
	if p.Capabilities == nil {
		return nil
	}
	for _, name := range p.Capabilities.Effective {
		if _, known := CapabilityNumber(name); known && !slices.Contains(p.Capabilities.Permitted, name) {
			return fail(field+".capabilities.effective", "%s is not in %s.capabilities.permitted, and what is not permitted cannot be effective", name, field)
		}
	}
	return nil
}

func checkArgs(p *specs.Process, field string) error {
	if len(p.Args) == 0 {
		return fail(field+".args", "must not be empty")
	}
	for i, a := range p.Args {
		if strings.IndexByte(a, 0) >= 0 {
			return noNUL(elementPath(field+".args", i, ""), a)
		}
	}
	return nil
}

// checkEnv requires NAME=VALUE with a name, as runc does.
func checkEnv(p *specs.Process, field string) error {
	for i, e := range p.Env {
		switch strings.IndexByte(e, '=') {
		case -1:
			return fail(elementPath(field+".env", i, ""), "invalid environment variable %q: missing '='", e)
		case 0:
			return fail(elementPath(field+".env", i, ""), "invalid environment variable %q: name cannot be empty", e)
		}
		if strings.IndexByte(e, 0) >= 0 {
			return noNUL(elementPath(field+".env", i, ""), e)
		}
	}
	return nil
}

// checkConsoleSize checks that each side fits into the 16 bits of struct winsize.
func checkConsoleSize(p *specs.Process, field string) error {
	if p.ConsoleSize == nil || !p.Terminal {
		return nil
	}
	if p.ConsoleSize.Height > math.MaxUint16 {
		return fail(field+".consoleSize.height", "%d is larger than %d", p.ConsoleSize.Height, math.MaxUint16)
	}
	if p.ConsoleSize.Width > math.MaxUint16 {
		return fail(field+".consoleSize.width", "%d is larger than %d", p.ConsoleSize.Width, math.MaxUint16)
	}
	return nil
}

func checkUser(p *specs.Process, field string) error {
	u := &p.User
	if u.UID == noID {
		return fail(field+".user.uid", "%d is not a user id", u.UID)
	}
	if u.GID == noID {
		return fail(field+".user.gid", "%d is not a group id", u.GID)
	}
	for i, gid := range u.AdditionalGids {
		if gid == noID {
			return fail(elementPath(field+".user.additionalGids", i, ""), "%d is not a group id", gid)
		}
	}
	if u.Umask != nil && *u.Umask > 0o777 {
		return fail(field+".user.umask", "%#o is larger than 0777", *u.Umask)
	}
	return nil
}

func checkRlimits(p *specs.Process, field string) error {
	for i, r := range p.Rlimits {
		if _, known := sys.RlimitResource(r.Type); !known {
			return fail(elementPath(field+".rlimits", i, ".type"), "unknown resource limit %q", r.Type)
		}
		if r.Soft > r.Hard {
			return fail(elementPath(field+".rlimits", i, ".soft"), "%s: soft limit %d is above the hard limit %d", r.Type, r.Soft, r.Hard)
		}
		for _, earlier := range p.Rlimits[:i] {
			if earlier.Type == r.Type {
				return fail(elementPath(field+".rlimits", i, ".type"), "duplicate %s", r.Type)
			}
		}
	}
	return nil
}

// checkOOMScoreAdj checks the range of proc_pid_oom_score_adj(5).
func checkOOMScoreAdj(p *specs.Process, field string) error {
	if a := p.OOMScoreAdj; a != nil && (*a < -1000 || *a > 1000) {
		return fail(field+".oomScoreAdj", "%d is not within -1000 and 1000", *a)
	}
	return nil
}

func checkIOPriority(p *specs.Process, field string) error {
	io := p.IOPriority
	if io == nil {
		return nil
	}
	switch io.Class {
	case specs.IOPRIO_CLASS_RT, specs.IOPRIO_CLASS_BE, specs.IOPRIO_CLASS_IDLE:
	default:
		return fail(field+".ioPriority.class", "unknown class %q: one of IOPRIO_CLASS_RT, IOPRIO_CLASS_BE, IOPRIO_CLASS_IDLE", io.Class)
	}
	if io.Priority < 0 || io.Priority > 7 {
		return fail(field+".ioPriority.priority", "%d is not within 0 and 7", io.Priority)
	}
	return nil
}

func checkAffinity(p *specs.Process, field string) error {
	a := p.ExecCPUAffinity
	if a == nil {
		return nil
	}
	if err := checkIDList(field+".execCPUAffinity.initial", a.Initial); err != nil {
		return err
	}
	return checkIDList(field+".execCPUAffinity.final", a.Final)
}

func checkLabels(p *specs.Process, field string) error {
	if err := noNUL(field+".apparmorProfile", p.ApparmorProfile); err != nil {
		return err
	}
	return noNUL(field+".selinuxLabel", p.SelinuxLabel)
}
