// Package fakebus is a message bus with a fake systemd, for tests. It encodes and decodes messages with code of its
// own, so that it does not share a mistake with the package that it tests.
package fakebus

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// Call is a method call that the bus received.
type Call struct {
	Destination, Path, Interface, Member string
	Args                                 []any // string, uint32, bool, []any of arrays and structs, ...
	serial                               uint32
}

// Bus listens at Address. Set the fields before the first client connects.
type Bus struct {
	Socket  string
	Reject  bool // rejects every client
	Silent  bool // accepts clients and sends nothing
	Garbage bool // answers calls with data that is not a message
	Hangup  bool // closes the connection at the first call to systemd
	Dribble bool // sends single bytes
	Private bool // does not handle a call in one packet with BEGIN, like systemd on its own socket

	// Results has the results of jobs, by unit. A job with the result "" never ends. The default is "done".
	Results map[string]string
	// Fail returns the error (name, text) for a call, or "" for no error.
	Fail func(c *Call) (name, text string)
	// Properties has the answers to Get that are strings, by the name of the property. Numbers has the others.
	Properties map[string]string
	Numbers    map[string]uint64

	mu       sync.Mutex
	calls    []Call
	greeting string
	jobs     int
}

// New starts a bus that ends with the test.
func New(t testing.TB) *Bus {
	t.Helper()
	b := &Bus{Socket: filepath.Join(t.TempDir(), "bus"), Results: map[string]string{}, Properties: map[string]string{}}
	listener, err := net.Listen("unix", b.Socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go b.serve(client)
		}
	}()
	return b
}

// Address returns the D-Bus address of the bus.
func (b *Bus) Address() string { return "unix:path=" + b.Socket }

// Calls returns the calls of one method, or all calls for "".
func (b *Bus) Calls(member string) (out []Call) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.calls {
		if member == "" || c.Member == member {
			out = append(out, c)
		}
	}
	return out
}

// Greeting returns what the last client sent before its first message.
func (b *Bus) Greeting() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.greeting
}

// PropertiesOf converts an argument of type a(sv) to a map.
func PropertiesOf(list any) map[string]any {
	out := map[string]any{}
	for _, p := range list.([]any) {
		pair := p.([]any)
		out[pair[0].(string)] = pair[1]
	}
	return out
}

func (b *Bus) serve(client net.Conn) {
	defer client.Close()
	if !b.greet(client) {
		return
	}
	for {
		c, err := readCall(client)
		if err != nil {
			return
		}
		b.mu.Lock()
		b.calls = append(b.calls, *c)
		b.mu.Unlock()
		if b.Hangup && c.Destination == "org.freedesktop.systemd1" {
			return
		}
		for _, m := range b.answer(c) {
			b.write(client, m)
		}
	}
}

func (b *Bus) write(client net.Conn, data []byte) {
	if !b.Dribble {
		_, _ = client.Write(data)
		return
	}
	for i := range data {
		_, _ = client.Write(data[i : i+1])
		time.Sleep(time.Microsecond)
	}
}

// greet reads and answers lines up to BEGIN. It returns false if the client must not go on.
func (b *Bus) greet(client net.Conn) bool {
	text := ""
	line := ""
	for {
		var c [1]byte
		if _, err := io.ReadFull(client, c[:]); err != nil {
			return false
		}
		text, line = text+string(c[:]), line+string(c[:])
		if !strings.HasSuffix(line, "\r\n") {
			continue
		}
		if b.Silent {
			_, _ = io.Copy(io.Discard, client)
			return false
		}
		switch word := strings.Fields(strings.TrimLeft(line, "\x00")); {
		case word[0] == "BEGIN":
			b.mu.Lock()
			b.greeting = text
			b.mu.Unlock()
			return true
		case b.Reject:
			b.write(client, []byte("REJECTED EXTERNAL\r\n"))
		case word[0] == "AUTH" && len(word) == 2:
			b.write(client, []byte("DATA\r\n"))
		default:
			if b.Private && !isLast(client, "BEGIN\r\n") {
				_, _ = io.Copy(io.Discard, client)
				return false
			}
			b.write(client, []byte("OK 0123456789abcdef\r\n"))
			if b.Private {
				return true
			}
		}
		line = ""
	}
}

