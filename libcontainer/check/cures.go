package check

import (
	"cmp"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"rung/internal/sys"
	"rung/libcontainer/host"
)

// cure is what to do about an error that has these words. Errors whose cause a probe has shown have them (launch, internal/sys).
type cure struct {
	says, who string
	do        func(s *Subject, text string) string
}

// always is a cure that is the same whatever the rest of the error says.
func always(do string) func(*Subject, string) string {
	return func(*Subject, string) string { return do }
}

// wordAfter returns the word that follows a phrase, "" if there is none. Package regexp would do too, but it
// is initialised at the start of every command.
func wordAfter(text, phrase string) string {
	_, rest, _ := strings.Cut(text, phrase)
	word, _, _ := strings.Cut(rest, " ")
	return word
}

// cures is a function because only an error needs them: a variable would be made at the start of every command.
func cures() []cure {
	return []cure{
		{"no cgroup hierarchy is mounted", administrator, always("mount -t cgroup2 none /sys/fs/cgroup")},
		{"unable to apply cgroup configuration: mkdir", administrator, cgroupCure},
		{"container's cgroup is not empty", author, always("choose another linux.cgroupsPath, or end the processes in that cgroup")},
		{"is not delegated: ", administrator, enable},
		{"is not delegated to this user", administrator, always(delegate)},
		{"is not available in the v2 hierarchy", administrator, always("boot with systemd.unified_cgroup_hierarchy=1, and without cgroup_disable= of this controller")},
		{"no cgroup hierarchy has the controller", administrator, always("mount the hierarchy of that controller, or remove the limit")},
		{"is mounted noexec on the host", administrator, remountExec},
		{"and this machine is ", image, always("use an image for this machine, or register an emulator of the other one (binfmt_misc)")},
		{"ends with a carriage return", image, always("end the script's lines as Unix does: sed -i 's/\\r$//' FILE")},
		{"is there, but its ", image, always("install it in the root file system")},
		{"exec format error (", image, always("put a program there that this kernel executes: an ELF program, or a script that begins with #!")},
		{"(nobody may execute ", image, always("chmod +x it in the root file system")},
		{"linux.seccomp denies execve", author, inBundle("linux.seccomp: the program itself begins by execve")},
		{"which rung was started without", caller, always("start rung with that capability (docker run --cap-add, CapabilityBoundingSet= of the unit)")},
		{"executable file not found", author, inBundle("process.args or PATH in process.env: the root file system has no such program")},
		{"a seccomp filter that rung itself runs under denies it", administrator, callCure},
		{"a user namespace may mount proc only where", administrator, always("run rung where nothing is mounted over a part of /proc (docker run --security-opt systempaths=unconfined)")},
		{"none is mounted at /proc", administrator, always("mount -t proc proc /proc")},
		{"the proc file system at /proc is of another PID namespace", administrator, always("mount -t proc proc /proc")},
		{"has no files on the host", administrator, always("mount or unpack the root file system there")},
		{": mount point ", administrator, mountPointCure},
		{`chdir to cwd ("`, administrator, cwdCure},
		{"device: make /", administrator, deviceCure},
		{"linux.devices", administrator, deviceCure},
		{": no space left on device", administrator, spaceCure},
		{": read-only file system", administrator, writableCure},
		{"kernel.unprivileged_userns_clone is 0", administrator, always(setParameter("kernel.unprivileged_userns_clone", "1"))},
		{"kernel.apparmor_restrict_unprivileged_userns is 1", administrator, always(setParameter("kernel.apparmor_restrict_unprivileged_userns", "0"))},
		{"the caller's RLIMIT_FSIZE", caller, always("ulimit -f unlimited")},
		{"to raise a hard limit needs CAP_SYS_RESOURCE", caller, limitCure},
		{"no range that holds", caller, ownIDs},
		{"no range that holds", administrator, grant},
		{"needs newuidmap", administrator, always(installHelper)},
		{"needs newgidmap", administrator, always(installHelper)},
		{"this profile is not loaded", administrator, always("apparmor_parser -r FILE-OF-THE-PROFILE")},
		{"max_*_namespaces", administrator, always("raise the user.max_*_namespaces that is reached: sysctl user")},
		{"this kernel does not know the file system type", administrator, always("modprobe the file system, of a kernel that has it")},
	}
}

// firstSubordinate is the least id that is nobody's own on any distribution. Who is granted a lower one can become root, or
// another person.
const firstSubordinate = 1 << 16

