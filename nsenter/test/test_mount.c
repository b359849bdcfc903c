// SPDX-License-Identifier: Apache-2.0
/* test_mount.c - the mount operations, each test in a mount namespace of its own. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

/* <sys/mount.h> and <linux/mount.h> do not go together in older C libraries. */
int mount(const char *, const char *, const char *, unsigned long, const void *);
int umount2(const char *, int);

#define PRIVATE_RECURSIVE (0x40000 | 0x4000)

static struct builder b;
static struct rung_progress *progress;
static char root[128];

static void begin(void)
{
	snprintf(root, sizeof(root), "%s", scratch());
	EQUAL(unshare(CLONE_NEWNS), 0);
	EQUAL(mount(NULL, "/", NULL, PRIVATE_RECURSIVE, NULL), 0);
	EQUAL(mount("tmpfs", root, "tmpfs", 0, "mode=755"), 0);
	EQUAL(chdir(root), 0);
	builder_init(&b);
	progress = new_progress(0);
}

/* Slot 0 is the root in every test of this file. */
static void run(void)
{
	int fd = open_path(root);

	builder_finish(&b);
	run_builder(&b, progress, -1, &fd, 1);
}

static void open_slot(int16_t slot, const char *path)
{
	struct rung_op *op = add(&b, OP_OPEN);

	op->b = slot;
	op->x = O_PATH;
	op->s = add_string(&b, path);
}

static void fsopen_tmpfs(int16_t fs, int16_t tree, uint64_t attributes)
{
	struct rung_op *op = add(&b, OP_FSOPEN);

	op->a = fs;
	op->s = add_string(&b, "tmpfs");
	op = add(&b, OP_FSCONFIG);
	op->a = fs;
	op->x = FSCONFIG_SET_STRING;
	op->s = add_string(&b, "mode");
	op->t = add_string(&b, "711");
	op = add(&b, OP_FSCONFIG);
	op->a = fs;
	op->x = FSCONFIG_CMD_CREATE;
	op->s = op->t = add_string(&b, "");
	op = add(&b, OP_FSMOUNT);
	op->a = fs;
	op->b = tree;
	op->x = attributes;
}

static void move(int16_t tree, int16_t target)
{
	struct rung_op *op = add(&b, OP_MOVE_MOUNT);

	op->a = tree;
	op->b = target;
}

static void make_file(const char *path)
{
	EQUAL(mknod(path, S_IFREG | 0644, 0), 0);
}

static unsigned long flags_of(const char *path)
{
	struct statvfs fs;

	EQUAL(statvfs(path, &fs), 0);
	return fs.f_flag;
}

static void new_filesystem(void)
{
	struct stat st;

	begin();
	EQUAL(mkdir("m", 0755), 0);
	open_slot(1, "m");
	fsopen_tmpfs(2, 3, MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSUID);
	move(3, 1);
	run();
	check_came_to_end(progress, &b);
	EQUAL(stat("m", &st), 0);
	EQUAL(st.st_mode & 07777, 0711);
	EQUAL(flags_of("m") & (ST_NOEXEC | ST_NOSUID | ST_NODEV), ST_NOEXEC | ST_NOSUID);
}

/* FSMOUNT closes the context: its slot is free again. */
static void context_is_closed(void)
{
	begin();
	fsopen_tmpfs(2, 3, 0);
	add(&b, OP_CLOSE)->a = 2;
	add(&b, OP_SETSID);
	run();
	check_failed(progress, 4, EBADF);
}

static void bind_read_only(void)
{
	struct rung_op *op;

	begin();
	EQUAL(mkdir("source", 0755), 0);
	EQUAL(mkdir("m", 0755), 0);
	make_file("source/file");
	op = add(&b, OP_OPEN_TREE);
	op->b = 1;
	op->x = OPEN_TREE_CLONE;
	op->s = add_string(&b, "source");
	op = add(&b, OP_MOUNT_ATTR);
	op->a = 1;
	op->x = MOUNT_ATTR_RDONLY;
	op->s = add_string(&b, "");
	open_slot(2, "m");
	move(1, 2);
	run();
	check_came_to_end(progress, &b);
	EQUAL(access("m/file", F_OK), 0);
	EQUAL(open("m/file", O_WRONLY | O_CLOEXEC), -1);
	EQUAL(errno, EROFS);
	EQUAL(flags_of("source") & ST_RDONLY, 0);
}

