package host

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// rootWith makes a root file system: "name" with content; a name that ends with / is a
// directory, content that begins with "-> " a link, names in bin/ can be executed.
func rootWith(t *testing.T, files map[string]string) *os.File {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		full := filepath.Join(dir, name)
		check(t, os.MkdirAll(filepath.Dir(full), 0o755))
		target, link := strings.CutPrefix(content, "-> ")
		switch {
		case strings.HasSuffix(name, "/"):
			check(t, os.MkdirAll(full, 0o755))
		case link:
			check(t, os.Symlink(target, full))
		default:
			mode := os.FileMode(0o644)
			if strings.Contains(name, "bin/") {
				mode = 0o755
			}
			check(t, os.WriteFile(full, []byte(content), mode))
		}
	}
	root, err := os.Open(dir)
	check(t, err)
	t.Cleanup(func() { root.Close() })
	return root
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestLookInsideFindsTheProgram(t *testing.T) {
	root := rootWith(t, map[string]string{
		"bin/sh": "", "usr/bin/sh": "", "usr/bin/only": "", "work/bin/tool": "", "usr/bin/dir/": "",
		"bin/link": "-> /usr/bin/only", "bin/up": "-> ../../../../usr/bin/only", "etc/plain": "", "bin/dir": "x",
	})
	tests := []struct{ arg, path, cwd, want string }{
		{"sh", "/usr/bin:/bin", "/", "/usr/bin/sh"},
		{"sh", "/bin:/usr/bin", "/", "/bin/sh"},
		{"only", "/bin:/usr/bin", "/", "/usr/bin/only"},
		{"link", "/bin", "/", "/bin/link"},
		{"up", "/bin", "/", "/bin/up"},
		{"dir", "/usr/bin:/bin", "/", "/bin/dir"},
		{"tool", "bin", "/work", "/work/bin/tool"},
		{"/bin/sh", "", "/", "/bin/sh"},
		{"bin/tool", "/bin", "/work", "bin/tool"},
		{"./bin/tool", "", "/work", "./bin/tool"},
	}
	for _, test := range tests {
		got, err := LookInside(root, []string{test.arg}, []string{"PATH=" + test.path}, test.cwd, 0)
		if err != nil || got.Exec != test.want {
			t.Errorf("%s in %s at %s: %q, %v, want %q", test.arg, test.path, test.cwd, got.Exec, err, test.want)
		}
	}
}

// The words are those that engines look for.
func TestLookInsideErrors(t *testing.T) {
	root := rootWith(t, map[string]string{
		"bin/sh": "", "usr/plain": "", "usr/dir/": "", "bin/out": "-> /host-only", "bin/loop": "-> loop",
	})
	tests := []struct {
		arg, want string
		errno     syscall.Errno
	}{
		{"missing", `exec: "missing": executable file not found in $PATH`, 0},
		{"", `exec: "": executable file not found in $PATH`, 0},
		{"/bin/missing", `exec: "/bin/missing": stat /bin/missing: no such file or directory`, syscall.ENOENT},
		{"/usr/dir", `exec: "/usr/dir": is a directory`, syscall.EISDIR},
		{"/usr/plain", `exec: "/usr/plain": permission denied`, syscall.EACCES},
		{"plain", `exec: "plain": permission denied`, syscall.EACCES},
		{"/bin/out", `exec: "/bin/out": stat /bin/out: no such file or directory`, syscall.ENOENT},
		{"/bin/loop", `exec: "/bin/loop": stat /bin/loop: too many levels of symbolic links`, syscall.ELOOP},
		{"/bin/sh/x", `exec: "/bin/sh/x": stat /bin/sh/x: not a directory`, syscall.ENOTDIR},
	}
	for _, test := range tests {
		_, err := LookInside(root, []string{test.arg}, []string{"PATH=/bin:/usr"}, "/", 0)
		if err == nil || err.Error() != test.want {
			t.Errorf("%q: got %v, want %s", test.arg, err, test.want)
		}
		if test.errno != 0 && !errors.Is(err, test.errno) {
			t.Errorf("%q: %v is no %v", test.arg, err, test.errno)
		}
	}
}

// Without PATH nothing is searched, not the working directory either.
func TestLookInsideWithoutPath(t *testing.T) {
	root := rootWith(t, map[string]string{"bin/sh": ""})
	for _, env := range [][]string{nil, {"PATH="}} {
		_, err := LookInside(root, []string{"sh"}, env, "/bin", 0)
		if !errors.Is(err, errNotFound) {
			t.Errorf("env %q: %v", env, err)
		}
	}
}

