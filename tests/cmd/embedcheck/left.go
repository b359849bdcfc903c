package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

// nothingMapped checks that no memory shared with the stage is mapped after a garbage collection.
func nothingMapped() error {
	for range 100 {
		runtime.GC()
		maps, err := os.ReadFile("/proc/self/maps")
		if err != nil || !strings.Contains(string(maps), "progress") {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
	return errors.New("a page that was shared with the stage is left")
}

// sameDescriptors checks that this process has as many descriptors as before, and one for the sealed program.
func sameDescriptors(before int) error {
	for range 100 {
		runtime.GC() // the progress page's file is closed by its finalizer
		if descriptors() <= before+1 {
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return fmt.Errorf("%d descriptors, and %d before", descriptors(), before)
}

func descriptors() int {
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return -1
	}
	return len(list)
}

// noGoroutine checks that only this goroutine is left.
func noGoroutine() error {
	for range 100 {
		if runtime.NumGoroutine() == 1 {
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	stacks := make([]byte, 1<<16)
	return fmt.Errorf("goroutines are left: %s", stacks[:runtime.Stack(stacks, true)])
}