static void mount_by_name(void)
{
	struct rung_op *op;

	begin();
	EQUAL(mkdir("m", 0755), 0);
	open_slot(1, "m");
	add(&b, OP_FCHDIR)->a = 1;
	op = add(&b, OP_MOUNT);
	op->x = 0x8; /* MS_NOEXEC */
	op->s = add_string(&b, "none");
	op->t = add_string(&b, "tmpfs");
	op->u = add_string(&b, "mode=700");
	add(&b, OP_SETSID);
	run();
	check_came_to_end(progress, &b);
	EQUAL(flags_of("m") & ST_NOEXEC, ST_NOEXEC);
}

/* Slots: 1 the null device, 2 an empty directory that is attached, 3.. scratch. */
static void mask_sources(void)
{
	EQUAL(mkdir("park", 0755), 0);
	open_slot(1, "/dev/null");
	fsopen_tmpfs(3, 2, MOUNT_ATTR_RDONLY);
	open_slot(4, "park");
	move(2, 4);
}

static struct rung_op *mask(const char *path)
{
	struct rung_op *op = add(&b, OP_MASK);

	op->a = 0;
	op->b = 1;
	op->c = 2;
	op->s = add_string(&b, path);
	return op;
}

static void masks(void)
{
	struct stat st;

	begin();
	EQUAL(mkdir("dir", 0755), 0);
	make_file("dir/secret");
	make_file("file");
	make_file("other");
	EQUAL(symlink("/other", "link"), 0);
	mask_sources();
	mask("/dir");
	mask("/file");
	mask("/link");
	mask("/missing")->ok[0] = ENOENT;
	add(&b, OP_SETSID);
	run();
	check_came_to_end(progress, &b);
	EQUAL(access("dir/secret", F_OK), -1);
	EQUAL(flags_of("dir") & ST_RDONLY, ST_RDONLY);
	EQUAL(stat("file", &st), 0);
	EQUAL(st.st_rdev, makedev(1, 3));
	EQUAL(stat("other", &st), 0);
	EQUAL(st.st_rdev, makedev(1, 3));
	EQUAL(access("missing", F_OK), -1);
}

static void mask_missing(void)
{
	uint32_t at;

	begin();
	mask_sources();
	at = b.count;
	mask("/missing");
	add(&b, OP_SETSID);
	run();
	check_failed(progress, at, ENOENT);
}

/* The kernel attaches nothing of a file that has no name any more: ENOENT, which is not the target's. */
static void mask_without_source(void)
{
	struct rung_op *op;
	uint32_t at;

	begin();
	make_file("file");
	make_file("gone");
	mask_sources();
	open_slot(5, "gone");
	add(&b, OP_UNLINK)->a = 0;
	b.ops[b.count - 1].s = add_string(&b, "gone");
	at = b.count;
	op = mask("/file");
	op->b = 5;
	op->ok[0] = ENOENT;
	add(&b, OP_SETSID);
	run();
	check_failed(progress, at, ESTALE);
}

/* A link of the image leads nowhere but into the root. */
static void mask_stays_inside(void)
{
	struct stat st;

	begin();
	EQUAL(mkdir("etc", 0755), 0);
	make_file("etc/passwd");
	EQUAL(symlink("../../../../etc/passwd", "up"), 0);
	mask_sources();
	mask("/up");
	add(&b, OP_SETSID);
	run();
	check_came_to_end(progress, &b);
	EQUAL(stat("etc/passwd", &st), 0);
	CHECK(S_ISCHR(st.st_mode));
	EQUAL(stat("/etc/passwd", &st), 0);
	CHECK(S_ISREG(st.st_mode));
}

static pid_t rename_for_ever(const char *from, const char *to)
{
	pid_t child = fork();

	if (child != 0)
		return child;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		(void)rename(from, to);
		(void)rename(to, from);
	}
}

