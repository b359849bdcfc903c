package bundle

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// Annotations of crun that have the same meaning here (crun(1), "Extensions to OCI"). Engines set them for any runtime.
const (
	// AnnotationKeepGroups, with any value but "0", keeps the supplementary groups of rung's caller.
	AnnotationKeepGroups = "run.oci.keep_original_groups"
	// AnnotationContextType is the mount option that linux.mountLabel becomes for new file systems.
	AnnotationContextType = "run.oci.mount_context_type"
	// AnnotationHooksStdout and AnnotationHooksStderr are files that the output of hooks is added to.
	AnnotationHooksStdout = "run.oci.hooks.stdout"
	AnnotationHooksStderr = "run.oci.hooks.stderr"
	// AnnotationPidfd is the socket that gets a pidfd of the process, as that of --pidfd-socket.
	AnnotationPidfd = "run.oci.pidfd_receiver"
)

// Annotations that ask for a sandbox, or for a way to run a program, that rung does not have.
const (
	annotationHandler   = "run.oci.handler"
	annotationWasm      = "module.wasm.image/variant"
	annotationKrun      = "krun." // prefix of the settings of a virtual machine
	annotationCRIKind   = "io.kubernetes.cri.container-type"
	annotationReceiver  = "run.oci.seccomp.receiver"
	annotationPlugins   = "run.oci.seccomp.plugins"
	annotationFilter    = "run.oci.seccomp_bpf_data"
	annotationUnknown   = "run.oci.seccomp_fail_unknown_syscall"
	annotationCgroupV1  = "run.oci.systemd.force_cgroup_v1"
	annotationSubCgroup = "run.oci.delegate-cgroup"
)

// UnsafeAnnotations lists the annotations, or their prefixes with a dot at the end, that change what rung does
// (features.md, "potentiallyUnsafeConfigAnnotations"), except those of other packages.
func UnsafeAnnotations() []string {
	return []string{"run.oci.", annotationKrun, annotationWasm, annotationCRIKind}
}

// KeepsGroups reports whether the processes of a container have the supplementary groups of rung's caller, and not those of
// process.user.additionalGids.
func KeepsGroups(s *specs.Spec) bool {
	value, given := s.Annotations[AnnotationKeepGroups]
	return given && value != "0"
}

// ContextType returns the mount option for linux.mountLabel (mount(8), "context").
func ContextType(s *specs.Spec) string {
	if kind, given := s.Annotations[AnnotationContextType]; given {
		return kind
	}
	return "context"
}

func checkAnnotations(s *specs.Spec) error {
	if len(s.Annotations) == 0 {
		return nil
	}
	if _, ok := s.Annotations[""]; ok {
		return fail("annotations", "a key must not be empty")
	}
	if kind := ContextType(s); !slices.Contains([]string{"context", "fscontext", "defcontext", "rootcontext"}, kind) {
		return fail(memberPath("annotations", AnnotationContextType), "%q is not context, fscontext, defcontext or rootcontext", kind)
	}
	for _, key := range []string{AnnotationHooksStdout, AnnotationHooksStderr} {
		if path, given := s.Annotations[key]; given {
			if err := absolute(memberPath("annotations", key), path); err != nil {
				return err
			}
		}
	}
	if err := checkHandler(s); err != nil {
		return err
	}
	return checkExtensions(s)
}

// checkHandler refuses what crun would run in a virtual machine or by an interpreter of WebAssembly: without the sandbox that
// was asked for, the program would run with more rights than its owner wants it to have. Like crun it lets the sandbox of a pod
// pass, which is no such program but has the annotations of the pod.
func checkHandler(s *specs.Spec) error {
	if s.Annotations[annotationCRIKind] == "sandbox" {
		return nil
	}
	for _, key := range []string{annotationHandler, annotationWasm} {
		value := s.Annotations[key]
		if value == "" || strings.HasSuffix(value, "-smart") && !isWasm(s.Process) {
			continue
		}
		return fail(memberPath("annotations", key), "rung has no handler %q, and runs nothing without the sandbox that was asked for", value)
	}
	machine := ""
	for key := range s.Annotations {
		if strings.HasPrefix(key, annotationKrun) && (machine == "" || key < machine) {
			machine = key
		}
	}
	if machine != "" {
		return fail(memberPath("annotations", machine), "rung has no virtual machines (libkrun), and runs nothing without the sandbox that was asked for")
	}
	return nil
}

// isWasm reports whether the program is WebAssembly by its name: only then the handlers "wasm-smart" and "compat-smart" serve.
func isWasm(p *specs.Process) bool {
	if p == nil || len(p.Args) == 0 {
		return false
	}
	suffix := filepath.Ext(p.Args[0])
	return suffix == ".wasm" || suffix == ".wat"
}

// checkExtensions refuses the extensions of crun that change the confinement of the process, its cgroup or its mounts, and that
// rung does not have.
func checkExtensions(s *specs.Spec) error {
	extensions := [...]struct{ key, instead string }{
		{annotationReceiver, "use linux.seccomp.listenerPath"},
		{annotationPlugins, "use linux.seccomp.listenerPath"},
		{annotationFilter, "use linux.seccomp"},
		{annotationUnknown, "rung leaves out system calls that libseccomp does not know"},
		{annotationCgroupV1, "bind the hierarchy by an entry of mounts"},
		{annotationSubCgroup, "on v2 a container with a cgroup namespace and a writable cgroup mount owns its cgroup"},
	}
	for _, e := range extensions {
		if _, given := s.Annotations[e.key]; given {
			return fail(memberPath("annotations", e.key), "rung does not have this extension of crun: %s", e.instead)
		}
	}
	return nil
}
