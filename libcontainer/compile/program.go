package compile

import (
	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/libcontainer/host"
	"rung/libcontainer/plan"
)

// SourceKind says how the parent gets a descriptor that the stage inherits.
type SourceKind int

// The kinds of inherited descriptors.
const (
	SourceTree       SourceKind = iota // a clone of the mount at Path, with Recursive also of those below it
	SourceHostRoot                     // the same; rung records it, to detach it from the host later
	SourceNamespace                    // the namespace at Path
	SourceProc                         // a private mount of proc
	SourceFilesystem                   // a new file system with an id map
	SourceDevice                       // a device node: the stage may not make it
	SourceUserNS                       // a user namespace with the id map in Mapping
	SourceCgroup                       // the unified cgroup of the container
	SourceTasks                        // the tasks file of v1 hierarchy number Index (exec)
	SourceStart                        // the socket on which the stage waits for `rung start`
	SourceConsole                      // the socket to which the stage sends the pty
	SourcePidfd                        // the container's init (exec)
	SourceRoot                         // the root of the container's init (exec)
	SourceCgroupNS                     // the cgroup namespace of the container's init (exec)
)

// Source describes a descriptor that the parent opens.
type Source struct {
	Slot      plan.Slot
	Kind      SourceKind
	Path      string
	Recursive bool
	Index     int
	Origin    plan.Origin

	Type   string // SourceFilesystem: the type of the file system
	Params []plan.Option
	Attrs  uint64

	Device *Device // SourceDevice

	Mapping IDMapping // SourceUserNS, or an id-mapped SourceTree or SourceFilesystem
}

// Device is a device node that the parent makes. The ids are the host's.
type Device struct {
	Mode     uint32 // type and permissions
	Number   uint64
	UID, GID int
}

// IDMapping is the id map of a mount: UIDs and GIDs, or the map of the user namespace at the path
// Namespace.
type IDMapping struct {
	UIDs, GIDs []specs.LinuxIDMapping
	Namespace  string
	Recursive  bool // map all mounts below it too
}

// Given reports whether the mount has an id map.
func (m *IDMapping) Given() bool { return len(m.UIDs) > 0 || m.Namespace != "" }

// Map is the id map that the parent gives to a mount that the stage shows at SYNC map.
type Map struct {
	Mapping IDMapping
	Origin  plan.Origin
}

// ActionKind is a kind of action of the parent while the stage waits.
type ActionKind int

// The parent's actions, in the order in which they may occur.
const (
	WriteIDMaps ActionKind = iota
	SendMounts
	EnterCgroup
	JoinResctrl
	MoveDevices
	RunPrestart
	RunCreateRuntime
	RunCreateContainer
	LookInside
	SetRlimits
	StoreState
	SendListener
	MapOwners
	LimitDevices
	SendSources

	// ActionKinds is the number of kinds.
	ActionKinds
)

var actionNames = [...]string{
	WriteIDMaps: "write id maps", SendMounts: "open mounts and compile the next segment", EnterCgroup: "enter cgroup",
	JoinResctrl:      "enter the resctrl group",
	MoveDevices:      "move network devices to the network namespace",
	RunPrestart:      "run prestart hooks",
	RunCreateRuntime: "run createRuntime hooks", RunCreateContainer: "run createContainer hooks",
	LookInside: "look inside and compile the next segment", SetRlimits: "set resource limits",
	StoreState: "store the state", SendListener: "send the listener to the seccomp agent",
	MapOwners: "map the owners of files", LimitDevices: "allow the container's devices only", SendSources: "open the next mounts",
}

// String returns the text of the action in explain.
func (k ActionKind) String() string { return actionNames[k] }

// Action is one action of the parent at a SYNC, with the field that it comes from.
type Action struct {
	Kind   ActionKind
	Origin plan.Origin
}

// Program is a compiled configuration: the first segment, the descriptors that the parent must open,
// and its actions at each SYNC. Mounts and then Inside compile the other segments.
type Program struct {
	First   *plan.Plan // up to SYNC plan; for exec the whole plan
	Second  *plan.Plan // set by Mounts: up to SYNC inside
	Sources []Source   // in the order in which the stage gets them; the first First.Inherited belong to First
	Batches []int      // for each SYNC sources the index in Sources of its first one
	Maps    []Map      // for each SYNC map, in their order
	Actions map[plan.SyncPoint][]Action

	// DevicesLate: on v2 the process is in its cgroup from the beginning, and a mount needs a block device that the container may
	// not open. So the cgroup gets its device rules at SYNC inside.
	DevicesLate bool

	Notices []string // one for each thing that is left out

	// Shown has the file that each bind mount of the stage shows, by the field of config.json: what rung finds at the path of
	// its source before the stage opens that.
	Shown map[string]host.FileID

	compiler *compiler
	failed   error // the error of Prepare
}

// WithPlan returns the sources that come with the answer to SYNC plan.
func (p *Program) WithPlan() []Source { return p.Sources[p.First.Inherited:p.batchAt(0)] }

// Batch returns the sources that come with the answer to a SYNC sources, counted from 0.
func (p *Program) Batch(n int) []Source { return p.Sources[p.batchAt(n):p.batchAt(n+1)] }

func (p *Program) batchAt(n int) int {
	if n < len(p.Batches) {
		return p.Batches[n]
	}
	return len(p.Sources)
}
