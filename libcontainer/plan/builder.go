package plan

import "syscall"

// Builder collects the ops of one segment. For sets the field and the purpose of the ops that
// follow. The other methods add ops; they return the last one, for Tolerate, Unless and IfSlots.
type Builder struct {
	ops       []Op
	origin    Origin
	inherited Slot
	next      Slot
	free      []Slot
}

// NewBuilder returns a builder of the first segment.
func NewBuilder() *Builder {
	return &Builder{next: FirstLocal, ops: make([]Op, 0, 192)}
}

// SyncNext waits for the next segment. The slots of its Inherit follow those of this segment, and
// their descriptors come with the answer.
func (b *Builder) SyncNext(p SyncPoint) OpRef {
	return b.add(Op{Code: Sync, Slots: slots(None), Ints: ints(uint64(p), uint64(b.inherited), Batch)})
}

// Next returns a builder of the segment after b's, with room for that many ops. Slots keep their numbers.
func (b *Builder) Next(room int) *Builder {
	return &Builder{next: b.next, free: b.free, inherited: b.inherited, ops: make([]Op, 0, min(room, MostOps+1))}
}

// Copy returns a builder with the same ops, which can be finished in another way.
func (b *Builder) Copy() *Builder {
	out := *b
	out.ops = append(make([]Op, 0, len(b.ops)+4), b.ops...)
	return &out
}

// Plan returns the finished segment. Only a first segment inherits descriptors.
func (b *Builder) Plan(first bool) *Plan {
	p := &Plan{Ops: b.ops, Slots: int(b.next)}
	if first {
		p.Inherited = int(b.inherited)
	}
	return p
}

// For sets the field and the purpose of the ops that follow.
func (b *Builder) For(field, purpose string) { b.origin = Origin{Field: field, Purpose: purpose} }

// Origin returns what For has set.
func (b *Builder) Origin() Origin { return b.origin }

// Inherit returns the next slot that the parent fills: when it spawns the stage, or with the segment.
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

// OpRef refers to an op of a Builder, by its index.
type OpRef struct {
	b *Builder
	i int
}

// Tolerate sets the errnos that are no failure of the op.
func (r OpRef) Tolerate(errnos ...syscall.Errno) OpRef {
	op := &r.b.ops[r.i]
	op.OK = Errnos{}
	for i, errno := range errnos {
		op.OK[i] = uint8(errno)
	}
	return r
}

// Unless skips the op if an earlier one succeeded.
func (r OpRef) Unless(done OpRef) OpRef {
	r.b.ops[r.i].SkipIfDone = int32(done.i + 1)
	return r
}

// IfSlots skips the op if a slot that it reads is empty.
func (r OpRef) IfSlots() OpRef {
	r.b.ops[r.i].IfSlots = true
	return r
}

// Full reports whether there are more ops than MostOps. Check will refuse the plan, so a caller need not add to it.
func (b *Builder) Full() bool { return len(b.ops) > MostOps }

// Add adds an op with all its operands, for the ops that have no method of their own.
func (b *Builder) Add(op Op) OpRef { return b.add(op) }

// Last returns the op that was added last.
func (b *Builder) Last() OpRef { return OpRef{b, len(b.ops) - 1} }

