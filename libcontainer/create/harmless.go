package create

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/libcontainer/bundle"
	"rung/libcontainer/host"
	"rung/libcontainer/launch"
	"rung/libcontainer/open"
)

// harmless is a configuration whose set-up changes nothing outside of its own namespaces.
type harmless struct {
	spec    *specs.Spec
	untried []string // what was left out, by field, with the reason
	kept    []int    // the index in mounts[] of each mount of spec
	refused string   // why the configuration cannot be tried at all; "" if it can
	lacks   bool     // something is left out that may bring files into the container
}

// throwAway are the types of file systems that hold nothing but what the container makes in them: they are gone with it.
var throwAway = []string{"proc", "sysfs", "tmpfs", "devpts", "mqueue", "cgroup", "cgroup2", "ramfs"}

// harmlessOf leaves out of a configuration what its set-up would change on the host: hooks, limits, network devices, mounts of
// file systems that outlive the container, and mount points that are missing.
func harmlessOf(given *specs.Spec, bundleDir, rootfs string) *harmless {
	spec, linux := *given, *given.Linux
	h := &harmless{spec: &spec}
	spec.Linux = &linux
	linux.Resources, linux.CgroupsPath = nil, "" // what the host says of them is asked without a trial
	h.leaveOutside()
	if strings.HasSuffix(linux.RootfsPropagation, "shared") {
		linux.RootfsPropagation = "" // else mounts could reach the host
	}
	if !bundle.IsNew(given, specs.MountNamespace) {
		h.refused = "linux.namespaces: without a new mount namespace the mounts would be the host's, or another container's"
		return h
	}
	h.leaveForeignNames()
	h.leaveMounts(bundleDir, rootfs)
	h.leaveDevices(rootfs)
	if p := spec.Process; p != nil {
		h.leaveProcess(p, bundleDir, rootfs)
	}
	return h
}

func (h *harmless) leave(field, format string, args ...any) {
	h.untried = append(h.untried, field+": "+fmt.Sprintf(format, args...))
}

// leaveOutside leaves out what is done outside of the container.
func (h *harmless) leaveOutside() {
	hooks, linux := h.spec.Hooks, h.spec.Linux
	if hooks != nil && (hasEarlyHooks(h.spec) || len(hooks.StartContainer)+len(hooks.Poststart)+len(hooks.Poststop) > 0) {
		h.leave("hooks", "a hook may change anything")
		h.lacks = hasEarlyHooks(h.spec)
	}
	if len(linux.NetDevices) > 0 {
		h.leave("linux.netDevices", "a device that is moved is away from the host")
	}
	if linux.IntelRdt != nil {
		h.leave("linux.intelRdt", "a group would be made or changed")
	}
	h.spec.Hooks, linux.NetDevices, linux.IntelRdt = nil, nil, nil
}

// leaveForeignNames leaves out names and kernel parameters of namespaces that the container joins: they are others' too.
func (h *harmless) leaveForeignNames() {
	joins := slices.ContainsFunc(h.spec.Linux.Namespaces, func(ns specs.LinuxNamespace) bool { return ns.Path != "" })
	if !joins {
		return
	}
	if len(h.spec.Linux.Sysctl) > 0 {
		h.leave("linux.sysctl", "a namespace is joined, and its kernel parameters are others' too")
	}
	h.spec.Hostname, h.spec.Domainname, h.spec.Linux.Sysctl = "", "", nil
}

// leaveMounts leaves out the mounts that would write to the host, and those below them.
func (h *harmless) leaveMounts(bundleDir, rootfs string) {
	places, _ := host.Places(h.spec.Mounts, bundleDir, rootfs, "/")
	var kept []specs.Mount
	var left []string
	for i := range h.spec.Mounts {
		m := h.spec.Mounts[i]
		destination := host.Destination(&m, rootfs)
		below := slices.ContainsFunc(left, func(at string) bool { _, is := host.Below(destination, at); return is })
		why := writes(&m, places[i])
		if below && why == "" {
			why = "it is below a mount that is not tried"
		}
		if why != "" {
			h.leave(fmt.Sprintf("mounts[%d]", i), "%s", why)
			left, h.lacks = append(left, destination), true
			continue
		}
		m.Options = slices.DeleteFunc(slices.Clone(m.Options), func(o string) bool { return o == "tmpcopyup" })
		kept, h.kept = append(kept, m), append(h.kept, i)
	}
	h.spec.Mounts = kept
}

// writes says what a mount would change on the host; "" if nothing.
func writes(m *specs.Mount, at host.Place) string {
	switch {
	case slices.Contains(m.Options, "remount"):
		return "a remount can change the file system itself"
	case !host.IsBind(m) && !slices.Contains(throwAway, m.Type):
		return "to mount the file system " + m.Type + " can change what is in it"
	case at.Dir != "" && !at.Exists():
		return "its mount point would have to be made in " + at.Dir
	}
	return ""
}

// leaveDevices refuses a configuration whose devices would be made in the root file system.
func (h *harmless) leaveDevices(rootfs string) {
	onDev := slices.IndexFunc(h.spec.Mounts, func(m specs.Mount) bool { return host.Destination(&m, rootfs) == "/dev" })
	if onDev < 0 {
		h.refused = "linux.devices: without a mount at /dev they would be made in the root file system"
		return
	}
	h.spec.Linux.Devices = slices.DeleteFunc(slices.Clone(h.spec.Linux.Devices), func(d specs.LinuxDevice) bool {
		_, inDev := host.Below(path.Clean(d.Path), "/dev")
		if !inDev {
			h.leave("linux.devices", "%s would be made in the root file system", d.Path)
		}
		return !inDev
	})
}

// leaveProcess leaves out the terminal, and a working directory that would have to be made.
func (h *harmless) leaveProcess(given *specs.Process, bundleDir, rootfs string) {
	p := *given
	if p.Terminal {
		h.leave("process.terminal", "who calls create or run gives the terminal")
	}
	p.Terminal, p.ConsoleSize = false, nil
	if path.IsAbs(p.Cwd) {
		if _, at := host.Places(h.spec.Mounts, bundleDir, rootfs, path.Clean(p.Cwd)); at.Dir != "" && !at.Exists() {
			h.leave("process.cwd", "it would have to be made in %s", at.Dir)
			h.lacks = true
			p.Cwd = "/"
		}
	}
	h.spec.Process = &p
}

// hides reports whether a failure may come from what was left out: the program or the working directory may be there.
func (h *harmless) hides(err error) bool {
	var failure *launch.Failure
	return h.lacks && errors.As(err, &failure) && failure.OfProcess()
}

// rename gives an error of a mount the field that the mount has in the whole configuration.
func (h *harmless) rename(err error) {
	var failure *launch.Failure
	var opened *open.Error
	switch {
	case errors.As(err, &failure):
		failure.Op.Origin.Field = h.fieldOf(failure.Op.Origin.Field)
	case errors.As(err, &opened):
		opened.Field = h.fieldOf(opened.Field)
	}
}

func (h *harmless) fieldOf(field string) string {
	i, ok := mountIndex(field)
	if !ok || i >= len(h.kept) {
		return field
	}
	_, rest, _ := strings.Cut(field, "]")
	return fmt.Sprintf("mounts[%d]%s", h.kept[i], rest)
}
