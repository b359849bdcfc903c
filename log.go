package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"rung/internal/sys"
	"rung/libcontainer"
)

// stderr is where errors go.
var stderr io.Writer = sys.StandardError{}

// logHandler writes lines in the two formats of runc, which engines parse:
//
//	time="2026-01-02T03:04:05Z" level=error msg="..."
//	{"level":"error","msg":"...","time":"2026-01-02T03:04:05Z"}
type logHandler struct {
	mutex *sync.Mutex
	out   io.Writer
	json  bool
	level slog.Level

	failed bool // a line could not be written
}

func (h *logHandler) Enabled(_ context.Context, level slog.Level) bool { return level >= h.level }

func (h *logHandler) WithAttrs([]slog.Attr) slog.Handler { return h }

func (h *logHandler) WithGroup(string) slog.Handler { return h }

func (h *logHandler) Handle(_ context.Context, r slog.Record) error {
	line := h.text(r)
	if h.json {
		line = h.object(r)
	}
	h.mutex.Lock()
	defer h.mutex.Unlock()
	_, err := io.WriteString(h.out, line)
	if err != nil && h.out != stderr && !h.failed {
		h.failed = true // once: the next line will fail too
		fmt.Fprintf(stderr, "rung: write to the log (--log): %v\n", err)
	}
	return err
}

func levelName(level slog.Level) string {
	if level == slog.LevelWarn || level == libcontainer.LevelNotice {
		return "warning"
	}
	return strings.ToLower(level.String())
}

func (h *logHandler) text(r slog.Record) string {
	line := fmt.Sprintf("time=%q level=%s msg=%s", r.Time.Format(time.RFC3339), levelName(r.Level), strconv.Quote(r.Message))
	r.Attrs(func(a slog.Attr) bool {
		if a.Value.Kind() != slog.KindGroup { // a group has the same as the text, for programs
			line += " " + a.Key + "=" + strconv.Quote(a.Value.String())
		}
		return true
	})
	return line + "\n"
}

func (h *logHandler) object(r slog.Record) string {
	fields := map[string]any{
		"level": levelName(r.Level), "msg": r.Message, "time": r.Time.Format(time.RFC3339),
	}
	r.Attrs(func(a slog.Attr) bool {
		if a.Value.Kind() == slog.KindGroup {
			for _, member := range a.Value.Group() {
				fields[member.Key] = member.Value.Any()
			}
			return true
		}
		fields[a.Key] = a.Value.String()
		return true
	})
	line, err := json.Marshal(fields)
	if err != nil {
		return err.Error()
	}
	return string(line) + "\n"
}

// logging writes messages to the file that --log names, or to stderr without --log. Engines read the reason of a failure
// from that file.
type logging struct {
	*slog.Logger
	toStderr bool
}

func newLogging(path, format string, debug bool) (*logging, error) {
	h := &logHandler{mutex: &sync.Mutex{}, out: stderr, level: slog.LevelInfo}
	switch format {
	case "", "text":
	case "json":
		h.json = true
	default:
		return nil, errors.New("invalid log-format: " + format)
	}
	if debug {
		h.level = slog.LevelDebug
	}
	if path != "" {
		opened := stopping.idles("a reader of --log " + path) // a FIFO has none yet
		file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND|os.O_SYNC, 0o644)
		opened()
		if err != nil {
			return nil, err
		}
		h.out = file
		h.level = min(h.level, libcontainer.LevelNotice) // stderr may be the container's, and its log
	}
	return &logging{slog.New(h), path == ""}, nil
}
