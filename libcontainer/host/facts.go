// Package host finds out what the compiler must know of the machine: the facts.
// It reads and never changes anything.
package host

import (
	"os"
	"strconv"
	"strings"
	"syscall"

	"rung/internal/sys"
)

// Facts is all that package compile knows of the machine and of the bundle's
// surroundings. Golden tests make it up.
type Facts struct {
	EUID           int    `json:"euid"`
	EGID           int    `json:"egid"`
	UserNS         bool   `json:"userNamespace"`  // rung itself runs in a user namespace
	SetgroupsDeny  bool   `json:"setgroupsDeny"`  // /proc/self/setgroups says deny
	Capabilities   uint64 `json:"capabilities"`   // rung's own permitted set, by number
	LastCapability int    `json:"lastCapability"` // /proc/sys/kernel/cap_last_cap
	MapsIDs        bool   `json:"mapsIDs"`        // rung may write any id map of a new user namespace
	Kcore          bool   `json:"kcore"`          // /proc/kcore exists
	ApparmorAttr   string `json:"apparmorAttr"`   // "apparmor/" where /proc/PID/attr has that directory
	Selinux        bool   `json:"selinux"`        // SELinux is enabled: there is a policy

	Cgroups *Cgroups `json:"cgroups"`

	// Sources describes the sources of bind mounts, by path.
	Sources map[string]Source `json:"sources,omitempty"`
	// Devices holds what the host has at the paths of linux.devices, where they would be bound.
	Devices map[string]Device `json:"devices,omitempty"`
	// NullBroken says what the host has at /dev/null in place of the null device; "" for that.
	NullBroken string `json:"nullBroken,omitempty"`
	// Closed is the first directory above the root file system that not everybody may search,
	// asked of a container in a user namespace; "" for none.
	Closed string `json:"closed,omitempty"`
	// Targets holds what a file system is mounted over, by destination.
	Targets map[string]Target `json:"targets,omitempty"`
	// Revealing lists where proc and sysfs are mounted whole, in the order of the mounts. It is
	// looked up for --no-pivot alone, which leaves them in the mount namespace.
	Revealing []string `json:"revealing,omitempty"`

	// Unseen lists what only root may look at, and what it is taken for; after ProbeForRoot.
	Unseen  []string `json:"unseen,omitempty"`
	forRoot bool     // ProbeForRoot made them for another user than the caller
}

// Source is the source of a bind mount as seen by rung.
type Source struct {
	Err       syscall.Errno `json:"errno,omitempty"`
	Directory bool          `json:"directory"`
	Proc      bool          `json:"proc,omitempty"`  // on a proc file system
	Flags     uint64        `json:"flags,omitempty"` // of its mount: ST_* of statfs(2)
}

// Device is a device node of the host.
type Device struct {
	Kind uint32 `json:"kind"` // S_IFCHR or S_IFBLK of inode(7); another for what is no device, 0 for nothing
	Rdev uint64 `json:"rdev"`
}

// Target is a directory of the root file system before anything is mounted.
type Target struct {
	Mode uint32 `json:"mode"` // permission bits, with sticky and set-id
	UID  uint32 `json:"uid"`
	GID  uint32 `json:"gid"`
}

// Rootless reports whether rung lacks the rights of root in its user namespace.
func (f *Facts) Rootless() bool { return f.EUID != 0 }

// Privileged reports whether rung may mount in its own mount namespace, so that
// it can open mounts for the hands.
func (f *Facts) Privileged() bool { return f.Has(capSysAdmin) }

// Has reports whether rung has a capability (capabilities(7)).
func (f *Facts) Has(capability int) bool { return f.Capabilities>>capability&1 == 1 }

// CapMknod is the capability to make device nodes.
const CapMknod = 27

const (
	capSetgid   = 6
	capSetuid   = 7
	capSysAdmin = 21
)

// Probe reads the facts that hold for every bundle. Errors are those of /proc.
func Probe() (*Facts, error) {
	f := &Facts{EUID: os.Geteuid(), EGID: os.Getegid()}
	for _, look := range []func() error{f.lookUser, f.lookProc, f.lookModules} {
		if err := look(); err != nil {
			return nil, err
		}
	}
	var err error
	f.Cgroups, err = ProbeCgroups()
	return f, err
}

func (f *Facts) lookUser() (err error) {
	if f.UserNS, err = sys.InUserNamespace(); err != nil {
		return err
	}
	if f.UserNS {
		deny, err := sys.ReadSmall("/proc/self/setgroups")
		if err = sys.UnlessAbsent(err); err != nil {
			return err
		}
		f.SetgroupsDeny = strings.HasPrefix(deny, "deny")
	}
	if f.Capabilities, err = sys.PermittedCapabilities(); err != nil {
		return err
	}
	f.MapsIDs, err = sys.CanSetIDs()
	return err
}

func (f *Facts) lookProc() (err error) {
	if f.LastCapability, err = lastCapability(); err != nil {
		return err
	}
	f.Kcore, err = sys.Exists("/proc/kcore")
	return err
}

func (f *Facts) lookModules() (err error) {
	apparmor, err := sys.Exists("/proc/self/attr/apparmor")
	if err != nil {
		return err
	}
	if apparmor {
		f.ApparmorAttr = "apparmor/"
	}
	f.Selinux, err = sys.SelinuxEnabled()
	return err
}

// InUserNS reports whether rung runs in another user namespace than the initial one.
func InUserNS() (bool, error) { return sys.InUserNamespace() }

func lastCapability() (int, error) {
	text, err := sys.ReadSmall("/proc/sys/kernel/cap_last_cap")
	if err = sys.UnlessAbsent(err); err != nil {
		return 0, err
	}
	if n, err := strconv.Atoi(strings.TrimSpace(text)); err == nil {
		return n, nil
	}
	return 40, nil // CAP_CHECKPOINT_RESTORE, Linux 5.9: older than our floor
}
