// Package host probes the facts about the machine and the bundle that package compile
// needs. It reads and never changes anything.
package host

import (
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
)

// Facts is all that package compile knows about the machine and about the host's files
// that a bundle refers to. Golden tests use invented facts.
type Facts struct {
	EUID           int    `json:"euid"`
	EGID           int    `json:"egid"`
	UserNS         bool   `json:"userNamespace"`  // rung itself runs in a user namespace
	SetgroupsDeny  bool   `json:"setgroupsDeny"`  // /proc/self/setgroups says deny
	Capabilities   uint64 `json:"capabilities"`   // rung's own permitted set: bit n is capability n
	LastCapability int    `json:"lastCapability"` // /proc/sys/kernel/cap_last_cap
	MapsIDs        bool   `json:"mapsIDs"`        // rung may write any id map of a new user namespace
	Kcore          bool   `json:"kcore"`          // /proc/kcore exists
	Keys           bool   `json:"keys"`           // the kernel has key rings: /proc/keys exists
	ApparmorAttr   string `json:"apparmorAttr"`   // "apparmor/" if /proc/PID/attr has that directory, else ""
	Selinux        bool   `json:"selinux"`        // SELinux is enabled and has a policy

	Cgroups *Cgroups `json:"cgroups"`

	// Sources describes the sources of bind mounts, by path.
	Sources map[string]Source `json:"sources,omitempty"`
	// Links are the symbolic links that are copied into the container, by the index in mounts[].
	Links map[int]Link `json:"links,omitempty"`
	// Devices describes the host's files at the paths of linux.devices. It is filled if the
	// container may have to bind them.
	Devices map[string]Device `json:"devices,omitempty"`
	// NullBroken says what the host has at /dev/null instead of the null device; "" if it is right.
	NullBroken string `json:"nullBroken,omitempty"`
	// Closed is the first directory above the root file system that not everybody may search; ""
	// for none. It is filled for a container in a user namespace.
	Closed string `json:"closed,omitempty"`
	// Targets describes the directories that a tmpfs will cover, by destination.
	Targets map[string]Target `json:"targets,omitempty"`
	// LowerdirPieces: the kernel takes the lower directories of an overlay one by one (Linux 6.7). It is probed if a mount
	// has a long list of them.
	LowerdirPieces bool `json:"lowerdirPieces,omitempty"`
	// Foreign lists the namespaces that a container joins, and that do not belong to the user namespace that it joins.
	Foreign []specs.LinuxNamespaceType `json:"foreign,omitempty"`
	// ProcPidns: proc takes the PID namespace that it shows as a parameter (Linux 6.17). It is probed if a container in a user
	// namespace joins a PID namespace.
	ProcPidns bool `json:"procPidns,omitempty"`
	// Revealing lists where proc and sysfs are mounted whole, in the order of the mounts. It is
	// filled for --no-pivot only, which leaves them in the mount namespace.
	Revealing []string `json:"revealing,omitempty"`

	// Unseen lists the files that only root may see, and what the facts assume about each. Only
	// ProbeForRoot fills it.
	Unseen  []string `json:"unseen,omitempty"`
	forRoot bool     // ProbeForRoot made these facts for root, and the caller is not root
}

// Source is the source of a bind mount as rung sees it.
type Source struct {
	Err       syscall.Errno `json:"errno,omitempty"`
	Directory bool          `json:"directory"`
	Proc      bool          `json:"proc,omitempty"`  // a directory on a proc file system
	Flags     uint64        `json:"flags,omitempty"` // ST_* flags of its mount (statfs(2))
	// Descriptor: the path leads through a descriptor of rung's, which its caller has passed.
	Descriptor bool `json:"descriptor,omitempty"`
	// OfProcess: the path leads each process to a file of its own, such as /proc/self/exe.
	OfProcess bool   `json:"ofProcess,omitempty"`
	ID        FileID `json:"-"`
}

