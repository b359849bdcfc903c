package compile

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

func TestCandidates(t *testing.T) {
	tests := []struct {
		name, path string
		want       []string
	}{
		{"sh", "/usr/bin:/bin", []string{"/usr/bin/sh", "/bin/sh"}},
		{"sh", "/bin/:/bin:/bin", []string{"/bin/sh"}},
		{"sh", "/usr/sbin/../bin:/", []string{"/usr/bin/sh", "/sh"}}, // as runc
		{"sh", "bin:./x::.:/bin", []string{"bin/sh", "x/sh", "sh", "/bin/sh"}},
		{"sh", "", nil},
		{"/bin/sh", "/usr/bin", []string{"/bin/sh"}},
		{"bin/sh", "/usr/bin", []string{"bin/sh"}},
		{"./sh", "", []string{"./sh"}},
		{strings.Repeat("n", 255), "/b", []string{"/b/" + strings.Repeat("n", 255)}},
		{strings.Repeat("n", 256), "/b", nil},
	}
	for _, test := range tests {
		p := &specs.Process{Args: []string{test.name}, Env: []string{"PATH=/not/the/last", "PATH=" + test.path}, Cwd: "/work"}
		if got := Candidates(p); !slices.Equal(got, test.want) {
			t.Errorf("%s in %s: %q, want %q", test.name, test.path, got, test.want)
		}
	}
	if got := Candidates(&specs.Process{Args: []string{"sh"}, Cwd: "/bin"}); got != nil {
		t.Errorf("without PATH: %q", got)
	}
}

// A hostile PATH must not cost more than one that execve(2) accepts.
func TestCandidatesOfALongPATH(t *testing.T) {
	var long strings.Builder
	for i := 0; long.Len() < 4*longestPATH(); i++ {
		long.WriteString("/" + strings.Repeat("d", i%200) + ":")
	}
	got := Candidates(&specs.Process{Args: []string{"sh"}, Env: []string{"PATH=" + long.String()}})
	if len(got) != 200 {
		t.Errorf("%d candidates of 200 directories", len(got))
	}
	long.Reset()
	for i := 0; long.Len() < 4*longestPATH(); i++ {
		long.WriteString("/" + strconv.Itoa(i) + ":")
	}
	got = Candidates(&specs.Process{Args: []string{"sh"}, Env: []string{"PATH=" + long.String()}})
	bytes := 0
	for _, path := range got {
		bytes += len(path) - len("sh")
	}
	if bytes > longestPATH() {
		t.Errorf("directories of %d bytes are searched, more than %d", bytes, longestPATH())
	}
}
