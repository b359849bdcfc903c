package sys

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// SealedProgram is SealedMemfd for a file that is to be executed. Since Linux 6.3 that has to
// be said; older kernels do not know the flag. Where the sysctl vm.memfd_noexec is 2, nobody may
// execute a memfd, and the file is one without a name on a file system.
func SealedProgram(name string, data []byte) (*os.File, error) {
	file, err := Memfd(name, unix.MFD_ALLOW_SEALING|unix.MFD_EXEC)
	if errors.Is(err, unix.EINVAL) {
		file, err = Memfd(name, unix.MFD_ALLOW_SEALING)
	}
	if errors.Is(err, unix.EACCES) {
		return unnamedProgram(name, data, err)
	}
	if err != nil {
		return nil, err
	}
	return fillAndSeal(file, data)
}

// unnamedProgram returns the error of the memfd where no other way is open.
func unnamedProgram(name string, data []byte, err error) (*os.File, error) {
	if file, err := programOnTmpfs(name, data); err == nil {
		return file, nil
	}
	for _, dir := range []string{os.Getenv("XDG_RUNTIME_DIR"), os.TempDir(), "/var/tmp", "/dev/shm"} {
		if file, err := programIn(dir, data); err == nil {
			return file, nil
		}
	}
	return nil, err
}

// programOnTmpfs makes a file system that is mounted nowhere (Linux 5.2, CAP_SYS_ADMIN), and
// read-only as a whole, which no change of a mount's attributes undoes.
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

// programIn is for a plain user: only he can change the file, which nothing else ever executes.
// EACCES: dir is on a file system where nothing is executed.
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

// newProgram opens, with more flags of open(2), a file that gets the program, and returns a
// descriptor that cannot write: a file that somebody writes to is not executed (ETXTBSY).
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
