package cgroup

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
)

// goldenRules returns lists of device rules: the list of each bundle that an engine wrote, with the defaults of a new
// container added, and some lists with rules that no engine writes.
func goldenRules(t *testing.T) map[string][]specs.LinuxDeviceCgroup {
	t.Helper()
	const last = 1<<32 - 1
	lists := map[string][]specs.LinuxDeviceCgroup{
		"nothing is allowed":      {denyAll},
		"everything is allowed":   {rule(true, "a", -1, -1, "rwm")},
		"some access to all":      {denyAll, rule(true, "", -1, -1, "r")},
		"denied after allowed":    {denyAll, rule(true, "c", 1, -1, "rwm"), rule(false, "c", 1, 3, "w"), rule(true, "b", -1, 5, "m")},
		"denied from everything":  {rule(true, "a", -1, -1, "rwm"), rule(false, "b", 8, -1, "wm"), rule(false, "c", -1, 0, "r")},
		"the largest numbers":     {denyAll, rule(true, "b", last, last, "rw"), rule(false, "b", last, last-1, "r")},
		"letters of nobody":       {denyAll, rule(true, "c", 1, 3, "rw"), rule(false, "c", 1, 3, "rx")},
		"allowed twice, in parts": {denyAll, rule(true, "c", 1, 3, "r"), rule(true, "c", 1, 3, "w"), rule(false, "c", 1, 3, "m")},
	}
	bundles, err := filepath.Glob("../../testdata/engines/*/config.json")
	if err != nil || len(bundles) == 0 {
		t.Fatal(bundles, err)
	}
	for _, path := range bundles {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var spec specs.Spec
		if err := json.Unmarshal(text, &spec); err != nil {
			t.Fatal(path, err)
		}
		if r := spec.Linux.Resources; r != nil {
			lists[filepath.Base(filepath.Dir(path))] = DeviceRules(r.Devices, spec.Linux.Devices)
		}
	}
	return lists
}

func TestGoldenRules(t *testing.T) {
	for name, list := range goldenRules(t) {
		t.Run(name, func(t *testing.T) { agrees(t, compileProgram(t, list), list) })
	}
}

// cilium/ebpf finds exactly one program on the cgroup after rung attached its own. The program's tag is that of the
// instructions that the library decodes from rung's encoding, and the kernel's version of it decides as the specification
// says.
func TestRealProgramsByTheLibrary(t *testing.T) {
	m := unifiedOnly(t)
	dir, err := os.Open(m.dirs[0].path)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	for name, list := range goldenRules(t) {
		t.Run(name, func(t *testing.T) {
			setDeviceRules(t, m, list)
			m.dirs[0].fresh = false // the next list replaces this one
			p := compileProgram(t, list)
			attached := onlyProgram(t, dir)
			if same, err := p.HasTag(attached.Tag, byteOrder()); !same || err != nil {
				t.Errorf("the tag %s is not that of\n%v (%v)", attached.Tag, p, err)
			}
			if attached.Type != ebpf.CGroupDevice {
				t.Errorf("the program is of type %v", attached.Type)
			}
			inKernel, err := attached.Instructions()
			if errors.Is(err, ebpf.ErrRestrictedKernel) {
				t.Skip("needs instructions that the kernel shows: " + err.Error())
			}
			if err != nil {
				t.Fatal(err)
			}
			agrees(t, inKernel, list)
			loadedByTheLibrary(t, p, attached.Tag)
		})
	}
}

// rung replaces a program that the library attached in the same way as one of its own.
func TestRealProgramOfTheLibraryIsReplaced(t *testing.T) {
	m := unifiedOnly(t)
	dir, err := os.Open(m.dirs[0].path)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	setDeviceRules(t, m, []specs.LinuxDeviceCgroup{denyAll})
	m.dirs[0].fresh = false
	ours := onlyProgram(t, dir)
	everything := loadedByTheLibrary(t, compileProgram(t, []specs.LinuxDeviceCgroup{rule(true, "a", -1, -1, "rwm")}), "")
	err = link.RawAttachProgram(link.RawAttachProgramOptions{
		Target: int(dir.Fd()), Program: everything, Attach: ebpf.AttachCGroupDevice, Flags: 1 << 1, // BPF_F_ALLOW_MULTI
	})
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := everything.Info()
	if err != nil {
		t.Fatal(err)
	}
	var want []uint32
	for _, info := range []*ebpf.ProgramInfo{ours, theirs} {
		id, _ := info.ID()
		want = append(want, uint32(id))
	}
	if got, err := sys.DevicePrograms(int(dir.Fd())); err != nil || !slices.Equal(got, want) {
		t.Errorf("rung sees %v (%v), attached are %v", got, err, want)
	}
	setDeviceRules(t, m, []specs.LinuxDeviceCgroup{denyAll, rule(true, "c", 1, 3, "r")})
	onlyProgram(t, dir)
}

// unifiedOnly is real with only the unified hierarchy, as on pure v2: there a program filters devices.
func unifiedOnly(t *testing.T) *Manager {
	t.Helper()
	m := real(t, "")
	m.dirs = slices.DeleteFunc(m.dirs, func(d cgroupDir) bool {
		if !d.v2 {
			_ = syscall.Rmdir(d.path)
		}
		return !d.v2
	})
	return m
}

func setDeviceRules(t *testing.T, m *Manager, list []specs.LinuxDeviceCgroup) {
	t.Helper()
	if err := m.Set(&specs.LinuxResources{Devices: list}); errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSYS) {
		t.Skip("needs bpf(2) with BPF_PROG_TYPE_CGROUP_DEVICE: " + err.Error())
	} else if err != nil {
		t.Fatal(err)
	}
}

func onlyProgram(t *testing.T, dir *os.File) *ebpf.ProgramInfo {
	t.Helper()
	attached, err := link.QueryPrograms(link.QueryOptions{Target: int(dir.Fd()), Attach: ebpf.AttachCGroupDevice})
	if err != nil || len(attached.Programs) != 1 {
		t.Fatalf("attached are %+v (%v), want one program", attached, err)
	}
	program, err := ebpf.NewProgramFromID(attached.Programs[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	defer program.Close()
	info, err := program.Info()
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// loadedByTheLibrary loads a program with the library's loader, and checks that the kernel computes tag for it. "" means no
// check.
func loadedByTheLibrary(t *testing.T, p asm.Instructions, tag string) *ebpf.Program {
	t.Helper()
	program, err := ebpf.NewProgram(&ebpf.ProgramSpec{Type: ebpf.CGroupDevice, Instructions: p, License: "Apache-2.0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { program.Close() })
	info, err := program.Info()
	if err != nil || tag != "" && info.Tag != tag {
		t.Errorf("the library's has the tag %+v (%v), rung's %s", info, err, tag)
	}
	return program
}
