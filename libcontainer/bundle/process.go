package bundle

import (
	"errors"
	"math"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// errNoProcess has runc's wording. The specification lets create do without a
// process, but start must fail then; runc refuses at create, and so does rung.
var errNoProcess = errors.New("process property must not be empty")

// noID is the -1 of setuid(2) and friends, which is no user or group.
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

func checkArgs(p *specs.Process, field string) error {
	if len(p.Args) == 0 {
		return fail(field+".args", "must not be empty")
	}
	for i, a := range p.Args {
		if strings.IndexByte(a, 0) >= 0 {
			return noNUL(at(field+".args", i, ""), a)
		}
	}
	return nil
}

// checkEnv wants what runc wants: NAME=VALUE, with a name.
func checkEnv(p *specs.Process, field string) error {
	for i, e := range p.Env {
		switch strings.IndexByte(e, '=') {
		case -1:
			return fail(at(field+".env", i, ""), "invalid environment variable %q: missing '='", e)
		case 0:
			return fail(at(field+".env", i, ""), "invalid environment variable %q: name cannot be empty", e)
		}
		if strings.IndexByte(e, 0) >= 0 {
			return noNUL(at(field+".env", i, ""), e)
		}
	}
	return nil
}

// checkConsoleSize: struct winsize holds 16 bits a side.
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
			return fail(at(field+".user.additionalGids", i, ""), "%d is not a group id", gid)
		}
	}
	if u.Umask != nil && *u.Umask > 0o777 {
		return fail(field+".user.umask", "%#o is larger than 0777", *u.Umask)
	}
	return nil
}

// rlimitName says whether getrlimit(2) knows name.
func rlimitName(name string) bool {
	switch name {
	case "RLIMIT_AS", "RLIMIT_CORE", "RLIMIT_CPU", "RLIMIT_DATA", "RLIMIT_FSIZE", "RLIMIT_LOCKS",
		"RLIMIT_MEMLOCK", "RLIMIT_MSGQUEUE", "RLIMIT_NICE", "RLIMIT_NOFILE", "RLIMIT_NPROC", "RLIMIT_RSS",
		"RLIMIT_RTPRIO", "RLIMIT_RTTIME", "RLIMIT_SIGPENDING", "RLIMIT_STACK":
		return true
	}
	return false
}

func checkRlimits(p *specs.Process, field string) error {
	for i, r := range p.Rlimits {
		if !rlimitName(r.Type) {
			return fail(at(field+".rlimits", i, ".type"), "unknown resource limit %q", r.Type)
		}
		if r.Soft > r.Hard {
			return fail(at(field+".rlimits", i, ".soft"), "%s: soft limit %d is above the hard limit %d", r.Type, r.Soft, r.Hard)
		}
		for _, earlier := range p.Rlimits[:i] {
			if earlier.Type == r.Type {
				return fail(at(field+".rlimits", i, ".type"), "duplicate %s", r.Type)
			}
		}
	}
	return nil
}

// checkOOMScoreAdj: proc_pid_oom_score_adj(5).
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
		return fail(field+".ioPriority.class", "unknown class %q", io.Class)
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
