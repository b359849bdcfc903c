package console

import (
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/containerd/console"
	"golang.org/x/sys/unix" //nolint:depguard // for a flag that rung itself does not use

	"rung/internal/sys"
)

// pty makes a terminal. It returns the master, twice, and the end that programs use.
func pty(t *testing.T) (master console.Console, file, slave *os.File) {
	t.Helper()
	file, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("requires /dev/ptmx: %v", err)
	}
	// The os package has added ptmx to its poller. The stage sends a descriptor that is in no poller.
	plain, err := sys.BlockingDup(file)
	if err != nil {
		t.Fatal(err)
	}
	_ = file.Close()
	master, name, err := console.NewPtyFromFile(plain)
	if err != nil {
		t.Fatal(err)
	}
	slave, err = os.OpenFile(name, os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = slave.Close(); _ = plain.Close() })
	return master, plain, slave
}

// foreground returns a Foreground that does not use the test's own terminal: the caller's terminal is a pty, and input
// and output are pipes.
func foreground(t *testing.T) (f *Foreground, hostSlave, keys, screen *os.File) {
	t.Helper()
	_, _, hostSlave = pty(t)
	host, err := console.ConsoleFromFile(hostSlave)
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Resize(console.WinSize{Height: 33, Width: 77}); err != nil {
		t.Fatal(err)
	}
	in, keys, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	screen, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.Close(); _ = keys.Close(); _ = screen.Close(); _ = out.Close() })
	return &Foreground{host: host, in: in, out: out}, hostSlave, keys, screen
}

func size(t *testing.T, tty *os.File) console.WinSize {
	t.Helper()
	c, err := console.ConsoleFromFile(tty)
	if err != nil {
		t.Fatal(err)
	}
	ws, err := c.Size()
	if err != nil {
		t.Fatal(err)
	}
	return ws
}

func echoes(t *testing.T, terminal *os.File) bool {
	t.Helper()
	settings, err := unix.IoctlGetTermios(int(terminal.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return settings.Lflag&unix.ECHO != 0
}

func TestAttachCopiesBothWays(t *testing.T) {
	f, _, keys, screen := foreground(t)
	_, master, slave := pty(t)
	if err := f.Attach(master); err != nil {
		t.Fatal(err)
	}
	if ws := size(t, slave); ws.Height != 33 || ws.Width != 77 {
		t.Errorf("size %+v", ws)
	}
	if _, err := slave.WriteString("one\ntwo\n"); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 8)
	if _, err := io.ReadFull(screen, buf); err != nil || string(buf) != "one\ntwo\n" {
		t.Errorf("screen %q, %v: a \\r means that ONLCR is on", buf, err)
	}
	if _, err := keys.WriteString("typed\n"); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, 16)
	n, err := slave.Read(line)
	if err != nil || string(line[:n]) != "typed\n" {
		t.Errorf("the program reads %q, %v", line[:n], err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if err := f.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}

func TestCloseDrains(t *testing.T) {
	f, _, _, screen := foreground(t)
	_, master, slave := pty(t)
	if err := f.Attach(master); err != nil {
		t.Fatal(err)
	}
	want := strings.Repeat("0123456789abcde\n", 200)
	got := make(chan int, 1)
	go func() {
		time.Sleep(20 * time.Millisecond)
		buf := make([]byte, len(want))
		n, _ := io.ReadFull(screen, buf)
		got <- n
	}()
	if _, err := slave.WriteString(want); err != nil {
		t.Fatal(err)
	}
	_ = slave.Close()
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if n := <-got; n != len(want) {
		t.Errorf("%d bytes of %d arrived", n, len(want))
	}
}

func TestCloseWhileTheTerminalIsOpen(t *testing.T) {
	f, _, _, _ := foreground(t)
	_, master, _ := pty(t)
	if err := f.Attach(master); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- f.Close() }()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("Close waits for a process that keeps the terminal open")
	}
}

