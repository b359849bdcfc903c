// SPDX-License-Identifier: Apache-2.0
//go:build cgo
/*
 * threads.c - says in one line why no thread can be made, where the Go runtime would end with a trace. Go makes threads when it
 * likes, so nobody could return an error; and a probe before it starts would cost each command a process.
 *
 * What was found out goes with the line: which cgroup is full, or that it is memory that lacks.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "early.h"
#include "stage.h"
#include "text.h"

#if !defined(RUNG_IMAGE)

/* pthread_create is tried as often as package runtime/cgo tries it, with a millisecond more between each two: 210 ms. */
#define TRIES 20

static long read_file(const char *path, char *to, size_t size)
{
	long fd = sys(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC), n, length = 0;

	if (fd < 0)
		return fd;
	while ((n = sys(SYS_read, fd, to + length, size - 1 - (size_t)length)) > 0)
		length += n;
	sys(SYS_close, fd);
	to[length] = '\0';
	return n < 0 ? n : length;
}

/* Returns the number in a file of a cgroup, or -1: there is none, as in "max". */
static int number_in(const char *directory, const char *name)
{
	char path[PATH_MAX + NAME_MAX], text[DECIMAL_SIZE + 1];
	long n;

	append(append(append(path, directory), "/"), name)[0] = '\0';
	n = read_file(path, text, sizeof(text));
	if (n <= 0 || text[n - 1] != '\n')
		return -1;
	text[n - 1] = '\0';
	return number(text, INT_MAX);
}

/* Returns the end of a line or text. */
static char *line_end(char *at)
{
	while (*at && *at != '\n')
		at++;
	return at;
}

/* Whether a list of controllers, which ends at a colon, has that of processes. */
static int has_pids(const char *list)
{
	const char name[] = "pids";

	for (;; list++) {
		if (begins(list, name) && (list[strlen(name)] == ',' || list[strlen(name)] == ':'))
			return 1;
		while (*list && *list != ',' && *list != ':')
			list++;
		if (*list != ',')
			return 0;
	}
}

void rung_find_group(char *text, char *directory)
{
	char *line, *end, *list, *path;

	*directory = '\0';
	for (line = text; *line; line = *end ? end + 1 : end) {
		end = line_end(line);
		for (list = line; list < end && *list != ':'; list++)
			;
		for (path = list + 1; path < end && *path != ':'; path++)
			;
		if (path >= end || end - path >= PATH_MAX - 32)
			continue;
		if (has_pids(list + 1))
			directory = append(directory, "/sys/fs/cgroup/pids");
		else if (path == list + 1) /* v2, the last line */
			directory = append(directory, "/sys/fs/cgroup");
		else
			continue;
		memcpy(directory, path + 1, (size_t)(end - path - 1));
		directory[end - path - 1] = '\0';
		return;
	}
}

/* Finds the cgroup, at rung's own or above it, that has as many processes and threads as it may have. Returns the limit, or -1. */
static int full_group(char *directory)
{
	static char text[4 * PATH_MAX];
	char *end;
	int most;

	if (read_file("/proc/self/cgroup", text, sizeof(text)) < 0)
		return -1;
	rung_find_group(text, directory);
	for (end = directory + strlen(directory); end > directory; end--) {
		if (*end && *end != '/')
			continue;
		*end = '\0';
		most = number_in(directory, "pids.max");
		if (most >= 0 && number_in(directory, "pids.current") >= most)
			return most;
	}
	return -1;
}

/* Tries a process, which ends at once. Returns 0 or an error. */
static long try_process(void)
{
	struct clone_args args;
	long pid;

	memset(&args, 0, sizeof(args));
	pid = sys(SYS_clone3, &args, sizeof(args));
	while (pid == 0)
		sys(SYS_exit_group, 0);
	if (pid < 0)
		return pid;
	while (sys(SYS_wait4, pid, NULL, __WALL, NULL) == -EINTR)
		;
	return 0;
}

/* Says which limit of processes is reached, and how it is raised. */
static char *name_limit(char *to)
{
	static char directory[PATH_MAX];
	uint64_t limit[2];
	int most = full_group(directory);

	if (most >= 0) {
		to = append(append(append(to, "pids.max of "), directory), " is ");
		return append(
			put_decimal(to, (uint64_t)most),
			" (do: raise it, by TasksMax= of the unit or --pids-limit of the engine)");
	}
	to = append(to, "pids.max of the cgroup");
	if (sys(SYS_getuid) == 0) /* RLIMIT_NPROC does not hold for root */
		return append(to, " or kernel.threads-max is reached (do: raise TasksMax= of the "
				  "unit, --pids-limit "
				  "of the engine, or that sysctl)");
	to = append(to, " or RLIMIT_NPROC");
	if (sys(SYS_prlimit64, 0, RLIMIT_NPROC, NULL, limit) == 0)
		to = put_decimal(append(to, ", which is "), limit[0]);
	return append(to, ", is reached (do: raise TasksMax= of the unit, --pids-limit of the "
			  "engine, or ulimit -u)");
}

/*
 * Asks whether clone(2) is denied: the kernel itself refuses shared signal handlers without shared memory. The order of the
 * arguments differs between architectures.
 */
static int clone_is_denied(void)
{
	return sys(SYS_clone, CLONE_SIGHAND, CLONE_SIGHAND, 0, 0, 0) != -EINVAL;
}

__attribute__((noreturn)) static void refuse_thread(void)
{
	static char line[PATH_MAX + 512];
	char *end = append(line, "no thread can be made: ");
	long result;

	if (clone_is_denied()) {
		append(end, "a seccomp filter that rung itself runs under denies clone(2) (do: add "
			    "clone to its "
			    "profile: docker run --security-opt seccomp=PROFILE, or "
			    "SystemCallFilter=clone in the unit)");
		rung_end_with(line);
	}
	result = try_process();
	if (result == 0 || result == -ENOMEM)
		end = append(end, "there is no memory for its stack (do: raise ulimit -v, or the "
				  "memory limit of the cgroup)");
	else
		end = name_limit(end);
	*end = '\0';
	rung_end_with(line);
}

/* Makes a thread by a function as pthread_create, or ends this process with one line if it cannot. Other errors are Go's. */
int rung_make_thread(thread_maker make, void *thread, const void *attributes,
		     void *(*start)(void *), void *argument)
{
	struct timespec pause = { 0, 0 };
	int tries, error;

	for (tries = 0; tries < TRIES; tries++) {
		error = make(thread, attributes, start, argument);
		if (error != EAGAIN)
			return error;
		pause.tv_nsec += 1000 * 1000;
		nanosleep(&pause, NULL); /* a signal only makes it shorter */
	}
	refuse_thread();
}

#endif
