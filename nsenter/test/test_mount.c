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

static void open_slot(int32_t slot, const char *path)
{
	struct rung_op *op = add(&b, OP_OPEN);

	op->b = slot;
	op->x = O_PATH;
	op->s = add_string(&b, path);
}

static void fsopen_tmpfs(int32_t fs, int32_t tree, uint64_t attributes)
{
	struct rung_op *op = add(&b, OP_FSOPEN);

	op->a = fs;
	op->s = add_string(&b, "tmpfs");
	op = add(&b, OP_FSCONFIG);
	op->a = fs;
	op->x = FSCONFIG_SET_STRING;
	op->s = add_string(&b, "mode");
	op->t = add_string(&b, "711");
	op = add(&b, OP_FSMOUNT);
	op->a = fs;
	op->b = tree;
	op->x = attributes;
}

static struct rung_op *move(int32_t tree, int32_t target)
{
	struct rung_op *op = add(&b, OP_MOVE_MOUNT);

	op->a = tree;
	op->b = target;
	return op;
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
	check_failed(progress, 3, EBADF);
}

/* MOVE_MOUNT closes what it is told to, and that only when the mount is attached. */
static void move_closes(uint64_t which, int32_t closed, int32_t open)
{
	begin();
	EQUAL(mkdir("m", 0755), 0);
	open_slot(1, "m");
	fsopen_tmpfs(2, 3, 0);
	move(3, 1)->x = which;
	add(&b, OP_CLOSE)->a = open;
	add(&b, OP_CLOSE)->a = closed;
	add(&b, OP_SETSID);
	run();
	check_failed(progress, 6, EBADF);
}

static void move_closes_tree(void)
{
	move_closes(RUNG_CLOSE_A, 3, 1);
}

static void move_closes_target(void)
{
	move_closes(RUNG_CLOSE_B, 1, 3);
}

static void refused_move_closes_nothing(void)
{
	struct rung_op *op;

	begin();
	make_file("file");
	open_slot(1, "file");
	fsopen_tmpfs(2, 3, 0);
	op = move(3, 1);
	op->x = RUNG_CLOSE_A | RUNG_CLOSE_B;
	op->ok[0] = ENOTDIR;
	add(&b, OP_CLOSE)->a = 1;
	add(&b, OP_CLOSE)->a = 3;
	run();
	check_came_to_end(progress, &b);
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
	op = add(&b, OP_MOUNT);
	op->a = 1;
	op->x = 0x8; /* MS_NOEXEC */
	op->y = RUNG_CLOSE_A;
	op->s = add_string(&b, "none");
	op->t = add_string(&b, "tmpfs");
	op->u = add_string(&b, "mode=700");
	add(&b, OP_CLOSE)->a = 1;
	run();
	check_failed(progress, 2, EBADF);
	EQUAL(flags_of("m") & ST_NOEXEC, ST_NOEXEC);
}

static struct rung_op *readonly_path(const char *path)
{
	struct rung_op *op = add(&b, OP_READONLY_PATH);

	op->a = 0;
	op->s = add_string(&b, path);
	return op;
}

/* The mounts below the path are there still, and as they were. A link leads to what it means in the root. */
static void readonly_paths(void)
{
	begin();
	EQUAL(mkdir("dir", 0755), 0);
	EQUAL(mkdir("dir/below", 0755), 0);
	EQUAL(mount("none", "dir/below", "tmpfs", MS_NOEXEC, NULL), 0);
	make_file("file");
	make_file("other");
	EQUAL(symlink("/other", "link"), 0);
	readonly_path("/dir");
	readonly_path("/file");
	readonly_path("/link");
	readonly_path("/missing")->ok[0] = ENOENT;
	add(&b, OP_SETSID);
	run();
	check_came_to_end(progress, &b);
	EQUAL(flags_of("dir") & ST_RDONLY, ST_RDONLY);
	EQUAL(flags_of("dir/below") & (ST_RDONLY | ST_NOEXEC), ST_NOEXEC);
	EQUAL(flags_of("file") & ST_RDONLY, ST_RDONLY);
	EQUAL(flags_of("other") & ST_RDONLY, ST_RDONLY);
	EQUAL(flags_of(".") & ST_RDONLY, 0);
}

