package sys

import (
	"cmp"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Mount is one line of mountinfo (proc(5)).
type Mount struct {
	Parent  uint64   // number of the mount that Point is on
	Device  string   // of the file system, such as "254:0"
	Root    string   // what is shown of the file system
	Point   string   // below the root of the process that was asked for
	Options []string // of the mount, not of the file system: "ro", "nosuid", ...
	Group   string   // propagation: "shared:1", "master:1", or both, or ""
}

// Mounts returns the mounts of a process, by the numbers that MountNumber gives.
func Mounts(pid int) (map[uint64]Mount, error) {
	name := "/proc/" + itoa(pid) + "/mountinfo"
	text, err := ReadFile(name)
	if err != nil {
		return nil, err
	}
	out := map[uint64]Mount{}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) < 6 {
			continue
		}
		number, err := strconv.ParseUint(fields[0], 10, 64)
		parent, errParent := strconv.ParseUint(fields[1], 10, 64)
		if err = cmp.Or(err, errParent); err != nil {
			return nil, &os.PathError{Op: "parse", Path: name, Err: err}
		}
		out[number] = Mount{
			Parent: parent, Device: fields[2], Root: UnescapeMountinfo(fields[3]), Point: UnescapeMountinfo(fields[4]),
			Options: strings.Split(fields[5], ","), Group: group(fields[6:]),
		}
	}
	return out, nil
}

// group joins the optional fields of a line, which end at "-".
func group(fields []string) string {
	return strings.Join(fields[:max(0, slices.Index(fields, "-"))], " ")
}

// MountNumber returns what mountinfo calls the mount that a descriptor is on, and whether the
// descriptor is of its top (statx(2), Linux 5.8).
func MountNumber(file *os.File) (number uint64, top bool, err error) {
	var st unix.Statx_t
	if err := unix.Statx(int(file.Fd()), "", unix.AT_EMPTY_PATH, unix.STATX_MNT_ID, &st); err != nil {
		return 0, false, os.NewSyscallError("statx", err)
	}
	return st.Mnt_id, st.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0, nil
}

// UnescapeMountinfo decodes the \040 form in which mountinfo writes blanks and backslashes
// (proc(5)).
func UnescapeMountinfo(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) && isOctal(s[i+1]) && isOctal(s[i+2]) && isOctal(s[i+3]) {
			b.WriteByte((s[i+1]-'0')<<6 | (s[i+2]-'0')<<3 | (s[i+3] - '0'))
			i += 3
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func isOctal(c byte) bool { return c >= '0' && c <= '7' }
