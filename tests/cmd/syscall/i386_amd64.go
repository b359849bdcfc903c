package main

import "syscall"

// gate makes a system call by int 0x80, with the number and arguments of i386.
func gate(number, a, b, c uintptr) (result int32)

func i386(n [7]uintptr) syscall.Errno {
	if result := gate(n[0], n[1], n[2], n[3]); result < 0 {
		return syscall.Errno(-result)
	}
	return 0
}
