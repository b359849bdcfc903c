package seccomp

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
)

func denies(names ...string) *specs.LinuxSeccomp {
	return &specs.LinuxSeccomp{
		DefaultAction: specs.ActAllow,
		Syscalls:      []specs.LinuxSyscall{{Names: names, Action: specs.ActErrno}},
	}
}

func newCache(t *testing.T) *Cache {
	t.Helper()
	return &Cache{Dir: filepath.Join(t.TempDir(), "filters")}
}

func (c *Cache) mustCompile(t *testing.T, s *specs.LinuxSeccomp) *Program {
	t.Helper()
	p, err := c.Compile(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// plant stores a program under the key of a profile and returns the path of the file.
func (c *Cache) plant(t *testing.T, s *specs.LinuxSeccomp, p *Program) string {
	t.Helper()
	key, err := newCacheKey(s)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.store(key, p); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(c.Dir, key.name())
}

// planted is a program that no profile compiles to.
var planted = &Program{Filter: encode(nil, []instruction{ret(0x7fff0000)}), Flags: 8 | 2, Listener: true}

func isPlanted(p *Program) bool {
	return bytes.Equal(p.Filter, planted.Filter) && p.Flags == planted.Flags && p.Listener
}

func TestCacheGivesWhatItStored(t *testing.T) {
	c, s := newCache(t), denies("mkdir")
	want, err := Compile(s)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the first call compiles, the second one loads
		if got := c.mustCompile(t, s); !bytes.Equal(got.Filter, want.Filter) || got.Flags != want.Flags || got.Listener {
			t.Errorf("got %v, want %v", got, want)
		}
	}
	c.plant(t, s, planted)
	if got := c.mustCompile(t, s); !isPlanted(got) {
		t.Errorf("got %v, not what is in the cache", got)
	}
	if got := c.mustCompile(t, denies("rmdir")); isPlanted(got) {
		t.Error("another profile got the same filter")
	}
}

// Every field of a profile is part of the key, because the filter of another profile could allow more.
func TestCacheKeyCoversTheProfile(t *testing.T) {
	texts := []string{
		`{"defaultAction":"SCMP_ACT_ALLOW"}`,
		`{"defaultAction":"SCMP_ACT_ERRNO"}`,
		`{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":1}`,
		`{"defaultAction":"SCMP_ACT_ALLOW","architectures":["SCMP_ARCH_X86"]}`,
		`{"defaultAction":"SCMP_ACT_ALLOW","flags":["SECCOMP_FILTER_FLAG_LOG"]}`,
		`{"defaultAction":"SCMP_ACT_ALLOW","flags":[]}`,
		`{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["a"],"action":"SCMP_ACT_ERRNO"}]}`,
		`{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["a"],"action":"SCMP_ACT_ERRNO","errnoRet":2}]}`,
		`{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["a","b"],"action":"SCMP_ACT_ERRNO"}]}`,
		`{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["a"],"action":"SCMP_ACT_ERRNO","args":[{"index":1,"value":1,"op":"SCMP_CMP_EQ"}]}]}`,
	}
	seen := map[string]string{}
	for _, text := range texts {
		var s specs.LinuxSeccomp
		if err := json.Unmarshal([]byte(text), &s); err != nil {
			t.Fatal(err)
		}
		key, err := newCacheKey(&s)
		if err != nil {
			t.Fatal(err)
		}
		if other := seen[string(key)]; other != "" {
			t.Errorf("%s and %s have the same key", text, other)
		}
		seen[string(key)] = text
	}
}

func TestCacheTrustsOnlyWhatIsItsOwn(t *testing.T) {
	s := denies("mkdir")
	for name, spoil := range map[string]func(t *testing.T, dir, file string){
		"a file that others may write": func(t *testing.T, _, file string) { check(t, os.Chmod(file, 0o622)) },
		"a directory that others may write": func(t *testing.T, dir, _ string) {
			check(t, os.Chmod(dir, 0o777)) //nolint:gosec // the test needs this mode
		},
		"a link": func(t *testing.T, _, file string) {
			check(t, os.Rename(file, file+".there"))
			check(t, os.Symlink(file+".there", file))
		},
		"a linked directory": func(t *testing.T, dir, _ string) {
			check(t, os.Rename(dir, dir+".there"))
			check(t, os.Symlink(dir+".there", dir))
		},
		"another user's file": func(t *testing.T, _, file string) {
			if os.Geteuid() != 0 {
				t.Skip("needs root")
			}
			check(t, os.Chown(file, 1, 1))
		},
		"a file that ends early": func(t *testing.T, _, file string) {
			info, err := os.Stat(file)
			check(t, err)
			check(t, os.Truncate(file, info.Size()-4))
		},
		"a file that ends in its header": func(t *testing.T, _, file string) { check(t, os.Truncate(file, headerSize-1)) },
		"a file that is too long": func(t *testing.T, _, file string) {
			check(t, os.Truncate(file, maxFileSize+8))
		},
		"another filter under the same header": func(t *testing.T, _, file string) {
			data, err := os.ReadFile(file)
			check(t, err)
			data[len(data)-1] ^= 1
			check(t, os.WriteFile(file, data, 0o600))
		},
		"the name of another profile's file": func(t *testing.T, _, file string) {
			key, err := newCacheKey(denies("rmdir"))
			check(t, err)
			key[len(key)-1] ^= 1 // of the same length
			check(t, os.WriteFile(file, encodeProgram(key, planted), 0o600))
		},
		"the file of another profile": func(t *testing.T, _, file string) {
			key, err := newCacheKey(denies("rmdir"))
			check(t, err)
			check(t, os.WriteFile(file, encodeProgram(key, planted), 0o600))
		},
		"a directory in its place": func(t *testing.T, _, file string) {
			check(t, os.Remove(file))
			check(t, os.Mkdir(file, 0o700))
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCache(t)
			spoil(t, c.Dir, c.plant(t, s, planted))
			if got := c.mustCompile(t, s); isPlanted(got) {
				t.Error("the cache used the filter")
			}
		})
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestCacheIsBounded(t *testing.T) {
	c := newCache(t)
	first := c.plant(t, denies("mkdir"), planted)
	check(t, os.Chtimes(first, time.Now(), time.Now().Add(-time.Hour)))
	for i := range cacheEntries + 5 {
		c.plant(t, denies(fmt.Sprint("call", i)), planted)
	}
	entries, err := os.ReadDir(c.Dir)
	check(t, err)
	if len(entries) != cacheEntries {
		t.Errorf("%d files, not %d", len(entries), cacheEntries)
	}
	if _, err := os.Stat(first); !os.IsNotExist(err) {
		t.Errorf("the oldest is still there: %v", err)
	}
}

func TestReadOnlyCacheStoresNothing(t *testing.T) {
	c := newCache(t)
	c.ReadOnly = true
	c.mustCompile(t, denies("mkdir"))
	if _, err := os.Stat(c.Dir); !os.IsNotExist(err) {
		t.Errorf("the directory is there: %v", err)
	}
}

func TestCacheThatCannotBeMadeIsNoError(t *testing.T) {
	c := &Cache{Dir: "/proc/self/filters"}
	c.mustCompile(t, denies("mkdir"))
}

func BenchmarkCacheHit(b *testing.B) {
	needAMD64(b)
	c, s := &Cache{Dir: filepath.Join(b.TempDir(), "filters")}, dockerLike(b)
	if _, err := c.Compile(s); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := c.Compile(s); err != nil {
			b.Fatal(err)
		}
	}
}
