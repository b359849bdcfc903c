package plan

import (
	"strings"
	"syscall"
	"testing"
)

func line(t *testing.T, make func(b *Builder)) string {
	t.Helper()
	b := NewBuilder()
	b.For("mounts[3]", "a purpose")
	make(b)
	p := b.Plan(true)
	got := p.Ops[len(p.Ops)-1].Format()
	text, origin, found := strings.Cut(got, "# ")
	if !found || origin != "mounts[3]: a purpose" {
		t.Errorf("%q does not end with field and purpose", got)
	}
	return strings.Join(strings.Fields(text), " ")
}

func TestFormat(t *testing.T) {
	tests := []struct {
		want string
		make func(b *Builder)
	}{
		{"UNSHARE mnt,user,net", func(b *Builder) { b.Number(Unshare, 0x20000|0x10000000|0x40000000) }},
		{"SETNS @3 time", func(b *Builder) { b.SetNS(3, 0x80) }},
		{"CLONE @0 cgroup,uts,ipc,pid", func(b *Builder) { b.Clone(0, 0x02000000|0x04000000|0x08000000|0x20000000) }},
		{"CLONE", func(b *Builder) { b.Clone(None, 0) }},
		{"SYNC ids", func(b *Builder) { b.SyncAt(SyncIDs, None) }},
		{"SYNC @4 inside", func(b *Builder) { b.SyncAt(SyncInside, 4) }},
		{"SYNC host >512-514", func(b *Builder) { b.SyncFor(SyncHost, None, 3) }},
		{"SYNC ready", func(b *Builder) { b.SyncAt(SyncReady, None) }},
		{`OPEN >512 "/proc" path,directory no-magiclinks,in-root`, func(b *Builder) { b.Open(None, "/proc", 0x200000|syscall.O_DIRECTORY, 0x12) }},
		{`MKPATH @1 >512 "/a\nb" mkfile,nofollow 0644`, func(b *Builder) { b.Mkpath(1, "/a\nb", MkpathFile|MkpathNofollow, 0o644) }},
		{`MKNOD @1 "null" 020666 1:3`, func(b *Builder) { b.Mknod(1, "null", 0o20666, 0x103) }},
		{`MKNOD @1 "big" 060600 259:65536`, func(b *Builder) { b.Mknod(1, "big", 0o60600, 259<<8|65536<<12) }},
		{`CHOWN @1 "" 5 6`, func(b *Builder) { b.Chown(1, "", 5, 6) }},
		{`WRITE @1 "self/x" "exec profile"`, func(b *Builder) { b.Write(1, "self/x", "exec profile") }},
		{"VERIFY_DEVICE @1 020000 5:2", func(b *Builder) { b.VerifyDevice(1, 0o20000, 0x502) }},
		{"CLOSE @600 if-open", func(b *Builder) { b.Close(600) }},
		{`FSCONFIG @1 "mode" "755" string`, func(b *Builder) {
			b.add(Op{Code: Fsconfig, Slots: slots(1), Ints: ints(1), Text: text("mode", "755")})
		}},
		{"FSMOUNT @1 >2 ro,nosuid,nodev,noexec", func(b *Builder) { b.add(Op{Code: Fsmount, Slots: slots(1, 2), Ints: ints(0xf)}) }},
		{`OPEN_TREE @1 >512 "" clone,recursive,empty-path`, func(b *Builder) { b.OpenTree(1, "", 0x1|0x8000|0x1000) }},
		{`MOUNT_ATTR @1 "" set=ro,noatime clear=atime recursive`, func(b *Builder) { b.MountAttr(1, "", Attr{Set: 0x11, Clear: 0x70, Recursive: true}) }},
		{`MOUNT_ATTR "/" slave recursive`, func(b *Builder) { b.MountAttr(None, "/", Attr{Propagation: 1 << 19, Recursive: true}) }},
		{`MOUNT_ATTR @1 @2 ""`, func(b *Builder) { b.IDMap(1, 2, false) }},
		{`MOUNT @3 "overlay" "overlay" "lowerdir=/a" ro,nosuid`, func(b *Builder) { b.Mount(3, "overlay", "overlay", "lowerdir=/a", 3) }},
		{`UMOUNT "." detach`, func(b *Builder) { b.Umount(".", 2) }},
		{"PTY @1 >512 80 24 0 0", func(b *Builder) { b.Pty(1, 80, 24, 0, 0) }},
		{"SETGROUPS [5 70000]", func(b *Builder) {
			b.Text(Setgroups, string(native.AppendUint32(native.AppendUint32(nil, 5), 70000)))
		}},
		{"SETGROUPS []", func(b *Builder) { b.Text(Setgroups, "") }},
		{"BOUNDING caps=0x21 40", func(b *Builder) { b.Number(Bounding, 0x21, 40) }},
		{"UMASK 022", func(b *Builder) { b.Number(Umask, 0o22) }},
		{"SECCOMP >7 <2 instructions> log,new-listener", func(b *Builder) { b.LoadSeccomp(strings.Repeat("x", 16), 2|8, 7) }},
		{`EXEC "/bin/sh" ["sh" "-c" "a b"] ["A=B"]`, func(b *Builder) { b.Exec("/bin/sh", []string{"sh", "-c", "a b"}, []string{"A=B"}) }},
		{`FIND_PROGRAM ["/bin/sh" "sh"]`, func(b *Builder) { b.FindProgram([]string{"/bin/sh", "sh"}) }},
		{"UNSHARE mnt,0x100", func(b *Builder) { b.Number(Unshare, 0x20100) }},
		{"SETSID ok:ENOENT,EPERM,errno 4 unless:0 if-open", func(b *Builder) {
			first := b.Number(Setsid)
			b.Number(Setsid).Tolerate(syscall.ENOENT, syscall.EPERM, syscall.EINTR).Unless(first).IfSlots()
		}},
	}
	for _, test := range tests {
		if got := line(t, test.make); got != test.want {
			t.Errorf("got  %s\nwant %s", got, test.want)
		}
	}
}

