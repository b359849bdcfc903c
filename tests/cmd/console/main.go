// Command console plays a user at a terminal. It runs a program on a pty of its own, or receives
// the master of a container's terminal from a console socket. Then it carries out a list of steps,
// and copies the output of the terminal to stdout.
//
//	console [STEP...] -- PROGRAM [ARGUMENT...]
//	console -socket PATH [STEP...]
//
// A step is one of
//
//	size=ROWSxCOLUMNS   set the size of the window; as the first step: before the program starts
//	expect=TEXT         wait up to 10 seconds until the terminal shows TEXT
//	send=TEXT           type TEXT; \n, \r and \x03 mean the same as in Go
//	raw, cooked         fail unless the terminal is in that mode
//
// With a program it ends with the status of the program, when nobody has the terminal open any more or a second after
// the end of the program. With a socket it ends with 0 when the other side is closed. If a step fails, it ends with 125.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

const (
	patience = 10 * time.Second
	linger   = time.Second // time to read the last output of the program
	failed   = 125
)

func main() {
	steps, program, socket := arguments(os.Args[1:])
	master, command, err := open(steps, program, socket)
	if err != nil {
		quit(err)
	}
	s := &session{master: master, changed: make(chan struct{}, 1)}
	go s.read()
	for _, step := range steps {
		if err := s.step(step); err != nil {
			quit(fmt.Errorf("%s: %w", step, err))
		}
	}
	os.Exit(s.end(command))
}

func quit(err error) {
	fmt.Fprintln(os.Stderr, "console:", err)
	os.Exit(failed)
}

func arguments(args []string) (steps, program []string, socket string) {
	if len(args) > 1 && args[0] == "-socket" {
		return args[2:], nil, args[1]
	}
	for i, arg := range args {
		if arg == "--" {
			return args[:i], args[i+1:], ""
		}
	}
	quit(errors.New("neither a program nor a socket"))
	return nil, nil, ""
}

// open returns the master of the terminal, and the program if there is one.
func open(steps, program []string, socket string) (*os.File, *exec.Cmd, error) {
	if socket != "" {
		master, err := receive(socket)
		return master, nil, err
	}
	master, slave, err := openPty()
	if err != nil {
		return nil, nil, err
	}
	defer slave.Close()
	if len(steps) > 0 && strings.HasPrefix(steps[0], "size=") {
		if err := setSize(master, steps[0][len("size="):]); err != nil {
			return nil, nil, err
		}
	}
	command := exec.Command(program[0], program[1:]...)
	command.Stdin, command.Stdout, command.Stderr = slave, slave, slave
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	return master, command, command.Start()
}

func openPty() (master, slave *os.File, err error) {
	fd, err := syscall.Open("/dev/ptmx", syscall.O_RDWR|syscall.O_NOCTTY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	master = os.NewFile(uintptr(fd), "/dev/ptmx")
	var number, unlocked int32
	if err := ioctl(master, syscall.TIOCSPTLCK, unsafe.Pointer(&unlocked)); err != nil {
		return nil, nil, err
	}
	if err := ioctl(master, syscall.TIOCGPTN, unsafe.Pointer(&number)); err != nil {
		return nil, nil, err
	}
	slave, err = os.OpenFile("/dev/pts/"+strconv.Itoa(int(number)), os.O_RDWR|syscall.O_NOCTTY, 0)
	return master, slave, err
}

// receive listens on the socket and receives one descriptor.
func receive(path string) (*os.File, error) {
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	if err := syscall.Bind(fd, &syscall.SockaddrUnix{Name: path}); err != nil {
		return nil, err
	}
	if err := syscall.Listen(fd, 1); err != nil {
		return nil, err
	}
	conn, _, err := syscall.Accept4(fd, syscall.SOCK_CLOEXEC)
	if err != nil {
		return nil, err
	}
	name, control := make([]byte, 256), make([]byte, syscall.CmsgSpace(4))
	_, n, _, _, err := syscall.Recvmsg(conn, name, control, syscall.MSG_CMSG_CLOEXEC)
	if err != nil {
		return nil, err
	}
	messages, err := syscall.ParseSocketControlMessage(control[:n])
	if err != nil || len(messages) != 1 {
		return nil, fmt.Errorf("no descriptor came: %d messages, %w", len(messages), err)
	}
	fds, err := syscall.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		return nil, fmt.Errorf("%d descriptors came: %w", len(fds), err)
	}
	return os.NewFile(uintptr(fds[0]), "master"), nil
}

