package bundle

import (
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// Validate checks whether s can be a container. It returns the first thing that the
// runtime specification, runc or the kernel refuses as a *FieldError. It reads s only:
// what depends on the machine (a path that must exist, an LSM that must be enabled, a
// cgroup controller) is checked later. After it, s.Linux is never nil.
func Validate(s *specs.Spec) error {
	withLinux(s)
	checks := [...]func(*specs.Spec) error{
		checkVersion,
		checkRoot,
		checkProcess,
		checkHostname,
		checkMounts,
		checkHooks,
		checkAnnotations,
		checkLinux,
	}
	return first(s, checks[:])
}

func checkLinux(s *specs.Spec) error {
	checks := [...]func(*specs.Spec) error{
		checkNamespaces,
		checkIDMappings,
		CheckProcessIDs,
		checkTimeOffsets,
		checkDevices,
		checkNetDevices,
		checkSysctl,
		checkPaths,
		checkReadOnly,
		checkRootfsPropagation,
		checkCgroupsPath,
		checkResources,
		checkSeccomp,
		checkIntelRdt,
		checkMemoryPolicy,
		checkPersonality,
	}
	return first(s, checks[:])
}

func first(s *specs.Spec, checks []func(*specs.Spec) error) error {
	for _, check := range checks {
		if err := check(s); err != nil {
			return err
		}
	}
	return nil
}

// checkVersion checks ociVersion (config.md, "Specification version"). Only a major
// version may break compatibility, so rung accepts every 1.x, released or not.
func checkVersion(s *specs.Spec) error {
	if s.Version == "" {
		return fail("ociVersion", "must be specified")
	}
	if !semver(s.Version) {
		return fail("ociVersion", "%q is not in SemVer v2.0.0 format", s.Version)
	}
	if !strings.HasPrefix(s.Version, "1.") {
		return fail("ociVersion", "version %s is not supported, need 1.x", s.Version)
	}
	return nil
}

// semver reports whether v has the form of https://semver.org/spec/v2.0.0.html. Unlike
// there, pre-release numbers may have leading zeros.
func semver(v string) bool {
	v, build, hasBuild := strings.Cut(v, "+")
	core, pre, hasPre := strings.Cut(v, "-")
	numbers := strings.Split(core, ".")
	if len(numbers) != 3 || hasBuild && !identifiers(build) || hasPre && !identifiers(pre) {
		return false
	}
	for _, n := range numbers {
		if n == "" || strings.Trim(n, "0123456789") != "" || len(n) > 1 && n[0] == '0' {
			return false
		}
	}
	return true
}

func identifiers(s string) bool {
	for id := range strings.SplitSeq(s, ".") {
		if id == "" {
			return false
		}
		for _, c := range []byte(id) {
			if !alphanumeric(c) && c != '-' {
				return false
			}
		}
	}
	return true
}

func alphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

func checkRoot(s *specs.Spec) error {
	if s.Root == nil {
		return fail("root", "must be specified")
	}
	if s.Root.Path == "" {
		return fail("root.path", "must not be empty")
	}
	return noNUL("root.path", s.Root.Path)
}

// nameMax is __NEW_UTS_LEN of <linux/utsname.h>: sethostname(2) refuses more.
const nameMax = 64

// noneListed adds to an error of a missing namespace that the configuration has none at all: its section linux may be missing.
func noneListed(s *specs.Spec) string {
	if len(s.Linux.Namespaces) > 0 {
		return ""
	}
	return " (config.json lists none: linux.namespaces, or the whole section linux, is missing)"
}

func checkHostname(s *specs.Spec) error {
	names := [...]struct{ field, value string }{{"hostname", s.Hostname}, {"domainname", s.Domainname}}
	for _, n := range names {
		if n.value == "" {
			continue
		}
		if !hasNamespace(s, specs.UTSNamespace) {
			return fail(n.field, "unable to set %s without a private UTS namespace%s", n.field, noneListed(s))
		}
		if len(n.value) > nameMax {
			return fail(n.field, "%d bytes long, the kernel takes at most %d", len(n.value), nameMax)
		}
		if err := noNUL(n.field, n.value); err != nil {
			return err
		}
	}
	return nil
}