// ungranted returns what an idmap.RangeError says: the kind of the ids ("uid" or "gid"), the user and the ids, and whether they may be
// granted.
func ungranted(text string) (kind, user, ids string, grantable bool) {
	kind, user, ids = wordAfter(text, "/etc/sub"), wordAfter(text, " grants user "), wordAfter(text, " no range that holds ")
	ids = ids[:len(ids)-len(strings.TrimLeft(ids, "0123456789-"))]
	first, _, _ := strings.Cut(ids, "-")
	number, err := strconv.ParseUint(first, 10, 64)
	return kind, user, ids, err == nil && number >= firstSubordinate
}

// grant is the command that grants a user the ids of a map.
func grant(_ *Subject, text string) string {
	kind, user, ids, grantable := ungranted(text)
	if user == "" || !grantable {
		return ""
	}
	return "usermod --add-sub" + kind + "s " + ids + " " + user
}

// ownIDs says which ids belong in a map that has those of somebody else.
func ownIDs(_ *Subject, text string) string {
	kind, user, ids, grantable := ungranted(text)
	if user == "" || ids == "" || grantable {
		return ""
	}
	return "map the own " + kind + " of user " + user + " and ids that /etc/sub" + kind + " grants, as rung spec --rootless does when that user runs it: " +
		"those of the system and of other people must not be granted"
}

func inBundle(what string) func(*Subject, string) string {
	return func(s *Subject, _ string) string {
		return "edit " + what + " (" + cmp.Or(s.Config, "config.json") + ")"
	}
}

// limitCure names the limit by the unit's word for it (systemd.exec(5)).
func limitCure(_ *Subject, text string) string {
	name, _, _ := strings.Cut(wordAfter(text, "RLIMIT_"), ":")
	return "raise the hard limit of the caller (ulimit -H, Limit" + name + "= of the unit), or lower process.rlimits"
}

// cgroupCure says how the directory becomes writable in which a cgroup is to be made.
func cgroupCure(s *Subject, text string) string {
	path, ok := strings.CutSuffix(wordAfter(text, "mkdir "), ":")
	if !ok || !filepath.IsAbs(path) {
		return delegate
	}
	parent := filepath.Dir(path)
	switch {
	case strings.Contains(text, syscall.EROFS.Error()):
		return "mount -o remount,rw " + mountOf(parent)
	case s.Facts.EUID != 0:
		return delegate
	case !strings.Contains(text, syscall.EACCES.Error()) && !strings.Contains(text, syscall.EPERM.Error()):
		return "" // a path that no directory can have
	}
	return "make " + parent + " writable for rung"
}

// mountOf is the mount point that a path is on.
func mountOf(path string) string {
	mounts, err := sys.OwnMounts()
	if err != nil {
		return path
	}
	best := "/"
	for _, m := range mounts {
		at := m.Mountpoint
		if (path == at || strings.HasPrefix(path, strings.TrimSuffix(at, "/")+"/")) && len(at) > len(best) {
			best = at
		}
	}
	return best
}

// mountPointCure says where a mount point is missing that rung cannot make.
func mountPointCure(_ *Subject, text string) string {
	path := pathAfter(text, "mount point ")
	if path == "" {
		return ""
	}
	return makeBefore(path, text)
}

// cwdCure says where the working directory is missing that rung cannot make.
func cwdCure(_ *Subject, text string) string {
	_, rest, _ := strings.Cut(text, `chdir to cwd ("`)
	path, _, _ := strings.Cut(rest, `")`)
	do := makeBefore(path, text)
	if do != "" {
		do += "; or name another process.cwd"
	}
	return do
}

// deviceCure says what takes the devices that the root file system cannot take.
func deviceCure(_ *Subject, text string) string {
	if makeBefore("", text) == "" {
		return ""
	}
	return "add a mount of a tmpfs at /dev to mounts, as rung spec has it, or make the devices before: the root file system takes none"
}

// makeBefore says that a directory of the container must be there where rung may not make it; "" if the error is another one.
func makeBefore(path, text string) string {
	made := func(errno syscall.Errno) bool {
		return strings.HasSuffix(text, ": mkdirat: "+errno.Error()) || strings.HasSuffix(text, ": mknodat: "+errno.Error())
	}
	switch {
	case made(syscall.EROFS):
		return "make " + path + " before: its file system is read-only"
	case made(syscall.EACCES):
		return "make " + path + " before: the container's root may not write to the directory that it belongs in"
	}
	return ""
}

// pathAfter returns the absolute path that follows a phrase and ends at a colon or a space, "" if there is none.
func pathAfter(text, phrase string) string {
	path := wordAfter(text, phrase)
	path, _, _ = strings.Cut(path, ":")
	if !filepath.IsAbs(path) {
		return ""
	}
	return path
}

