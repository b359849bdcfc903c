package setup

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/host"
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
	spec    *specs.Spec
	rootfs  string
	root    *os.File
	cwd     string // of the process, for a relative interpreter
	refused bool   // the kernel has refused the program, so it knows no further format of it
}

// maxInterpreters is how many scripts the kernel follows (exec_binprm of fs/exec.c).
const maxInterpreters = 5

// of returns the verdict for a program that is there and that the process may execute.
func (f *formats) of(program string) Verdict {
	for range maxInterpreters + 1 {
		if f.covered(program) {
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
	if path.IsAbs(file) {
		return file
	}
	return f.cwd + "/" + file // Join would take ".." by the text
}

// covered reports whether a mount of the configuration may lie over a file.
func (f *formats) covered(file string) bool {
	place, known := PlaceInRoot(f.root, file)
	return !known || slices.ContainsFunc(f.spec.Mounts, func(m specs.Mount) bool {
		destination, known := PlaceInRoot(f.root, host.Destination(&m, f.rootfs))
		_, below := host.Below(place, destination)
		return below || !known
	})
}

// PlaceInRoot returns a path in the root file system without symbolic links. What is missing at its end stays as it is. The place is
// not known if a link leads to something that is missing: a mount may bring it.
func PlaceInRoot(root *os.File, name string) (place string, known bool) {
	for missing := ""; ; name, missing = path.Dir(name), path.Join(path.Base(name), missing) {
		file, err := sys.OpenInRoot(root, name, sys.O_PATH)
		if err == nil {
			defer file.Close()
			top, errTop := os.Readlink(sys.FDPath(root))
			found, errFound := os.Readlink(sys.FDPath(file))
			return path.Join("/", strings.TrimPrefix(found, top), missing), errTop == nil && errFound == nil
		}
		if link, errLink := sys.OpenInRoot(root, name, sys.O_PATH|sys.O_NOFOLLOW); errLink == nil {
			link.Close()
			return "", false
		}
		if !errors.Is(err, syscall.ENOENT) {
			return "", false
		}
	}
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
	if f.covered(file) {
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
	elfSizes32 = 44 // end of e_phentsize, which the kernel compares, in the header of 32 bits
	elfSizes64 = 56 // and of 64 bits
)

// machines are those whose programs the kernel may execute on which a rung of this architecture runs, by numbers of elf.h; the
// first is that of rung.
var machines = map[string][]uint16{
	"386": {3, 62}, "amd64": {62, 3}, "arm": {40, 183}, "arm64": {183, 40}, "loong64": {258}, "ppc64le": {21}, "riscv64": {243}, "s390x": {22},
}

// names of machines, as GOARCH has them.
var machineNames = map[uint16]string{
	3: "386", 8: "mips", 20: "ppc", 21: "ppc64", 22: "s390x", 40: "arm", 62: "amd64", 183: "arm64", 243: "riscv64", 258: "loong64",
}

func (f *formats) ofBinary(program string, head []byte, loader string) Verdict {
	var foreign string
	sure := true
	switch {
	case len(head) == 0:
		foreign = program + " is empty"
	case !bytes.HasPrefix(head, []byte(elfMagic)):
		foreign, sure = program+" is neither an ELF program nor a script that begins with #!", isText(head)
	case len(head) < elfSizes32 || head[4] == 2 && len(head) < elfSizes64:
		foreign = program + " is cut off: it has only " + strconv.Itoa(len(head)) + " bytes"
	default:
		foreign, sure = otherMachine(program, head), false
	}
	if foreign != "" {
		if others, known := otherFormats(); others || !known && !sure && !f.refused {
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
	var order binary.ByteOrder = binary.LittleEndian
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

// isText reports whether a file begins with text, of which no further format is known.
func isText(head []byte) bool {
	return !slices.ContainsFunc(head, func(b byte) bool { return b < ' ' && b != '\t' && b != '\n' && b != '\r' })
}

// otherFormats reports whether somebody has told the kernel of further formats (binfmt_misc), such as those of other machines. It
// is not known where their file system is not mounted, as in a container: they hold there all the same.
func otherFormats() (there, known bool) {
	entries, err := os.ReadDir("/proc/sys/fs/binfmt_misc")
	own := func(e os.DirEntry) bool { return e.Name() == "register" || e.Name() == "status" }
	if err == nil && len(entries) > 0 {
		return slices.ContainsFunc(entries, func(e os.DirEntry) bool { return !own(e) }), slices.ContainsFunc(entries, own)
	}
	types, err := sys.ReadSmall("/proc/filesystems")
	return false, err == nil && !strings.Contains(types, "\tbinfmt_misc\n")
}
