package cgroup

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
)

var readNull = []specs.LinuxDeviceCgroup{denyAll, rule(true, "c", 1, 3, "r")}

// sharing returns cgroups as of two containers, on v2 only, with one table.
func sharing(t *testing.T) (first, second *Manager, table ProgramTable) {
	t.Helper()
	table = ProgramTable(filepath.Join(t.TempDir(), "programs"))
	first = unifiedOnly(t)
	first.cfg.Programs = table
	second = &Manager{cfg: first.cfg, dirs: slices.Clone(first.dirs)}
	second.dirs[0].path += "-second"
	if err := os.Mkdir(second.dirs[0].path, 0o755); err != nil {
		t.Fatal(err)
	}
	second.dirs[0].fresh = true
	t.Cleanup(func() { _ = syscall.Rmdir(second.dirs[0].path) })
	return first, second, table
}

// programsOf returns the ids of the programs on a cgroup.
func programsOf(t *testing.T, m *Manager) []uint32 {
	t.Helper()
	fd, err := openForBpf(m.dirs[0].path)
	if err != nil {
		t.Fatal(err)
	}
	defer sys.CloseFd(fd)
	ids, err := sys.DevicePrograms(fd)
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

func wantOne(t *testing.T, m *Manager) uint32 {
	t.Helper()
	ids := programsOf(t, m)
	if len(ids) != 1 {
		t.Fatalf("attached are %v, want one program", ids)
	}
	return ids[0]
}

// decides checks that the one program on a cgroup is that of the rules, by what the kernel executes.
func decides(t *testing.T, m *Manager, list []specs.LinuxDeviceCgroup) {
	t.Helper()
	fd, err := sys.ProgramByID(wantOne(t, m))
	if err != nil {
		t.Fatal(err)
	}
	defer sys.CloseFd(fd)
	if _, ok := isProgram(fd, programOf(t, list)); !ok {
		t.Error("another program is attached than that of the rules")
	}
}

func programOf(t *testing.T, list []specs.LinuxDeviceCgroup) []uint64 {
	t.Helper()
	allowAll, rules, err := compileRules(list)
	if err != nil {
		t.Fatal(err)
	}
	return deviceProgram(allowAll, rules)
}

func TestRealProgramIsSharedAndEndsWithItsCgroups(t *testing.T) {
	a, b, table := sharing(t)
	setDeviceRules(t, a, readNull)
	setDeviceRules(t, b, readNull)
	id := wantOne(t, a)
	if other := wantOne(t, b); other != id {
		t.Fatalf("two containers with the same rules have the programs %d and %d", id, other)
	}
	setDeviceRules(t, b, []specs.LinuxDeviceCgroup{denyAll})
	for _, m := range []*Manager{a, b} {
		if err := syscall.Rmdir(m.dirs[0].path); err != nil {
			t.Fatal(err)
		}
	}
	gone := func() bool {
		fd, err := sys.ProgramByID(id)
		if err == nil {
			sys.CloseFd(fd)
		}
		return errors.Is(err, syscall.ENOENT)
	}
	for wait := time.Millisecond; !gone(); wait *= 2 { // the kernel ends a cgroup later, in a worker
		if wait > 10*time.Second {
			t.Fatalf("the program %d stays after its last cgroup", id)
		}
		time.Sleep(wait)
	}
	f, err := table.get(programOf(t, readNull))
	if err != nil {
		t.Fatal(err)
	}
	defer sys.CloseFd(f.fd)
	if _, ok := isProgram(f.fd, programOf(t, readNull)); !ok || f.id == id {
		t.Errorf("after the program %d has ended its record gives the program %d", id, f.id)
	}
}

// A cgroup that exists already has the program of an earlier container, and perhaps one of systemd's beside it.
func TestRealSharedProgramStaysWhereItIs(t *testing.T) {
	a, b, _ := sharing(t)
	setDeviceRules(t, a, readNull)
	setDeviceRules(t, b, readNull)
	id := wantOne(t, b)
	b.dirs[0].fresh = false
	setDeviceRules(t, b, readNull)
	if now := wantOne(t, b); now != id {
		t.Errorf("the same rules again replaced the program %d by %d", id, now)
	}
	attachAsSystemd(t, b, loadedByTheLibrary(t, compileProgram(t, []specs.LinuxDeviceCgroup{denyAll}), ""))
	if ids := programsOf(t, b); len(ids) != 2 {
		t.Fatalf("attached are %v, want two programs", ids)
	}
	setDeviceRules(t, b, readNull)
	if now := wantOne(t, b); now != id {
		t.Errorf("the program %d was replaced by %d", id, now)
	}
	setDeviceRules(t, b, []specs.LinuxDeviceCgroup{denyAll})
	decides(t, b, []specs.LinuxDeviceCgroup{denyAll})
	decides(t, a, readNull)
}

func attachAsSystemd(t *testing.T, m *Manager, p *ebpf.Program) {
	t.Helper()
	dir, err := os.Open(m.dirs[0].path)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	err = link.RawAttachProgram(link.RawAttachProgramOptions{
		Target: int(dir.Fd()), Program: p, Attach: ebpf.AttachCGroupDevice, Flags: 1 << 1, // BPF_F_ALLOW_MULTI
	})
	if err != nil {
		t.Fatal(err)
	}
}

// record returns a record that names the program with its own tag.
func record(t *testing.T, p *ebpf.Program) []byte {
	t.Helper()
	info, err := sys.InfoOfProgram(p.FD(), 1)
	if err != nil {
		t.Fatal(err)
	}
	return append(binary.NativeEndian.AppendUint32(nil, info.ID), info.Tag[:]...)
}

// Whatever is in the table, the program that is attached is that of the rules.
func TestRealProgramTableIsNotBelieved(t *testing.T) {
	m := unifiedOnly(t)
	setDeviceRules(t, m, readNull)
	m.dirs[0].fresh = false
	insns := programOf(t, readNull)
	load := func(kind ebpf.ProgramType, change func(asm.Instructions)) *ebpf.Program {
		p := compileProgram(t, readNull)
		change(p)
		program, err := ebpf.NewProgram(&ebpf.ProgramSpec{Type: kind, Instructions: p, License: "Apache-2.0"})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { program.Close() })
		return program
	}
	right := load(ebpf.CGroupDevice, func(asm.Instructions) {})
	looser := record(t, load(ebpf.CGroupDevice, func(p asm.Instructions) { p[len(p)-2].Constant = 1 })) // the last verdict
	traces := record(t, load(ebpf.RawTracepoint, func(asm.Instructions) {}))
	longer := record(t, loadedByTheLibrary(t, compileProgram(t, append(readNull, rule(true, "b", 8, 1, "r"))), ""))
	gone := load(ebpf.CGroupDevice, func(asm.Instructions) {})
	ended := record(t, gone)
	gone.Close()
	wrongTag := record(t, right)
	wrongTag[5] ^= 1
	for name, content := range map[string][]byte{
		"a program that allows everything": looser,
		"with the tag of the right one":    append(looser[:4:4], record(t, right)[4:]...),
		"a program of another type":        traces,
		"a longer program":                 longer,
		"a program that has ended":         ended,
		"another tag":                      wrongTag,
		"no program":                       make([]byte, recordSize),
		"no id":                            append([]byte{0xff, 0xff, 0xff, 0xff}, looser[4:]...),
		"half a record":                    record(t, right)[:recordSize-1],
		"nothing":                          nil,
	} {
		t.Run(name, func(t *testing.T) {
			m.cfg.Programs = ProgramTable(filepath.Join(t.TempDir(), "programs"))
			if err := os.WriteFile(string(m.cfg.Programs), append(make([]byte, placeOf(insns)), content...), 0o600); err != nil {
				t.Fatal(err)
			}
			if f, ok := m.cfg.Programs.open(insns, placeOf(insns)); ok {
				sys.CloseFd(f.fd)
				t.Errorf("the record opened the program %d", f.id)
			}
			setDeviceRules(t, m, readNull)
			decides(t, m, readNull)
			if f, ok := m.cfg.Programs.open(insns, placeOf(insns)); !ok || f.id != wantOne(t, m) {
				t.Error("the record was not set right")
			} else {
				sys.CloseFd(f.fd)
			}
		})
	}
}

