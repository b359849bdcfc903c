package bundle

import (
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// checkSysctl allows only the parameters of a namespace that the container does not
// share with the host: others would change the host. Whether the path of a network
// namespace leads to the host's own can only be checked on the host.
func checkSysctl(s *specs.Spec) error {
	for k, value := range s.Linux.Sysctl {
		field := memberPath("linux.sysctl", k)
		path := SysctlPath(k)
		if !cleanPath(path) {
			return fail(field, "invalid sysctl name")
		}
		if err := noNUL(field, k+value); err != nil {
			return err
		}
		if err := checkSysctlNamespace(s, path, field); err != nil {
			return err
		}
		if value := s.Linux.Sysctl[k]; path == "kernel/domainname" && s.Domainname != "" && value != s.Domainname {
			return fail(field, "%q conflicts with domainname, which is %q", value, s.Domainname)
		}
	}
	return nil
}

// SysctlPath returns the path of a sysctl below /proc/sys. As in sysctl.d(5) the first
// separator decides: if it is a dot, dots and slashes are exchanged, so that
// net.ipv4.conf.eth0/1.forwarding is a parameter of the interface eth0.1.
func SysctlPath(k string) string {
	i := strings.IndexAny(k, "./")
	if i < 0 || k[i] == '/' {
		return k
	}
	return strings.Map(func(r rune) rune {
		switch r {
		case '.':
			return '/'
		case '/':
			return '.'
		}
		return r
	}, k)
}

// cleanPath reports whether a path has no empty, "." or ".." component.
func cleanPath(path string) bool {
	for part := range strings.SplitSeq(path, "/") {
		if part == "" || part == "." || part == ".." {
			return false
		}
	}
	return true
}

func checkSysctlNamespace(s *specs.Spec, path, field string) error {
	need, what := sysctlNamespace(path)
	switch {
	case need == "":
		return fail(field, "sysctl %q is not in a separate kernel namespace", path)
	case !hasNamespace(s, need):
		return fail(field, "sysctl %q is not allowed in the host's %s namespace", path, what)
	case path == "kernel/hostname":
		return fail(field, "sysctl %q is not allowed as it conflicts with the OCI %q field", path, "hostname")
	}
	return nil
}

// sysctlNamespace returns the namespace that a sysctl belongs to, and the namespace's
// name in messages; "" means none.
func sysctlNamespace(path string) (specs.LinuxNamespaceType, string) {
	switch path {
	case "kernel/msgmax", "kernel/msgmnb", "kernel/msgmni", "kernel/sem", "kernel/shmall", "kernel/shmmax",
		"kernel/shmmni", "kernel/shm_rmid_forced":
		return specs.IPCNamespace, "ipc"
	case "kernel/domainname", "kernel/hostname":
		return specs.UTSNamespace, "uts"
	}
	top, _, _ := strings.Cut(path, "/")
	switch {
	case strings.HasPrefix(path, "fs/mqueue/"):
		return specs.IPCNamespace, "ipc"
	case top == "net":
		return specs.NetworkNamespace, "network"
	case top == "user":
		// These are limits of the user namespace itself: they cannot loosen a limit of
		// the host.
		return specs.UserNamespace, "user"
	}
	return "", ""
}
