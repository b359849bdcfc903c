// SPDX-License-Identifier: Apache-2.0
/* test_loop.c - the interpreter: tolerated errnos, skips, empty slots, the progress page. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "test.h"

static struct builder b;
static struct rung_progress *progress;

static void begin(void)
{
	builder_init(&b);
	progress = new_progress(0);
}

static struct rung_op *add_chdir(const char *path)
{
	struct rung_op *op = add(&b, OP_CHDIR);

	op->s = add_string(&b, path);
	return op;
}

static struct rung_op *add_open(const char *path, int32_t slot)
{
	struct rung_op *op = add(&b, OP_OPEN);

	op->b = slot;
	op->x = O_PATH;
	op->s = add_string(&b, path);
	return op;
}

static struct rung_op *add_fchdir(int32_t slot)
{
	struct rung_op *op = add(&b, OP_FCHDIR);

	op->a = slot;
	return op;
}

static int run(void)
{
	builder_finish(&b);
	return run_builder(&b, progress, -1, NULL, 0);
}

static void failure(void)
{
	int status;

	begin();
	add_chdir("/");
	add_chdir("/does/not/exist");
	add_chdir("/");
	status = run();
	CHECK(WIFEXITED(status));
	EQUAL(WEXITSTATUS(status), 1);
	check_failed(progress, 1, ENOENT);
	EQUAL(progress->segment, 0);
	EQUAL(progress->pid, 0);
}

static void end_without_exec(void)
{
	begin();
	add_chdir("/");
	run();
	check_came_to_end(progress, &b);
}

static void tolerated(void)
{
	struct rung_op *op;
	int i;

	for (i = 0; i < 4; i++) {
		begin();
		op = add_chdir("/does/not/exist");
		memset(op->ok, EPERM, sizeof(op->ok));
		op->ok[i] = ENOENT;
		run();
		check_came_to_end(progress, &b);
	}
}

static void other_errno(void)
{
	begin();
	add_chdir("/does/not/exist")->ok[0] = ENOTDIR;
	add_chdir("/");
	run();
	check_failed(progress, 0, ENOENT);
}

static struct rung_op *skip_if_ok(struct rung_op *op, uint32_t index)
{
	op->flags = RUNG_SKIP_IF_OK;
	op->skip = index;
	return op;
}

static void skip_after_success(void)
{
	begin();
	add_chdir("/");
	skip_if_ok(add_chdir("/does/not/exist"), 0);
	run();
	check_came_to_end(progress, &b);
}

static void no_skip_after_failure(void)
{
	begin();
	add_chdir("/does/not/exist")->ok[0] = ENOENT;
	skip_if_ok(add_chdir("/neither"), 0);
	add_chdir("/");
	run();
	check_failed(progress, 1, ENOENT);
}

/* A skipped op does not count as one that succeeded: an op that depends on its success runs. */
static void no_skip_after_skip(void)
{
	begin();
	add_chdir("/");
	skip_if_ok(add_chdir("/"), 0);
	skip_if_ok(add_chdir("/does/not/exist"), 1);
	add_chdir("/");
	run();
	check_failed(progress, 2, ENOENT);
}

static void empty_slot(void)
{
	begin();
	add_chdir("/");
	add_fchdir(3);
	add_chdir("/");
	run();
	check_failed(progress, 1, EBADF);
}

/* A tolerated EBADF covers a system call's error, never an empty slot. */
static void empty_slot_not_tolerated(void)
{
	begin();
	add_fchdir(3)->ok[0] = EBADF;
	add_chdir("/");
	run();
	check_failed(progress, 0, EBADF);
}

static void empty_directory_slot(void)
{
	begin();
	add_open("/", 4)->a = 3;
	add_chdir("/");
	run();
	check_failed(progress, 0, EBADF);
}

static void skip_if_empty(void)
{
	begin();
	add_open("/does/not/exist", 3)->ok[0] = ENOENT;
	add_fchdir(3)->flags = RUNG_SKIP_IF_EMPTY;
	add_chdir("/");
	run();
	check_came_to_end(progress, &b);
}

static void no_skip_if_filled(void)
{
	begin();
	add_open("/etc/passwd", 3);
	add_fchdir(3)->flags = RUNG_SKIP_IF_EMPTY;
	add_chdir("/");
	run();
	check_failed(progress, 1, ENOTDIR);
}

static void close_empties(void)
{
	struct rung_op *op;

	begin();
	add_open("/", 3);
	add_fchdir(3);
	op = add(&b, OP_CLOSE);
	op->a = 3;
	add_fchdir(3);
	add_chdir("/");
	run();
	check_failed(progress, 3, EBADF);
}

static void verify_cwd(void)
{
	begin();
	add_chdir("/tmp");
	add(&b, OP_VERIFY_CWD);
	add_chdir("/");
	run();
	check_came_to_end(progress, &b);
}

