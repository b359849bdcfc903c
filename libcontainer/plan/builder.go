package plan

import "syscall"

// Builder collects the ops of one segment. For sets what the ops that follow are for;
// the other methods add an op each and return it, so that its tolerance can be set.
type Builder struct {
	ops       []Op
	why       Why
	inherited Slot
	next      Slot
	free      []Slot
}

// NewBuilder returns a builder of a first segment.
func NewBuilder() *Builder {
	return &Builder{next: FirstLocal, ops: make([]Op, 0, 192)}
}

// SyncNext waits for the next segment, whose Inherit goes on where this one's ends: as many
// of these descriptors as there is room for come with it.
func (b *Builder) SyncNext(p SyncPoint) OpRef {
	return b.add(Op{Code: Sync, Slots: slots(None), Ints: ints(uint64(p), uint64(b.inherited), MaxReplyFds-1)})
}

// Next returns a builder of the segment after b's: slots keep their numbers.
func (b *Builder) Next() *Builder {
	return &Builder{next: b.next, free: b.free, inherited: b.inherited, ops: make([]Op, 0, 128)}
}

// Copy returns a builder with the same ops, to be finished in another way.
func (b *Builder) Copy() *Builder {
	out := *b
	out.ops = append(make([]Op, 0, len(b.ops)+4), b.ops...)
	return &out
}

// Plan returns the finished segment. Only a first segment inherits descriptors.
func (b *Builder) Plan(first bool) *Plan {
	p := &Plan{Ops: b.ops}
	if first {
		p.Inherited = int(b.inherited)
	}
	return p
}

// For names the field and the purpose of the ops that follow.
func (b *Builder) For(field, purpose string) { b.why = Why{Field: field, Purpose: purpose} }

// Inherit allots the next slot that the parent fills when it spawns the hands.
func (b *Builder) Inherit() Slot {
	b.inherited++
	return b.inherited - 1
}

func (b *Builder) slot() Slot {
	if n := len(b.free); n > 0 {
		s := b.free[n-1]
		b.free = b.free[:n-1]
		return s
	}
	b.next++
	return b.next - 1
}

// OpRef is what the builder's methods return: the op just added, by its index.
type OpRef struct {
	b *Builder
	i int
}

// Tolerate lists errnos that are no failure of the op.
func (r OpRef) Tolerate(errnos ...syscall.Errno) OpRef {
	r.b.ops[r.i].OK = errnos
	return r
}

// Unless skips the op when an earlier one succeeded.
func (r OpRef) Unless(done OpRef) OpRef {
	r.b.ops[r.i].SkipIfDone = done.i + 1
	return r
}

// IfSlots skips the op when a slot that it reads is empty.
func (r OpRef) IfSlots() OpRef {
	r.b.ops[r.i].IfSlots = true
	return r
}

// Full reports whether there are more ops than the hands take: Check refuses the plan, and
// there is no use in more of it.
func (b *Builder) Full() bool { return len(b.ops) > MaxOps }

// Add adds an op with all its operands, for those that have no method of their own.
func (b *Builder) Add(op Op) OpRef { return b.add(op) }

// Last returns the op that was added last.
func (b *Builder) Last() OpRef { return OpRef{b, len(b.ops) - 1} }

func (b *Builder) add(op Op) OpRef {
	op.Why = b.why
	sig := op.Code.signature().slots
	for i := range op.Slots {
		if sig[i] == '-' {
			op.Slots[i] = None
		}
	}
	if b.Full() {
		return OpRef{b, MaxOps}
	}
	b.ops = append(b.ops, op)
	return OpRef{b, len(b.ops) - 1}
}

func slots(s ...Slot) (out [3]Slot) {
	out = [3]Slot{None, None, None}
	copy(out[:], s)
	return out
}

func ints(n ...uint64) (out [4]uint64) {
	copy(out[:], n)
	return out
}

func text(s ...string) (out [3]string) {
	copy(out[:], s)
	return out
}

// Number adds an op whose only operands are integers.
func (b *Builder) Number(code Code, n ...uint64) OpRef {
	return b.add(Op{Code: code, Ints: ints(n...)})
}

// Text adds an op whose only operands are strings or bytes.
func (b *Builder) Text(code Code, s ...string) OpRef {
	return b.add(Op{Code: code, Text: text(s...)})
}

// SetNS joins the namespace (or, by a pidfd, the namespaces) in the slot.
func (b *Builder) SetNS(ns Slot, flags uint64) OpRef {
	return b.add(Op{Code: Setns, Slots: slots(ns), Ints: ints(flags)})
}

// Clone goes on in a new process; cgroup may be None.
func (b *Builder) Clone(cgroup Slot, flags uint64) OpRef {
	return b.add(Op{Code: Clone, Slots: slots(cgroup), Ints: ints(flags)})
}

// SyncAt waits for the parent and shows it the descriptor in a slot, or None.
func (b *Builder) SyncAt(p SyncPoint, show Slot) OpRef {
	return b.add(Op{Code: Sync, Slots: slots(show), Ints: ints(uint64(p))})
}