func TestFormatPrintsEveryOp(t *testing.T) {
	p := everyOp()
	lines := strings.Split(strings.TrimSuffix(p.Format(), "\n"), "\n")
	if len(lines) != len(p.Ops) {
		t.Fatalf("%d lines for %d ops", len(lines), len(p.Ops))
	}
	for i, op := range p.Ops {
		fields := strings.Fields(lines[i])
		if fields[1] != op.Code.String() || !strings.HasSuffix(lines[i], "# field: purpose") {
			t.Errorf("line %d: %s", i, lines[i])
		}
		for j, kind := range op.Code.signature().slots {
			if kind != '-' && !strings.Contains(lines[i], slotPrefix(kind)+string(rune('0'+j))) {
				t.Errorf("slot %d is missing: %s", j, lines[i])
			}
		}
	}
}

func TestFormatHidesNoFlag(t *testing.T) {
	for code := Code(1); int(code) < len(signatures); code++ {
		for i, kind := range code.signature().ints {
			if kind != 'f' {
				continue
			}
			for bit := range 32 {
				if flagNames(code, i, 1<<bit) == "" {
					t.Errorf("%s: bit %d of integer %d is not printed", code, bit, i)
				}
			}
		}
	}
}

func TestErrnoName(t *testing.T) {
	for errno, want := range map[syscall.Errno]string{
		syscall.ENOENT: "ENOENT", syscall.EBUSY: "EBUSY", syscall.EOPNOTSUPP: "EOPNOTSUPP", syscall.ELOOP: "ELOOP", syscall.EINTR: "errno 4",
	} {
		if got := ErrnoName(errno); got != want {
			t.Errorf("ErrnoName(%d) = %s, want %s", errno, got, want)
		}
	}
}

func TestSyncPointNames(t *testing.T) {
	seen := map[string]bool{}
	for s := SyncIDs; s < SyncMap+1; s++ {
		if seen[s.String()] || s.String() == "unknown" {
			t.Errorf("SYNC %d is called %q", s, s)
		}
		seen[s.String()] = true
	}
}
