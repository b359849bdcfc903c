package criu

import (
	"errors"
	"fmt"
	"strings"
)

// Kind is the type of a request or answer (enum criu_req_type of CRIU's rpc.proto).
type Kind int

// The kinds of requests and answers.
const (
	Dump         Kind = 1
	Restore      Kind = 2
	PreDump      Kind = 4
	notify       Kind = 6
	featureCheck Kind = 9
	version      Kind = 10
)

// String returns the name that CRIU and runc use.
func (k Kind) String() string {
	switch k {
	case Dump:
		return "DUMP"
	case Restore:
		return "RESTORE"
	case PreDump:
		return "PRE_DUMP"
	case notify:
		return "NOTIFY"
	case featureCheck:
		return "FEATURE_CHECK"
	case version:
		return "VERSION"
	}
	return fmt.Sprintf("%d", int(k))
}

// CgroupMode is how CRIU treats cgroups (enum criu_cg_mode).
type CgroupMode int

// ParseCgroupMode parses the value of --manage-cgroups-mode. "" means CRIU's default.
func ParseCgroupMode(mode string) (CgroupMode, error) {
	switch mode {
	case "":
		return 6, nil
	case "soft":
		return 3, nil
	case "full":
		return 4, nil
	case "strict":
		return 5, nil
	case "ignore":
		return 0, nil
	}
	return 0, errors.New("invalid manage-cgroups-mode value")
}

// Request is a request for a dump, a pre-dump or a restore. The descriptors are numbers in the process that made the
// socket, unless the field says otherwise.
type Request struct {
	Kind       Kind
	ImagesFD   int
	WorkFD     int // -1 means the directory of the images
	LogFile    string
	ConfigFile string // its settings override those of the request
	Root       string // dump: the container's root; restore: the mount that becomes the container's root

	CgroupMode  CgroupMode
	CgroupRoots []CgroupRoot // restore: the container's cgroup in each hierarchy
	ExtMounts   []Mount
	Externals   []string // such as "net[4026531840]:key"
	InheritFDs  []InheritFD
	JoinNS      []JoinNS

	TCPEstablished, TCPSkipInFlight bool
	ExtUnixSockets                  bool
	ShellJob, FileLocks             bool
	OrphanPTS                       bool // CRIU restores terminals and sends their masters to the caller
	LinkRemap, AutoDedup            bool
	LazyPages                       bool

	Pid             int // dump: the root of the process tree
	LeaveRunning    bool
	FreezeCgroup    string
	ParentImage     string // path relative to the images; if it is set, CRIU tracks changes of memory
	PageServer      PageServer
	LSMProfile      string
	LSMMountContext string
}

// PageServer is the address of the server that gets the memory pages of a dump.
type PageServer struct {
	Address string
	Port    int
}

// CgroupRoot is the path of a cgroup in the hierarchy with these controllers. "" means the unified hierarchy.
type CgroupRoot struct{ Controllers, Path string }

// Mount is an external mount. For a dump, Key is the mount point and Value is its name in the image. For a restore, Key
// is its name in the image and Value is the file that CRIU binds there.
type Mount struct{ Key, Value string }

// InheritFD is a descriptor in CRIU that replaces the file with the name Key in the image.
type InheritFD struct {
	Key string
	FD  int
}

// JoinNS is a namespace that CRIU joins instead of restoring it. Type is "ipc", "uts", "mnt" or "user".
type JoinNS struct{ Type, Path string }

// Validate returns an error for a key that CRIU would mistake for another one. CRIU keeps an external mount as the text
// "mnt[KEY]:VALUE" and looks it up by a prefix of that text (CVE-2026-115520).
func (m Mount) Validate() error {
	switch {
	case m.Key == "" || m.Value == "":
		return errors.New("cannot be named to criu: it is empty")
	case strings.Contains(m.Key, "]:"):
		return fmt.Errorf("%q cannot be named to criu: it holds \"]:\"", m.Key)
	case strings.ContainsAny(m.Key+m.Value, "\x00\n"):
		return fmt.Errorf("%q cannot be named to criu: it holds a line break", m.Key)
	}
	return nil
}

// networkNamespace is CLONE_NEWNET. As with runc, CRIU makes an empty network namespace, and the program that manages
// the container's network sets it up again.
const networkNamespace = 0x40000000

