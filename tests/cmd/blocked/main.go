// Command blocked executes a program under a seccomp filter that makes some system calls fail, as under a container engine
// whose filter does not know them, or on a kernel that lacks them. All processes that the program starts inherit the filter.
//
//	blocked CALL[,CALL...] ERRNO PROGRAM [ARGUMENT...]     such as: blocked openat2 ENOSYS rung run c
package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"unsafe"
)

var errnos = map[string]syscall.Errno{"EPERM": syscall.EPERM, "ENOSYS": syscall.ENOSYS, "EACCES": syscall.EACCES, "EIO": syscall.EIO}

func main() {
	if len(os.Args) < 4 {
		quit(fmt.Errorf("usage: blocked CALL[,CALL...] ERRNO PROGRAM [ARGUMENT...]"))
	}
	errno, ok := errnos[os.Args[2]]
	if !ok {
		quit(fmt.Errorf("%s: no errno that this program knows", os.Args[2]))
	}
	numbers, err := numbersOf(os.Args[1])
	if err != nil {
		quit(err)
	}
	program, err := exec.LookPath(os.Args[3])
	if err != nil {
		quit(err)
	}
	runtime.LockOSThread() //nolint:forbidigo // the filter is for this thread, which executes the program
	if err := install(filter(numbers, errno)); err != nil {
		quit(err)
	}
	quit(syscall.Exec(program, os.Args[3:], os.Environ()))
}

func quit(err error) {
	fmt.Fprintln(os.Stderr, "blocked:", err)
	os.Exit(125)
}

func numbersOf(list string) (numbers []uint32, err error) {
	for _, name := range strings.Split(list, ",") {
		number, ok := calls[name]
		if !ok {
			number, ok = architectures[runtime.GOARCH].calls[name]
		}
		if !ok {
			number, ok = old[name]
		}
		if !ok {
			number, ok = sockets[name]
		}
		if !ok {
			return nil, fmt.Errorf("%s: no system call that this program knows", name)
		}
		numbers = append(numbers, number)
	}
	return numbers, nil
}

// filter is a program of struct sock_filter (seccomp(2)).
func filter(numbers []uint32, errno syscall.Errno) []byte {
	const (
		load    = 0x20 // BPF_LD | BPF_W | BPF_ABS
		equal   = 0x15 // BPF_JMP | BPF_JEQ | BPF_K
		give    = 0x06 // BPF_RET | BPF_K
		fails   = 0x00050000
		allowed = 0x7fff0000
	)
	var code []byte
	add := func(op uint16, jt, jf byte, k uint32) {
		code = binary.NativeEndian.AppendUint16(code, op)
		code = append(code, jt, jf)
		code = binary.NativeEndian.AppendUint32(code, k)
	}
	add(load, 0, 0, 4)                                    // the architecture
	add(equal, 1, 0, architectures[runtime.GOARCH].audit) // calls of another architecture have other numbers
	add(give, 0, 0, allowed)
	add(load, 0, 0, 0) // the number
	for _, number := range numbers {
		add(equal, 0, 1, number)
		add(give, 0, 0, fails|uint32(errno))
	}
	add(give, 0, 0, allowed)
	return code
}

// install loads the filter. Without CAP_SYS_ADMIN it sets no_new_privs first, which the kernel then requires.
func install(code []byte) error {
	const setNoNewPrivs, setSeccomp, modeFilter = 38, 22, 2
	program := struct {
		length uint16
		code   *byte
	}{uint16(len(code) / 8), &code[0]}
	for {
		_, _, errno := syscall.RawSyscall6(syscall.SYS_PRCTL, setSeccomp, modeFilter, uintptr(unsafe.Pointer(&program)), 0, 0, 0)
		if errno != syscall.EACCES {
			return orNil(errno)
		}
		if _, _, errno := syscall.RawSyscall6(syscall.SYS_PRCTL, setNoNewPrivs, 1, 0, 0, 0, 0); errno != 0 {
			return orNil(errno)
		}
	}
}

func orNil(errno syscall.Errno) error {
	if errno == 0 {
		return nil
	}
	return os.NewSyscallError("prctl", errno)
}
