package host

import (
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

const passwd = "root:x:0:0:root:/root:/bin/sh\nbroken\nme:x:1000:1000::/home/me:/bin/sh\nempty:x:7:7:::\nme2:x:1000:1:::/other\n"

func TestHomeInside(t *testing.T) {
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
		{1000, "HOME=", "/home/me"}, // an empty HOME is replaced
		{1000, "HOME=/given", ""},   // any other HOME stays
	}
	for _, test := range tests {
		got, err := HomeInside(root, []string{"A=1", test.env}, test.uid)
		if err != nil || got != test.want {
			t.Errorf("uid %d, %q: home %q, %v, want %q", test.uid, test.env, got, err, test.want)
		}
	}
}

// An image must not make rung hang, or make it read the host's users.
func TestHomeOfHostileImages(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "passwd")
	check(t, os.WriteFile(outside, []byte("x:x:5:5::/outside:\n"), 0o644))
	fifo := rootWith(t, map[string]string{"etc/": ""})
	check(t, syscall.Mkfifo(filepath.Join(fifo.Name(), "etc/passwd"), 0o644))
	device := rootWith(t, map[string]string{"etc/": ""})
	if os.Geteuid() == 0 { // opening the device /dev/loop-control would make the kernel load a module
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

// CVE-2026-135844: rung reads a bounded part of the file, and does not use a line that the bound cuts.
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

func TestHomeIn(t *testing.T) {
	for line, want := range map[string]string{
		"u:x:5:5:c:/h:/bin/sh": "/h", "u:x:5:5:c:/h": "/h", "u:x:5:5:c::": "", "u:x:55:5:c:/h:": "no", "u:x:5": "no", "u:x:5:": "no",
		"5:5:5:5": "no", "": "no", ":::::": "no", "u:x:05:5:c:/h:": "no", "u:x:5:5:c": "no",
		"u:x:5:5:c:/h\x00:/bin/sh": "no", "u\x00:x:5:5:c:/h:": "/h",
	} {
		for _, passwd := range []string{line, line + "\n", "\n\nroot:x:0:0::/root:/bin/sh\nu:x:5\n" + line + "\n:\n"} {
			home, ok := homeIn([]byte(passwd), "5")
			if !ok {
				home = "no"
			}
			if home != want {
				t.Errorf("%q: %q instead of %q", passwd, home, want)
			}
		}
	}
	if home, _ := homeIn([]byte("a:x:5:5::/first:\nb:x:5:5::/second:\n"), "5"); home != "/first" {
		t.Errorf("not the first line counts, but that with %q", home)
	}
}

// CVE-2026-135844: the time for a byte must not depend on the content of the file.
func BenchmarkHomeIn(b *testing.B) {
	for name, line := range map[string]string{
		"newlines": "\n", "colons": ":", "users": "user:x:1000:1000:A User:/home/user:/bin/sh\n", "matches": "::5\n", "one line": "x",
	} {
		passwd := []byte(strings.Repeat(line, passwdLimit/len(line)))
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				homeIn(passwd, "5")
			}
		})
	}
}

func TestLookupEnvTakesTheLast(t *testing.T) {
	env := []string{"PATH=/a", "PATHS=/x", "PATH=/b"}
	if got := LookupEnv(env, "PATH"); got != "/b" {
		t.Errorf("got %q", got)
	}
	if got := LookupEnv(env, "HOME"); got != "" {
		t.Errorf("got %q", got)
	}
}
