// SPDX-License-Identifier: Apache-2.0
/*
 * limits.c - refuses limits of the caller under which the Go runtime would end with a trace of its own, or with no
 * word at all. It runs in every rung process but the hands, before Go starts.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "early.h"
#include "hands.h"

struct need {
	int resource;
	int hard; /* the hard limit counts: Go raises the soft one to it */
	uint64_t least;
	const char *name, *command;
};

static const struct need needs[] = {
	/* The poller, standard streams, the sockets and files of a container with each v1 cgroup. */
	{ RLIMIT_NOFILE, 1, 64, "RLIMIT_NOFILE", "ulimit -n" },
	{ RLIMIT_STACK, 0, 64 * 1024, "RLIMIT_STACK", "ulimit -s" },
#if __SIZEOF_POINTER__ == 8
	/* Go reserves 585 MiB for the summary of its pages, and arenas: nothing that takes memory. */
	{ RLIMIT_AS, 0, 768 << 20, "RLIMIT_AS", "ulimit -v" },
#endif
};

static char *append(char *to, const char *text)
{
	while (*text)
		*to++ = *text++;
	return to;
}

static char *append_number(char *to, uint64_t n)
{
	char digits[20];
	int i = 0;

	do
		digits[i++] = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	while (i > 0)
		*to++ = digits[--i];
	return to;
}

__attribute__((noreturn)) static void refuse(const struct need *need, uint64_t limit)
{
	char line[192], *end = line;

	end = append(end, "rung: the caller's ");
	end = append(end, need->name);
	end = append(end, " of ");
	end = append_number(end, limit);
	end = append(end, " is too small: rung needs ");
	end = append_number(end, need->least);
	end = append(end, " (");
	end = append(end, need->command);
	end = append(end, ")\n");
	sys(SYS_write, 2, line, end - line); /* neglected: there is nobody else to tell */
	for (;;)
		sys(SYS_exit_group, 1);
}

/*
 * What is written under a small RLIMIT_FSIZE, memfds too, sends SIGXFSZ before the error. Go takes no notice of it;
 * until then it must not end this process without a word. The hands get the default action back.
 */
static void ignore_file_size(void)
{
	uint64_t action[4] = { 0 };
	struct {
		void (*handler)(int);
	} *ignored = (void *)action;

	ignored->handler = SIG_IGN;
	sys(SYS_rt_sigaction, SIGXFSZ, action, NULL, sizeof(signal_mask));
}

void rung_check_limits(void)
{
	const struct need *need;
	uint64_t limit[2];

	for (need = needs; need < needs + sizeof(needs) / sizeof(needs[0]); need++) {
		if (sys(SYS_prlimit64, 0, need->resource, NULL, limit) < 0)
			continue; /* what cannot be known is no reason to refuse */
		if (limit[need->hard] < need->least)
			refuse(need, limit[need->hard]);
	}
	ignore_file_size();
}
