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
#include <linux/futex.h>
#include <sys/auxv.h>
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
 * The first thread is the runtime's monitor (package runtime, sysmon). It looks every 20 us whether a system call blocks, and then
 * wakes another thread in its place; for a command that does one thing after the other there is nothing to do, and on a busy machine
 * that is a quarter of its processor time. So the monitor begins late: when Go says that it does several things at once
 * (StartMonitor), or after this time, whatever was forgotten.
 */
#define MONITOR_DELAY_NS (250 * 1000 * 1000)

struct monitor {
	void *(*start)(void *);
	void *argument;
};

static unsigned int monitor_wanted; /* futex(2) */

int rung_start_monitor(void)
{
	if (__atomic_exchange_n(&monitor_wanted, 1, __ATOMIC_RELEASE))
		return 0;
	sys(SYS_futex, &monitor_wanted, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	return 1;
}

static void *late_monitor(void *argument)
{
	const struct monitor *monitor = argument;
	const long delay[2] = { 0, MONITOR_DELAY_NS }; /* the kernel's timespec for this call */

	/* Signals are blocked in this thread as yet, so nothing but the two ends the wait. */
	if (__atomic_load_n(&monitor_wanted, __ATOMIC_ACQUIRE) == 0)
		sys(SYS_futex, &monitor_wanted, FUTEX_WAIT_PRIVATE, 0, delay, NULL, 0);
	return monitor->start(monitor->argument);
}

/* Makes a thread as rung_make_thread. The first one begins late. */
int rung_make_late_monitor(thread_maker make, void *thread, const void *attributes,
			   void *(*start)(void *), void *argument)
{
	static struct monitor monitor;

	if (monitor.start)
		return rung_make_thread(make, thread, attributes, start, argument);
	monitor = (struct monitor){ start, argument };
	return rung_make_thread(make, thread, attributes, late_monitor, &monitor);
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
	return rung_make_late_monitor(__real_pthread_create, thread, attributes, start, argument);
}

#else

void rung_first_thread(void)
{
	open_files_again();
}

#endif

#endif
