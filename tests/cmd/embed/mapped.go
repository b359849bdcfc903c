package main

import (
	"errors"
	"os"
	"runtime"
	"strings"
	"time"
)

// nothingMapped: what was shared with the hands goes with the garbage.
func nothingMapped() error {
	for range 100 {
		runtime.GC()
		maps, err := os.ReadFile("/proc/self/maps")
		if err != nil || !strings.Contains(string(maps), "progress") {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
	return errors.New("a page that was shared with the hands is left")
}
