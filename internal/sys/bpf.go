package sys

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// bpfAttr is a buffer for union bpf_attr. It is zeroed and larger than any
// kernel's union. Linux 6.17 to 7.1 write back a field (query.revision) that lies
// beyond the attribute's older size, whatever size the caller gives. Kernels with
// a smaller union accept the zero tail.
type bpfAttr [32]uint64

// bpf commands and constants (include/uapi/linux/bpf.h).
const (
	bpfProgLoad        = 5
	bpfProgAttach      = 8
	bpfProgDetach      = 9
	bpfProgGetFdByID   = 13
	bpfObjGetInfoByFd  = 15
	bpfProgQuery       = 16
	bpfTypeCgroupDev   = 15
	bpfAttachCgroupDev = 6
	bpfAllowMulti      = 1 << 1
	bpfReplace         = 1 << 2
)

// u32 returns a pointer to the 32-bit field at byte offset off.
func (a *bpfAttr) u32(off uintptr) *uint32 {
	return (*uint32)(unsafe.Add(unsafe.Pointer(a), off))
}

func (a *bpfAttr) call(cmd uintptr) (int, error) {
	for {
		r, _, e := unix.Syscall(unix.SYS_BPF, cmd, uintptr(unsafe.Pointer(a)), unsafe.Sizeof(*a))
		switch {
		case e == 0:
			return int(r), nil
		case e == unix.EINTR, e == unix.EAGAIN && cmd == bpfProgLoad:
			continue // a pending signal interrupts the verifier
		}
		return -1, e
	}
}

// pinned returns the address of p for a field of the attribute. Pinning moves p to
// the heap: a Go stack may move between here and the call.
func pinned[T any](pin *runtime.Pinner, p *T) uint64 {
	pin.Pin(p)
	return uint64(uintptr(unsafe.Pointer(p)))
}

// LoadDeviceProgram loads a BPF_PROG_TYPE_CGROUP_DEVICE program of encoded
// instructions (8 bytes each, host byte order). If the kernel refuses it, verdict
// is the verifier's log. The descriptor is close-on-exec.
func LoadDeviceProgram(insns []uint64, log []byte) (fd int, verdict string, err error) {
	license := []byte("Apache-2.0\x00")
	var pin runtime.Pinner
	defer pin.Unpin()
	var a bpfAttr
	*a.u32(0) = bpfTypeCgroupDev
	*a.u32(4) = uint32(len(insns))
	a[1] = pinned(&pin, unsafe.SliceData(insns))
	a[2] = pinned(&pin, unsafe.SliceData(license))
	if len(log) > 0 {
		*a.u32(24) = 1 // log_level
		*a.u32(28) = uint32(len(log))
		a[4] = pinned(&pin, unsafe.SliceData(log))
	}
	fd, err = a.call(bpfProgLoad)
	return fd, unix.ByteSliceToString(log), err
}

// AttachDeviceProgram attaches a program to the cgroup directory dirfd. If
// replace >= 0, it atomically takes the place of that attached program
// (BPF_F_REPLACE, Linux 5.6).
func AttachDeviceProgram(dirfd, prog, replace int) error {
	var a bpfAttr
	*a.u32(0) = uint32(dirfd)
	*a.u32(4) = uint32(prog)
	*a.u32(8) = bpfAttachCgroupDev
	*a.u32(12) = bpfAllowMulti
	if replace >= 0 {
		*a.u32(12) |= bpfReplace
		*a.u32(16) = uint32(replace)
	}
	_, err := a.call(bpfProgAttach)
	return err
}

// DetachDeviceProgram detaches a program from the cgroup directory dirfd.
func DetachDeviceProgram(dirfd, prog int) error {
	var a bpfAttr
	*a.u32(0) = uint32(dirfd)
	*a.u32(4) = uint32(prog)
	*a.u32(8) = bpfAttachCgroupDev
	_, err := a.call(bpfProgDetach)
	return err
}

// DevicePrograms lists the ids of the device programs attached to the cgroup
// directory dirfd itself (not to its ancestors).
func DevicePrograms(dirfd int) ([]uint32, error) {
	ids := make([]uint32, 64) // BPF_CGROUP_MAX_PROGS
	var pin runtime.Pinner
	defer pin.Unpin()
	var a bpfAttr
	*a.u32(0) = uint32(dirfd)
	*a.u32(4) = bpfAttachCgroupDev
	a[2] = pinned(&pin, &ids[0])
	*a.u32(24) = uint32(len(ids))
	_, err := a.call(bpfProgQuery)
	if err != nil {
		return nil, err
	}
	return ids[:min(int(*a.u32(24)), len(ids))], nil
}

// ProgramByID opens a loaded program. The error is ENOENT if it is gone, and EPERM without CAP_SYS_ADMIN or if a security
// module hides the program.
func ProgramByID(id uint32) (int, error) {
	var a bpfAttr
	*a.u32(0) = id
	return a.call(bpfProgGetFdByID)
}

// ProgramInfo is what the kernel says of a loaded program (struct bpf_prog_info).
type ProgramInfo struct {
	IsDevice bool // of type BPF_PROG_TYPE_CGROUP_DEVICE
	ID       uint32
	Tag      [8]byte // a digest of the instructions as they were loaded
	// Insns are the instructions as the verifier has left them, cut at the caller's limit. They are zero if the kernel does
	// not show them to this caller.
	Insns []uint64
}

// bpfProgInfo is struct bpf_prog_info as far as rung reads it. It is zeroed and larger than any kernel's.
type bpfProgInfo struct {
	kind, id        uint32
	tag             [8]byte
	_               uint32 // the size of what the compiler made, and below where to write it
	translatedSize  uint32
	_               uint64
	translatedInsns uint64
	_               [60]uint64
}

// InfoOfProgram asks about a program and its first instructions, at most as many as limit.
func InfoOfProgram(fd, limit int) (ProgramInfo, error) {
	var pin runtime.Pinner
	defer pin.Unpin()
	insns := make([]uint64, limit)
	info := &bpfProgInfo{translatedSize: uint32(limit) * 8, translatedInsns: pinned(&pin, unsafe.SliceData(insns))}
	var a bpfAttr
	*a.u32(0) = uint32(fd)
	*a.u32(4) = uint32(unsafe.Sizeof(*info))
	a[1] = pinned(&pin, info)
	if _, err := a.call(bpfObjGetInfoByFd); err != nil {
		return ProgramInfo{}, err
	}
	return ProgramInfo{
		IsDevice: info.kind == bpfTypeCgroupDev, ID: info.id, Tag: info.tag, Insns: insns[:min(limit, int(info.translatedSize)/8)],
	}, nil
}
