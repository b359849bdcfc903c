package sys

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// SealedProgram is SealedMemfd for a file that can be executed. Since Linux 6.3 that needs MFD_EXEC, which older kernels do
// not know. If nobody may execute a memfd (the sysctl vm.memfd_noexec is 2) or a filter denies memfd_create(2), it returns
// an unnamed file on a file system.
func SealedProgram(name string, data []byte) (*os.File, error) {
	file, err := newMemfd(name, unix.MFD_ALLOW_SEALING|unix.MFD_EXEC)
	if errors.Is(err, unix.EINVAL) {
		file, err = newMemfd(name, unix.MFD_ALLOW_SEALING)
	}
	if errors.Is(err, unix.EACCES) || denied(err) {
		return unnamedProgram(name, data, err)
	}
	if err != nil {
		return nil, err
	}
	return fillAndSeal(file, data)
}

// unnamedProgram returns the program in an unnamed file, or err, the error of memfd_create(2), if there is no other way.
func unnamedProgram(name string, data []byte, err error) (*os.File, error) {
	if file, err := programOnTmpfs(name, data); err == nil {
		return file, nil
	}
	if os.Geteuid() == 0 {
		return nil, err // root of a container without a user namespace could change the file on any other file system
	}
	for _, dir := range []string{os.Getenv("XDG_RUNTIME_DIR"), os.TempDir(), "/var/tmp", "/dev/shm"} {
		if file, err := programIn(dir, data); err == nil {
			return file, nil
		}
	}
	return nil, err
}

// programOnTmpfs puts the program on a tmpfs that is mounted nowhere (Linux 5.2, CAP_SYS_ADMIN). The
// file system itself is read-only, which a change of mount attributes cannot undo.
func programOnTmpfs(name string, data []byte) (*os.File, error) {
	context, err := unix.Fsopen("tmpfs", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("fsopen", err)
	}
	defer unix.Close(context)
	if err := unix.FsconfigCreate(context); err != nil {
		return nil, os.NewSyscallError("fsconfig", err)
	}
	mount, err := unix.Fsmount(context, unix.FSMOUNT_CLOEXEC, unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV)
	if err != nil {
		return nil, os.NewSyscallError("fsmount", err)
	}
	root := os.NewFile(uintptr(mount), "tmpfs")
	defer root.Close()
	file, err := newProgram(FDPath(root)+"/"+name, unix.O_CREAT|unix.O_EXCL, data)
	if err != nil {
		return nil, err
	}
	err = unix.FsconfigSetFlag(context, "ro")
	if err == nil {
		err = unix.FsconfigReconfigure(context)
	}
	if err != nil {
		file.Close()
		return nil, os.NewSyscallError("fsconfig", err)
	}
	return file, nil
}

// programIn puts the program into an unnamed file in dir. It is for a plain user: only that user
// can change the file, and only rung executes it. The error is EACCES if dir is mounted noexec.
func programIn(dir string, data []byte) (*os.File, error) {
	file, err := newProgram(dir, unix.O_TMPFILE|unix.O_EXCL, data)
	if err != nil {
		return nil, err
	}
	if err := unix.Faccessat(unix.AT_FDCWD, FDPath(file), unix.X_OK, unix.AT_EACCESS); err != nil {
		file.Close()
		return nil, os.NewSyscallError("faccessat", err)
	}
	return file, nil
}

// newProgram makes a file with the given flags of open(2), writes the program to it, and returns a
// read-only descriptor: the kernel does not execute a file that is open for writing (ETXTBSY).
func newProgram(path string, flags int, data []byte) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|flags, 0o500)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if _, err := file.Write(data); err != nil {
		return nil, err
	}
	return os.Open(FDPath(file))
}
