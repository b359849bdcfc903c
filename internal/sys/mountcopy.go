package sys

import (
	"bytes"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// MountCopy is a thread in a mount namespace that is a copy of the process's own.
//
// A copy has no mounts of mount namespaces (crun#2262: the kernel attaches a clone that contains one only in a namespace that is
// younger than that). No mount of it is unbindable (seen on Linux 6.18). Its mounts are peers of those that they are copies of.
type MountCopy struct {
	work chan func()
}

// NewMountCopy makes the namespace (unshare(2), CLONE_NEWNS). It needs CAP_SYS_ADMIN.
func NewMountCopy() (*MountCopy, error) {
	c := &MountCopy{make(chan func())}
	made := make(chan error)
	go c.serve(made)
	if err := <-made; err != nil {
		return nil, err
	}
	return c, nil
}

func (c *MountCopy) serve(made chan<- error) {
	runtime.LockOSThread() // and never unlocked: the thread ends with this function
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		made <- withCause("unshare", os.NewSyscallError("unshare", err))
		return
	}
	made <- nil
	for do := range c.work {
		do()
	}
}

// CloneTree is the function of that name, with the mounts of the copy.
func (c *MountCopy) CloneTree(path string, recursive bool) (tree *os.File, err error) {
	done := make(chan struct{})
	c.work <- func() {
		tree, err = CloneTree(path, recursive)
		close(done)
	}
	<-done
	return tree, err
}

// Close ends the thread, and with it the namespace.
func (c *MountCopy) Close() {
	if c != nil {
		close(c.work)
	}
}

// ClonesDiffer reports whether a recursive clone may lack mounts, or not be attachable, unless it is made in a copy of the mount
// namespace: there are unbindable mounts, or mounts of mount namespaces.
func ClonesDiffer() (bool, error) {
	text, err := ReadFile("/proc/self/mountinfo")
	if err != nil {
		return false, err
	}
	return bytes.Contains(text, []byte(" mnt:[")) || bytes.Contains(text, []byte(" unbindable")), nil
}
