package create

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestUserNSRestricted(t *testing.T) {
	before := userNSSwitch
	t.Cleanup(func() { userNSSwitch = before })
	userNSSwitch = filepath.Join(t.TempDir(), "switch")
	if userNSRestricted(syscall.EPERM) {
		t.Error("a kernel without the switch restricts")
	}
	for text, want := range map[string]bool{"1\n": true, "0\n": false} {
		if err := os.WriteFile(userNSSwitch, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := userNSRestricted(syscall.EPERM); got != want {
			t.Errorf("switch %q: %v", text, got)
		}
		if userNSRestricted(syscall.ENOENT) {
			t.Error("ENOENT is no refusal")
		}
	}
}