// A program that writes when nobody reads its output gets EIO and does not hang.
func TestOutputThatNobodyTakes(t *testing.T) {
	f, _, _, screen := foreground(t)
	_, master, slave := pty(t)
	if err := f.Attach(master); err != nil {
		t.Fatal(err)
	}
	_ = screen.Close()
	done := make(chan error, 1)
	go func() {
		for {
			if _, err := slave.WriteString("0123456789abcde\n"); err != nil {
				done <- err
				return
			}
		}
	}()
	select {
	case err := <-done:
		if !errors.Is(err, syscall.EIO) {
			t.Errorf("got %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("the program waits for room")
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

func TestRawModeAndRestore(t *testing.T) {
	_, _, hostSlave := pty(t)
	host, err := console.ConsoleFromFile(hostSlave)
	if err != nil {
		t.Fatal(err)
	}
	_, _, keys, _ := foreground(t)
	f := &Foreground{host: host, in: keys, out: keys}
	_, master, _ := pty(t)
	if err := f.Attach(master); err != nil {
		t.Fatal(err)
	}
	if echoes(t, hostSlave) {
		t.Error("the caller's terminal echoes, so it is not raw")
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if !echoes(t, hostSlave) {
		t.Error("the caller's terminal is still raw")
	}
}

func TestResizeFollowsSignal(t *testing.T) {
	f, hostSlave, _, _ := foreground(t)
	_, master, slave := pty(t)
	if err := f.Resize(); err != nil {
		t.Errorf("before Attach: %v", err)
	}
	if err := f.Attach(master); err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // Tested elsewhere.
	host, err := console.ConsoleFromFile(hostSlave)
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Resize(console.WinSize{Height: 11, Width: 22}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGWINCH); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(5 * time.Second)
	for size(t, slave).Width != 22 && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	if ws := size(t, slave); ws.Height != 11 || ws.Width != 22 {
		t.Errorf("after SIGWINCH: %+v", ws)
	}
	if err := host.Resize(console.WinSize{Height: 5, Width: 6}); err != nil {
		t.Fatal(err)
	}
	if err := f.Resize(); err != nil || size(t, slave).Width != 6 {
		t.Errorf("Resize: %v, %+v", err, size(t, slave))
	}
}

func TestAttachRefusesFiles(t *testing.T) {
	f, _, _, _ := foreground(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close() //nolint:errcheck // A pipe.
	if err := f.Attach(r); !errors.Is(err, console.ErrNotAConsole) {
		t.Errorf("got %v", err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

func TestDialSocket(t *testing.T) {
	for _, depth := range []int{0, 12} {
		dir := t.TempDir()
		long := filepath.Join(dir, strings.Repeat("a-long-name/", depth))
		if err := os.MkdirAll(long, 0o700); err != nil {
			t.Fatal(err)
		}
		// Bind through a short name, because bind has the same limit for paths as connect.
		t.Chdir(long)
		l, err := net.Listen("unix", "sock")
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(long, "sock")
		f, err := DialSocket(path)
		if err != nil {
			t.Fatalf("path of %d bytes: %v", len(path), err)
		}
		conn, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		server, err := conn.(*net.UnixConn).File()
		if err != nil {
			t.Fatal(err)
		}
		exchange(t, f, server)
		_, _, _, _ = l.Close(), conn.Close(), server.Close(), f.Close()
	}
}

// exchange sends the writing end of a pipe over a socket and writes to the received descriptor.
func exchange(t *testing.T, from, to *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := SendFD(from, "/dev/pts/7", int(w.Fd())); err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	got, err := RecvFD(to)
	if err != nil {
		t.Fatal(err)
	}
	if got.Name() != "/dev/pts/7" {
		t.Errorf("name %q", got.Name())
	}
	if _, err := got.WriteString("hello"); err != nil {
		t.Fatal(err)
	}
	_ = got.Close()
	text, err := io.ReadAll(r)
	if err != nil || string(text) != "hello" {
		t.Errorf("got %q, %v", text, err)
	}
}

func TestDialSocketErrors(t *testing.T) {
	if _, err := DialSocket("/no/such/socket"); !errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(err.Error(), "--console-socket /no/such/socket: ") {
		t.Errorf("got %v", err)
	}
	if _, err := DialSocket("/no/such/" + strings.Repeat("x", 200)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("long path: %v", err)
	}
	if _, err := DialSocket(""); err == nil || !strings.HasPrefix(err.Error(), "--console-socket: ") {
		t.Errorf("got %v", err)
	}
}

func TestRecvFDRefuses(t *testing.T) {
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	a, b := os.NewFile(uintptr(pair[0]), "a"), os.NewFile(uintptr(pair[1]), "b")
	defer b.Close() //nolint:errcheck // A socket.
	if _, err := a.WriteString("no descriptor"); err != nil {
		t.Fatal(err)
	}
	if f, err := RecvFD(b); err == nil {
		t.Errorf("got %v out of plain text", f.Name())
	}
	before := openFiles(t)
	two := syscall.UnixRights(int(a.Fd()), int(a.Fd()))
	if err := syscall.Sendmsg(int(a.Fd()), []byte("two"), two, nil, 0); err != nil {
		t.Fatal(err)
	}
	if f, err := RecvFD(b); err == nil {
		t.Errorf("got %v out of two descriptors", f.Name())
	}
	if after := openFiles(t); after != before {
		t.Errorf("%d files are open, %d before", after, before)
	}
	_ = a.Close()
	if _, err := RecvFD(b); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("closed socket: %v", err)
	}
	if err := SendFD(b, "", 0); err == nil {
		t.Error("an empty name was sent")
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}
