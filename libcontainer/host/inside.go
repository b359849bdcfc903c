package host

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"path"
	"strconv"
	"strings"
	"syscall"

	"rung/internal/sys"
)

// Inside is what can only be seen in the container's own root.
type Inside struct {
	Exec string // the file that args[0] names
	Home string // of the user, from the container's /etc/passwd
}

// LookInside finds the program and, unless the environment names one, the home
// directory of uid below root, a descriptor of the container's root. Nothing is
// resolved outside of it. The error of a program that is not there has the words
// of os/exec, which engines match.
func LookInside(root *os.File, args, env []string, cwd string, uid uint32) (Inside, error) {
	file, err := lookProgram(root, args[0], lookupEnv(env, "PATH"), cwd)
	if err != nil {
		return Inside{}, err
	}
	inside := Inside{Exec: file}
	if lookupEnv(env, "HOME") == "" {
		inside.Home, err = homeOf(root, uid)
	}
	return inside, err
}

func lookupEnv(env []string, name string) string {
	value := ""
	for _, e := range env { // the last one counts
		if v, ok := strings.CutPrefix(e, name+"="); ok {
			value = v
		}
	}
	return value
}

var errNotFound = errors.New("executable file not found in $PATH")

func lookProgram(root *os.File, name, searchPath, cwd string) (string, error) {
	if name == "" || searchPath == "" && !strings.Contains(name, "/") {
		return "", execError(name, errNotFound) // no PATH is no leave to search the working directory
	}
	if strings.Contains(name, "/") {
		full := name
		if !path.IsAbs(name) {
			full = path.Join(cwd, name)
		}
		if err := executable(root, full); err != nil {
			return "", execError(name, err)
		}
		return name, nil
	}
	var denied error
	for _, dir := range strings.Split(searchPath, ":") {
		full := path.Join("/", dir, name)
		if !path.IsAbs(dir) {
			full = path.Join(cwd, dir, name)
		}
		err := executable(root, full)
		if err == nil {
			return full, nil
		}
		if errors.Is(err, syscall.EACCES) {
			denied = err
		}
	}
	if denied != nil {
		return "", execError(name, denied)
	}
	return "", execError(name, errNotFound)
}

func execError(name string, err error) error {
	return fmt.Errorf("exec: %q: %w", name, err)
}

// executable asks for what execve does, as far as it can be known from outside: a
// regular file with an execute bit. The user's own rights decide when it is executed.
func executable(root *os.File, name string) error {
	st, err := sys.StatInRoot(root, name)
	if errors.Is(err, syscall.EACCES) {
		return nil // not for us to see: execve will tell
	}
	if err != nil {
		return &os.PathError{Op: "stat", Path: name, Err: err}
	}
	if st.Mode&syscall.S_IFMT == syscall.S_IFDIR {
		return syscall.EISDIR
	}
	if st.Mode&0o111 == 0 {
		return syscall.EACCES
	}
	return nil
}

// passwdLimit is how much of a container's /etc/passwd is read, in bytes: rung reads it on the host's account
// (CVE-2026-135844). A user whose line begins behind that has no home directory.
const passwdLimit = 4 << 20

// homeOf returns "/" for a user that the container does not know, or where it has no file that could tell.
func homeOf(root *os.File, uid uint32) (string, error) {
	passwd, err := sys.ReadInRoot(root, "/etc/passwd", passwdLimit)
	if err != nil {
		return "", fmt.Errorf("process.env: HOME: read /etc/passwd of the container: %w", err)
	}
	if len(passwd) == passwdLimit {
		passwd = passwd[:bytes.LastIndexByte(passwd, '\n')+1]
	}
	want := strconv.AppendUint(nil, uint64(uid), 10)
	for len(passwd) > 0 {
		var line []byte
		line, passwd, _ = bytes.Cut(passwd, []byte{'\n'})
		if home, ok := homeInLine(line, want); ok {
			return cmp.Or(home, "/"), nil
		}
	}
	return "/", nil
}

// homeInLine reads a line of passwd(5): name:password:uid:gid:comment:home:shell.
func homeInLine(line, uid []byte) (string, bool) {
	for range 2 {
		_, line, _ = bytes.Cut(line, []byte{':'})
	}
	rest, ok := bytes.CutPrefix(line, uid)
	if !ok || len(rest) == 0 || rest[0] != ':' {
		return "", false
	}
	fields := bytes.SplitN(rest[1:], []byte{':'}, 4)
	if len(fields) < 3 {
		return "", false
	}
	return string(fields[2]), true
}
