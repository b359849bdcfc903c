package main

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
)

// daemon is a client of the API on a Unix socket. Its methods end the program with a message if the daemon refuses a request
// that must succeed.
type daemon struct{ http *http.Client }

func dial(socket string) *daemon {
	connect := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}
	return &daemon{http: &http.Client{Transport: &http.Transport{DialContext: connect}}}
}

func (d *daemon) send(method, path string, body any, upgrade bool) *http.Response {
	var text bytes.Buffer
	if body != nil {
		must(json.NewEncoder(&text).Encode(body))
	}
	request, err := http.NewRequest(method, "http://docker/v1.41"+path, &text)
	must(err)
	request.Header.Set("Content-Type", "application/json")
	if upgrade {
		request.Header.Set("Connection", "Upgrade")
		request.Header.Set("Upgrade", "tcp")
	}
	response, err := d.http.Do(request)
	must(err)
	return response
}

// do returns the status of the response, whose text it decodes into answer unless that is nil.
func (d *daemon) do(method, path string, body, answer any) int {
	response := d.send(method, path, body, false)
	defer response.Body.Close() //nolint:errcheck // it was read
	text, err := io.ReadAll(response.Body)
	must(err)
	if answer != nil {
		must(json.Unmarshal(text, answer))
	}
	return response.StatusCode
}

func (d *daemon) get(path string, answer any) {
	if status := d.do("GET", path, nil, answer); status != http.StatusOK {
		quit(fmt.Errorf("GET %s: status %d", path, status))
	}
}

func (d *daemon) post(path string, body, answer any) {
	if status := d.do("POST", path, body, answer); status >= http.StatusBadRequest {
		quit(fmt.Errorf("POST %s: status %d", path, status))
	}
}

// stream returns the text of a response that may have no end.
func (d *daemon) stream(path string) io.ReadCloser {
	response := d.send("GET", path, nil, false)
	if response.StatusCode != http.StatusOK {
		quit(fmt.Errorf("GET %s: status %d", path, response.StatusCode))
	}
	return response.Body
}

// exec makes an exec of the container and returns its id.
func (d *daemon) exec(options map[string]any) string {
	var made struct{ ID string }
	d.post("/containers/page/exec", options, &made)
	return made.ID
}

// start starts an exec and returns its streams: with a terminal what it prints, without one frames for demultiplex.
func (d *daemon) start(id string, tty bool) io.ReadWriteCloser {
	response := d.send("POST", "/exec/"+id+"/start", map[string]any{"Tty": tty}, true)
	if streams, ok := response.Body.(io.ReadWriteCloser); ok && response.StatusCode == http.StatusSwitchingProtocols {
		return streams
	}
	text, err := io.ReadAll(response.Body)
	must(err)
	return refused{bytes.NewReader(text)}
}

// refused is the text of a daemon that did not start an exec, in the place of its streams.
type refused struct{ *bytes.Reader }

func (refused) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }
func (refused) Close() error              { return nil }

func (d *daemon) exitCode(id string) int {
	var e struct {
		Running  bool
		ExitCode int
	}
	for d.get("/exec/"+id+"/json", &e); e.Running; d.get("/exec/"+id+"/json", &e) {
	}
	return e.ExitCode
}

// frame reads a piece of output: a header with the stream (1 is stdout) and the length, and the text. At the end, or if the
// text is no frame, the stream is 0 and the text is what is left.
func frame(r io.Reader) (stream byte, text []byte) {
	var header [8]byte
	n, err := io.ReadFull(r, header[:])
	if err != nil || header[0] > 2 {
		rest, _ := io.ReadAll(r)
		return 0, append(header[:n], rest...)
	}
	text = make([]byte, binary.BigEndian.Uint32(header[4:]))
	_, err = io.ReadFull(r, text)
	must(err)
	return header[0], text
}

// demultiplex reads all frames and closes the stream. A text that is no frame counts as stdout.
func demultiplex(r io.ReadCloser) (stdout, stderr string) {
	defer r.Close() //nolint:errcheck // it was read
	for {
		stream, text := frame(r)
		if stream == 2 {
			stderr += string(text)
		} else {
			stdout += string(text)
		}
		if stream == 0 {
			return stdout, stderr
		}
	}
}

// expect reads until the text has come, and returns everything that came.
func expect(r io.Reader, text string) string {
	var said []byte
	piece := make([]byte, 1024)
	for !strings.Contains(string(said), text) {
		n, err := r.Read(piece)
		must(err)
		said = append(said, piece[:n]...)
	}
	return string(said)
}

func write(w io.Writer, text string) {
	_, err := io.WriteString(w, text)
	must(err)
}

func decode(r io.Reader, value any) {
	if !decodeNext(r, value) {
		quit(io.ErrUnexpectedEOF)
	}
}

// decodeNext reads one JSON text that ends with a line.
func decodeNext(r io.Reader, value any) bool {
	var line []byte
	for b := make([]byte, 1); ; {
		if _, err := io.ReadFull(r, b); err != nil {
			return false
		}
		if b[0] == '\n' && len(bytes.TrimSpace(line)) > 0 {
			must(json.Unmarshal(line, value))
			return true
		}
		line = append(line, b[0])
	}
}

// files puts a file into the container and gets it back, as archives.
func files(d *daemon) {
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	must(w.WriteHeader(&tar.Header{Name: "put", Mode: 0o600, Size: 4, Uid: 1000}))
	_, err := w.Write([]byte("text"))
	must(err)
	must(w.Close())
	request, err := http.NewRequest("PUT", "http://docker/v1.41/containers/page/archive?path=/tmp", &archive)
	must(err)
	response, err := d.http.Do(request)
	must(err)
	must(response.Body.Close())
	got := d.stream("/containers/page/archive?path=/tmp/put")
	defer got.Close() //nolint:errcheck // it was read
	r := tar.NewReader(got)
	header, err := r.Next()
	must(err)
	text, err := io.ReadAll(r)
	must(err)
	fmt.Println("file:", response.StatusCode, header.Name, header.Mode&0o777, header.Uid, string(text))
}

func filter(name, value string) string {
	text, err := json.Marshal(map[string][]string{name: {value}})
	must(err)
	return url.QueryEscape(string(text))
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

func firstWord(text string) string {
	word, _, _ := strings.Cut(text, ":")
	return word
}

func must(err error) {
	if err != nil {
		quit(err)
	}
}

func quit(err error) {
	fmt.Fprintln(os.Stderr, "dockerapi:", err)
	os.Exit(125)
}
