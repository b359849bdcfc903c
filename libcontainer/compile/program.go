package compile

import (
	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/libcontainer/plan"
)

// SourceKind says how the parent gets a descriptor that the hands inherit.
type SourceKind int

// The kinds of inherited descriptors.
const (
	SourceTree       SourceKind = iota // open_tree(2) of Path, cloned; recursively if asked for
	SourceHostRoot                     // the same, remembered so that it can be detached from the host again
	SourceNamespace                    // the namespace at Path
	SourceProc                         // a private mount of proc
	SourceFilesystem                   // a new file system; with a copy of Path of the root file system, if that is set
	SourceDevice                       // a device node, which a user namespace may not make
	SourceUserNS                       // a user namespace with the mapping
	SourceCgroup                       // the unified cgroup of the container
	SourceTasks                        // the tasks file of v1 hierarchy number Index (exec)
	SourceStart                        // the listening start socket
	SourceConsole                      // the socket that gets the pty
	SourcePidfd                        // the container's init (exec)
	SourceRoot                         // the root of the container's init (exec)
)

// Source describes an inherited descriptor. Its index in Program.Sources is its slot.
type Source struct {
	Kind      SourceKind
	Path      string
	Recursive bool
	Index     int
	Why       plan.Why

	Type   string // of SourceFilesystem
	Params []plan.Option
	Attrs  uint64

	Device *Device // of SourceDevice

	Mapping IDMapping // of a SourceUserNS, or of an id-mapped SourceTree or SourceFilesystem
}

// Device is a device node that the parent makes; ids are the host's.
type Device struct {
	Mode     uint32 // type and permissions
	Number   uint64
	UID, GID int
}

// IDMapping is the id map of a mount: that of the user namespace at a path, or one of its own.
type IDMapping struct {
	UIDs, GIDs []specs.LinuxIDMapping
	Namespace  string
	Recursive  bool // for all mounts below it too
}

// Given reports whether there is a mapping.
func (m *IDMapping) Given() bool { return len(m.UIDs) > 0 || m.Namespace != "" }

// Map is what the parent does to a mount that the hands show at SYNC map: it maps its owners, or
// copies into it.
type Map struct {
	Mapping IDMapping
	Fill    string // a path of the root file system, which the mount is to begin as a copy of
	Why     plan.Why
}

// ActionKind is something that the parent does while the hands wait.
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
	FillMount
)

var actionNames = [...]string{
	WriteIDMaps: "write id maps", SendMounts: "open mounts and compile the next segment", EnterCgroup: "enter cgroup",
	JoinResctrl:      "enter the resctrl group",
	MoveDevices:      "move network devices to the network namespace",
	RunPrestart:      "run prestart hooks",
	RunCreateRuntime: "run createRuntime hooks", RunCreateContainer: "run createContainer hooks",
	LookInside: "look inside and compile the next segment", SetRlimits: "set resource limits",
	StoreState: "store the state", SendListener: "send the listener to the seccomp agent",
	MapOwners: "map the owners of files", FillMount: "copy what is covered",
}

// String returns the words for it in explain.
func (k ActionKind) String() string { return actionNames[k] }

// Action is one step of the parent at a SYNC, with the field it comes from.
type Action struct {
	Kind ActionKind
	Why  plan.Why
}

// Program is a compiled configuration: the first segment, what the parent must hand
// over, what it does at each SYNC, and how to compile the rest: Mounts, then Inside.
type Program struct {
	First   *plan.Plan // up to SYNC plan; of exec all there is
	Second  *plan.Plan // set by Mounts: up to SYNC inside
	Sources []Source   // by slot; the first First.Inherited are for First
	Maps    []Map      // for the mounts of SYNC map, in their order
	Actions map[plan.SyncPoint][]Action

	Warnings []string // what is left out, as the specification wants it

	compiler *compiler
	failed   error // of Prepare
}
