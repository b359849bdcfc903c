package check

import (
	"errors"
	"fmt"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/bundle"
	"rung/libcontainer/idmap"
)

// kinds are the namespaces in the order in which they are listed.
var kinds = []specs.LinuxNamespaceType{
	specs.UserNamespace, specs.MountNamespace, specs.PIDNamespace, specs.NetworkNamespace, specs.IPCNamespace, specs.UTSNamespace,
	specs.CgroupNamespace, specs.TimeNamespace,
}

// namespaces looks whether the kernel has each type of namespace, and lets one more be made.
func namespaces(s *Subject) (out []Need) {
	for _, kind := range kinds {
		n := Need{Name: string(kind) + " namespace", State: OK, Required: bundle.IsNew(s.Spec, kind)}
		if n.Required {
			n.Field = "linux.namespaces"
		}
		file := bundle.NamespaceFile(kind)
		there, err := sys.Exists("/proc/self/ns/" + file)
		most := "user.max_" + file + "_namespaces"
		switch {
		case err == nil && !there:
			n.State, n.Found = Missing, "this kernel was built without it"
			n.Who, n.Do = administrator, "boot a kernel that has it"
		case parameter(most) == "0":
			n.State, n.Found = Restricted, most+" is 0: nobody may make one"
			n.Who, n.Do = administrator, setParameter(most, "15000")
		}
		out = append(out, n)
	}
	return out
}

// setParameter is the command that sets a kernel parameter, now and at the next boot.
func setParameter(name, value string) string {
	return fmt.Sprintf("sysctl -w %s=%s; echo '%s=%s' >/etc/sysctl.d/90-containers.conf", name, value, name, value)
}

func parameter(name string) string {
	text, err := sys.ReadSmall("/proc/sys/" + strings.ReplaceAll(name, ".", "/"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(text)
}

// users looks at what keeps a user without privilege from user namespaces, and at the ids that one is granted.
func users(s *Subject) (out []Need) {
	if s.Facts.Privileged() {
		return nil
	}
	needed := bundle.IsNew(s.Spec, specs.UserNamespace)
	out = append(out, unprivileged(needed))
	if !needed {
		return out
	}
	return append(out,
		idMap("linux.uidMappings", idmap.Obstacle(idmap.Users, s.Spec.Linux.UIDMappings, s.Facts.MapsIDs)),
		idMap("linux.gidMappings", idmap.Obstacle(idmap.Groups, s.Spec.Linux.GIDMappings, s.Facts.MapsIDs)))
}

func unprivileged(needed bool) Need {
	n := Need{Name: "user namespaces without privilege", State: OK, Required: needed}
	switch {
	case parameter("kernel.unprivileged_userns_clone") == "0":
		n.State, n.Found = Restricted, "kernel.unprivileged_userns_clone is 0"
		n.Who, n.Do = administrator, setParameter("kernel.unprivileged_userns_clone", "1")
	case parameter("kernel.apparmor_restrict_unprivileged_userns") == "1":
		n.State, n.Found = Restricted, "kernel.apparmor_restrict_unprivileged_userns is 1: only programs whose AppArmor profile says userns have rights in one"
		n.Who, n.Do = administrator, "load an AppArmor profile for rung that says \"userns,\", or "+setParameter("kernel.apparmor_restrict_unprivileged_userns", "0")
		n.Required = false // the trial tells whether rung has such a profile
	}
	return n
}

// installHelper installs newuidmap and newgidmap.
const installHelper = "apt-get install uidmap (Debian, Ubuntu), dnf install shadow-utils (Fedora), zypper install shadow (SUSE)"

// idMap is the need for a map of ids that the caller may not write.
func idMap(field string, err error) Need {
	n := Need{Name: "id map of " + field, State: OK, Required: true, Field: field}
	if err == nil {
		return n
	}
	n.State, n.Found, n.Who = Restricted, err.Error(), administrator
	var helper *idmap.HelperError
	var ungranted *idmap.RangeError
	switch {
	case errors.As(err, &helper) && helper.Path == "":
		n.State, n.Do = Missing, installHelper
	case errors.As(err, &helper):
		n.Do = "chmod u+s " + helper.Path
	case errors.As(err, &ungranted):
		n.Required = false // nsswitch.conf may name another source of grants: the trial tells
		if n.Do = grant(nil, err.Error()); n.Do == "" {
			n.Who, n.Do = caller, ownIDs(nil, err.Error())
		}
	}
	return n
}
