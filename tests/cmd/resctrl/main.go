//go:build !386 && !arm

// Command resctrl mounts a file system that behaves as the kernel's resctrl does on a machine
// with two cache domains and four classes of service (Documentation/filesystems/resctrl.rst):
//
//	resctrl DIRECTORY
//
// It ends when the file system is unmounted. go-fuse does not compile for architectures with 32 bits.
package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: resctrl DIRECTORY")
		os.Exit(2)
	}
	m := &machine{status: "ok"}
	m.root = newGroup(m, nil, "")
	server, err := fs.Mount(os.Args[1], m.root, &fs.Options{
		MountOptions: fuse.MountOptions{DirectMountStrict: true, FsName: "resctrl", Name: "resctrl"},
		OnAdd:        func(ctx context.Context) { m.root.fill(ctx) },
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	server.Wait()
}

// lock protects machine.
var lock sync.Mutex

// machine is the state that all groups share.
type machine struct {
	root   *group
	groups []*group // all groups except the root
	status string   // last_cmd_status
}

const maxGroups = 3 // with the root, as many as num_closids

func (m *machine) fail(errno syscall.Errno, status string) syscall.Errno {
	m.status = status
	return errno
}

// group is a directory with tasks: a class of service (parent nil), or a monitoring group.
type group struct {
	fs.Inode
	m      *machine
	parent *group
	name   string
	l3, mb [2]uint64
	tasks  []int
}

func newGroup(m *machine, parent *group, name string) *group {
	return &group{m: m, parent: parent, name: name, l3: [2]uint64{0x7ff, 0x7ff}, mb: [2]uint64{100, 100}}
}

// fill makes the files of a group. The root has more files than others.
func (g *group) fill(ctx context.Context) {
	g.file(ctx, "tasks", g.readTasks, g.writeTask)
	counters := g.dir(ctx, "mon_data", &fs.Inode{})
	for i, domain := range []string{"mon_L3_00", "mon_L3_01"} {
		d := counters.NewPersistentInode(ctx, &fs.Inode{}, fs.StableAttr{Mode: syscall.S_IFDIR})
		counters.AddChild(domain, d, false)
		constants(ctx, d, map[string]int{"llc_occupancy": 4096 * (i + 1), "mbm_total_bytes": 2000 * (i + 1), "mbm_local_bytes": 1000 * (i + 1)})
	}
	if g.parent != nil {
		return
	}
	g.file(ctx, "schemata", g.readSchemata, g.writeSchemata)
	g.dir(ctx, "mon_groups", &monitors{of: g})
	if g != g.m.root {
		return
	}
	info := g.dir(ctx, "info", &fs.Inode{})
	for name, values := range map[string]map[string]int{
		"L3":     {"min_cbm_bits": 1, "num_closids": maxGroups + 1},
		"MB":     {"bandwidth_gran": 10, "delay_linear": 1, "min_bandwidth": 10, "num_closids": maxGroups + 1},
		"L3_MON": {"num_rmids": 8},
	} {
		d := info.NewPersistentInode(ctx, &fs.Inode{}, fs.StableAttr{Mode: syscall.S_IFDIR})
		info.AddChild(name, d, false)
		constants(ctx, d, values)
		switch name {
		case "L3":
			addFile(ctx, d, "cbm_mask", func() string { return "7ff\n" }, nil)
		case "L3_MON":
			addFile(ctx, d, "mon_features", func() string { return "llc_occupancy\nmbm_total_bytes\nmbm_local_bytes\n" }, nil)
		}
	}
	addFile(ctx, info, "last_cmd_status", func() string { return g.m.status + "\n" }, nil)
}

func (g *group) dir(ctx context.Context, name string, node fs.InodeEmbedder) *fs.Inode {
	child := g.NewPersistentInode(ctx, node, fs.StableAttr{Mode: syscall.S_IFDIR})
	g.AddChild(name, child, false)
	return child
}

func (g *group) file(ctx context.Context, name string, read func() string, write func(string) syscall.Errno) {
	addFile(ctx, &g.Inode, name, read, write)
}

func constants(ctx context.Context, d *fs.Inode, values map[string]int) {
	for name, value := range values {
		addFile(ctx, d, name, func() string { return strconv.Itoa(value) + "\n" }, nil)
	}
}

func addFile(ctx context.Context, d *fs.Inode, name string, read func() string, write func(string) syscall.Errno) {
	child := d.NewPersistentInode(ctx, &file{read: read, write: write}, fs.StableAttr{Mode: syscall.S_IFREG})
	d.AddChild(name, child, false)
}

// Mkdir makes a class of service. That is possible only below the root, and only until the numbers are used up.
func (g *group) Mkdir(ctx context.Context, name string, _ uint32, _ *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	lock.Lock()
	defer lock.Unlock()
	if g != g.m.root {
		return nil, syscall.EPERM
	}
	classes := 0
	for _, other := range g.m.groups {
		if other.parent == nil {
			classes++
		}
	}
	if classes == maxGroups {
		return nil, g.m.fail(syscall.ENOSPC, "Out of CLOSIDs")
	}
	return g.m.add(ctx, &g.Inode, newGroup(g.m, nil, name))
}

func (m *machine) add(ctx context.Context, at *fs.Inode, g *group) (*fs.Inode, syscall.Errno) {
	m.status = "ok"
	m.groups = append(m.groups, g)
	node := at.NewPersistentInode(ctx, g, fs.StableAttr{Mode: syscall.S_IFDIR})
	g.fill(ctx)
	return node, 0
}

// Rmdir removes a class and everything below it. Its tasks move to the root.
func (g *group) Rmdir(_ context.Context, name string) syscall.Errno {
	lock.Lock()
	defer lock.Unlock()
	if g != g.m.root {
		return syscall.EPERM
	}
	return g.m.remove(func(other *group) bool { return other.parent == nil && other.name == name })
}

func (m *machine) remove(is func(*group) bool) syscall.Errno {
	i := slices.IndexFunc(m.groups, is)
	if i < 0 {
		return syscall.EPERM // info, mon_groups, mon_data
	}
	gone := m.groups[i]
	m.groups = slices.DeleteFunc(m.groups, func(g *group) bool { return g == gone || g.parent == gone })
	return 0
}

// monitors is the directory mon_groups of a class.
type monitors struct {
	fs.Inode
	of *group
}

// Mkdir makes a monitoring group.
func (d *monitors) Mkdir(ctx context.Context, name string, _ uint32, _ *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	lock.Lock()
	defer lock.Unlock()
	return d.of.m.add(ctx, &d.Inode, newGroup(d.of.m, d.of, name))
}

// Rmdir removes a monitoring group.
func (d *monitors) Rmdir(_ context.Context, name string) syscall.Errno {
	lock.Lock()
	defer lock.Unlock()
	return d.of.m.remove(func(g *group) bool { return g.parent == d.of && g.name == name })
}

func (g *group) readTasks() string {
	var out strings.Builder
	for _, pid := range g.tasks {
		if syscall.Kill(pid, 0) == nil {
			fmt.Fprintln(&out, pid)
		}
	}
	return out.String()
}

// writeTask moves a process here from another group of the same kind.
func (g *group) writeTask(text string) syscall.Errno {
	pid, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil || syscall.Kill(pid, 0) != nil {
		return g.m.fail(syscall.ESRCH, "No task "+strings.TrimSpace(text))
	}
	if g.parent != nil && g.parent != g.m.root && !slices.Contains(g.parent.tasks, pid) {
		return g.m.fail(syscall.EINVAL, "Can't move task to different control group")
	}
	for _, other := range append([]*group{g.m.root}, g.m.groups...) {
		if (other.parent == nil) == (g.parent == nil) {
			other.tasks = slices.DeleteFunc(other.tasks, func(t int) bool { return t == pid })
		}
	}
	g.tasks = append(g.tasks, pid)
	return 0
}

// readSchemata pads names as the kernel does.
func (g *group) readSchemata() string {
	return fmt.Sprintf("    MB:0=%3d;1=%3d\n    L3:0=%03x;1=%03x\n", g.mb[0], g.mb[1], g.l3[0], g.l3[1])
}

// writeSchemata applies one line after the other, up to the first wrong one.
func (g *group) writeSchemata(text string) syscall.Errno {
	if !strings.HasSuffix(text, "\n") {
		return syscall.EINVAL
	}
	g.m.status = "ok"
	for line := range strings.Lines(text) {
		resource, domains, _ := strings.Cut(strings.TrimSpace(line), ":")
		values := map[string]*[2]uint64{"L3": &g.l3, "MB": &g.mb}[resource]
		if values == nil {
			return g.m.fail(syscall.EINVAL, fmt.Sprintf("Unknown or unsupported resource name '%s'", resource))
		}
		for domain := range strings.SplitSeq(domains, ";") {
			if !set(resource, values, domain) {
				return g.m.fail(syscall.EINVAL, "Unparsable or out of range: "+domain)
			}
		}
	}
	return 0
}

func set(resource string, values *[2]uint64, domain string) bool {
	id, text, _ := strings.Cut(domain, "=")
	at, err := strconv.Atoi(id)
	if err != nil || at < 0 || at > 1 {
		return false
	}
	if resource == "MB" {
		n, err := strconv.ParseUint(text, 10, 8)
		if err != nil || n < 10 || n > 100 {
			return false
		}
		values[at] = (n + 9) / 10 * 10
		return true
	}
	mask, err := strconv.ParseUint(text, 16, 16)
	if low := mask & -mask; err != nil || mask == 0 || mask > 0x7ff || (mask+low)&mask != 0 {
		return false // the bits must be contiguous
	}
	values[at] = mask
	return true
}

// file is a control file. Its content is made when it is read.
type file struct {
	fs.Inode
	read  func() string
	write func(string) syscall.Errno
}

// Open bypasses the page cache, which would rely on the size of 0.
func (f *file) Open(context.Context, uint32) (fs.FileHandle, uint32, syscall.Errno) {
	return nil, fuse.FOPEN_DIRECT_IO, 0
}

// Read returns the content.
func (f *file) Read(_ context.Context, _ fs.FileHandle, to []byte, at int64) (fuse.ReadResult, syscall.Errno) {
	lock.Lock()
	defer lock.Unlock()
	text := f.read()
	text = text[min(int(at), len(text)):]
	return fuse.ReadResultData([]byte(text[:min(len(to), len(text))])), 0
}

// Write passes the data of one write(2) on as one command.
func (f *file) Write(_ context.Context, _ fs.FileHandle, data []byte, _ int64) (uint32, syscall.Errno) {
	if f.write == nil {
		return 0, syscall.EACCES
	}
	lock.Lock()
	defer lock.Unlock()
	return uint32(len(data)), f.write(string(data))
}

// Setattr accepts O_TRUNC, which a shell's redirection uses.
func (f *file) Setattr(context.Context, fs.FileHandle, *fuse.SetAttrIn, *fuse.AttrOut) syscall.Errno {
	return 0
}