// isLast reads text and reports whether the client then sends nothing more before it gets an answer.
func isLast(client net.Conn, text string) bool {
	if _, err := io.ReadFull(client, make([]byte, len(text))); err != nil {
		return false
	}
	_ = client.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	defer func() { _ = client.SetReadDeadline(time.Time{}) }()
	_, err := client.Read(make([]byte, 1))
	return errors.Is(err, os.ErrDeadlineExceeded)
}

func (b *Bus) answer(c *Call) [][]byte {
	if b.Garbage && c.Member != "Hello" {
		return [][]byte{[]byte(strings.Repeat("?", 64))}
	}
	if b.Fail != nil {
		if name, text := b.Fail(c); name != "" {
			return [][]byte{message(3, c.serial, map[byte]string{4: name}, "s", text)}
		}
	}
	switch c.Member {
	case "Hello":
		return [][]byte{reply(c, "s", ":1.1"), message(4, 0, map[byte]string{1: "/", 2: "x.y", 3: "NameAcquired"}, "s", ":1.1")}
	case "Get":
		if n, known := b.Numbers[c.Args[1].(string)]; known {
			return [][]byte{reply(c, "v", n)}
		}
		return [][]byte{reply(c, "v", b.Properties[c.Args[1].(string)])}
	case "StartTransientUnit", "StopUnit":
		return b.job(c)
	}
	return [][]byte{reply(c, "", "")}
}

func (b *Bus) job(c *Call) [][]byte {
	b.mu.Lock()
	b.jobs++
	job := fmt.Sprintf("/org/freedesktop/systemd1/job/%d", b.jobs)
	b.mu.Unlock()
	unit := c.Args[0].(string)
	result, known := b.Results[unit]
	if !known {
		result = "done"
	}
	// The signal of another job comes first, as on a busy machine.
	out := [][]byte{removed("/org/freedesktop/systemd1/job/9999", "other.scope", "failed"), reply(c, "o", job)}
	if result != "" {
		out = append(out, removed(job, unit, result))
	}
	return out
}

func removed(job, unit, result string) []byte {
	fields := map[byte]string{1: "/org/freedesktop/systemd1", 2: "org.freedesktop.systemd1.Manager", 3: "JobRemoved"}
	return message(4, 0, fields, "uoss", uint32(1), job, unit, result)
}

func reply(c *Call, signature string, v any) []byte {
	if signature == "" {
		return message(2, c.serial, nil, "")
	}
	return message(2, c.serial, nil, signature, v)
}

type writer struct{ b []byte }

func (w *writer) pad(n int) {
	for len(w.b)%n != 0 {
		w.b = append(w.b, 0)
	}
}

func (w *writer) u32(v uint32) {
	w.pad(4)
	w.b = binary.LittleEndian.AppendUint32(w.b, v)
}

func (w *writer) str(s string) {
	w.u32(uint32(len(s)))
	w.b = append(append(w.b, s...), 0)
}

func (w *writer) variant(v any) {
	n, isNumber := v.(uint64)
	if !isNumber {
		w.sig("s")
		w.str(v.(string))
		return
	}
	w.sig("t")
	w.pad(8)
	w.b = binary.LittleEndian.AppendUint64(w.b, n)
}

func (w *writer) sig(s string) { w.b = append(append(append(w.b, byte(len(s))), s...), 0) }

func message(kind byte, replyTo uint32, fields map[byte]string, signature string, args ...any) []byte {
	body := writer{}
	for i, a := range args {
		switch {
		case signature == "v":
			body.variant(a)
		case signature[i] == 'u':
			body.u32(a.(uint32))
		default:
			body.str(a.(string))
		}
	}
	w := writer{b: []byte{'l', kind, 1, 1}}
	w.u32(uint32(len(body.b)))
	w.u32(77)
	w.u32(0)
	fieldsPos := len(w.b)
	for code, text := range fields {
		w.pad(8)
		w.b = append(w.b, code)
		if code == 1 {
			w.sig("o")
		} else {
			w.sig("s")
		}
		w.str(text)
	}
	if replyTo != 0 {
		w.pad(8)
		w.b = append(w.b, 5)
		w.sig("u")
		w.u32(replyTo)
	}
	if signature != "" {
		w.pad(8)
		w.b = append(w.b, 8)
		w.sig("g")
		w.sig(signature)
	}
	binary.LittleEndian.PutUint32(w.b[12:], uint32(len(w.b)-fieldsPos))
	w.pad(8)
	return append(w.b, body.b...)
}