// written returns the path of the operation that an error of package os or of the stage tells of, "" if there is none.
func written(text string) string {
	for _, op := range [...]string{"write ", "mkdir ", "open ", "openat ", "rename ", "link "} {
		if path := pathAfter(text, op); path != "" {
			return path
		}
	}
	return ""
}

// lookAbove looks at the nearest directory above a path that is there: rung has removed what it made. The result is nil if there is
// no path, or if the directory cannot be looked at.
func lookAbove(path string) *sys.Sight {
	for path != "" {
		path = filepath.Dir(path)
		seen, err := sys.Look(path)
		if err == nil {
			return seen
		}
		if !errors.Is(err, syscall.ENOENT) || path == "/" {
			return nil
		}
	}
	return nil
}

// spaceCure says which file system is full.
func spaceCure(_ *Subject, text string) string {
	path := written(text)
	if seen := lookAbove(path); seen == nil || !seen.Full {
		return "" // the kernel says the same where a limit is reached, of cgroups and namespaces for example
	}
	do := "free space or inodes of the file system at " + mountOf(filepath.Dir(path))
	if strings.HasPrefix(text, "--") || strings.Contains(text, ": --") { // a file of another option
		return do
	}
	return do + ", or use another directory (--root)"
}

// writableCure says which file system is read-only.
func writableCure(_ *Subject, text string) string {
	path := written(text)
	if seen := lookAbove(path); seen == nil || seen.Flags&sys.ST_RDONLY == 0 {
		return "" // the path may be one of the container
	}
	do := "mount -o remount,rw " + mountOf(filepath.Dir(path))
	if strings.HasPrefix(path, "/proc/") || strings.HasPrefix(path, "/sys/") {
		return do
	}
	return do + ", or use another directory (--root)"
}

// enable is the command that enables a controller where it is not.
func enable(_ *Subject, text string) string {
	const is, not = " is not delegated: ", " does not enable it"
	before, _, _ := strings.Cut(text, is)
	controller, file := before[strings.LastIndexByte(before, ' ')+1:], wordAfter(text, is)
	if !filepath.IsAbs(file) || !strings.Contains(text, file+not) {
		return delegate
	}
	do := "echo +" + controller + " >" + file
	if strings.Contains(text, "it has processes") {
		do = "move the processes of " + filepath.Dir(file) + " to a cgroup below it; " + do
	}
	return do
}

func remountExec(_ *Subject, text string) string {
	root := wordAfter(text, "root.path: ")
	if !filepath.IsAbs(root) || !strings.Contains(text, root+" is mounted noexec") {
		return ""
	}
	return "mount -o remount,exec " + mountOf(root)
}

func callCure(_ *Subject, text string) string {
	name, _, ok := strings.Cut(wordAfter(text, "rung needs "), "(2)")
	if !ok {
		return ""
	}
	_, do := cureOfCall(name, text)
	return do
}

// Cure says what to do about an error whose cause is the host's or the caller's; "" if nobody can know, or the error says it.
func Cure(err error) string {
	text := err.Error()
	s := &Subject{Facts: &host.Facts{EUID: os.Geteuid()}}
	for _, known := range cures() {
		if known.who != author && strings.Contains(text, known.says) {
			if do := known.do(s, text); do != "" {
				return do
			}
		}
	}
	if errors.Is(err, syscall.EPERM) {
		return capabilityCure()
	}
	return ""
}

// wanted are the capabilities that the set-up of a container takes, by their numbers (linux/capability.h).
var wanted = [...]struct {
	number int
	name   string
}{{6, "CAP_SETGID"}, {7, "CAP_SETUID"}, {8, "CAP_SETPCAP"}, {18, "CAP_SYS_CHROOT"}, {21, "CAP_SYS_ADMIN"}}

// capabilityCure names the capabilities of root that rung was started without, as in a container; "" if it has them all, or is not root.
func capabilityCure() string {
	have, err := sys.PermittedCapabilities()
	if err != nil || os.Geteuid() != 0 {
		return ""
	}
	var lost []string
	for _, c := range wanted {
		if have>>c.number&1 == 0 {
			lost = append(lost, c.name)
		}
	}
	if len(lost) == 0 {
		return ""
	}
	return "start rung with " + strings.Join(lost, ", ") + ", which this root lacks (docker run --cap-add, CapabilityBoundingSet= of the unit)"
}

// Probe is the need for what the facts are read from: nothing else can be found out without it.
func Probe(err error) Need {
	s := &Subject{Facts: &host.Facts{EUID: os.Geteuid()}}
	n := OfError(s, "proc file system", "to know its own rights", err)
	if errors.Is(err, syscall.ENOENT) && n.Do == "" {
		n.Do = "mount -t proc proc /proc"
	}
	n.Who = administrator
	return n
}