/* A lookup that goes up is refused with EAGAIN while anybody on the machine renames anything (openat2(2)). */
static void mask_while_others_rename(void)
{
	struct hands *h;
	pid_t other;
	int i;

	begin();
	EQUAL(mkdir("dir", 0755), 0);
	EQUAL(mkdir("some", 0755), 0);
	make_file("file");
	mask("/dir/../dir/../dir/../dir/../file");
	builder_finish(&b);
	h = bare_hands(&b);
	EQUAL(slot_put(h, 0, open_path(root)), 0);
	EQUAL(slot_put(h, 1, open_path("/dev/null")), 0);
	other = rename_for_ever("some", "other");
	for (i = 0; i < 1000; i++) {
		EQUAL(op_MASK(h, op_of(&b, 0)), 0);
		EQUAL(umount2("file", 0), 0);
	}
	EQUAL(kill(other, SIGKILL), 0);
	EQUAL(waitpid(other, NULL, 0), other);
}

static void move_on_wrong_kind(void)
{
	begin();
	make_file("file");
	open_slot(1, "file");
	fsopen_tmpfs(2, 3, 0);
	move(3, 1);
	add(&b, OP_SETSID);
	run();
	check_failed(progress, 5, EINVAL);
}

static void pivot(void)
{
	const char *const argv[] = { "sh", "-c", "[ ! -e /etc ]", NULL };
	struct rung_op *op;

	begin();
	EQUAL(mkdir("inside", 0755), 0);
	add(&b, OP_UNSHARE)->x = CLONE_NEWNS;
	op = add(&b, OP_MOUNT_ATTR);
	op->z = 0x40000; /* MS_PRIVATE */
	op->w = 0x8000;	 /* AT_RECURSIVE */
	op->s = add_string(&b, "/");
	op = add(&b, OP_OPEN_TREE);
	op->b = 1;
	op->x = OPEN_TREE_CLONE;
	op->s = add_string(&b, root);
	open_slot(2, "/");
	move(1, 2);
	add(&b, OP_FCHDIR)->a = 1;
	add(&b, OP_PIVOT_ROOT);
	op = add(&b, OP_UMOUNT);
	op->x = 2; /* MNT_DETACH */
	op->s = add_string(&b, ".");
	op = add(&b, OP_CHDIR);
	op->s = add_string(&b, "/");
	add(&b, OP_VERIFY_CWD);
	op = add(&b, OP_CHDIR);
	op->s = add_string(&b, "/inside");
	op = add(&b, OP_CHDIR);
	op->s = add_string(&b, "/etc");
	op->ok[0] = ENOENT;
	op = add(&b, OP_EXEC);
	op->s = add_string(&b, "/bin/sh");
	op->t = add_vector(&b, argv);
	op->u = add_vector(&b, argv + 3);
	run();
	check_failed(progress, b.count - 1, ENOENT);
}

/* CVE-2024-21626: a directory of the host that a descriptor leads to. */
static void cwd_outside(void)
{
	struct rung_op *op;

	begin();
	open_slot(1, "/");
	op = add(&b, OP_CHROOT);
	op->s = add_string(&b, root);
	add(&b, OP_FCHDIR)->a = 1;
	add(&b, OP_VERIFY_CWD);
	add(&b, OP_SETSID);
	run();
	check_failed(progress, 3, EXDEV);
}

const struct test mount_tests[] = {
	{ "FSOPEN to MOVE_MOUNT makes a file system with its options", new_filesystem, ROOT },
	{ "FSMOUNT closes the file system context", context_is_closed, ROOT },
	{ "OPEN_TREE and MOUNT_ATTR make a read-only bind", bind_read_only, ROOT },
	{ "MOUNT mounts on the working directory", mount_by_name, ROOT },
	{ "MASK hides directories, files and the targets of links", masks, ROOT },
	{ "MASK reports what is missing", mask_missing, ROOT },
	{ "MASK does not take the loss of the mask for a missing path", mask_without_source, ROOT },
	{ "MASK stays in the root", mask_stays_inside, ROOT },
	{ "MASK takes no harm from renames elsewhere", mask_while_others_rename, ROOT },
	{ "MOVE_MOUNT refuses a directory on a file", move_on_wrong_kind, ROOT },
	{ "PIVOT_ROOT leaves the host's root", pivot, ROOT },
	{ "VERIFY_CWD refuses a directory outside of the root", cwd_outside, ROOT },
	{ NULL, NULL, ANYBODY },
};
