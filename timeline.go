package main

import (
	"fmt"
	"os"

	"rung/libcontainer/launch"
)

// traceFile is the file of --trace-file, and what is recorded for it.
type traceFile struct {
	*launch.Timeline // nil: nothing is recorded
	file             *os.File
}

var timeline traceFile

// open opens the file before anything is done that could be recorded. An empty path means no file.
func (t *traceFile) open(path string) error {
	if path == "" || t.file != nil {
		return nil
	}
	opened := stopping.idles("a reader of --trace-file " + path) // a FIFO has none yet
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o644)
	opened()
	if err != nil {
		return fmt.Errorf("--trace-file: %w", err)
	}
	t.file, t.Timeline = file, &launch.Timeline{}
	return nil
}

// close writes what was recorded. An error is logged: the container was made, and its status is the caller's answer.
func (t *traceFile) close() {
	if t.file == nil {
		return
	}
	err := t.Write(t.file)
	if errClose := t.file.Close(); err == nil {
		err = errClose
	}
	if err != nil {
		log.Warn("--trace-file: " + err.Error())
	}
	t.file = nil
}

// exit ends rung after the file of --trace-file is written.
func exit(status int) {
	timeline.close()
	os.Exit(status)
}
