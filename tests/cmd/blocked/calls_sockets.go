//go:build !386

package main

import "syscall"

// sockets has the calls that are one call on 386.
var sockets = map[string]uint32{
	"recvfrom":   syscall.SYS_RECVFROM,
	"recvmsg":    syscall.SYS_RECVMSG,
	"sendmsg":    syscall.SYS_SENDMSG,
	"socket":     syscall.SYS_SOCKET,
	"socketpair": syscall.SYS_SOCKETPAIR,
}
