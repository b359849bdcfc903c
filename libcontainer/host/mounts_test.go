package host

import (
	"slices"
	"testing"
)

func TestRevealing(t *testing.T) {
	const text = `22 27 0:21 / /proc rw,relatime - proc proc rw
23 27 0:22 / /sys rw,relatime shared:2 - sysfs sysfs rw
24 22 0:21 /sys /proc/sys ro - proc proc rw
25 27 0:23 / /run rw - tmpfs tmpfs rw
26 27 0:21 / /srv/a\040b rw master:3 - proc none rw
28 27 0:21 / /srv/root/proc rw - proc none rw
29 27 0:21 / /srv/rootproc rw - proc none rw
`
	want := []string{"/proc", "/sys", "/srv/a b", "/srv/rootproc"}
	if got := revealing(mounts(t, text), "/srv/root"); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