const passwd = "root:x:0:0:root:/root:/bin/sh\nbroken\nme:x:1000:1000::/home/me:/bin/sh\nempty:x:7:7:::\nme2:x:1000:1:::/other\n"

func TestLookInsideHome(t *testing.T) {
	root := rootWith(t, map[string]string{"bin/sh": "", "etc/passwd": passwd})
	tests := []struct {
		uid  uint32
		env  string
		want string
	}{
		{0, "", "/root"},
		{1000, "", "/home/me"},
		{7, "", "/"},
		{42, "", "/"},
		{1000, "HOME=", "/home/me"}, // an empty one is overridden
		{1000, "HOME=/given", ""},   // what is given stays
	}
	for _, test := range tests {
		got, err := LookInside(root, []string{"/bin/sh"}, []string{"A=1", test.env}, "/", test.uid)
		if err != nil || got.Home != test.want {
			t.Errorf("uid %d, %q: home %q, %v, want %q", test.uid, test.env, got.Home, err, test.want)
		}
	}
}

// The image must not be able to hang rung, or to show it the host's users.
func TestHomeOfHostileImages(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "passwd")
	check(t, os.WriteFile(outside, []byte("x:x:5:5::/outside:\n"), 0o644))
	fifo := rootWith(t, map[string]string{"etc/": ""})
	check(t, syscall.Mkfifo(filepath.Join(fifo.Name(), "etc/passwd"), 0o644))
	device := rootWith(t, map[string]string{"etc/": ""})
	if os.Geteuid() == 0 { // who opens /dev/loop-control makes the kernel load a module, if nothing else
		check(t, syscall.Mknod(filepath.Join(device.Name(), "etc/passwd"), syscall.S_IFCHR|0o666, 10<<8|237))
	}
	roots := map[string]*os.File{
		"a device":       device,
		"no passwd":      rootWith(t, map[string]string{"etc/": ""}),
		"a directory":    rootWith(t, map[string]string{"etc/passwd/": ""}),
		"a link outside": rootWith(t, map[string]string{"etc/passwd": "-> " + outside}),
		"a FIFO":         fifo,
	}
	for name, root := range roots {
		done := make(chan string, 1)
		go func() {
			home, err := homeOf(root, 5)
			check(t, err)
			done <- home
		}()
		select {
		case home := <-done:
			if home != "/" {
				t.Errorf("%s: home %q", name, home)
			}
		case <-time.After(10 * time.Second):
			t.Errorf("%s: hangs", name)
		}
	}
}

// CVE-2026-135844: what is read of an image is bounded, and what the bound cuts is no line.
func TestHomeOfLongPasswd(t *testing.T) {
	const line = "cut:x:5:5::/home/cut:\n"
	for name, c := range map[string]struct{ before, home string }{
		"the last line that fits": {strings.Repeat("\n", passwdLimit-len(line)), "/home/cut"},
		"a line that is cut":      {strings.Repeat("\n", passwdLimit-len(line)+3), "/"},
		"a line behind the bound": {strings.Repeat("\n", passwdLimit), "/"},
	} {
		root := rootWith(t, map[string]string{"etc/passwd": c.before + line})
		if home, err := homeOf(root, 5); err != nil || home != c.home {
			t.Errorf("%s: %q, %v instead of %q", name, home, err, c.home)
		}
	}
}

func TestHomeInLine(t *testing.T) {
	for line, want := range map[string]string{
		"u:x:5:5:c:/h:/bin/sh": "/h", "u:x:5:5:c:/h": "/h", "u:x:5:5:c::": "", "u:x:55:5:c:/h:": "no", "u:x:5": "no", "u:x:5:": "no",
		"5:5:5:5": "no", "": "no", ":::::": "no", "u:x:05:5:c:/h:": "no", "u:x:5:5:c": "no",
	} {
		home, ok := homeInLine([]byte(line), []byte("5"))
		if !ok {
			home = "no"
		}
		if home != want {
			t.Errorf("%q: %q instead of %q", line, home, want)
		}
	}
}

func TestLookupEnvTakesTheLast(t *testing.T) {
	env := []string{"PATH=/a", "PATHS=/x", "PATH=/b"}
	if got := lookupEnv(env, "PATH"); got != "/b" {
		t.Errorf("got %q", got)
	}
	if got := lookupEnv(env, "HOME"); got != "" {
		t.Errorf("got %q", got)
	}
}
