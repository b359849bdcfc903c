// Command syscall makes one system call and prints its errno: "0", or a name such as EPERM.
//
//	syscall CALL [ARGUMENT...]           CALL is a name in the list below, or a number as in Go: 12, 0x40000
//	syscall -i386 NUMBER [ARGUMENT...]   uses the 32-bit system call entry of an x86-64 kernel
package main

import (
	"fmt"
	"os"
	"strconv"
	"syscall"
)

var names = map[syscall.Errno]string{
	syscall.EPERM: "EPERM", syscall.ENOENT: "ENOENT", syscall.EBADF: "EBADF", syscall.EACCES: "EACCES",
	syscall.EFAULT: "EFAULT", syscall.EINVAL: "EINVAL", syscall.ENOSYS: "ENOSYS", syscall.EBUSY: "EBUSY",
	syscall.ENOTDIR: "ENOTDIR", syscall.EEXIST: "EEXIST", syscall.ESRCH: "ESRCH", syscall.EAGAIN: "EAGAIN",
}

// calls has the calls whose numbers differ between architectures.
var calls = map[string]int64{
	"add_key": syscall.SYS_ADD_KEY, "chroot": syscall.SYS_CHROOT, "getpid": syscall.SYS_GETPID, "personality": syscall.SYS_PERSONALITY,
}

func main() {
	args := os.Args[1:]
	call := native
	if len(args) > 0 && args[0] == "-i386" {
		call, args = i386, args[1:]
	}
	if len(args) == 0 || len(args) > 7 {
		fmt.Fprintln(os.Stderr, "usage: syscall CALL [ARGUMENT...], syscall -i386 NUMBER [ARGUMENT...]")
		os.Exit(2)
	}
	var numbers [7]uintptr
	for i, arg := range args {
		n, known := calls[arg]
		var err error
		if !known {
			n, err = strconv.ParseInt(arg, 0, 64)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		numbers[i] = uintptr(n)
	}
	errno := call(numbers)
	if name, ok := names[errno]; ok {
		fmt.Println(name)
	} else {
		fmt.Println(int(errno))
	}
}

func native(n [7]uintptr) syscall.Errno {
	_, _, errno := syscall.Syscall6(n[0], n[1], n[2], n[3], n[4], n[5], n[6])
	return errno
}
