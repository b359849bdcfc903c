// Package signals collects the signals that the process receives, so that the program can read them one by one.
//
// It replaces os/signal in a program that wants all signals. os/signal needs two switches of threads to catch one
// signal, and for sixty signals as much time as half a container's start.
package signals

/*
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static int queue = -1;
static volatile sig_atomic_t interrupts = -1;
static struct sigaction previous[65];

// is_fault reports whether the kernel sent the signal for a fault of the process itself. si_code is positive then
// (sigaction(2)).
static int is_fault(int number, const siginfo_t *info)
{
	switch (number) {
	case SIGSEGV: case SIGBUS: case SIGFPE: case SIGILL: case SIGTRAP: case SIGSYS:
		return info->si_code > 0;
	}
	return 0;
}

static void enqueue(int number, siginfo_t *info, void *context)
{
	unsigned char byte = (unsigned char)number;
	int error = errno, tries = 100;
	int to = number == SIGTERM || number == SIGINT ? interrupts : -1;

	(void)context;
	if (to < 0)
		to = queue;
	if (is_fault(number, info)) // the instruction runs again, and Go's handler then gets the signal
		sigaction(number, &previous[number], NULL);
	else
		while (write(to, &byte, 1) < 0 && errno != EAGAIN && tries-- > 0)
			; // EAGAIN: the pipe is full. The signal is dropped, because 65536 others wait already.
	errno = error;
}

static void install(const unsigned char *numbers, int count)
{
	struct sigaction action;
	int i;

	memset(&action, 0, sizeof(action));
	action.sa_sigaction = enqueue;
	// Go requires SA_ONSTACK for handlers that are not its own (package os/signal).
	action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART | SA_NOCLDSTOP;
	sigfillset(&action.sa_mask);
	for (i = 0; i < count; i++)
		sigaction(numbers[i], &action, &previous[numbers[i]]);
}

// A shell ignores SIGINT in what it runs in the background: that stays.
static int ignored(int number)
{
	struct sigaction now;

	return sigaction(number, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

// With a handler for SIGTTOU the kernel would not set the terminal of a background job, and begin again for ever.
static void rung_catch(int fd, const unsigned char *numbers, int count)
{
	int i;

	queue = fd;
	for (i = 0; i < count; i++)
		if ((numbers[i] != SIGTTOU && numbers[i] != SIGTTIN) || !ignored(numbers[i]))
			install(&numbers[i], 1);
}

static void rung_interrupt(int fd)
{
	static const unsigned char numbers[] = {SIGTERM, SIGINT};
	unsigned int i;

	if (queue < 0)
		queue = fd;
	interrupts = fd;
	for (i = 0; i < sizeof(numbers); i++)
		if (!ignored(numbers[i]))
			install(&numbers[i], 1);
}

static void rung_divert(int fd) { interrupts = fd; }

static void rung_die(int number)
{
	struct sigaction action;

	memset(&action, 0, sizeof(action));
	action.sa_handler = SIG_DFL;
	sigaction(number, &action, NULL);
	kill(getpid(), number);
}
*/
import "C"

import (
	"fmt"
	"syscall"

	"rung/internal/sys"
)

// Queue holds the caught signals in the order in which they arrived.
type Queue struct{ fd int }

// Catch starts to collect the signals in list, also those that were ignored before, but for SIGTTOU and SIGTTIN. A process can
// have only one Queue, which stays until the process ends. Catch skips signals that cannot be caught.
func Catch(list []syscall.Signal) (*Queue, error) {
	read, write, err := sys.SignalPipe()
	if err != nil {
		return nil, err
	}
	numbers := make([]byte, len(list))
	for i, s := range list {
		numbers[i] = byte(s)
	}
	if len(list) > 0 {
		C.rung_catch(C.int(write), (*C.uchar)(&numbers[0]), C.int(len(list)))
	}
	return &Queue{read}, nil
}

// Interrupts has SIGTERM and SIGINT, which end what a command waits for. A process can have only one, which stays until the
// process ends.
type Interrupts struct {
	Queue
	write int
}

// CatchInterrupts starts to collect SIGTERM and SIGINT. One that the process was started with as ignored stays ignored.
func CatchInterrupts() (*Interrupts, error) {
	read, write, err := sys.SignalPipe()
	if err != nil {
		return nil, err
	}
	C.rung_interrupt(C.int(write))
	return &Interrupts{Queue{read}, write}, nil
}

// Divert has both signals go to the Queue of Catch from now on, or no longer.
func (i *Interrupts) Divert(on bool) {
	if on {
		C.rung_divert(-1)
	} else {
		C.rung_divert(C.int(i.write))
	}
}

// Die ends the process by a signal, so that its parent sees which.
func Die(s syscall.Signal) { C.rung_die(C.int(s)) }

// Next waits for the next signal and removes it from the queue.
func (q *Queue) Next() (syscall.Signal, error) {
	var number [1]byte
	for {
		_, err := syscall.Read(q.fd, number[:])
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("read the queue of signals: %w", err)
		}
		return syscall.Signal(number[0]), nil
	}
}