static void clocks(void)
{
	struct timespec now;
	uint32_t i;

	builder_init(&b);
	progress = new_progress(8);
	for (i = 0; i < 5; i++)
		add_chdir("/");
	run();
	EQUAL(progress->traced, 5);
	clock_gettime(CLOCK_MONOTONIC, &now);
	CHECK(progress->clock[0] > 0);
	for (i = 1; i < 5; i++)
		CHECK(progress->clock[i] >= progress->clock[i - 1]);
	CHECK(progress->clock[4] <= (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec);
	EQUAL(progress->clock[5], 0);
}

static void clocks_have_an_end(void)
{
	uint32_t i;

	builder_init(&b);
	progress = new_progress(3);
	for (i = 0; i < 5; i++)
		add_chdir("/");
	run();
	EQUAL(progress->traced, 3);
	check_came_to_end(progress, &b);
}

static void no_clocks(void)
{
	begin();
	add_chdir("/");
	run();
	EQUAL(progress->traced, 0);
}

static void add_exec(const char *script)
{
	const char *const argv[] = { "sh", "-c", script, NULL };
	static const char *const env[] = { "GREETING=hello", NULL };
	struct rung_op *op = add(&b, OP_EXEC);

	op->s = add_string(&b, "/bin/sh");
	op->t = add_vector(&b, argv);
	op->u = add_vector(&b, env);
}

static void exec_program(void)
{
	int status;

	begin();
	add_chdir("/");
	add_exec("[ \"$GREETING\" = hello ] && exit 42");
	status = run();
	EQUAL(WEXITSTATUS(status), 42);
	check_failed(progress, 1, 0);
}

static void exec_fails(void)
{
	begin();
	add_exec("true");
	b.ops[0].s = add_string(&b, "/does/not/exist");
	run();
	check_failed(progress, 0, ENOENT);
}

/* Denies exit_group and exit, as a user's filter may: the stage must die all the same. */
static void add_no_exit_filter(void)
{
	const struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct rung_op *op;

	add(&b, OP_NO_NEW_PRIVS);
	op = add(&b, OP_SECCOMP);
	op->s = add_bytes(&b, filter, sizeof(filter));
}

static void death_without_exit(void)
{
	int status;

	begin();
	add_no_exit_filter();
	add_chdir("/does/not/exist");
	status = run();
	CHECK(WIFSIGNALED(status));
	CHECK(WTERMSIG(status) != SIGALRM);
	check_failed(progress, 2, ENOENT);
}

/* After SECCOMP the stage makes no system call but execve, with --trace too. */
static void nothing_between_filter_and_exec(void)
{
	const struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NR_clock_gettime, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct rung_op *op;
	int status;

	builder_init(&b);
	progress = new_progress(8);
	add(&b, OP_NO_NEW_PRIVS);
	op = add(&b, OP_SECCOMP);
	op->s = add_bytes(&b, filter, sizeof(filter));
	add_exec("exit 7");
	status = run();
	CHECK(WIFEXITED(status));
	EQUAL(WEXITSTATUS(status), 7);
	EQUAL(progress->traced, 2);
}

static void killed(void)
{
	struct rung_op *op;
	int status;

	begin();
	add(&b, OP_NO_NEW_PRIVS);
	op = add(&b, OP_SECCOMP);
	op->s = add_bytes(&b,
			  &(struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
			  sizeof(struct sock_filter));
	add_chdir("/");
	status = run();
	CHECK(WIFSIGNALED(status));
	EQUAL(WTERMSIG(status), SIGSYS);
	check_failed(progress, 2, 0);
}

const struct test loop_tests[] = {
	{ "a failure leaves op and errno in the progress page", failure, ANYBODY },
	{ "a plan that does not end in EXEC fails", end_without_exec, ANYBODY },
	{ "each of four errnos can be tolerated", tolerated, ANYBODY },
	{ "another errno is not tolerated", other_errno, ANYBODY },
	{ "SKIP_IF_OK skips after success", skip_after_success, ANYBODY },
	{ "SKIP_IF_OK does not skip after a tolerated failure", no_skip_after_failure, ANYBODY },
	{ "SKIP_IF_OK does not skip after a skipped op", no_skip_after_skip, ANYBODY },
	{ "a read of an empty slot is EBADF", empty_slot, ANYBODY },
	{ "a read of an empty slot can not be tolerated", empty_slot_not_tolerated, ANYBODY },
	{ "an empty directory slot is EBADF, not the working directory", empty_directory_slot,
	  ANYBODY },
	{ "SKIP_IF_EMPTY skips when the slot is empty", skip_if_empty, ANYBODY },
	{ "SKIP_IF_EMPTY does not skip when it is filled", no_skip_if_filled, ANYBODY },
	{ "CLOSE empties the slot", close_empties, ANYBODY },
	{ "VERIFY_CWD takes a directory inside the root", verify_cwd, ANYBODY },
	{ "trace stores a rising clock for each op", clocks, ANYBODY },
	{ "trace stops where its room ends", clocks_have_an_end, ANYBODY },
	{ "no clock without trace", no_clocks, ANYBODY },
	{ "EXEC passes arguments and environment", exec_program, ANYBODY },
	{ "EXEC reports a program that is missing", exec_fails, ANYBODY },
	{ "a failure ends the stage under a filter that denies exit", death_without_exit, ANYBODY },
	{ "trace makes no system call under the filter", nothing_between_filter_and_exec, ANYBODY },
	{ "the page names the op during which the stage was killed", killed, ANYBODY },
	{ NULL, NULL, ANYBODY },
};
