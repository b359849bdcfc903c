//go:build cgo

package seccomp

import (
	libseccomp "github.com/seccomp/libseccomp-golang"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// architecture is one system call interface, with its names in config.json, libseccomp and the kernel.
type architecture struct {
	name specs.Arch
	scmp libseccomp.ScmpArch
	// audit is the AUDIT_ARCH_* of <linux/audit.h>, which the kernel puts into seccomp_data.arch. x86-64 and x32 share
	// one value.
	audit uint32
}

// architectureAt returns architecture i in the order of their names, and false after the last one. The list is in a
// function, because libseccomp's constants are not Go constants: package initialisation would have to fill a table.
func architectureAt(i int) (architecture, bool) {
	list := [...]architecture{
		{specs.ArchAARCH64, libseccomp.ArchARM64, 0xc00000b7},
		{specs.ArchARM, libseccomp.ArchARM, 0x40000028},
		{specs.ArchLOONGARCH64, libseccomp.ArchLOONGARCH64, 0xc0000102},
		{specs.ArchM68K, libseccomp.ArchM68K, 0x00000004},
		{specs.ArchMIPS, libseccomp.ArchMIPS, 0x00000008},
		{specs.ArchMIPS64, libseccomp.ArchMIPS64, 0x80000008},
		{specs.ArchMIPS64N32, libseccomp.ArchMIPS64N32, 0xa0000008},
		{specs.ArchMIPSEL, libseccomp.ArchMIPSEL, 0x40000008},
		{specs.ArchMIPSEL64, libseccomp.ArchMIPSEL64, 0xc0000008},
		{specs.ArchMIPSEL64N32, libseccomp.ArchMIPSEL64N32, 0xe0000008},
		{specs.ArchPARISC, libseccomp.ArchPARISC, 0x0000000f},
		{specs.ArchPARISC64, libseccomp.ArchPARISC64, 0x8000000f},
		{specs.ArchPPC, libseccomp.ArchPPC, 0x00000014},
		{specs.ArchPPC64, libseccomp.ArchPPC64, 0x80000015},
		{specs.ArchPPC64LE, libseccomp.ArchPPC64LE, 0xc0000015},
		{specs.ArchRISCV64, libseccomp.ArchRISCV64, 0xc00000f3},
		{specs.ArchS390, libseccomp.ArchS390, 0x00000016},
		{specs.ArchS390X, libseccomp.ArchS390X, 0x80000016},
		{specs.ArchSH, libseccomp.ArchSH, 0x4000002a},
		{specs.ArchSHEB, libseccomp.ArchSHEB, 0x0000002a},
		{specs.ArchX32, libseccomp.ArchX32, auditX8664},
		{specs.ArchX86, libseccomp.ArchX86, 0x40000003},
		{specs.ArchX86_64, libseccomp.ArchAMD64, auditX8664},
	}
	if i >= len(list) {
		return architecture{}, false
	}
	return list[i], true
}

// auditX8664 is AUDIT_ARCH_X86_64, which x32 uses too.
const auditX8664 = 0xc000003e

// KnownArchs returns the architectures for `features`, sorted.
func KnownArchs() []string {
	var names []string
	for i := 0; ; i++ {
		a, ok := architectureAt(i)
		if !ok {
			return names
		}
		names = append(names, string(a.name))
	}
}

// find returns the first architecture for which match is true, and false if there is none.
func find(match func(architecture) bool) (architecture, bool) {
	for i := 0; ; i++ {
		a, ok := architectureAt(i)
		if !ok || match(a) {
			return a, ok
		}
	}
}

// architectures returns the architectures that the filter covers. The native one is first, because libseccomp always
// adds it. Those of the profile follow.
func architectures(s *specs.LinuxSeccomp) ([]architecture, error) {
	native, err := libseccomp.GetNativeArch()
	if err != nil {
		return nil, fail("architectures", "find the native one: %w", err)
	}
	first, ok := find(func(a architecture) bool { return a.scmp == native })
	if !ok {
		return nil, fail("architectures", "the native one, %v, is unknown", native)
	}
	list := []architecture{first}
	for i, name := range s.Architectures {
		a, ok := find(func(a architecture) bool { return a.name == name })
		if !ok {
			return nil, fail(item("architectures", i), "unknown architecture %q", name)
		}
		if !contains(list, a.scmp) {
			list = append(list, a)
		}
	}
	return list, nil
}

func contains(list []architecture, scmp libseccomp.ScmpArch) bool {
	for _, a := range list {
		if a.scmp == scmp {
			return true
		}
	}
	return false
}
