// Package criu drives CRIU, which dumps processes to files and restores them from these files (criu.org). It spawns
// "criu swrk" and sends requests over a socket as messages of CRIU's rpc.proto. The package encodes the few messages
// itself, because a protobuf library would add its initialisation to every command (docs/decisions/0010-criu.md). The
// tests hold them against the messages of checkpoint-restore/go-criu.
package criu

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"rung/internal/sys"
	"rung/internal/waits"
)

// SocketFD is the number of the socket's descriptor in CRIU: the argument of "criu swrk".
const SocketFD = 3

// Find returns the path of the program criu in PATH.
func Find() (string, error) {
	path, err := exec.LookPath("criu")
	if err != nil {
		return "", fmt.Errorf("CRIU version check failed: %w", err)
	}
	return path, nil
}

// Args returns the arguments with which CRIU serves SocketFD.
func Args() []string { return []string{"criu", "swrk", fmt.Sprint(SocketFD)} }

// Process is a CRIU process with the Conn to it. The caller ends it with Finish.
type Process struct {
	*Conn
	cmd *exec.Cmd
}

// Start spawns CRIU. Its standard streams are /dev/null, because CRIU writes its messages to its log.
func Start(ctx context.Context, path string) (*Process, error) {
	conn, theirs, err := Pair(ctx)
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	cmd := &exec.Cmd{Path: path, Args: Args(), ExtraFiles: []*os.File{theirs}}
	if err := cmd.Start(); err != nil {
		conn.Close()
		return nil, fmt.Errorf("spawn criu: %w", err)
	}
	return &Process{conn, cmd}, nil
}

// Finish closes the connection, which ends CRIU, and waits for CRIU. It returns the error of its exit status. If the context
// has ended, CRIU gets SIGTERM, so that it lets go of the processes that it traces, and SIGKILL if it does not end.
func (p *Process) Finish() error {
	p.Close()
	if p.context.Err() != nil {
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		defer time.AfterFunc(waits.CleanUp/2, func() { _ = p.cmd.Process.Kill() }).Stop()
	}
	return p.cmd.Wait()
}

// Conn is rung's end of the socket.
type Conn struct {
	context context.Context
	socket  *os.File
}

// Pair returns a connection and its other end for CRIU. The caller closes both. Waits for CRIU end with the context.
func Pair(ctx context.Context) (*Conn, *os.File, error) {
	ours, theirs, err := sys.PacketPair()
	if err != nil {
		return nil, nil, err
	}
	return &Conn{ctx, ours}, theirs, nil
}

// Close closes the connection.
func (c *Conn) Close() { c.socket.Close() }

// Notification says that CRIU has reached a point of its work and waits for the caller.
type Notification struct {
	Script string     // the name of the point, such as "post-restore"
	Pid    int        // the pid of the restored process, 0 if there is none
	Files  []*os.File // descriptors from CRIU; Do closes them when the handler returns
}

// Error is CRIU's answer to a request that failed. A caller that knows the log file sets Cause and Log.
type Error struct {
	Kind    Kind
	Errno   int
	Message string // CRIU's message: the first error of its log
	Cause   string // the error in its log, "" if it is not known
	Log     string // the path of its log, "" if that is not the file of the request
}

// Error returns one line with the request that failed, the cause, and the path of the log.
func (e *Error) Error() string {
	out := fmt.Sprintf("criu failed: type %s errno %d", e.Kind, e.Errno)
	message := strings.TrimSpace(e.Message)
	if strings.Contains(message, harmless) {
		message = ""
	}
	if cause := cmp.Or(e.Cause, message); cause != "" {
		out += ": " + cause
	}
	if e.Log != "" {
		out += " (log file: " + e.Log + ")"
	}
	return out
}

// Fields of criu_resp in CRIU's rpc.proto.
const (
	respType, respSuccess, respRestore, respNotify        = 1, 2, 4, 5
	respErrno, respFeatures, respErrorMessage, respNumber = 7, 8, 9, 10
)

// maxMessage bounds an answer in bytes. CRIU's answers are smaller.
const maxMessage = 64 << 10

// receive reads an answer. An answer without success is an *Error. The caller closes the files, also after an error.
func (c *Conn) receive() (Kind, map[int]value, []*os.File, error) {
	buffer := make([]byte, maxMessage+1) // the kernel cuts a larger answer off
	n, files, err := c.next(buffer)
	switch {
	case err != nil:
	case n == 0:
		err = errors.New("criu ended without an answer")
	case n > maxMessage:
		err = fmt.Errorf("criu sent a message of more than %d bytes", maxMessage)
	}
	if err != nil {
		return 0, nil, files, err
	}
	kind, answer, err := parse(buffer[:n])
	return kind, answer, files, err
}

// next waits for a message of CRIU.
func (c *Conn) next(buffer []byte) (n int, files []*os.File, err error) {
	what := func() string { return "CRIU" }
	err = waits.While(c.context, what, func() { sys.Shutdown(c.socket) }, func() (err error) {
		n, files, err = sys.ReceiveMessage(c.socket, buffer)
		return err
	})
	return n, files, err
}

// parse decodes an answer. An answer without success is an *Error.
func parse(data []byte) (Kind, map[int]value, error) {
	answer, err := fields(data)
	if err != nil {
		return 0, nil, err
	}
	kind := Kind(answer[respType].number)
	if answer[respSuccess].number == 0 {
		return kind, nil, &Error{
			Kind: kind, Errno: int(answer[respErrno].number), Message: string(answer[respErrorMessage].bytes),
		}
	}
	return kind, answer, nil
}

// Do sends a request and calls handle for each notification until CRIU is done. It returns the pid of the restored
// process. If handle returns an error, Do tells CRIU, which then gives up, and returns that error.
func (c *Conn) Do(r *Request, handle func(Notification) error) (pid int, err error) {
	if err := sys.SendMessage(c.socket, r.encode()); err != nil {
		return 0, fmt.Errorf("ask criu: %w", err)
	}
	for {
		kind, answer, files, err := c.receive()
		if err == nil && kind == notify {
			err = c.notified(answer, files, handle)
		}
		for _, f := range files {
			f.Close()
		}
		switch {
		case err != nil:
			return 0, err
		case kind == r.Kind:
			return restoredPid(answer)
		case kind != notify:
			return 0, fmt.Errorf("unable to parse the response: criu answers %s to %s", kind, r.Kind)
		}
	}
}

func restoredPid(answer map[int]value) (int, error) {
	restored, err := fields(answer[respRestore].bytes)
	return int(restored[1].number), err
}

func notification(answer map[int]value) (Notification, error) {
	text, err := fields(answer[respNotify].bytes)
	return Notification{Script: string(text[1].bytes), Pid: int(text[2].number)}, err
}

func (c *Conn) notified(answer map[int]value, files []*os.File, handle func(Notification) error) error {
	n, err := notification(answer)
	if err != nil {
		return err
	}
	n.Files = files
	failed := handle(n)
	var reply message
	reply.number(reqType, int64(notify))
	success := int64(1)
	if failed != nil {
		success = 0
	}
	reply.number(reqNotifySuccess, success)
	err = sys.SendMessage(c.socket, reply)
	if failed != nil {
		return failed
	}
	return err
}
