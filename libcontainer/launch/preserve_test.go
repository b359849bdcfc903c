package launch

import (
	"os"
	"syscall"
	"testing"
)

// Where no early stage has taken the caller's descriptors before Go started, as in a program that embeds the library, rung's own have
// numbers among those to be preserved.
func TestOwnDescriptorsAreNotPreserved(t *testing.T) {
	own, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	inherited, err := syscall.Dup(int(own.Fd())) // without close-on-exec
	if err != nil {
		t.Fatal(err)
	}
	files := descriptors(Request{Preserve: max(inherited, int(own.Fd())) - 2, Progress: &Progress{}}, nil, nil)
	if f := files[own.Fd()]; f != nil {
		t.Errorf("descriptor %d of this program is passed", f.Fd())
	}
	if files[inherited] == nil {
		t.Errorf("descriptor %d of the caller is not passed", inherited)
	} else if err := files[inherited].Close(); err != nil {
		t.Error(err)
	}
}
