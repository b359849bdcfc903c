// Package signals collects the signals that a process is sent, to be read one by one.
//
// It stands for os/signal where all signals are wanted: to catch one costs the Go runtime
// two switches of threads, and sixty of them as much as half a container's start.
package signals

/*
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static int queue = -1;
static struct sigaction before[65];

// The kernel sends these for a fault of the process itself; its si_code is positive then (sigaction(2)).
static int is_fault(int number, const siginfo_t *info)
{
	switch (number) {
	case SIGSEGV: case SIGBUS: case SIGFPE: case SIGILL: case SIGTRAP: case SIGSYS:
		return info->si_code > 0;
	}
	return 0;
}

static void note(int number, siginfo_t *info, void *context)
{
	unsigned char byte = (unsigned char)number;
	int error = errno, tries = 100;

	(void)context;
	if (is_fault(number, info)) // the instruction is executed again, and the handler of Go has it
		sigaction(number, &before[number], NULL);
	else
		while (write(queue, &byte, 1) < 0 && errno != EAGAIN && tries-- > 0)
			; // EAGAIN: it is full; whoever sent 65536 signals will not miss one
	errno = error;
}

static void rung_catch(int fd, const unsigned char *numbers, int count)
{
	struct sigaction action;
	int i;

	queue = fd;
	memset(&action, 0, sizeof(action));
	action.sa_sigaction = note;
	// Go wants SA_ONSTACK of the handlers of others (package os/signal).
	action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART | SA_NOCLDSTOP;
	sigfillset(&action.sa_mask);
	for (i = 0; i < count; i++)
		sigaction(numbers[i], &action, &before[numbers[i]]);
}
*/
import "C"

import (
	"fmt"
	"syscall"

	"rung/internal/sys"
)

// Queue holds the caught signals in the order in which they came.
type Queue struct{ fd int }

// Catch handles signals from now on, those too that were ignored. There can be one Queue in
// a process. Signals that can not be caught are left out.
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

// Next waits for the next signal.
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