static void readonly_path_missing(void)
{
	begin();
	readonly_path("/missing");
	run();
	check_failed(progress, 0, ENOENT);
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

/* What stays to be seen must not be taken for hidden. */
static void mask_not_attached(void)
{
	uint32_t at;

	begin();
	make_file("file");
	mask_sources();
	at = b.count;
	mask("/file")->b = 2; /* a directory */
	add(&b, OP_SETSID);
	run();
	check_failed(progress, at, EINVAL);
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
	struct stage *stage;
	pid_t other;
	int i;

	begin();
	EQUAL(mkdir("dir", 0755), 0);
	EQUAL(mkdir("some", 0755), 0);
	make_file("file");
	mask("/dir/../dir/../dir/../dir/../file");
	builder_finish(&b);
	stage = bare_stage(&b);
	EQUAL(slot_put(stage, 0, open_path(root)), 0);
	EQUAL(slot_put(stage, 1, open_path("/dev/null")), 0);
	other = rename_for_ever("some", "other");
	for (i = 0; i < 1000; i++) {
		EQUAL(op_MASK(stage, op_of(&b, 0)), 0);
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
	check_failed(progress, 4, ENOTDIR);
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

static struct rung_op *configure(int32_t fs, const char *key, const char *value)
{
	struct rung_op *op = add(&b, OP_FSCONFIG);

	op->a = fs;
	op->x = FSCONFIG_SET_STRING;
	op->s = add_string(&b, key);
	op->t = add_string(&b, value);
	return op;
}

/* A failure brings the kernel's messages, without those of a failure before it that the plan tolerates. */
static void messages(void)
{
	struct rung_op *op;

	begin();
	op = add(&b, OP_FSOPEN);
	op->a = 1;
	op->s = add_string(&b, "tmpfs");
	configure(1, "nosuch", "1")->ok[0] = EINVAL;
	configure(1, "size", "64kb");
	run();
	check_failed(progress, 2, EINVAL);
	EQUAL(strcmp(progress->call, "fsconfig"), 0);
	CHECK(strstr(progress->detail, "e tmpfs: Bad value for 'size'\n") == progress->detail);
	EQUAL(strstr(progress->detail, "nosuch") == NULL, 1);
}

/* A context without messages leaves none, and not those of the context before. */
static void no_messages(void)
{
	struct rung_op *op;

	begin();
	op = add(&b, OP_FSOPEN);
	op->a = 1;
	op->s = add_string(&b, "tmpfs");
	configure(1, "nosuch", "1")->ok[0] = EINVAL;
	op = add(&b, OP_FSMOUNT);
	op->a = 1;
	op->b = 2;
	op->x = 1ULL << 31; /* no attribute of a mount */
	run();
	check_failed(progress, 2, EINVAL);
	EQUAL(strcmp(progress->call, "fsmount"), 0);
	EQUAL(strcmp(progress->detail, ""), 0);
}

static void make_path(const char *path, uint64_t kind, int tolerated)
{
	struct rung_op *op = add(&b, OP_MKPATH);

	op->a = 0;
	op->b = 1;
	op->x = kind;
	op->y = 0755;
	op->s = add_string(&b, path);
	op->ok[0] = (uint8_t)tolerated;
}

static void expect_call(const char *call)
{
	if (strcmp(progress->call, call) != 0)
		fprintf(stderr, "# %s, not %s\n", progress->call, call);
	EQUAL(strcmp(progress->call, call), 0);
}

/* A composite op says which of its calls failed: mkdir below /sys fails with EPERM, and not openat2. */
static void failed_call(void)
{
	begin();
	EQUAL(mount(NULL, root, NULL, 0x20 | 1, NULL), 0); /* MS_REMOUNT | MS_RDONLY */
	make_path("/missing", RUNG_MKPATH_NONE, ENOENT);
	make_path("/new", RUNG_MKPATH_DIR, 0);
	run();
	check_failed(progress, 1, EROFS);
	expect_call("mkdirat");
}

static void failed_call_of_a_file(void)
{
	begin();
	EQUAL(mount(NULL, root, NULL, 0x20 | 1, NULL), 0);
	make_path("/new", RUNG_MKPATH_FILE, 0);
	run();
	check_failed(progress, 0, EROFS);
	expect_call("mknodat");
}

static void failed_call_of_a_lookup(void)
{
	begin();
	make_path("/missing", RUNG_MKPATH_NONE, 0);
	run();
	check_failed(progress, 0, ENOENT);
	expect_call("openat2");
}

/* The call that failed before is not that of an error that the op makes itself. */
static void error_without_call(void)
{
	begin();
	EQUAL(mkdir("proc", 0755), 0);
	EQUAL(mount("proc", "proc", "proc", 0, NULL), 0);
	make_path("/missing", RUNG_MKPATH_NONE, ENOENT);
	make_path("/proc", RUNG_MKPATH_DIR | RUNG_MKPATH_NOPROC, 0);
	run();
	check_failed(progress, 1, ELOOP);
	expect_call("");
}

static void failed_call_of_a_mask(void)
{
	struct rung_op *op;

	begin();
	EQUAL(mknod("file", S_IFREG | 0644, 0), 0);
	open_slot(1, "/dev/null");
	op = add(&b, OP_MASK);
	op->a = 0;
	op->b = 0; /* a directory does not go on a file */
	op->c = 1;
	op->s = add_string(&b, "/file");
	run();
	check_failed(progress, 1, EINVAL);
	expect_call("move_mount");
}

const struct test mount_tests[] = {
	{ "FSCONFIG brings the kernel's messages", messages, ROOT },
	{ "FSMOUNT without messages brings none", no_messages, ROOT },
	{ "MKPATH says that mkdirat failed", failed_call, ROOT },
	{ "MKPATH says that mknodat failed", failed_call_of_a_file, ROOT },
	{ "MKPATH says that openat2 failed", failed_call_of_a_lookup, ROOT },
	{ "MKPATH names no call for an error of its own", error_without_call, ROOT },
	{ "MASK says that move_mount failed", failed_call_of_a_mask, ROOT },
	{ "FSOPEN to MOVE_MOUNT makes a file system with its options", new_filesystem, ROOT },
	{ "FSMOUNT closes the file system context", context_is_closed, ROOT },
	{ "OPEN_TREE and MOUNT_ATTR make a read-only bind", bind_read_only, ROOT },
	{ "MOUNT mounts on the working directory", mount_by_name, ROOT },
	{ "READONLY_PATH protects directories, files and the targets of links", readonly_paths,
	  ROOT },
	{ "READONLY_PATH reports what is missing", readonly_path_missing, ROOT },
	{ "MASK hides directories, files and the targets of links", masks, ROOT },
	{ "MASK reports what is missing", mask_missing, ROOT },
	{ "MASK does not take the loss of the mask for a missing path", mask_without_source, ROOT },
	{ "MASK reports a mask that cannot be attached", mask_not_attached, ROOT },
	{ "MASK stays in the root", mask_stays_inside, ROOT },
	{ "MASK takes no harm from renames elsewhere", mask_while_others_rename, ROOT },
	{ "MOVE_MOUNT refuses a directory on a file", move_on_wrong_kind, ROOT },
	{ "MOVE_MOUNT closes the mount", move_closes_tree, ROOT },
	{ "MOVE_MOUNT closes the mount point", move_closes_target, ROOT },
	{ "MOVE_MOUNT closes nothing if it fails", refused_move_closes_nothing, ROOT },
	{ "PIVOT_ROOT leaves the host's root", pivot, ROOT },
	{ "VERIFY_CWD refuses a directory outside of the root", cwd_outside, ROOT },
	{ NULL, NULL, ANYBODY },
};