func (b *Builder) add(op Op) OpRef {
	op.Origin = b.origin
	sig := op.Code.signature().slots
	for i := range op.Slots {
		if sig[i] == '-' {
			op.Slots[i] = None
		}
	}
	if b.Full() {
		return OpRef{b, MostOps}
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

// SetNS joins the namespace in a slot, or with a pidfd the namespaces of its process that flags name.
func (b *Builder) SetNS(ns Slot, flags uint64) OpRef {
	return b.add(Op{Code: Setns, Slots: slots(ns), Ints: ints(flags)})
}

// Clone continues the plan in a new process, which starts in the cgroup unless that is None.
func (b *Builder) Clone(cgroup Slot, flags uint64) OpRef {
	return b.add(Op{Code: Clone, Slots: slots(cgroup), Ints: ints(flags)})
}

// SyncAt waits for the parent at a point. It shows the parent the descriptor in a slot, unless None.
func (b *Builder) SyncAt(p SyncPoint, show Slot) OpRef {
	return b.add(Op{Code: Sync, Slots: slots(show), Ints: ints(uint64(p))})
}

// SyncFor is SyncAt with an answer that brings up to n descriptors, in n slots from first on.
func (b *Builder) SyncFor(p SyncPoint, show Slot, n int) (first Slot, ref OpRef) {
	first = b.next
	b.next += Slot(n)
	return first, b.add(Op{Code: Sync, Slots: slots(show), Ints: ints(uint64(p), uint64(first), uint64(n))})
}

// EnterCgroup moves the process into the v1 cgroup whose tasks file is in a slot.
func (b *Builder) EnterCgroup(tasks Slot) OpRef {
	return b.add(Op{Code: EnterCgroup, Slots: slots(tasks)})
}

// Open opens a path below dir with openat2's flags and resolve bits.
func (b *Builder) Open(dir Slot, path string, flags, resolve uint64) (Slot, OpRef) {
	s := b.slot()
	return s, b.add(Op{Code: Open, Slots: slots(dir, s), Ints: ints(flags, resolve), Text: text(path)})
}

// Mkpath resolves a path in root, makes the missing parts as kind says, and opens it.
func (b *Builder) Mkpath(root Slot, path string, kind, mode uint64) (Slot, OpRef) {
	s := b.slot()
	return s, b.add(Op{Code: Mkpath, Slots: slots(root, s), Ints: ints(kind, mode), Text: text(path)})
}

// Mknod makes a node called name in dir.
func (b *Builder) Mknod(dir Slot, name string, mode, device uint64) OpRef {
	return b.add(Op{Code: Mknod, Slots: slots(dir), Ints: ints(mode, device), Text: text(name)})
}

// Chown changes the owner of name in dir, or of dir itself if name is empty.
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

// VerifyDevice fails unless the descriptor is the device of that kind and number.
func (b *Builder) VerifyDevice(fd Slot, kind, device uint64) OpRef {
	return b.add(Op{Code: VerifyDevice, Slots: slots(fd), Ints: ints(kind, device)})
}

// VerifyFS fails unless the descriptor is on a file system with that magic number.
func (b *Builder) VerifyFS(fd Slot, magic uint64) OpRef {
	return b.add(Op{Code: VerifyFs, Slots: slots(fd), Ints: ints(magic)})
}

// Close closes a slot and frees its number. The MOVE_MOUNT or MOUNT before it, if it surely happens, closes what it has used:
// of a thousand mounts that are two thousand ops less.
func (b *Builder) Close(s Slot) OpRef {
	if s >= FirstLocal {
		b.free = append(b.free, s)
	}
	if last := len(b.ops) - 1; last >= 0 && b.ops[last].closes(s) {
		return OpRef{b, last}
	}
	return b.add(Op{Code: Close, Slots: slots(s)}).IfSlots()
}

// closes makes an op that attaches a mount close a slot that it reads. It returns false if the op is none, or may be skipped or
// fail.
func (op *Op) closes(s Slot) bool {
	i := op.closeFlags()
	if i < 0 || op.IfSlots || op.SkipIfDone > 0 || op.OK != (Errnos{}) {
		return false
	}
	for operand, bit := range [2]uint64{CloseA, CloseB} {
		if op.Slots[operand] == s {
			op.Ints[i] |= bit
			return true
		}
	}
	return false
}

// closeFlags returns the index of the integer that says which slots the op closes (enum rung_close), or -1.
func (op *Op) closeFlags() int {
	switch op.Code {
	case MoveMount:
		return 0
	case Mount:
		return 1
	}
	return -1
}

// Filesystem makes a detached mount of a new superblock, with the mount attributes attrs.
func (b *Builder) Filesystem(fstype string, options []Option, attrs uint64) (Slot, OpRef) {
	fs, tree := b.slot(), b.slot()
	b.add(Op{Code: Fsopen, Slots: slots(fs), Text: text(fstype)})
	for _, o := range options {
		b.add(Op{Code: Fsconfig, Slots: slots(fs), Ints: ints(o.command()), Text: text(o.Key, o.Value)})
	}
	b.free = append(b.free, fs)
	return tree, b.add(Op{Code: Fsmount, Slots: slots(fs, tree), Ints: ints(attrs)})
}

// TryFilesystem is Filesystem that tolerates the errnos: the slot is empty then. It returns the op
// that makes the mount.
func (b *Builder) TryFilesystem(fstype string, options []Option, attrs uint64, refused ...syscall.Errno) (Slot, OpRef) {
	tree, mount := b.Filesystem(fstype, options, attrs)
	mount.Tolerate(refused...)
	fs := b.ops[mount.i].Slots[0]
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

// MountAttr changes the attributes of the mount in tree, or at path if tree is None.
func (b *Builder) MountAttr(tree Slot, path string, a Attr) OpRef {
	var at uint64
	if a.Recursive {
		at = atRecursive
	}
	return b.add(Op{Code: MountAttr, Slots: slots(tree), Ints: ints(a.Set, a.Clear, a.Propagation, at), Text: text(path)})
}

// IDMap maps the owners of a detached mount by the user namespace in userns.
func (b *Builder) IDMap(tree, userns Slot, recursive bool) OpRef {
	var at uint64
	if recursive {
		at = atRecursive
	}
	return b.add(Op{Code: MountAttr, Slots: slots(tree, userns), Ints: ints(0, 0, 0, at)})
}

// MoveMount attaches the detached mount in tree at target.
func (b *Builder) MoveMount(tree, target Slot) OpRef {
	return b.add(Op{Code: MoveMount, Slots: slots(tree, target)})
}

// CopyUp copies the directory in from into the new file system in tree.
func (b *Builder) CopyUp(tree, from Slot) OpRef {
	return b.add(Op{Code: CopyUp, Slots: slots(tree, from)})
}

// Mask covers a path below root: a directory by empty, anything else by null.
func (b *Builder) Mask(root, null, empty Slot, path string) OpRef {
	return b.add(Op{Code: Mask, Slots: slots(root, null, empty), Text: text(path)})
}

// ReadonlyPath makes what is at a path below root read-only.
func (b *Builder) ReadonlyPath(root Slot, path string) OpRef {
	return b.add(Op{Code: ReadonlyPath, Slots: slots(root), Text: text(path)})
}

// Mount is mount(2) on the directory in target, which becomes the working directory.
func (b *Builder) Mount(target Slot, source, fstype, data string, flags uint64) OpRef {
	return b.add(Op{Code: Mount, Slots: slots(target), Ints: ints(flags), Text: text(source, fstype, data)})
}

// Umount is umount2(2).
func (b *Builder) Umount(path string, flags uint64) OpRef {
	return b.add(Op{Code: Umount, Ints: ints(flags), Text: text(path)})
}

// Fchdir changes the working directory to the directory in a slot.
func (b *Builder) Fchdir(dir Slot) OpRef {
	return b.add(Op{Code: Fchdir, Slots: slots(dir)})
}

// Pty unlocks a pty master, opens its slave and gives that to uid and gid. With 0, 0 the owner stays.
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

// ControllingTTY makes the terminal in a slot the controlling terminal of the session.
func (b *Builder) ControllingTTY(tty Slot) OpRef {
	return b.add(Op{Code: Ctty, Slots: slots(tty)})
}

// LoadSeccomp loads a filter. Its listener goes into a slot, unless that is None.
func (b *Builder) LoadSeccomp(filter string, flags uint64, listener Slot) OpRef {
	return b.add(Op{Code: Seccomp, Slots: slots(None, listener), Ints: ints(flags), Text: text(filter)})
}

// LoadListener loads a filter that asks an agent, and hands its listener over. It returns the
// listener's slot.
func (b *Builder) LoadListener(filter string, flags uint64) Slot {
	listener := b.slot()
	b.LoadSeccomp(filter, flags, listener)
	b.For("linux.seccomp.listenerPath", "have the listener taken, and wait until the agent has it")
	b.add(Op{Code: HandOver, Slots: slots(listener), Ints: ints(uint64(SyncListener))})
	return listener
}

// HoldSignals blocks the signals that end a process that waits for start, and opens a signalfd for them.
func (b *Builder) HoldSignals() Slot {
	s := b.slot()
	b.add(Op{Code: HoldSignals, Slots: slots(s)})
	return s
}

// AwaitStart waits for `rung start` on a listening socket. A signal in the signalfd of HoldSignals
// ends the process.
func (b *Builder) AwaitStart(socket, signals Slot) OpRef {
	return b.add(Op{Code: AwaitStart, Slots: slots(socket, signals)})
}

// FindProgram finds the first of the paths that the process may execute, for Exec.
func (b *Builder) FindProgram(paths []string) OpRef {
	return b.add(Op{Code: FindProgram, Lists: &[3][]string{paths}})
}

// Exec executes the program in place of the stage. An empty path stands for what FindProgram has found.
func (b *Builder) Exec(path string, argv, env []string) OpRef {
	return b.add(Op{Code: Exec, Text: text(path), Lists: &[3][]string{nil, argv, env}})
}

const (
	fsconfigFlag   = 0 // enum fsconfig_command
	fsconfigString = 1
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
