package main

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// sameAs has the calls of an architecture, or of a filter, that stand in for the one that ops.h lists.
var sameAs = map[string]string{
	"_llseek":     "lseek",     // arch.h, 32 bits
	"ftruncate64": "ftruncate", // arch.h, 32 bits
	"mmap2":       "mmap",      // arch.h, 32 bits
	"fstatfs64":   "fstatfs",   // arch.h, 32 bits
	"fstatat":     "statx",     // status.c: where a filter that is older than statx denies it
}

// The last column of ops.h is what explain prints, and where a failure is looked for. Every call counts that an op can come
// to, in any function of the stage that it calls. Those of loop.c around an op (the clock of --trace, the exit after a
// failure) are no op's: no op calls them.
func TestOpsListTheirSystemCalls(t *testing.T) {
	stage := readStage(t, "../../../nsenter")
	for _, m := range opLine.FindAllStringSubmatch(readHeader(t), -1) {
		listed := strings.Fields(m[5])
		found := map[string]bool{}
		if !stage.reach("op_"+m[1], "", map[string]bool{}, found) {
			t.Errorf("%s: no function op_%[1]s", m[1])
		}
		made := slices.Sorted(maps.Keys(found))
		slices.Sort(listed)
		if !slices.Equal(made, listed) {
			t.Errorf("%s:\n ops.h lists %s\n the code has %s", m[1], strings.Join(listed, " "), strings.Join(made, " "))
		}
	}
}

// source is a function of the stage: the system calls in it, and the words before a parenthesis.
type source struct{ calls, words []string }

// sources has the functions by file and name. Those of headers have the file "".
type sources map[string]map[string]*source

var (
	noCode     = regexp.MustCompile(`(?s)/\*.*?\*/|//[^\n]*|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)+'`)
	definition = regexp.MustCompile(`(?ms)^[a-z_][^;{}#]*?\b(\w+)\([^;{}#]*\)\n\{\n(.*?)^\}`)
	call       = regexp.MustCompile(`\bsys\(\s*(?:SYS|NR)_(\w+)`)
	word       = regexp.MustCompile(`\b(\w+)\(`)
)

func readStage(t *testing.T, dir string) sources {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.[ch]"))
	if err != nil || len(names) < 10 {
		t.Fatalf("%d sources in %s: %v", len(names), dir, err)
	}
	all := sources{}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if in, there := all.add(filepath.Base(name), string(text)); in != there {
			t.Errorf("%s: %d of %d system calls are in functions: the rest is not understood", name, in, there)
		}
	}
	return all
}

// add returns how many calls of sys it found in functions, and how many the file has outside of macros.
func (s sources) add(file, text string) (in, there int) {
	text = noCode.ReplaceAllString(text, `""`)
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "#define") {
			there += strings.Count(line, "sys(")
		}
	}
	if strings.HasSuffix(file, ".h") {
		file = ""
	}
	if s[file] == nil {
		s[file] = map[string]*source{}
	}
	for _, m := range definition.FindAllStringSubmatch(text, -1) {
		f := s[file][m[1]] // there may be one for each architecture
		if f == nil {
			f = &source{}
			s[file][m[1]] = f
		}
		for _, c := range call.FindAllStringSubmatch(m[2], -1) {
			f.calls = append(f.calls, c[1])
		}
		for _, w := range word.FindAllStringSubmatch(m[2], -1) {
			f.words = append(f.words, w[1])
		}
		in += len(call.FindAllString(m[2], -1))
	}
	return in, there
}

// find looks for a function in the file that calls it, in the headers, and in all other files.
func (s sources) find(name, file string) (*source, string) {
	for _, at := range append([]string{file, ""}, slices.Sorted(maps.Keys(s))...) {
		if f := s[at][name]; f != nil {
			return f, at
		}
	}
	return nil, ""
}

// reach adds the system calls that a function, as the file knows it, makes or leads to. It reports whether there is one.
func (s sources) reach(name, file string, seen, found map[string]bool) bool {
	f, at := s.find(name, file)
	if f == nil {
		return false
	}
	if seen[at+" "+name] {
		return true
	}
	seen[at+" "+name] = true
	for _, c := range f.calls {
		if same, ok := sameAs[c]; ok {
			c = same
		}
		found[c] = true
	}
	for _, w := range f.words {
		inside := at
		if inside == "" {
			inside = file // a function of a header sees what its includer has
		}
		s.reach(w, inside, seen, found)
	}
	return true
}

func TestReachFollowsFunctions(t *testing.T) {
	s := sources{}
	s.add("a.h", "#define sys(...) x\nstatic inline long helper(int a,\n\t\t\t  int b)\n{\n\treturn sys(SYS_mmap2, a, b);\n}\n")
	s.add("a.c", "static long walk(void)\n{\n\treturn sys(SYS_read);\n}\n\nlong op_A(void)\n{\n\t/* sys(SYS_open) */\n\treturn walk() + other(\"sys(SYS_open)\");\n}\n")
	in, there := s.add("b.c", "static long walk(void)\n{\n\treturn sys(SYS_write);\n}\n\n#if X\nlong other(char *s)\n{\n\treturn helper(1, 2) + walk();\n}\n"+
		"#else\nlong other(char *s)\n{\n\treturn sys(NR_fchown, other(s));\n}\n#endif\n")
	if in != 2 || there != 2 {
		t.Errorf("%d of %d calls", in, there)
	}
	found := map[string]bool{}
	if !s.reach("op_A", "", map[string]bool{}, found) || s.reach("op_B", "", map[string]bool{}, found) {
		t.Error("op_A is there, op_B is not")
	}
	if got := strings.Join(slices.Sorted(maps.Keys(found)), " "); got != "fchown mmap read write" {
		t.Errorf("found %s", got)
	}
}