// SyncFor is SyncAt whose answer brings up to n descriptors; their slots follow each other.
func (b *Builder) SyncFor(p SyncPoint, show Slot, n int) (first Slot, ref OpRef) {
	first = b.next
	b.next += Slot(n)
	return first, b.add(Op{Code: Sync, Slots: slots(show), Ints: ints(uint64(p), uint64(first), uint64(n))})
}

// EnterCgroup moves the process into the v1 cgroup of a tasks file.
func (b *Builder) EnterCgroup(tasks Slot) OpRef {
	return b.add(Op{Code: EnterCgroup, Slots: slots(tasks)})
}

// Open opens a path below dir with openat2's flags and resolve bits.
func (b *Builder) Open(dir Slot, path string, flags, resolve uint64) (Slot, OpRef) {
	s := b.slot()
	return s, b.add(Op{Code: Open, Slots: slots(dir, s), Ints: ints(flags, resolve), Text: text(path)})
}

// Mkpath resolves a path in root, makes what is missing as kind says, and opens it.
func (b *Builder) Mkpath(root Slot, path string, kind, mode uint64) (Slot, OpRef) {
	s := b.slot()
	return s, b.add(Op{Code: Mkpath, Slots: slots(root, s), Ints: ints(kind, mode), Text: text(path)})
}

// Mknod makes a node called name in dir.
func (b *Builder) Mknod(dir Slot, name string, mode, device uint64) OpRef {
	return b.add(Op{Code: Mknod, Slots: slots(dir), Ints: ints(mode, device), Text: text(name)})
}

// Chown changes the owner of name in dir, or of dir itself where name is empty.
func (b *Builder) Chown(dir Slot, name string, uid, gid uint64) OpRef {
	return b.add(Op{Code: Chown, Slots: slots(dir), Ints: ints(uid, gid), Text: text(name)})
}

// Symlink makes a link called name in dir.
func (b *Builder) Symlink(target string, dir Slot, name string) OpRef {
	return b.add(Op{Code: Symlink, Slots: slots(dir), Text: text(target, name)})
}

// Unlink removes name from dir.
func (b *Builder) Unlink(dir Slot, name string) OpRef {
	return b.add(Op{Code: Unlink, Slots: slots(dir), Text: text(name)})
}

// Write writes data to an existing file below dir.
func (b *Builder) Write(dir Slot, path, data string) OpRef {
	return b.add(Op{Code: Write, Slots: slots(dir), Text: text(path, data)})
}

// Xattr sets an extended attribute of an open file.
func (b *Builder) Xattr(fd Slot, name, value string) OpRef {
	return b.add(Op{Code: Xattr, Slots: slots(fd), Text: text(name, value)})
}

// VerifyDevice refuses a descriptor that is not that device.
func (b *Builder) VerifyDevice(fd Slot, kind, device uint64) OpRef {
	return b.add(Op{Code: VerifyDevice, Slots: slots(fd), Ints: ints(kind, device)})
}

// VerifyFS refuses a descriptor on another file system than that of the magic number.
func (b *Builder) VerifyFS(fd Slot, magic uint64) OpRef {
	return b.add(Op{Code: VerifyFs, Slots: slots(fd), Ints: ints(magic)})
}

// Close closes a slot and frees its number.
func (b *Builder) Close(s Slot) OpRef {
	if s >= FirstLocal {
		b.free = append(b.free, s)
	}
	return b.add(Op{Code: Close, Slots: slots(s)}).IfSlots()
}

// Filesystem makes a detached mount of a new superblock, with mount_setattr attributes.
func (b *Builder) Filesystem(fstype string, options []Option, attrs uint64) (Slot, OpRef) {
	fs, tree := b.slot(), b.slot()
	b.add(Op{Code: Fsopen, Slots: slots(fs), Text: text(fstype)})
	for _, o := range options {
		b.add(Op{Code: Fsconfig, Slots: slots(fs), Ints: ints(o.command()), Text: text(o.Key, o.Value)})
	}
	create := b.add(Op{Code: Fsconfig, Slots: slots(fs), Ints: ints(fsconfigCreate)})
	b.add(Op{Code: Fsmount, Slots: slots(fs, tree), Ints: ints(attrs)})
	b.free = append(b.free, fs)
	return tree, create
}

// TryFilesystem is Filesystem where the kernel may refuse with one of the errnos: the slot
// is then empty. The op returned is the one that makes the mount.
func (b *Builder) TryFilesystem(fstype string, options []Option, attrs uint64, refused ...syscall.Errno) (Slot, OpRef) {
	tree, create := b.Filesystem(fstype, options, attrs)
	create.Tolerate(refused...)
	mount := b.Last()
	fs := b.ops[mount.i].Slots[0]
	mount.Tolerate(append([]syscall.Errno{syscall.EINVAL}, refused...)...)
	b.add(Op{Code: Close, Slots: slots(fs)}).Unless(mount).IfSlots()
	return tree, mount
}

