package libcontainer

import (
	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/opencontainers/runtime-spec/specs-go/features"

	"rung/libcontainer/bundle"
	"rung/libcontainer/compile"
	"rung/libcontainer/seccomp"
	"rung/libcontainer/systemd"
)

// Features is the features document (features.md): what rung knows of, whether or not this
// machine can do it.
func Features(version, commit string) *features.Features {
	yes := true
	return &features.Features{
		OCIVersionMin: "1.0.0",
		OCIVersionMax: specs.Version,
		Hooks:         []string{"prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"},
		MountOptions:  compile.MountOptions(),
		Linux: &features.Linux{
			Namespaces: []string{
				string(specs.CgroupNamespace), string(specs.IPCNamespace), string(specs.MountNamespace),
				string(specs.NetworkNamespace), string(specs.PIDNamespace), string(specs.TimeNamespace),
				string(specs.UserNamespace), string(specs.UTSNamespace),
			},
			Capabilities:    bundle.CapabilityNames(),
			Cgroup:          &features.Cgroup{V1: &yes, V2: &yes, Systemd: &yes, SystemdUser: &yes, Rdma: &yes},
			Seccomp:         seccompFeatures(),
			Apparmor:        &features.Apparmor{Enabled: &yes},
			Selinux:         &features.Selinux{Enabled: &yes},
			IntelRdt:        &features.IntelRdt{Enabled: &yes, Schemata: &yes, Monitoring: &yes},
			MountExtensions: &features.MountExtensions{IDMap: &features.IDMap{Enabled: &yes}},
			MemoryPolicy:    &features.MemoryPolicy{Modes: bundle.MemoryPolicyModes(), Flags: bundle.MemoryPolicyFlags()},
			NetDevices:      &features.NetDevices{Enabled: &yes},
		},
		Annotations:                        featureAnnotations(version, commit),
		PotentiallyUnsafeConfigAnnotations: append(bundle.UnsafeAnnotations(), systemd.AnnotationPrefix, "org.criu."),
	}
}

func seccompFeatures() *features.Seccomp {
	yes := true
	return &features.Seccomp{
		Enabled: &yes, Actions: seccomp.KnownActions(), Operators: seccomp.KnownOperators(),
		Archs: seccomp.KnownArchs(), KnownFlags: seccomp.KnownFlags(), SupportedFlags: seccomp.SupportedFlags(),
	}
}

// featureAnnotations has no key of rung's own below org.opencontainers, which is reserved (config.md, "Annotations"). Engines look
// for runc's key of checkpoint and restore, whatever the runtime is; crun has it too.
func featureAnnotations(version, commit string) map[string]string {
	out := map[string]string{
		"io.github.seccomp.libseccomp.version":       seccomp.Version(),
		"org.opencontainers.runc.checkpoint.enabled": "true",
		"rung.version": version,
	}
	if commit != "" {
		out["rung.commit"] = commit
	}
	return out
}