// Link is a symbolic link that is copied into the container.
type Link struct {
	Target string `json:"target"`
	There  bool   `json:"there,omitempty"` // the root file system has the same link at the destination
}

// FileID is the device and the inode of a file.
type FileID struct{ Device, Inode uint64 }

// String returns the form in which the state of a container has it.
func (id FileID) String() string {
	return strconv.FormatUint(id.Device, 10) + ":" + strconv.FormatUint(id.Inode, 10)
}

// Device is a file of the host at the path of a device.
type Device struct {
	Kind uint32 `json:"kind"` // file type of inode(7): S_IFCHR or S_IFBLK for a device
	Rdev uint64 `json:"rdev"`
}

// Target is a directory that a tmpfs will cover, before anything is mounted.
type Target struct {
	Mode uint32 `json:"mode"` // permission bits, with sticky and set-id
	UID  uint32 `json:"uid"`
	GID  uint32 `json:"gid"`
}

// Rootless reports whether rung lacks the rights of root in its user namespace.
func (f *Facts) Rootless() bool { return f.EUID != 0 }

// Privileged reports whether rung may mount in its own mount namespace. Then it can
// open mounts for the stage.
func (f *Facts) Privileged() bool { return f.Has(capSysAdmin) }

// Has reports whether rung has a capability (capabilities(7)).
func (f *Facts) Has(capability int) bool { return f.Capabilities>>capability&1 == 1 }

// CapMknod is the capability to make device nodes.
const CapMknod = 27

// CapSysResource is the capability to raise hard limits.
const CapSysResource = 24

const (
	capSetgid   = 6
	capSetuid   = 7
	capSysAdmin = 21
)

// Probe reads the facts that do not depend on a bundle. Errors are those of reading /proc.
func Probe() (*Facts, error) {
	f, err := ProbeWith(nil)
	if err != nil {
		return nil, err
	}
	f.Cgroups, err = ProbeCgroups()
	return f, err
}

// ProbeWith is Probe for a caller that has the cgroups of the machine.
func ProbeWith(cgroups *Cgroups) (*Facts, error) {
	f := &Facts{Cgroups: cgroups, EUID: os.Geteuid(), EGID: os.Getegid()}
	for _, probe := range []func() error{f.probeUser, f.probeProc, f.probeModules} {
		if err := probe(); err != nil {
			return nil, err
		}
	}
	return f, nil
}

func (f *Facts) probeUser() (err error) {
	if f.UserNS, err = InUserNS(); err != nil {
		return err
	}
	if err = sys.CheckProc(); err != nil {
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

func (f *Facts) probeProc() (err error) {
	if f.LastCapability, err = lastCapability(); err != nil {
		return err
	}
	if f.Kcore, err = sys.Exists("/proc/kcore"); err != nil {
		return err
	}
	f.Keys, err = sys.Exists("/proc/keys")
	return err
}

func (f *Facts) probeModules() (err error) {
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

// InUserNS reports whether rung runs in a user namespace other than the initial one. It asks the kernel once: a program
// with several threads cannot change its user namespace. After an error the answer is not known.
func InUserNS() (bool, error) {
	userNS.Lock()
	defer userNS.Unlock()
	if userNS.known {
		return userNS.inside, nil
	}
	inside, err := sys.InUserNamespace()
	userNS.known, userNS.inside = err == nil, inside
	return inside, err
}

// userNS is the answer of InUserNS.
var userNS struct {
	sync.Mutex
	known, inside bool
}

func lastCapability() (int, error) {
	text, err := sys.ReadSmall("/proc/sys/kernel/cap_last_cap")
	if err = sys.UnlessAbsent(err); err != nil {
		return 0, err
	}
	if n, err := strconv.Atoi(strings.TrimSpace(text)); err == nil {
		return n, nil
	}
	return 40, nil // CAP_CHECKPOINT_RESTORE, Linux 5.9: every kernel that rung supports has it
}
