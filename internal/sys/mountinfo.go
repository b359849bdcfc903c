package sys

import (
	"bufio"
	"bytes"
	"os"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// Mount is one line of mountinfo (proc(5)).
type Mount = mountinfo.Info

// Mounts returns the mounts that a process sees, in the order of its mountinfo. A line that is not understood is an error.
func Mounts(pid int) ([]*Mount, error) { return readMounts("/proc/" + itoa(pid) + "/mountinfo") }

// OwnMounts returns the mounts that this process sees, also where /proc is that of another PID namespace.
func OwnMounts() ([]*Mount, error) { return readMounts("/proc/self/mountinfo") }

func readMounts(path string) ([]*Mount, error) {
	text, err := ReadFile(path)
	if err != nil {
		return nil, err
	}
	mounts, err := ParseMounts(text)
	if err != nil {
		return nil, &os.PathError{Op: "parse", Path: path, Err: err}
	}
	return mounts, nil
}

// ParseMounts reads the text of a mountinfo file, and changes it.
func ParseMounts(text []byte) ([]*Mount, error) {
	return mountinfo.GetMountsFromReader(bytes.NewReader(cutLongLines(text)), nil)
}

// cutLongLines shortens lines that are too long for the library's scanner, which would give up all mounts for one of them.
// What is cut off are superblock options, the last field: overlayfs, which is given its layers one by one since Linux 6.5,
// shows the paths of up to 500.
func cutLongLines(text []byte) []byte {
	const most = bufio.MaxScanTokenSize / 2
	if len(text) < bufio.MaxScanTokenSize {
		return text
	}
	out := text[:0]
	for line := range bytes.Lines(text) {
		if len(line) > most {
			line = append(line[:most:most], '\n')
		}
		out = append(out, line...)
	}
	return out
}

// MountNumber returns what mountinfo calls the mount that a descriptor is on, and whether the
// descriptor is of its top (statx(2), Linux 5.8).
func MountNumber(file *os.File) (number int, top bool, err error) {
	var st unix.Statx_t
	if err := unix.Statx(int(file.Fd()), "", unix.AT_EMPTY_PATH, unix.STATX_MNT_ID, &st); err != nil {
		return 0, false, refused("statx", err)
	}
	return int(st.Mnt_id), st.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0, nil
}