// Fields of criu_req and criu_opts in CRIU's rpc.proto.
const (
	reqType, reqOptions, reqNotifySuccess, reqFeatures = 1, 2, 3, 5

	optImagesFD, optPid, optLeaveRunning, optExtUnix, optTCP          = 1, 2, 3, 4, 5
	optEvasive, optShellJob, optFileLocks, optLogLevel, optLogFile    = 6, 7, 8, 9, 10
	optPageServer, optNotify, optRoot, optParent, optTrackMem         = 11, 12, 13, 14, 15
	optAutoDedup, optWorkFD, optLinkRemap, optExtMount                = 16, 17, 18, 23
	optManageCgroups, optCgroupRoot, optSibling, optInherit           = 24, 25, 26, 27
	optCgroupMode, optExternal, optEmptyNS, optJoinNS, optFreeze      = 34, 37, 38, 39, 44
	optSkipInFlight, optLazy, optOrphanPts, optConfig, optLSM, optLSC = 46, 48, 50, 51, 53, 63
)

// logLevel 4 logs everything except CRIU's messages for its developers.
const logLevel = 4

func (r *Request) encode() []byte {
	var out message
	out.number(reqType, int64(r.Kind))
	out.bytes(reqOptions, r.options())
	return out
}

func (r *Request) options() message {
	var o message
	o.number(optImagesFD, int64(r.ImagesFD))
	if r.WorkFD >= 0 {
		o.number(optWorkFD, int64(r.WorkFD))
	}
	o.number(optLogLevel, logLevel)
	o.text(optLogFile, r.LogFile)
	o.text(optConfig, r.ConfigFile)
	o.text(optRoot, r.Root)
	o.flag(optManageCgroups, true) // for a CRIU that ignores optCgroupMode
	o.number(optCgroupMode, int64(r.CgroupMode))
	o.flag(optNotify, true)
	o.flag(optOrphanPts, r.OrphanPTS)
	o.number(optEmptyNS, networkNamespace)
	o.flag(optTCP, r.TCPEstablished)
	o.flag(optSkipInFlight, r.TCPSkipInFlight)
	o.flag(optExtUnix, r.ExtUnixSockets)
	o.flag(optShellJob, r.ShellJob)
	o.flag(optFileLocks, r.FileLocks)
	o.flag(optLinkRemap, r.LinkRemap)
	o.flag(optAutoDedup, r.AutoDedup)
	o.flag(optLazy, r.LazyPages)
	for _, m := range r.ExtMounts {
		o.bytes(optExtMount, pair(m.Key, m.Value))
	}
	for _, e := range r.Externals {
		o.text(optExternal, e)
	}
	if r.Kind == Restore {
		r.restoreOptions(&o)
	} else {
		r.dumpOptions(&o)
	}
	return o
}

func (r *Request) dumpOptions(o *message) {
	o.number(optPid, int64(r.Pid))
	o.flag(optLeaveRunning, r.LeaveRunning)
	o.text(optFreeze, r.FreezeCgroup)
	if r.ParentImage != "" {
		o.text(optParent, r.ParentImage)
		o.flag(optTrackMem, true)
	}
	if r.PageServer.Address != "" {
		var server message
		server.text(1, r.PageServer.Address)
		server.number(2, int64(r.PageServer.Port))
		o.bytes(optPageServer, server)
	}
}

func (r *Request) restoreOptions(o *message) {
	o.flag(optEvasive, true)
	o.flag(optSibling, true) // the restored process becomes a child of the process that spawned CRIU
	o.text(optLSM, r.LSMProfile)
	o.text(optLSC, r.LSMMountContext)
	for _, root := range r.CgroupRoots {
		o.bytes(optCgroupRoot, pair(root.Controllers, root.Path))
	}
	for _, ns := range r.JoinNS {
		o.bytes(optJoinNS, pair(ns.Type, ns.Path))
	}
	for _, f := range r.InheritFDs {
		var inherit message
		inherit.bytes(1, []byte(f.Key))
		inherit.number(2, int64(f.FD))
		o.bytes(optInherit, inherit)
	}
}

// pair returns a message of two strings. It contains both even if they are empty.
func pair(first, second string) (m message) {
	m.bytes(1, []byte(first))
	m.bytes(2, []byte(second))
	return m
}
