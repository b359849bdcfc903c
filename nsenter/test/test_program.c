// SPDX-License-Identifier: Apache-2.0
/* test_program.c - the search for the program, with the rights of the process. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

static struct builder b;
static struct rung_progress *progress;

static void begin(void)
{
	builder_init(&b);
	progress = new_progress(0);
}

static int run(void)
{
	builder_finish(&b);
	return run_builder(&b, progress, -1, NULL, 0);
}

static void make_file(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, mode);

	CHECK(fd >= 0);
	EQUAL(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/* Goes to a directory with a program "here/p", and with what is none at "dir/p", "plain/p", "loop" and "closed/p". */
static void make_programs(void)
{
	EQUAL(chdir(scratch()), 0);
	EQUAL(mkdir("here", 0755), 0);
	EQUAL(mkdir("plain", 0755), 0);
	EQUAL(mkdir("dir", 0755), 0);
	EQUAL(mkdir("dir/p", 0755), 0);
	EQUAL(mkdir("closed", 0755), 0);
	EQUAL(symlink("loop", "loop"), 0);
	make_file("here/p", "#!/bin/sh\nexit 42\n", 0755);
	make_file("plain/p", "#!/bin/sh\n", 0644);
	make_file("closed/p", "#!/bin/sh\nexit 7\n", 0755);
	EQUAL(chmod("closed", 0), 0);
}

/* Gives up root: CAP_DAC_OVERRIDE would open everything. */
static void add_nobody(void)
{
	struct rung_op *op;

	if (geteuid() != 0)
		return;
	EQUAL(chmod(".", 0755), 0);
	op = add(&b, OP_SETGID);
	op->x = 65534;
	op = add(&b, OP_SETUID);
	op->x = 65534;
}

/* Returns the index of the op. */
static uint32_t add_find(const char *const *paths)
{
	struct rung_op *op = add(&b, OP_FIND_PROGRAM);

	op->s = add_vector(&b, paths);
	return b.count - 1;
}

static void add_exec_of_found(void)
{
	static const char *const argv[] = { "p", NULL }, *const env[] = { NULL };
	struct rung_op *op = add(&b, OP_EXEC);

	op->s = add_string(&b, "");
	op->t = add_vector(&b, argv);
	op->u = add_vector(&b, env);
}

/* A search goes on behind everything that is no program, and behind what its user may not execute. */
static void finds_program(void)
{
	static const char *const paths[] = { "missing/p", "here/p/p",  "loop/p",
					     "dir/p",	  "closed/p",  "plain/p",
					     "here/p",	  "missing/p", NULL };
	int status;

	begin();
	make_programs();
	add_nobody();
	add_find(paths);
	add_exec_of_found();
	status = run();
	CHECK(WIFEXITED(status));
	EQUAL(WEXITSTATUS(status), 42);
	EQUAL(progress->candidate, 6);
}

static void check_not_found(const char *const *paths, int error, uint32_t candidate,
			    const char *call)
{
	uint32_t index;

	begin();
	add_nobody();
	index = add_find(paths);
	add_exec_of_found();
	run();
	check_failed(progress, index, error);
	EQUAL(progress->candidate, candidate);
	EQUAL(strcmp(progress->call, call), 0);
}

static void finds_no_program(void)
{
	static const char *const none[] = { NULL }, *const missing[] = { "a", "b", NULL };
	static const char *const directory[] = { "here", NULL }, *const plain[] = { "plain/p",
										    NULL };
	static const char *const closed[] = { "a", "closed/p", "plain/p", "b", NULL };

	make_programs();
	EQUAL(chmod(".", 0755), 0);
	check_not_found(none, ENOENT, 0, "");
	check_not_found(missing, ENOENT, 1, "statx");
	check_not_found(directory, EISDIR, 0, "");
	check_not_found(plain, EACCES, 0, "faccessat2");
	check_not_found(closed, EACCES, 1, "statx");
}

static void add_denial(long call, int error)
{
	const struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct rung_op *op;

	add(&b, OP_NO_NEW_PRIVS);
	op = add(&b, OP_SECCOMP);
	op->s = add_bytes(&b, filter, sizeof(filter));
}

/* An error that does not say that there is no program ends the search. */
static void error_ends_search(void)
{
	static const char *const paths[] = { "plain/p", "here/p", NULL };
	uint32_t index;

	begin();
	make_programs();
	add_denial(SYS_statx, EIO);
	index = add_find(paths);
	add_exec_of_found();
	run();
	check_failed(progress, index, EIO);
	EQUAL(progress->candidate, 0);
}

/* Where faccessat2(2) is denied, the bits of the mode decide. */
static void finds_by_mode(void)
{
	static const char *const paths[] = { "plain/p", "here/p", NULL };
	int status;

	begin();
	make_programs();
	add_denial(SYS_faccessat2, EPERM);
	add_find(paths);
	add_exec_of_found();
	status = run();
	CHECK(WIFEXITED(status));
	EQUAL(WEXITSTATUS(status), 42);
	EQUAL(progress->candidate, 1);
}

/* A mount that is noexec: only the kernel knows. */
static void finds_behind_noexec(void)
{
	static const char *const paths[] = { "noexec/p", "here/p", NULL };
	int status;

	begin();
	make_programs();
	EQUAL(unshare(CLONE_NEWNS), 0);
	EQUAL(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	EQUAL(mkdir("noexec", 0755), 0);
	EQUAL(mount("none", "noexec", "tmpfs", MS_NOEXEC, NULL), 0);
	make_file("noexec/p", "#!/bin/sh\nexit 7\n", 0755);
	add_find(paths);
	add_exec_of_found();
	status = run();
	EQUAL(umount("noexec"), 0);
	CHECK(WIFEXITED(status));
	EQUAL(WEXITSTATUS(status), 42);
}

const struct test program_tests[] = {
	{ "FIND_PROGRAM finds what the user may execute", finds_program, ANYBODY },
	{ "FIND_PROGRAM says why there is none", finds_no_program, ANYBODY },
	{ "FIND_PROGRAM ends with an error that is no answer", error_ends_search, ANYBODY },
	{ "FIND_PROGRAM without faccessat2", finds_by_mode, ANYBODY },
	{ "FIND_PROGRAM does not find what is mounted noexec", finds_behind_noexec, ROOT },
	{ NULL, NULL, ANYBODY },
};
