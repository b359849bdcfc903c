package main

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"rung/internal/signals"
	"rung/internal/sys"
	"rung/internal/waits"
)

// lateAfter is how long after SIGTERM or SIGINT a command that is still there is ended without more ado: a system call does
// not return. Clean-up takes waits.CleanUp at most.
const lateAfter = 900 * time.Millisecond

// reportLimit is how long the last line may take to write: the log may be a full FIFO.
const reportLimit = 100 * time.Millisecond

// interruption is the cause of the end of a command's context.
type interruption syscall.Signal

func (s interruption) Error() string { return "ended by " + sys.SignalName(syscall.Signal(s)) }

// interrupts ends the context of the command when SIGTERM or SIGINT comes. Whatever waits returns then, what was made is
// removed, and main says what was waited for and dies by the signal.
type interrupts struct {
	caught *signals.Interrupts

	mutex   sync.Mutex
	cancel  context.CancelCauseFunc // of the context of now
	forward func(syscall.Signal)    // gets the signals in place of cancel; nil without a process in the foreground
	idle    string                  // what the command waits for while there is nothing to clean up
	came    syscall.Signal          // the signal that ended the context, 0 if none did

	ending atomic.Bool // one goroutine ends the command already
}

// stopping is set up before anything that may wait.
var stopping interrupts

// catch begins to watch for the signals. Without it they end the command at once, as before.
func (i *interrupts) catch() {
	caught, err := signals.CatchInterrupts()
	if err != nil {
		return
	}
	i.caught = caught
	go func() {
		waits.Several() // it keeps the processor from the others while it waits, and begins only when the command waits
		for {
			s, err := caught.Next()
			if err != nil {
				return
			}
			i.handle(s)
		}
	}()
}

// context returns a context that the next signal ends.
func (i *interrupts) context(parent context.Context) context.Context {
	ctx, cancel := context.WithCancelCause(parent)
	i.mutex.Lock()
	defer i.mutex.Unlock()
	i.cancel, i.forward, i.came = cancel, nil, 0
	if i.caught != nil {
		i.caught.Divert(false)
	}
	return ctx
}

// pass has the signals go to the queue of processIO. forward gets one that has come already.
func (i *interrupts) pass(forward func(syscall.Signal)) {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	if i.caught != nil {
		i.caught.Divert(true)
	}
	i.forward = forward
	if i.came != 0 {
		forward(i.came)
	}
	i.came = 0
}

// idles says what the command is about to wait for while there is nothing to clean up: a signal ends it at once then. The
// caller calls the returned function after the wait.
func (i *interrupts) idles(what string) func() {
	set := func(text string) {
		i.mutex.Lock()
		i.idle = text
		i.mutex.Unlock()
	}
	set(what)
	return func() { set("") }
}

// signal returns the signal that has ended the context, 0 if none has.
func (i *interrupts) signal() syscall.Signal {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	return i.came
}

func (i *interrupts) handle(s syscall.Signal) {
	i.mutex.Lock()
	forward, idle := i.forward, i.idle
	if forward == nil {
		i.came = s
		i.cancel(interruption(s))
	}
	i.mutex.Unlock()
	switch {
	case forward != nil:
		forward(s)
	case idle != "":
		i.end(errors.New("waiting for " + idle))
	default:
		time.AfterFunc(lateAfter, func() {
			i.end(errors.New("waiting for a system call that does not return (rung delete --force removes what is left)"))
		})
	}
}

// end ends the command by the signal that has come, and logs what it has waited for. It returns if none has come. The first
// caller's reason is the only one that is logged.
func (i *interrupts) end(err error) {
	s := i.signal()
	if s == 0 {
		return
	}
	if !i.ending.CompareAndSwap(false, true) {
		select {} // until the first caller has ended the command
	}
	if cause := interruption(s); !errors.Is(err, cause) {
		err = errors.New(err.Error() + ": " + cause.Error())
	}
	reported := make(chan struct{})
	waits.Several()
	go func() {
		defer close(reported)
		report(err)
	}()
	select {
	case <-reported:
	case <-time.After(reportLimit): // nobody reads what is written
	}
	signals.Die(s)
	select {} // until the signal is delivered
}
