// SPDX-License-Identifier: Apache-2.0
//go:build cgo
/*
 * limits.c - refuses resource limits of the caller under which the Go runtime would end with a stack trace or without a
 * message. It runs before Go starts, in every rung process but the stage.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "early.h"
#include "stage.h"
#include "text.h"

#if !defined(RUNG_IMAGE) /* the stage needs none of these limits */

/* The mode of a new file of --log (log.go has the same): others may read it. */
#define LOG_MODE (S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH)

/* Room for the message about a limit, and for a line of the log, in which each byte of a message may take two. */
#define MESSAGE_SIZE 192
#define LINE_SIZE    (2 * (PATH_MAX + 512))

static long arguments;
static char **argument;

struct need {
	int resource;
	int hard;  /* the hard limit counts: Go raises the soft one to it */
	int users; /* root is exempt (copy_process of kernel/fork.c) */
	uint64_t least;
	const char *name, *command;
};

static const struct need needs[] = {
	/* The poller, standard streams, the sockets and files of a container with each v1 cgroup. */
	{ RLIMIT_NOFILE, 1, 0, 64, "RLIMIT_NOFILE", "ulimit -n" },
	{ RLIMIT_STACK, 0, 0, 64 * 1024, "RLIMIT_STACK", "ulimit -s" },
	/* Threads of Go, the stage and the container's process. */
	{ RLIMIT_NPROC, 0, 1, 16, "RLIMIT_NPROC", "ulimit -u" },
#if __SIZEOF_POINTER__ == 8
	/* Go reserves 585 MiB for the summary of its pages, and arenas: nothing that takes memory. */
	{ RLIMIT_AS, 0, 0, 768 << 20, "RLIMIT_AS", "ulimit -v" },
	/* Of that, 42 MiB may be written to when Go has begun. */
	{ RLIMIT_DATA, 0, 0, 64 << 20, "RLIMIT_DATA", "ulimit -d" },
#endif
};

/* Returns the value of a global option, "--log PATH" or "--log=PATH", also with one dash; NULL: it is not given. */
static const char *option(long argc, char **argv, const char *name)
{
	const char *word, *value = NULL;
	size_t length = strlen(name);
	long i;

	for (i = 1; i < argc && argv[i][0] == '-'; i++) {
		word = argv[i] + (argv[i][1] == '-' ? 2 : 1);
		if (begins(word, name) && word[length] == '=')
			value = word + length + 1;
		else if (strcmp(word, name) == 0 && i + 1 < argc)
			value = argv[i + 1];
		if (takes_value(word))
			i++;
	}
	return value;
}

/* Writes a text as both formats of the log have it in quotes. */
static char *append_quoted(char *to, const char *text)
{
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			*to++ = '\\';
		*to++ = *text;
	}
	return to;
}

/* Engines read the reason of a failure from the file that --log names. The line is that of main.go without the time. */
static void write_log(const char *message)
{
	const char *path = option(arguments, argument, "log");
	const char *format = option(arguments, argument, "log-format");
	static char line[LINE_SIZE];
	int json = format && strcmp(format, "json") == 0;
	char *end;
	long fd;

	if (!path || !*path)
		return;
	end = append(line, json ? "{\"level\":\"error\",\"msg\":\"" : "level=error msg=\"");
	end = append(append_quoted(end, message), json ? "\"}\n" : "\"\n");
	fd = sys(SYS_openat, AT_FDCWD, path, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, LOG_MODE);
	if (fd >= 0) /* errors do not matter: stderr has the message too */
		sys(SYS_write, fd, line, end - line);
}

void rung_end_with(const char *message)
{
	static char line[LINE_SIZE];
	char *end = append(append(append(line, "rung: "), message), "\n");

	write_log(message);
	sys(SYS_write, STDERR_FILENO, line, end - line); /* an error here has nowhere to go */
	for (;;)
		sys(SYS_exit_group, 1);
}

__attribute__((noreturn)) static void refuse(const struct need *need, uint64_t limit)
{
	char line[MESSAGE_SIZE], *end = append(line, "the caller's ");

	end = append(append(end, need->name), " of ");
	end = append(put_decimal(end, limit), " is too small: rung needs ");
	end = append(put_decimal(end, need->least), " (");
	end = append(append(end, need->command), ")");
	*end = '\0';
	rung_end_with(line);
}

void rung_check_limits(long argc, char **argv)
{
	const struct need *need;
	uint64_t limit[2];

	arguments = argc;
	argument = argv;
	for (need = needs; need < needs + COUNT(needs); need++) {
		if (need->users && sys(SYS_getuid) == 0)
			continue;
		if (sys(SYS_prlimit64, 0, need->resource, NULL, limit) < 0)
			continue; /* an unknown limit is no reason to refuse */
		if (limit[need->hard] < need->least)
			refuse(need, limit[need->hard]);
	}
	/*
	 * RLIMIT_FSIZE holds for memfds too. SIGXFSZ must not kill this process without a message before Go handles
	 * signals; Go itself ignores it. The stage restores the default action. There
	 * is no error: the signal is a valid one.
	 */
	set_action(SIGXFSZ, SIG_IGN);
}

#endif
