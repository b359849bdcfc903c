// SPDX-License-Identifier: Apache-2.0
//go:build cgo
/*
 * settings.c - how the Go runtime of rung's command starts: with one processor for Go code (GOMAXPROCS=1), and without a look for
 * its cgroup. A command ends soon, and its partner, the stage, is another process.
 *
 * The runtime reads the setting from the environment before any Go code runs, so it is put there before the runtime starts. Go
 * takes it out again first (ForgetSettings): no hook, no container and no other program gets it.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "early.h"
#include "stage.h"
#include "text.h"

int rung_set_processors;

#if !defined(RUNG_IMAGE)

/* Package runtime, "Environment Variables". */
static char one_processor[] = "GOMAXPROCS=1";

/*
 * The auxiliary vector is right behind the environment, and the stack as the kernel made it has no room. So one entry of two
 * words gives way: AT_FLAGS, which is 0, and which neither the C libraries nor Go read. The string fills both words: twice the
 * same setting is one.
 */
void rung_set_one_processor(long argc, char **argv)
{
	char **env = argv + argc + 1, **end, **entry;

	for (end = env; *end; end++)
		if (begins(*end, "GOMAXPROCS="))
			return; /* what the caller has set counts */
	for (entry = end + 1; *entry != (char *)AT_FLAGS; entry += 2)
		if (*entry == (char *)AT_NULL)
			return;
	for (entry--; entry >= env; entry--)
		entry[2] = entry[0];
	env[0] = env[1] = one_processor;
	rung_set_processors = 1;
}

/* RLIMIT_NOFILE of the caller, soft and hard, while the soft one is lowered. */
static uint64_t nofile[2];
static int lowered;

/*
 * Go reads /proc/self/cgroup and mountinfo before main for a default of GOMAXPROCS, and the size of huge pages, whatever the
 * settings are: a tenth of a short command's time. It goes on without these files if it cannot open them. So no file can be opened
 * until the runtime has come so far that it makes its first thread.
 */
void rung_keep_files_closed(void)
{
	uint64_t none[2];
	int fd;

	/* Go opens a standard stream that is closed, and ends if it cannot. */
	for (fd = 0; fd < STANDARD_STREAMS; fd++)
		if (sys(SYS_fcntl, fd, F_GETFD) < 0)
			return;
	if (sys(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, nofile) < 0)
		return;
	none[0] = 0;
	none[1] = nofile[1];
	lowered = sys(SYS_prlimit64, 0, RLIMIT_NOFILE, none, NULL) == 0;
}

/* The limit is not above the hard one, so that only a filter of the caller can refuse it. Go would hand it on to hooks. */
static void open_files_again(void)
{
	char line[64 + DECIMAL_SIZE] = "rung: set RLIMIT_NOFILE back: prlimit64: errno ";
	long result = 0;
	char *end;

	if (lowered)
		result = sys(SYS_prlimit64, 0, RLIMIT_NOFILE, nofile, NULL);
	lowered = 0;
	if (result == 0)
		return;
	end = put_decimal(line + strlen(line), (uint64_t)-result);
	*end++ = '\n';
	sys(SYS_write, STDERR_FILENO, line, end - line);
	for (;;)
		sys(SYS_exit_group, 1);
}

/*
 * How late the kernel may wake the runtime's monitor (package runtime, sysmon), in ns. The monitor is the first thread, and sleeps
 * for 20 us at a time to see whether a system call blocks; then it wakes another thread, which mostly finds nothing to do. With
 * this it wakes with the tick of the kernel, or with another timer.
 */
#define MONITOR_SLACK 4000000

static void set_slack(long slack)
{
	sys(SYS_prctl, PR_SET_TIMERSLACK, slack, 0, 0, 0);
}

/*
 * A thread has the slack of the one that makes it, and so have the programs that Go executes. So the others get the caller's, also
 * those that the monitor makes. With 0, that of a real-time policy, and with an error nothing is changed.
 */
int rung_make_thread_with_slack(thread_maker make, void *thread, const void *attributes,
				void *(*start)(void *), void *argument)
{
	static long of_caller;
	long own = sys(SYS_prctl, PR_GET_TIMERSLACK, 0, 0, 0, 0), wanted = of_caller;
	int error;

	if (of_caller == 0) {
		of_caller = own;
		wanted = own < MONITOR_SLACK ? MONITOR_SLACK : own;
	}
	if (own <= 0 || own == wanted)
		return rung_make_thread(make, thread, attributes, start, argument);
	set_slack(wanted);
	error = rung_make_thread(make, thread, attributes, start, argument);
	set_slack(own);
	return error;
}

#if !defined(RUNG_HOSTED)

/*
 * The linker has all callers of pthread_create call the second function (-Wl,--wrap in nsenter.go). Package runtime/cgo makes
 * each thread by it, the first one after Go has looked for its cgroup, and before packages are initialised: package syscall, which
 * remembers the limit for programs that Go executes, sees the caller's.
 */
int __real_pthread_create(void *, const void *, void *(*)(void *), void *);
int __wrap_pthread_create(void *thread, const void *attributes, void *(*start)(void *),
			  void *argument);
int __wrap_pthread_create(void *thread, const void *attributes, void *(*start)(void *),
			  void *argument)
{
	open_files_again();
	if (!&rung_is_command)
		return __real_pthread_create(thread, attributes, start, argument);
	return rung_make_thread_with_slack(__real_pthread_create, thread, attributes, start, argument);
}

#else

void rung_first_thread(void)
{
	open_files_again();
}

#endif

#endif