// session is the terminal with its output so far.
type session struct {
	master  *os.File
	changed chan struct{}

	mu     sync.Mutex
	shown  strings.Builder
	seen   int // the end of the text that expect has found
	closed bool
}

func (s *session) read() {
	buffer := make([]byte, 4096)
	for {
		n, err := s.master.Read(buffer)
		s.mu.Lock()
		s.shown.Write(buffer[:n])
		s.closed = err != nil // EIO: nobody has the other side open
		s.mu.Unlock()
		_, _ = os.Stdout.Write(buffer[:n])
		select {
		case s.changed <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

func (s *session) step(step string) error {
	name, value, _ := strings.Cut(step, "=")
	switch name {
	case "size":
		return setSize(s.master, value)
	case "expect":
		return s.expect(value)
	case "send":
		text, err := strconv.Unquote(`"` + value + `"`)
		if err != nil {
			return err
		}
		_, err = s.master.WriteString(text)
		return err
	case "raw", "cooked":
		return s.mode(name == "raw")
	}
	return errors.New("unknown step")
}

func (s *session) expect(text string) error {
	late := time.After(patience)
	for {
		s.mu.Lock()
		at := strings.Index(s.shown.String()[s.seen:], text)
		if at >= 0 {
			s.seen += at + len(text)
		}
		closed := s.closed
		s.mu.Unlock()
		if at >= 0 {
			return nil
		}
		if closed {
			return errors.New("the terminal was closed before it showed that")
		}
		select {
		case <-s.changed:
		case <-late:
			return errors.New("not shown in time")
		}
	}
}

// mode waits for the mode, because the program may need a moment to change it.
func (s *session) mode(raw bool) error {
	for end := time.Now().Add(patience); ; {
		var attr syscall.Termios
		if err := ioctl(s.master, syscall.TCGETS, unsafe.Pointer(&attr)); err != nil {
			return err
		}
		if (attr.Lflag&(syscall.ICANON|syscall.ECHO|syscall.ISIG) == 0) == raw {
			return nil
		}
		if time.Now().After(end) {
			return errors.New("it is in the other mode")
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// end waits until the other side is closed.
func (s *session) end(command *exec.Cmd) int {
	if command == nil {
		s.untilClosed(nil)
		return 0
	}
	err := command.Wait()
	var attr syscall.Termios
	if errTerm := ioctl(s.master, syscall.TCGETS, unsafe.Pointer(&attr)); errTerm == nil && attr.Lflag&syscall.ICANON == 0 {
		quit(errors.New("the program left the terminal raw"))
	}
	s.untilClosed(time.After(linger))
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	return 0
}

// untilClosed returns when nobody has the terminal open any more, or at the given time.
func (s *session) untilClosed(late <-chan time.Time) {
	for {
		s.mu.Lock()
		closed := s.closed
		s.mu.Unlock()
		if closed {
			return
		}
		select {
		case <-s.changed:
		case <-late:
			return
		}
	}
}

func setSize(terminal *os.File, text string) error {
	var size [4]uint16
	if _, err := fmt.Sscanf(text, "%dx%d", &size[0], &size[1]); err != nil {
		return err
	}
	return ioctl(terminal, syscall.TIOCSWINSZ, unsafe.Pointer(&size))
}

func ioctl(file *os.File, request uintptr, argument unsafe.Pointer) error {
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, file.Fd(), request, uintptr(argument))
	if errno != 0 {
		return errno
	}
	return nil
}
