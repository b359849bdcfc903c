package sys

import (
	"os"
	"runtime"
	"syscall"
)

// SpawnFile starts the program in an open file and returns its PID. The child has files as its
// descriptors, by index; the descriptor of a nil file is closed. The program itself is the
// descriptor after the last file: the child moves descriptors before it executes the program,
// and could overwrite any other number.
func SpawnFile(program *os.File, argv, env []string, files []*os.File) (int, error) {
	fds := make([]uintptr, 0, len(files)+1)
	for _, f := range files {
		if f == nil {
			fds = append(fds, ^uintptr(0))
			continue
		}
		fds = append(fds, f.Fd())
	}
	path := "/proc/self/fd/" + itoa(len(fds))
	pid, err := syscall.ForkExec(path, argv, &syscall.ProcAttr{Env: env, Files: append(fds, program.Fd())})
	runtime.KeepAlive(files)
	return pid, err
}

// Wait reaps a child of this process.
func Wait(pid int) (syscall.WaitStatus, error) {
	var status syscall.WaitStatus
	for {
		_, err := syscall.Wait4(pid, &status, 0, nil)
		if err != syscall.EINTR {
			return status, os.NewSyscallError("wait4", err)
		}
	}
}
