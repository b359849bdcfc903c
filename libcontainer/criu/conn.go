// Package criu drives CRIU, which freezes processes into files and makes them anew from these
// (criu.org): it is spawned as "criu swrk", and asked over a socket in the messages of its
// rpc.proto. The few messages are encoded here, since the initialisation of a protobuf library
// would be paid by every command (docs/decisions).
package criu

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"rung/internal/sys"
)

// SocketFD is the descriptor of the socket in CRIU, the argument of "criu swrk".
const SocketFD = 3

// MinVersion is the oldest CRIU that does all that rung asks for: 3.16 (2021).
const MinVersion = 31600

// Find returns the path of the program, from PATH.
func Find() (string, error) {
	path, err := exec.LookPath("criu")
	if err != nil {
		return "", fmt.Errorf("CRIU version check failed: %w", err)
	}
	return path, nil
}

// Args are the arguments that make CRIU serve its socket.
func Args() []string { return []string{"criu", "swrk", fmt.Sprint(SocketFD)} }

// Process is a CRIU that was spawned with the socket of a Conn.
type Process struct {
	*Conn
	cmd *exec.Cmd
}

// Start spawns CRIU. Its standard streams are closed: what it has to say is in its log.
func Start(path string) (*Process, error) {
	conn, theirs, err := Pair()
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

// Finish hangs up, which ends CRIU, and waits for it.
func (p *Process) Finish() error {
	p.Close()
	return p.cmd.Wait()
}

// Conn is rung's end of the socket.
type Conn struct{ socket *os.File }

// Pair returns a connection, and its other end for CRIU.
func Pair() (*Conn, *os.File, error) {
	ours, theirs, err := sys.PacketPair()
	if err != nil {
		return nil, nil, err
	}
	return &Conn{ours}, theirs, nil
}

// Close hangs up.
func (c *Conn) Close() { c.socket.Close() }

// Notification is a point of its work at which CRIU waits for what the caller has to do.
type Notification struct {
	Script string     // its name, such as "post-restore"
	Pid    int        // of the restored process, where there is one
	Files  []*os.File // closed when the caller returns
}

// Error is what CRIU answers when it has failed. Cause and Log are set by who knows the file.
type Error struct {
	Kind    Kind
	Errno   int
	Message string // from CRIU: the first error of its log
	Cause   string // the error in its log, "" where that is not to be found
	Log     string // path, "" where CRIU wrote another
}

// Error is one line: what failed, why, and where there is more.
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

// maxMessage is more than CRIU ever answers.
const maxMessage = 64 << 10

// receive reads an answer; one that tells of a failure is an *Error.
func (c *Conn) receive() (Kind, map[int]value, []*os.File, error) {
	buffer := make([]byte, maxMessage)
	n, files, err := sys.ReceiveMessage(c.socket, buffer)
	if err == nil && n == 0 {
		err = errors.New("criu ended without an answer")
	}
	if err != nil {
		return 0, nil, files, err
	}
	answer, err := fields(buffer[:n])
	if err != nil {
		return 0, nil, files, err
	}
	kind := Kind(answer[respType].number)
	if answer[respSuccess].number == 0 {
		return kind, nil, files, &Error{
			Kind: kind, Errno: int(answer[respErrno].number), Message: string(answer[respErrorMessage].bytes),
		}
	}
	return kind, answer, files, nil
}

// Do makes a request and serves the notifications of it, until it is done. It returns the PID
// of a restored process. When handle returns an error CRIU is told, and gives up.
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

func (c *Conn) notified(answer map[int]value, files []*os.File, handle func(Notification) error) error {
	text, err := fields(answer[respNotify].bytes)
	if err != nil {
		return err
	}
	failed := handle(Notification{Script: string(text[1].bytes), Pid: int(text[2].number), Files: files})
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

// Version asks for the version: 31701 is 3.17.1.
func Version(path string) (int, error) {
	answer, err := ask(path, version, nil)
	if err != nil {
		return 0, fmt.Errorf("CRIU version check failed: %w", err)
	}
	v, err := fields(answer[respNumber].bytes)
	number := int(v[1].number*10000 + v[2].number*100 + v[4].number)
	if len(v[3].bytes) > 0 { // built from git: before the next minor version
		number = int(v[1].number*10000 + v[2].number*100 + 100)
	}
	return number, err
}

// CheckVersion refuses a CRIU that is too old for rung.
func CheckVersion(path string) error {
	have, err := Version(path)
	if err == nil && have < MinVersion {
		err = fmt.Errorf("CRIU version %d must be %d or higher", have, MinVersion)
	}
	return err
}

// Feature is something that depends on the kernel: a field of criu_features.
type Feature int

// The features that rung asks for.
const (
	MemTrack  Feature = 1
	LazyPages Feature = 2
)

// String returns the name that runc has for it.
func (f Feature) String() string {
	if f == MemTrack {
		return "MemTrack"
	}
	return "LazyPages"
}

// CheckFeatures asks CRIU whether it and the kernel have all of the features.
func CheckFeatures(path string, wanted ...Feature) error {
	if len(wanted) == 0 {
		return nil
	}
	var list message
	for _, f := range wanted {
		list.flag(int(f), true)
	}
	answer, err := ask(path, featureCheck, list)
	if err != nil {
		return fmt.Errorf("CRIU feature check failed: %w", err)
	}
	have, err := fields(answer[respFeatures].bytes)
	if err != nil {
		return err
	}
	var missing []string
	for _, f := range wanted {
		if have[int(f)].number == 0 {
			missing = append(missing, f.String())
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("criu is missing features: [%s]", strings.Join(missing, " "))
	}
	return nil
}

// ask spawns a CRIU for one question.
func ask(path string, kind Kind, features message) (map[int]value, error) {
	p, err := Start(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = p.Finish() }()
	var request message
	request.number(reqType, int64(kind))
	if len(features) > 0 {
		request.bytes(reqFeatures, features)
	}
	if err := sys.SendMessage(p.socket, request); err != nil {
		return nil, err
	}
	answered, answer, _, err := p.receive()
	if err == nil && answered != kind {
		err = fmt.Errorf("criu answers %s to %s", answered, kind)
	}
	return answer, err
}
