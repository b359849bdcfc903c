// SPDX-License-Identifier: Apache-2.0
/* main.c - runs every test in a process of its own and reports in TAP. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

static char top[] = "/tmp/stage-test.XXXXXX";
static int passed, failed, skipped;

void check_equal(const char *file, int line, const char *what, long got, long want)
{
	char text[512];
	int n;

	if (got == want)
		return;
	n = snprintf(text, sizeof(text), "# %s:%d: %s is %ld, not %ld\n", file, line, what, got,
		     want);
	if (write(STDOUT_FILENO, text, (size_t)n) < 0)
		_exit(2);
	_exit(1);
}

const char *scratch(void)
{
	static char path[64];

	snprintf(path, sizeof(path), "%s/XXXXXX", top);
	CHECK(mkdtemp(path) != NULL);
	return path;
}

int open_path(const char *path)
{
	int fd = open(path, O_PATH | O_CLOEXEC);

	CHECK(fd >= 0);
	return fd;
}

static void run_test(const struct test *t)
{
	int status = -1;
	pid_t pid;

	if (t->need == ROOT && geteuid() != 0) {
		printf("ok %d %s # skip needs root\n", passed + failed + ++skipped, t->name);
		return;
	}
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		setpgid(0, 0);
		alarm(TIMEOUT);
		t->run();
		_exit(0);
	}
	waitpid(pid, &status, 0);
	kill(-pid, SIGKILL); /* a failed test may have left processes behind */
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		passed++;
		printf("ok %d %s\n", passed + failed + skipped, t->name);
		return;
	}
	failed++;
	printf("not ok %d %s\n# wait status %#x\n", passed + failed + skipped, t->name, status);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static void short_plan(struct builder *b)
{
	builder_init(b);
	add(b, OP_SETSID);
	builder_finish(b);
}

/* Two EXECs, whose vectors share their strings. */
static void vectors_plan(struct builder *b)
{
	sample_plan(b);
	b->ops[4] = b->ops[5];
	b->ops[4].t = add_vector(b, (const char *const[]){ "sh", NULL });
	b->ops[4].u = add_vector(b, (const char *const[]){ NULL });
	builder_finish(b);
}

/* Writes well-formed plans for the fuzzer to start from. */
static int write_seeds(const char *dir)
{
	static void (*const plans[])(struct builder *) = { sample_plan, short_plan, vectors_plan };
	static struct builder b;
	char path[PATH_MAX];
	FILE *file;
	size_t i;

	for (i = 0; i < sizeof(plans) / sizeof(plans[0]); i++) {
		plans[i](&b);
		snprintf(path, sizeof(path), "%s/%zu", dir, i);
		file = fopen(path, "we");
		if (!file || fwrite(b.bytes, b.size, 1, file) != 1 || fclose(file))
			return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	static const struct test *const suites[] = { plan_tests,    loop_tests,	   file_tests,
						     mount_tests,   copyup_tests,  process_tests,
						     message_tests, program_tests, settings_tests };
	long *stack = (long *)(void *)argv - 1;
	const struct test *t;
	size_t i;

	/*
	 * Calls rung_enter as the entry point of rung does: argv lies on the stack that the kernel
	 * made. On arm the C library has overwritten argc there.
	 */
	stack[0] = argc;
	rung_enter(stack);
	if (getenv("STAGE_TEST_RETURN"))
		return 3; /* tells entry_stays_out that rung_enter returned */
	if (argc == 3 && strcmp(argv[1], "--seeds") == 0)
		return write_seeds(argv[2]);
	if (!mkdtemp(top))
		return 2;
	for (i = 0; i < sizeof(suites) / sizeof(suites[0]); i++)
		for (t = suites[i]; t->name; t++)
			run_test(t);
	nftw(top, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	printf("1..%d\n", passed + failed + skipped);
	if (skipped)
		printf("%d passed, %d failed, %d skipped\n", passed, failed, skipped);
	else
		printf("%d passed, %d failed\n", passed, failed);
	return failed ? 1 : 0;
}