// A table that cannot be used costs a load, and is no error.
func TestRealProgramTableThatCannotBeUsed(t *testing.T) {
	m := unifiedOnly(t)
	setDeviceRules(t, m, readNull)
	m.dirs[0].fresh = false
	dir := t.TempDir()
	target := filepath.Join(dir, "target")
	link := filepath.Join(dir, "link")
	fifo := filepath.Join(dir, "fifo")
	if err := errors.Join(os.Symlink(target, link), syscall.Mkfifo(fifo, 0o600)); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"", dir, link, fifo, filepath.Join(dir, "missing", "table")} {
		m.cfg.Programs = ProgramTable(path)
		for i := range 2 {
			list := append(slices.Clone(readNull), rule(true, "c", int64(i+1), 9, "w"))
			setDeviceRules(t, m, list)
			decides(t, m, list)
		}
	}
	if _, err := os.Lstat(target); err == nil {
		t.Error("the table was written through a symbolic link")
	}
}

// The kernel executes the program of each list that an engine writes as rung has encoded it. So containers can share it.
func TestRealProgramsCanBeShared(t *testing.T) {
	setDeviceRules(t, unifiedOnly(t), readNull)
	if text, err := os.ReadFile("/proc/sys/net/core/bpf_jit_harden"); err == nil && string(text) == "2\n" {
		t.Skip("needs net.core.bpf_jit_harden below 2: the kernel blinds constants of " + strconv.Itoa(os.Geteuid()))
	}
	for name, list := range goldenRules(t) {
		fd, err := loadProgram(programOf(t, list))
		if err != nil {
			t.Fatal(name, err)
		}
		if _, ok := isProgram(fd, programOf(t, list)); !ok {
			t.Errorf("%s: the kernel has changed the program", name)
		}
		sys.CloseFd(fd)
	}
}
