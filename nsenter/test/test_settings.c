// SPDX-License-Identifier: Apache-2.0
/* test_settings.c - how the Go runtime starts: the setting in a stack like that of the kernel, and the limit of files. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "early.h"
#include "test.h"

/* argv, its NULL, env, its NULL, and the auxiliary vector. The number of words is the same before and after. */
#define WORD(number) ((char *)(number))
#define VECTOR                                                                                     \
	WORD(AT_PAGESZ), WORD(4096), WORD(AT_FLAGS), WORD(0), WORD(AT_SECURE), WORD(7),            \
		WORD(AT_NULL), WORD(0)

/* Puts the setting into the stack, and compares all words with those wanted. */
static void becomes(long argc, char **stack, char **want, size_t words)
{
	size_t i;

	rung_set_one_processor(argc, stack);
	for (i = 0; i < words; i++)
		if (stack[i] != want[i])
			EQUAL(strcmp(stack[i], want[i]), 0);
}

static void added(void)
{
	char *stack[] = { "rung", "state", "x", NULL, "A=1", "B=2", NULL, VECTOR };
	char *want[] = { "rung",	 "state",	  "x",	   NULL,	  "GOMAXPROCS=1",
			 "GOMAXPROCS=1", "A=1",		  "B=2",   NULL,	  WORD(AT_PAGESZ),
			 WORD(4096),	 WORD(AT_SECURE), WORD(7), WORD(AT_NULL), WORD(0) };

	EQUAL(sizeof(stack), sizeof(want));
	becomes(3, stack, want, sizeof(want) / sizeof(*want));
	EQUAL(rung_set_processors, 1);
}

static void no_environment(void)
{
	char *stack[] = { "rung", NULL, NULL, WORD(AT_FLAGS), WORD(0), WORD(AT_NULL), WORD(0) };
	char *want[] = {
		"rung", NULL, "GOMAXPROCS=1", "GOMAXPROCS=1", NULL, WORD(AT_NULL), WORD(0)
	};

	becomes(1, stack, want, sizeof(want) / sizeof(*want));
}

static void stays(char **stack, size_t words)
{
	char *want[16];

	CHECK(words <= sizeof(want) / sizeof(*want));
	memcpy(want, stack, words * sizeof(*want));
	becomes(1, stack, want, words);
	EQUAL(rung_set_processors, 0);
}

static void set_by_the_caller(void)
{
	char *stack[] = { "rung", NULL, "A=1", "GOMAXPROCS=", NULL, VECTOR };

	stays(stack, sizeof(stack) / sizeof(*stack));
}

static void no_room(void)
{
	char *stack[] = { "rung",	   NULL,       "A=1",	      NULL,
			  WORD(AT_PAGESZ), WORD(4096), WORD(AT_NULL), WORD(0) };

	stays(stack, sizeof(stack) / sizeof(*stack));
}

static uint64_t soft_limit(void)
{
	struct rlimit limit;

	EQUAL(getrlimit(RLIMIT_NOFILE, &limit), 0);
	return limit.rlim_cur;
}

static void files_until_the_first_thread(void)
{
	struct rlimit limit = { 100, 200 };

	EQUAL(setrlimit(RLIMIT_NOFILE, &limit), 0);
	rung_keep_files_closed();
	EQUAL(open("/dev/null", O_RDONLY), -1);
	EQUAL(errno, EMFILE);
	rung_first_thread();
	EQUAL(soft_limit(), 100);
	EQUAL(getrlimit(RLIMIT_NOFILE, &limit), 0);
	EQUAL(limit.rlim_max, 200);
	limit.rlim_cur = 150; /* set later by others: it stays */
	EQUAL(setrlimit(RLIMIT_NOFILE, &limit), 0);
	rung_first_thread();
	EQUAL(soft_limit(), 150);
}

static void closed_stream(void)
{
	uint64_t before = soft_limit();

	close(STDERR_FILENO);
	rung_keep_files_closed();
	EQUAL(soft_limit(), before);
}

