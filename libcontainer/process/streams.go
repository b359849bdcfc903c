package process

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// GiveStreams gives the standard streams of a process in a user namespace to the process's user, so that it can open
// /dev/stdout. The stage may do that only if the namespace maps the owner that a stream has (decision 0018). pid is the stage
// in the namespace, uid the user's number in it.
func GiveStreams(stdio [3]*os.File, pid int, uid uint32) error {
	if os.Geteuid() != 0 {
		return nil // without the right to
	}
	var wanted []*os.File
	for _, stream := range stdio {
		if isStream(stream) {
			wanted = append(wanted, stream)
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	owner, mapped, err := ownerOutside(pid, uid)
	if err != nil || !mapped {
		return err
	}
	for _, stream := range wanted {
		if err := giveStream(stream, owner); err != nil {
			return err
		}
	}
	return nil
}

// isStream reports whether a file is a pipe or a socket. Any other file is not the container's alone.
func isStream(file *os.File) bool {
	if file == nil {
		return false
	}
	info, err := file.Stat()
	return err == nil && IsStream(info.Mode())
}

// IsStream reports whether a mode is that of a pipe or a socket.
func IsStream(mode fs.FileMode) bool { return mode&(fs.ModeNamedPipe|fs.ModeSocket) != 0 }

func giveStream(stream *os.File, owner uint32) error {
	info, err := stream.Stat()
	if err != nil {
		return err
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Uid == owner {
		return nil
	}
	const keepGroup = -1
	err = stream.Chown(int(owner), keepGroup)
	for _, refused := range [...]syscall.Errno{syscall.EPERM, syscall.EINVAL, syscall.EROFS, syscall.EOPNOTSUPP, syscall.ENOSYS} {
		if errors.Is(err, refused) {
			return nil // the stream can still be written to, but not opened again
		}
	}
	return err
}

// ownerOutside returns the number that rung has for a user of the namespace of a process, and whether it has one.
func ownerOutside(pid int, uid uint32) (owner uint32, mapped bool, err error) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/uid_map") // of more than a page with many extents
	if err != nil {
		return 0, false, err
	}
	for line := range strings.Lines(string(text)) {
		var inside, outside, size uint64
		if _, err := fmt.Sscan(line, &inside, &outside, &size); err != nil {
			return 0, false, fmt.Errorf("/proc/%d/uid_map: %q: %w", pid, line, err)
		}
		if at := uint64(uid); at >= inside && at-inside < size {
			return uint32(outside + at - inside), true, nil
		}
	}
	return 0, false, nil
}
