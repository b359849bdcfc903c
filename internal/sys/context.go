package sys

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Messages returns what the kernel says about a file system context, from the lines that it gives out. Each begins with "e ",
// "w " or "i ", for an error, a warning or information (fs/fs_context.c).
func Messages(lines string) string {
	var out []string
	for line := range strings.Lines(lines) {
		line = strings.TrimSpace(line)
		if len(line) > 2 && line[1] == ' ' {
			line = line[2:]
		}
		if line != "" {
			out = append(out, line)
		}
	}
	return strings.Join(out, "; ")
}

// contextMessages reads Messages from a file system context. One read(2) returns one message; it fails after the last one.
func contextMessages(fs int) string {
	var lines strings.Builder
	for lines.Len() < unix.Getpagesize() {
		var line [1024]byte
		n, err := unix.Read(fs, line[:])
		if err != nil || n == 0 {
			break
		}
		lines.Write(append(line[:n], '\n'))
	}
	return Messages(lines.String())
}

// NewMount makes a detached mount of a new file system (fsopen(2), Linux 5.2). Its errors name the option and have the
// kernel's messages.
func NewMount(fstype string, attrs int, options ...Option) (*os.File, error) {
	fs, err := unix.Fsopen(fstype, unix.FSOPEN_CLOEXEC)
	if err != nil {
		return nil, withCause("fsopen", os.NewSyscallError("fsopen "+fstype, err))
	}
	defer unix.Close(fs)
	for _, o := range options {
		if err := o.set(fs); err != nil {
			return nil, contextError(fs, "fsconfig", "option "+o.String(), err)
		}
	}
	if err := unix.FsconfigCreate(fs); err != nil {
		return nil, contextError(fs, "fsconfig", "create "+fstype, err)
	}
	fd, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, attrs)
	if err != nil {
		return nil, contextError(fs, "fsmount", fstype, err)
	}
	return os.NewFile(uintptr(fd), fstype), nil
}

// FilesystemContext is a file system that is not made yet: it takes parameters, and is gone when it is closed.
type FilesystemContext struct{ fd int }

// OpenContext opens a context of a file system type (fsopen(2)). Nothing is mounted. The error is a syscall.Errno.
func OpenContext(fstype string) (*FilesystemContext, error) {
	fd, err := unix.Fsopen(fstype, unix.FSOPEN_CLOEXEC)
	if err != nil {
		return nil, err
	}
	return &FilesystemContext{fd}, nil
}

// Set gives the context a parameter, by a command of fsconfig(2) that is FSCONFIG_SET_FLAG or FSCONFIG_SET_STRING. It returns the
// errno, and what the kernel says about it. A nil context takes everything.
func (c *FilesystemContext) Set(key, value string, command uint64) (errno syscall.Errno, messages string) {
	if c == nil {
		return 0, ""
	}
	var err error
	switch command {
	case unix.FSCONFIG_SET_FLAG:
		err = unix.FsconfigSetFlag(c.fd, key)
	case unix.FSCONFIG_SET_STRING:
		err = unix.FsconfigSetString(c.fd, key, value)
	}
	if err != nil {
		errors.As(err, &errno)
		messages = contextMessages(c.fd)
	}
	return errno, messages
}

// Close closes the context. It may be nil.
func (c *FilesystemContext) Close() {
	if c != nil {
		unix.Close(c.fd)
	}
}

// KnownFilesystem reports whether the kernel has a file system type, and whether a module may have it: the kernel loads that at the
// first mount. Without a list of modules any type may be in one.
func KnownFilesystem(fstype string) (known, module bool) {
	list, err := ReadFile("/proc/filesystems")
	if err != nil {
		return true, true
	}
	for line := range strings.Lines(string(list)) {
		if fields := strings.Fields(line); len(fields) > 0 && fields[len(fields)-1] == fstype {
			return true, false
		}
	}
	aliases, err := ReadFile("/lib/modules/" + Release() + "/modules.alias")
	if err != nil {
		disabled, errRead := ReadSmall("/proc/modules") // a kernel without modules has no such file
		return false, errRead == nil && disabled != ""
	}
	return false, strings.Contains(string(aliases), "alias fs-"+fstype+" ")
}

// NeedsDevice reports whether the kernel has a file system type that lies on a block device.
func NeedsDevice(fstype string) bool {
	list, err := ReadFile("/proc/filesystems")
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(list)) {
		if strings.HasPrefix(line, "\t") && strings.TrimSpace(line) == fstype {
			return true
		}
	}
	return false
}

// TakesParameter reports whether a file system takes a parameter. It makes no file system. It returns false if this process may
// not ask.
func TakesParameter(fstype, key, value string) bool {
	fs, err := unix.Fsopen(fstype, unix.FSOPEN_CLOEXEC)
	if err != nil {
		return false
	}
	defer unix.Close(fs)
	return unix.FsconfigSetString(fs, key, value) == nil
}

func (o Option) set(fs int) error {
	if o.Value == "" {
		return unix.FsconfigSetFlag(fs, o.Key)
	}
	return unix.FsconfigSetString(fs, o.Key, o.Value)
}

// String returns the option as config.json has it.
func (o Option) String() string {
	if o.Value == "" {
		return o.Key
	}
	return o.Key + "=" + o.Value
}

func contextError(fs int, call, what string, err error) error {
	if said := contextMessages(fs); said != "" {
		return fmt.Errorf("%s: %w (the kernel says: %s)", what, os.NewSyscallError(call, err), said)
	}
	return withCause(call, fmt.Errorf("%s: %w", what, os.NewSyscallError(call, err)))
}
