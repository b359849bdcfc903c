package setup

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path"
	"runtime"
	"slices"
	"strconv"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/launch"
)

// Verdict is what execve(2) says of a file, and why; of errno 0 nothing is known against it.
type Verdict struct {
	errno syscall.Errno
	why   string
}

// Error is the kernel's error, and why.
func (v *Verdict) Error() string { return v.errno.Error() + " (" + v.why + ")" }

func (v *Verdict) Unwrap() error { return v.errno }

// formats follows a program of the root file system as the kernel does: through the interpreters of scripts to an ELF file and its
// loader.
type formats struct {
	spec   *specs.Spec
	rootfs string
	root   *os.File
}

// maxInterpreters is how many scripts the kernel follows (exec_binprm of fs/exec.c).
const maxInterpreters = 5

// of returns the verdict for a program that is there and that the process may execute.
func (f *formats) of(program string) Verdict {
	for range maxInterpreters + 1 {
		if onMount(f.spec, f.rootfs, program) {
			return Verdict{}
		}
		head, known := f.head(program)
		if !known {
			return Verdict{}
		}
		next, kind := launch.Interpreter(head)
		switch {
		case !bytes.HasPrefix(head, []byte("#!")):
			return f.ofBinary(program, head, next)
		case next == "":
			return Verdict{syscall.ENOEXEC, program + " has no interpreter after #!"}
		}
		if v := f.missing(program, next, kind); v.errno != 0 {
			return v
		}
		program = f.absolute(next)
	}
	return Verdict{syscall.ELOOP, "more than " + strconv.Itoa(maxInterpreters) + " scripts are each the interpreter of the one before, " + program + " the last"}
}

func (f *formats) absolute(file string) string {
	if path.IsAbs(file) || f.spec.Process == nil {
		return file
	}
	return path.Join(f.spec.Process.Cwd, file)
}

// head returns the beginning of a regular file. It is not known of a file that cannot be read.
func (f *formats) head(file string) (head []byte, known bool) {
	st, err := sys.StatInRoot(f.root, file)
	if err != nil || st.Mode&syscall.S_IFMT != syscall.S_IFREG {
		return nil, false
	}
	if st.Size == 0 {
		return nil, true
	}
	const enough = 4096 // bytes: a first line has 256 at most, and linkers put the name of the loader behind the headers
	head, err = sys.ReadInRoot(f.root, file, enough)
	return head, err == nil && len(head) > 0
}

// missing is the verdict for an interpreter or loader that is not there or that nobody may execute.
func (f *formats) missing(program, next, kind string) Verdict {
	file := f.absolute(next)
	if onMount(f.spec, f.rootfs, file) {
		return Verdict{}
	}
	st, err := sys.StatInRoot(f.root, file)
	switch {
	case err == syscall.ENOENT && next[len(next)-1] == '\r': //nolint:errorlint // of statx itself
		return Verdict{syscall.ENOENT, fmt.Sprintf("the first line of %s ends with a carriage return, which the kernel takes for a part of the interpreter's name: %q", program, next)}
	case err == syscall.ENOENT: //nolint:errorlint // of statx itself
		return Verdict{syscall.ENOENT, program + " is there, but its " + kind + " " + next + " is not"}
	case err == nil && (st.Mode&syscall.S_IFMT != syscall.S_IFREG || st.Mode&0o111 == 0):
		return Verdict{syscall.EACCES, "nobody may execute " + next + ", the " + kind + " of " + program}
	}
	return Verdict{}
}

// The header of an ELF file (elf(5)).
const (
	elfMagic   = "\x7fELF"
	elfMachine = 18 // offset of e_machine
	elfHeader  = 52 // bytes, of 32 bits; the header of 64 bits has 64
)

// machines are those whose programs a kernel of this architecture may execute, by numbers of elf.h; the first is its own.
var machines = map[string][]uint16{
	"386": {3}, "amd64": {62, 3}, "arm": {40}, "arm64": {183, 40}, "loong64": {258}, "ppc64le": {21}, "riscv64": {243}, "s390x": {22},
}

// names of machines, as GOARCH has them.
var machineNames = map[uint16]string{
	3: "386", 8: "mips", 20: "ppc", 21: "ppc64", 22: "s390x", 40: "arm", 62: "amd64", 183: "arm64", 243: "riscv64", 258: "loong64",
}

func (f *formats) ofBinary(program string, head []byte, loader string) Verdict {
	var foreign string
	switch {
	case len(head) == 0:
		foreign = program + " is empty"
	case !bytes.HasPrefix(head, []byte(elfMagic)):
		foreign = program + " is neither an ELF program nor a script that begins with #!"
	case len(head) < elfHeader:
		foreign = program + " is cut off: it has only " + strconv.Itoa(len(head)) + " bytes"
	default:
		foreign = otherMachine(program, head)
	}
	if foreign != "" {
		if otherFormats() {
			return Verdict{}
		}
		return Verdict{syscall.ENOEXEC, foreign}
	}
	if loader == "" {
		return Verdict{}
	}
	return f.missing(program, loader, "loader")
}

// otherMachine names the machine of a program that is of another one than this.
func otherMachine(program string, head []byte) string {
	order := binary.ByteOrder(binary.LittleEndian)
	if head[5] == 2 {
		order = binary.BigEndian
	}
	known, number := machines[runtime.GOARCH], order.Uint16(head[elfMachine:])
	if len(known) == 0 || slices.Contains(known, number) {
		return ""
	}
	name := machineNames[number]
	if name == "" {
		name = "machine number " + strconv.Itoa(int(number)) + " of elf.h"
	}
	return program + " is a program for " + name + ", and this machine is " + runtime.GOARCH
}

// otherFormats reports whether somebody has told the kernel of further formats (binfmt_misc), such as those of other machines.
func otherFormats() bool {
	entries, err := os.ReadDir("/proc/sys/fs/binfmt_misc")
	return err == nil && slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.Name() != "register" && e.Name() != "status" })
}