// OpenTree opens or clones the mounts at a path below dir.
func (b *Builder) OpenTree(dir Slot, path string, flags uint64) (Slot, OpRef) {
	s := b.slot()
	return s, b.add(Op{Code: OpenTree, Slots: slots(dir, s), Ints: ints(flags), Text: text(path)})
}

// Attr is the argument of mount_setattr(2).
type Attr struct {
	Set, Clear, Propagation uint64
	Recursive               bool
}

// MountAttr changes the attributes of the mount in tree, or at path where tree is None.
func (b *Builder) MountAttr(tree Slot, path string, a Attr) OpRef {
	var at uint64
	if a.Recursive {
		at = atRecursive
	}
	return b.add(Op{Code: MountAttr, Slots: slots(tree), Ints: ints(a.Set, a.Clear, a.Propagation, at), Text: text(path)})
}

// IDMap maps the owners of a detached mount as the user namespace in userns does.
func (b *Builder) IDMap(tree, userns Slot, recursive bool) OpRef {
	var at uint64
	if recursive {
		at = atRecursive
	}
	return b.add(Op{Code: MountAttr, Slots: slots(tree, userns), Ints: ints(0, 0, 0, at)})
}

// MoveMount attaches a detached mount.
func (b *Builder) MoveMount(tree, target Slot) OpRef {
	return b.add(Op{Code: MoveMount, Slots: slots(tree, target)})
}

// Mask hides a path of root under the null device or the empty directory.
func (b *Builder) Mask(root, null, empty Slot, path string) OpRef {
	return b.add(Op{Code: Mask, Slots: slots(root, null, empty), Text: text(path)})
}

// Mount is mount(2) on the working directory.
func (b *Builder) Mount(source, fstype, data string, flags uint64) OpRef {
	return b.add(Op{Code: Mount, Ints: ints(flags), Text: text(source, fstype, data)})
}

// Umount is umount2(2).
func (b *Builder) Umount(path string, flags uint64) OpRef {
	return b.add(Op{Code: Umount, Ints: ints(flags), Text: text(path)})
}

// Fchdir changes the working directory to a slot's.
func (b *Builder) Fchdir(dir Slot) OpRef {
	return b.add(Op{Code: Fchdir, Slots: slots(dir)})
}

// Pty unlocks a pty master and opens its slave; owner (uid, gid) 0, 0 is left as it is.
func (b *Builder) Pty(master Slot, columns, rows, uid, gid uint64) (Slot, OpRef) {
	s := b.slot()
	return s, b.add(Op{Code: Pty, Slots: slots(master, s), Ints: ints(columns, rows, uid, gid)})
}

// SendFD sends a descriptor over a socket, with a name as the message.
func (b *Builder) SendFD(socket, fd Slot, name string) OpRef {
	return b.add(Op{Code: SendFd, Slots: slots(socket, fd), Text: text(name)})
}

// Dup makes the descriptor in a slot descriptor number n of the process.
func (b *Builder) Dup(fd Slot, n uint64) OpRef {
	return b.add(Op{Code: Dup, Slots: slots(fd), Ints: ints(n)})
}

// ControllingTTY makes the terminal in a slot the session's.
func (b *Builder) ControllingTTY(tty Slot) OpRef {
	return b.add(Op{Code: Ctty, Slots: slots(tty)})
}

// LoadSeccomp loads a filter; its listener goes into the slot, unless None.
func (b *Builder) LoadSeccomp(filter string, flags uint64, listener Slot) OpRef {
	return b.add(Op{Code: Seccomp, Slots: slots(None, listener), Ints: ints(flags), Text: text(filter)})
}

// LoadListener loads a filter that asks an agent, and has its listener taken; it returns its slot.
func (b *Builder) LoadListener(filter string, flags uint64) Slot {
	listener := b.slot()
	b.LoadSeccomp(filter, flags, listener)
	b.For("linux.seccomp.listenerPath", "have the listener taken, and wait until the agent has it")
	b.add(Op{Code: HandOver, Slots: slots(listener), Ints: ints(uint64(SyncListener))})
	return listener
}

// HoldSignals blocks the signals that end a process that waits for start, and opens what it sees them by.
func (b *Builder) HoldSignals() Slot {
	s := b.slot()
	b.add(Op{Code: HoldSignals, Slots: slots(s)})
	return s
}

// AwaitStart waits for `rung start` on a listening socket, or for a signal of HoldSignals.
func (b *Builder) AwaitStart(socket, signals Slot) OpRef {
	return b.add(Op{Code: AwaitStart, Slots: slots(socket, signals)})
}

// Exec becomes the program.
func (b *Builder) Exec(path string, argv, env []string) OpRef {
	return b.add(Op{Code: Exec, Text: text(path), Lists: [3][]string{nil, argv, env}})
}

const (
	fsconfigFlag   = 0 // enum fsconfig_command
	fsconfigString = 1
	fsconfigCreate = 6
	atRecursive    = 0x8000
)

// Option is one parameter of a file system: "ro" or "size=64k".
type Option struct{ Key, Value string }

func (o Option) command() uint64 {
	if o.Value == "" {
		return fsconfigFlag
	}
	return fsconfigString
}