static void is_in(const char *text, const char *wanted)
{
	char copy[PATH_MAX], found[PATH_MAX];

	strcpy(copy, text);
	rung_find_group(copy, found);
	EQUAL(strcmp(found, wanted), 0);
}

static void group_of_processes(void)
{
	is_in("", "");
	is_in("0::/a/b\n", "/sys/fs/cgroup/a/b");
	is_in("0::/", "/sys/fs/cgroup/");
	is_in("3:cpu,cpuacct:/x\n2:pids:/a:b\n1:name=systemd:/y\n0::/z\n",
	      "/sys/fs/cgroup/pids/a:b");
	is_in("2:misc,pids:/a\n0::/z\n", "/sys/fs/cgroup/pids/a");
	is_in("2:pidsome,name=pids:/a\n0::/z\n", "/sys/fs/cgroup/z");
	is_in("no colon\n1:one\n", "");
}

static uint64_t now_ns(void)
{
	struct timespec now;

	EQUAL(clock_gettime(CLOCK_MONOTONIC, &now), 0);
	return (uint64_t)now.tv_sec * 1000 * 1000 * 1000 + (uint64_t)now.tv_nsec;
}

static void *no_work(void *argument)
{
	return argument;
}

static int fails_with, times;

static int maker(void *thread, const void *attributes, void *(*start)(void *), void *argument)
{
	(void)thread, (void)attributes, (void)start, (void)argument;
	return ++times < 3 ? EAGAIN : fails_with;
}

/* EAGAIN passes; other errors are Go's, and it gets none that has passed. */
static void thread_after_a_while(void)
{
	EQUAL(rung_make_thread(maker, NULL, NULL, no_work, NULL), 0);
	EQUAL(times, 3);
	fails_with = EPERM;
	EQUAL(rung_make_thread(maker, NULL, NULL, no_work, NULL), EPERM);
}

static void *the_start(void *argument)
{
	__atomic_store_n((uint64_t *)argument, now_ns(), __ATOMIC_RELEASE);
	return argument;
}

static void *(*given)(void *);

static int makes(void *thread, const void *attributes, void *(*start)(void *), void *argument)
{
	given = start;
	return pthread_create(thread, attributes, start, argument);
}

/* Makes a thread, waits for its end, and returns when it began. */
static uint64_t begins_at(void)
{
	uint64_t began = 0;
	pthread_t thread;

	EQUAL(rung_make_late_monitor(makes, &thread, NULL, the_start, &began), 0);
	EQUAL(pthread_join(thread, NULL), 0);
	return began;
}

static void monitor_begins_late(void)
{
	uint64_t before = now_ns(), first = begins_at();

	CHECK(first - before >= 250 * 1000 * 1000);
	CHECK(given != the_start);
	CHECK(begins_at() > first);
	CHECK(given == the_start);
}

static void monitor_is_called(void)
{
	uint64_t before = now_ns(), began = 0;
	pthread_t thread;

	EQUAL(rung_make_late_monitor(makes, &thread, NULL, the_start, &began), 0);
	while (now_ns() - before < 20 * 1000 * 1000)
		CHECK(__atomic_load_n(&began, __ATOMIC_ACQUIRE) == 0 ||
		      now_ns() - before >= 250 * 1000 * 1000);
	EQUAL(rung_start_monitor(), 1);
	EQUAL(rung_start_monitor(), 0);
	EQUAL(pthread_join(thread, NULL), 0);
	CHECK(began != 0);
}

#define CASE(name) { "the start of the Go runtime: " #name, name, ANYBODY }

const struct test settings_tests[] = {
	CASE(added),
	CASE(no_environment),
	CASE(set_by_the_caller),
	CASE(no_room),
	CASE(files_until_the_first_thread),
	CASE(closed_stream),
	CASE(group_of_processes),
	CASE(thread_after_a_while),
	CASE(monitor_begins_late),
	CASE(monitor_is_called),
	{ NULL, NULL, ANYBODY },
};
