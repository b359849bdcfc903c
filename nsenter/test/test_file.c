// SPDX-License-Identifier: Apache-2.0
/* test_file.c - MKPATH, WRITE and the verifications, in a scratch directory. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "test.h"

enum { ROOT_SLOT, OUT_SLOT };

static char outside[128], root[160];

/* Makes a root directory inside of a directory that no path may reach. */
static void make_root(void)
{
	snprintf(outside, sizeof(outside), "%s", scratch());
	snprintf(root, sizeof(root), "%s/root", outside);
	EQUAL(mkdir(root, 0755), 0);
	EQUAL(chdir(root), 0);
	umask(0);
}

static struct stage *stage_for(struct builder *b)
{
	struct stage *stage;

	builder_finish(b);
	stage = bare_stage(b);
	slot_put(stage, ROOT_SLOT, open_path(root));
	return stage;
}

/* Runs one MKPATH, returns its result, and fills *st with the status of the file that it opened. */
static long mkpath(const char *path, uint64_t kind, uint64_t mode, struct stat *st)
{
	static struct builder b;
	struct rung_op *op;
	struct stage *stage;
	long result;

	builder_init(&b);
	op = add(&b, OP_MKPATH);
	op->a = ROOT_SLOT;
	op->b = OUT_SLOT;
	op->x = kind;
	op->y = mode;
	op->s = add_string(&b, path);
	stage = stage_for(&b);
	result = op_MKPATH(stage, stage->plan.ops);
	if (result == 0)
		EQUAL(fstat(slot_get(stage, OUT_SLOT), st), 0);
	else
		EQUAL(slot_get(stage, OUT_SLOT), -1);
	return result;
}

static void check_same(const struct stat *st, const char *path)
{
	struct stat want;

	EQUAL(lstat(path, &want), 0);
	EQUAL(st->st_ino, want.st_ino);
	EQUAL(st->st_dev, want.st_dev);
}

static void check_outside_untouched(void)
{
	char command[256];

	snprintf(command, sizeof(command), "[ \"$(ls -A %s)\" = root ]", outside);
	EQUAL(system(command), 0);
}

static void directories(void)
{
	struct stat st;

	make_root();
	EQUAL(mkpath("/a/b/c", RUNG_MKPATH_DIR, 01777, &st), 0);
	check_same(&st, "a/b/c");
	EQUAL(st.st_mode, S_IFDIR | 01777);
	EQUAL(stat("a/b", &st), 0);
	EQUAL(st.st_mode, S_IFDIR | 0755);
	EQUAL(mkpath("a//b/../b/d/", RUNG_MKPATH_DIR, 0700, &st), 0);
	check_same(&st, "a/b/d");
}

static void existing(void)
{
	struct stat st;

	make_root();
	EQUAL(mkdir("d", 0711), 0);
	EQUAL(mkpath("/d", RUNG_MKPATH_DIR, 0755, &st), 0);
	EQUAL(st.st_mode, S_IFDIR | 0711);
	EQUAL(mkpath("/", RUNG_MKPATH_DIR, 0755, &st), 0);
	check_same(&st, ".");
	EQUAL(mkpath("/d", RUNG_MKPATH_NONE, 0, &st), 0);
}

static void nothing_made(void)
{
	struct stat st;

	make_root();
	EQUAL(mkpath("/d", RUNG_MKPATH_NONE, 0755, &st), -ENOENT);
	EQUAL(access("d", F_OK), -1);
}

static void files(void)
{
	struct stat st;

	make_root();
	EQUAL(mkpath("/etc/x/hosts", RUNG_MKPATH_FILE, 0640, &st), 0);
	check_same(&st, "etc/x/hosts");
	EQUAL(st.st_mode, S_IFREG | 0640);
	EQUAL(st.st_size, 0);
	EQUAL(mkpath("/etc/x/hosts/y", RUNG_MKPATH_DIR, 0755, &st), -ENOTDIR);
}

static void dangling_absolute(void)
{
	struct stat st;

	make_root();
	EQUAL(symlink("/not/here", "link"), 0);
	EQUAL(mkpath("/link/sub", RUNG_MKPATH_DIR, 0755, &st), 0);
	check_same(&st, "not/here/sub");
	check_outside_untouched();
}

static void dangling_relative(void)
{
	struct stat st;

	make_root();
	EQUAL(mkdir("a", 0755), 0);
	EQUAL(symlink("../b/c", "a/link"), 0);
	EQUAL(mkpath("/a/link", RUNG_MKPATH_FILE, 0644, &st), 0);
	check_same(&st, "b/c");
	CHECK(S_ISREG(st.st_mode));
}

static void dangling_chain(void)
{
	struct stat st;

	make_root();
	EQUAL(symlink("two", "one"), 0);
	EQUAL(symlink("/three/x", "two"), 0);
	EQUAL(mkpath("/one/y", RUNG_MKPATH_DIR, 0755, &st), 0);
	check_same(&st, "three/x/y");
}

static void loops(void)
{
	struct stat st;

	make_root();
	EQUAL(symlink("a", "a"), 0);
	EQUAL(symlink("c", "b"), 0);
	EQUAL(symlink("b", "c"), 0);
	EQUAL(mkpath("/a", RUNG_MKPATH_DIR, 0755, &st), -ELOOP);
	EQUAL(mkpath("/b/x", RUNG_MKPATH_DIR, 0755, &st), -ELOOP);
}

/* Each expansion of the link makes a directory, so the kernel's limit of links in one path never ends the loop. */
static void growing_loop(void)
{
	struct stat st;

	make_root();
	EQUAL(symlink("l/x", "l"), 0);
	EQUAL(mkpath("/l", RUNG_MKPATH_DIR, 0755, &st), -ELOOP);
}

static void nofollow(void)
{
	struct stat st;

	make_root();
	EQUAL(mkdir("real", 0755), 0);
	EQUAL(symlink("real", "link"), 0);
	EQUAL(symlink("missing", "dangling"), 0);
	EQUAL(mkpath("/link", RUNG_MKPATH_DIR | RUNG_MKPATH_NOFOLLOW, 0755, &st), -ELOOP);
	EQUAL(mkpath("/link/x", RUNG_MKPATH_DIR | RUNG_MKPATH_NOFOLLOW, 0755, &st), -ELOOP);
	EQUAL(mkpath("/dangling", RUNG_MKPATH_DIR | RUNG_MKPATH_NOFOLLOW, 0755, &st), -ELOOP);
	EQUAL(mkpath("/dangling", RUNG_MKPATH_FILE | RUNG_MKPATH_NOFOLLOW, 0755, &st), -ELOOP);
	EQUAL(access("missing", F_OK), -1);
	EQUAL(mkpath("/new/x", RUNG_MKPATH_DIR | RUNG_MKPATH_NOFOLLOW, 0755, &st), 0);
	check_same(&st, "new/x");
}

static void escapes(void)
{
	struct stat st;

	make_root();
	EQUAL(symlink("../../../../escaped", "up"), 0);
	EQUAL(symlink("/../../escaped-too", "abs"), 0);
	EQUAL(mkpath("/up", RUNG_MKPATH_DIR, 0755, &st), 0);
	check_same(&st, "escaped");
	EQUAL(mkpath("/abs", RUNG_MKPATH_FILE, 0644, &st), 0);
	check_same(&st, "escaped-too");
	EQUAL(mkpath("../../dots", RUNG_MKPATH_DIR, 0755, &st), 0);
	check_same(&st, "dots");
	EQUAL(symlink("..", "parent"), 0);
	EQUAL(mkpath("/parent/parent/root", RUNG_MKPATH_DIR, 0755, &st), 0);
	check_same(&st, "root");
	check_outside_untouched();
}

static void magic_links(void)
{
	struct stat st;

	make_root();
	snprintf(root, sizeof(root), "/proc");
	EQUAL(mkpath("/self/cwd/x", RUNG_MKPATH_DIR, 0755, &st), -ELOOP);
	EQUAL(mkpath("/self/root", RUNG_MKPATH_NONE, 0, &st), -ELOOP);
}

/* CVE-2019-16884: a link in the image leads into procfs. */
static void no_proc(void)
{
	struct stat st;

	make_root();
	snprintf(root, sizeof(root), "/");
	EQUAL(mkpath("/proc/sys", RUNG_MKPATH_DIR, 0755, &st), 0);
	EQUAL(mkpath("/proc/sys", RUNG_MKPATH_DIR | RUNG_MKPATH_NOPROC, 0755, &st), -ELOOP);
	EQUAL(mkpath("/tmp", RUNG_MKPATH_DIR | RUNG_MKPATH_NOPROC, 0755, &st), 0);
}

static void no_root(void)
{
	struct stat st;

	make_root();
	snprintf(root, sizeof(root), "/");
	EQUAL(mkpath("/proc/..", RUNG_MKPATH_DIR, 0755, &st), 0);
	EQUAL(mkpath("/proc/..", RUNG_MKPATH_DIR | RUNG_MKPATH_NOROOT, 0755, &st), -EBUSY);
	EQUAL(mkpath("/proc/self/root", RUNG_MKPATH_DIR | RUNG_MKPATH_NOROOT, 0755, &st), -ELOOP);
	EQUAL(mkpath("/proc", RUNG_MKPATH_DIR | RUNG_MKPATH_NOROOT, 0755, &st), 0);
	EQUAL(mkpath("/tmp", RUNG_MKPATH_DIR | RUNG_MKPATH_NOROOT, 0755, &st), 0);
}

static void too_long(void)
{
	static char path[5000];
	struct stat st;

	make_root();
	memset(path, '/', sizeof(path) - 1);
	EQUAL(mkpath(path, RUNG_MKPATH_DIR, 0755, &st), -ENAMETOOLONG);
	memset(path, 'x', 300);
	path[300] = '\0';
	EQUAL(mkpath(path, RUNG_MKPATH_DIR, 0755, &st), -ENAMETOOLONG);
}

static long write_file(const char *path, const void *data, uint32_t length)
{
	static struct builder b;
	struct rung_op *op;
	struct stage *stage;

	builder_init(&b);
	op = add(&b, OP_WRITE);
	op->a = ROOT_SLOT;
	op->s = add_string(&b, path);
	op->t = add_bytes(&b, data, length);
	stage = stage_for(&b);
	return op_WRITE(stage, stage->plan.ops);
}

static void touch(const char *path)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);

	CHECK(fd >= 0);
	close(fd);
}

static void check_content(const char *path, const char *want)
{
	char text[64] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	EQUAL(read(fd, text, sizeof(text) - 1), strlen(want));
	EQUAL(strcmp(text, want), 0);
	close(fd);
}

static void writes(void)
{
	make_root();
	touch("file");
	EQUAL(symlink("file", "near"), 0);
	EQUAL(write_file("file", "one", 3), 0);
	check_content("file", "one");
	EQUAL(write_file("near", "two", 3), 0);
	check_content("file", "two");
	EQUAL(write_file("missing", "x", 1), -ENOENT);
	EQUAL(access("missing", F_OK), -1);
}

static void write_stays_beneath(void)
{
	make_root();
	touch("../victim");
	EQUAL(symlink("../victim", "out"), 0);
	EQUAL(symlink("/etc/hostname", "abs"), 0);
	EQUAL(write_file("out", "x", 1), -EXDEV);
	EQUAL(write_file("abs", "x", 1), -EXDEV);
	EQUAL(write_file("../victim", "x", 1), -EXDEV);
	EQUAL(write_file("/etc/hostname", "x", 1), -EXDEV);
	check_content("../victim", "");
}

static void write_stays_on_its_mount(void)
{
	char target[200];

	make_root();
	EQUAL(unshare(CLONE_NEWNS), 0);
	EQUAL(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	EQUAL(mkdir("m", 0755), 0);
	snprintf(target, sizeof(target), "%s/m", root);
	EQUAL(mount("tmpfs", target, "tmpfs", 0, NULL), 0);
	touch("m/file");
	EQUAL(write_file("m/file", "x", 1), -EXDEV);
	check_content("m/file", "");
}

static void write_to_proc(void)
{
	snprintf(root, sizeof(root), "/proc");
	EQUAL(write_file("self/oom_score_adj", "500", 3), 0);
	check_content("/proc/self/oom_score_adj", "500\n");
	EQUAL(write_file("self/oom_score_adj", "many", 4), -EINVAL);
	EQUAL(write_file("self/cwd/x", "x", 1), -ELOOP);
}

static long verify(enum rung_opcode code, const char *path, uint64_t x, uint64_t y)
{
	static struct builder b;
	struct rung_op *op;
	struct stage *stage;

	builder_init(&b);
	op = add(&b, code);
	op->a = OUT_SLOT;
	op->x = x;
	op->y = y;
	builder_finish(&b);
	stage = bare_stage(&b);
	slot_put(stage, OUT_SLOT, open_path(path));
	return code == OP_VERIFY_FS ? op_VERIFY_FS(stage, stage->plan.ops)
				    : op_VERIFY_DEVICE(stage, stage->plan.ops);
}

static void verify_device(void)
{
	EQUAL(verify(OP_VERIFY_DEVICE, "/dev/null", S_IFCHR, makedev(1, 3)), 0);
	EQUAL(verify(OP_VERIFY_DEVICE, "/dev/zero", S_IFCHR, makedev(1, 3)), -ENODEV);
	EQUAL(verify(OP_VERIFY_DEVICE, "/dev/null", S_IFBLK, makedev(1, 3)), -ENODEV);
	EQUAL(verify(OP_VERIFY_DEVICE, "/etc/passwd", S_IFCHR, makedev(1, 3)), -ENODEV);
	EQUAL(verify(OP_VERIFY_DEVICE, "/etc/passwd", S_IFREG, 0), 0);
}

static void verify_fs(void)
{
	EQUAL(verify(OP_VERIFY_FS, "/proc", 0x9fa0, 0), 0);
	EQUAL(verify(OP_VERIFY_FS, "/proc/self/status", 0x9fa0, 0), 0);
	EQUAL(verify(OP_VERIFY_FS, "/tmp", 0x9fa0, 0), -EINVAL);
}

static long node_op(long (*function)(struct stage *, const struct rung_op *), enum rung_opcode code,
		    const char *s, const char *t, uint64_t x, uint64_t y)
{
	static struct builder b;
	struct rung_op *op;
	struct stage *stage;

	builder_init(&b);
	op = add(&b, code);
	op->a = ROOT_SLOT;
	op->x = x;
	op->y = y;
	op->s = add_string(&b, s);
	op->t = add_string(&b, t);
	stage = stage_for(&b);
	return function(stage, stage->plan.ops);
}

static void nodes(void)
{
	char link[16] = "";
	struct stat st;

	make_root();
	EQUAL(node_op(op_MKNOD, OP_MKNOD, "fifo", "", S_IFIFO | 0622, 0), 0);
	EQUAL(stat("fifo", &st), 0);
	EQUAL(st.st_mode, S_IFIFO | 0622);
	EQUAL(node_op(op_MKNOD, OP_MKNOD, "fifo", "", S_IFIFO | 0622, 0), -EEXIST);
	EQUAL(node_op(op_SYMLINK, OP_SYMLINK, "/target", "link", 0, 0), 0);
	EQUAL(readlink("link", link, sizeof(link)), 7);
	EQUAL(strcmp(link, "/target"), 0);
	EQUAL(node_op(op_UNLINK, OP_UNLINK, "link", "", 0, 0), 0);
	EQUAL(lstat("link", &st), -1);
	EQUAL(node_op(op_UNLINK, OP_UNLINK, "link", "", 0, 0), -ENOENT);
}

static void extended_attribute(void)
{
	static struct builder b;
	struct rung_op *op;
	struct stage *stage;
	char value[8] = "";

	make_root();
	touch("file");
	builder_init(&b);
	op = add(&b, OP_XATTR);
	op->a = 1;
	op->s = add_string(&b, "user.label");
	op->t = add_bytes(&b, "a:b", 3);
	stage = stage_for(&b);
	slot_put(stage, 1, open("file", O_RDONLY | O_CLOEXEC));
	EQUAL(op_XATTR(stage, stage->plan.ops), 0);
	EQUAL(getxattr("file", "user.label", value, sizeof(value)), 3);
	EQUAL(strcmp(value, "a:b"), 0);
}

static void device_nodes(void)
{
	struct stat st;

	make_root();
	EQUAL(node_op(op_MKNOD, OP_MKNOD, "null", "", S_IFCHR | 0666, makedev(1, 3)), 0);
	EQUAL(stat("null", &st), 0);
	EQUAL(st.st_rdev, makedev(1, 3));
	EQUAL(st.st_mode, S_IFCHR | 0666);
	EQUAL(symlink("/etc/passwd", "link"), 0);
	EQUAL(node_op(op_CHOWN, OP_CHOWN, "null", "", 1, 2), 0);
	EQUAL(node_op(op_CHOWN, OP_CHOWN, "link", "", 1, 2), 0);
	EQUAL(node_op(op_CHOWN, OP_CHOWN, "", "", 3, 4), 0);
	EQUAL(stat("null", &st), 0);
	EQUAL(st.st_uid * 10 + st.st_gid, 12);
	EQUAL(lstat("link", &st), 0);
	EQUAL(st.st_uid * 10 + st.st_gid, 12);
	EQUAL(stat("/etc/passwd", &st), 0);
	EQUAL(st.st_uid, 0);
	EQUAL(stat(".", &st), 0);
	EQUAL(st.st_uid * 10 + st.st_gid, 34);
}

/* Loads a filter into this test under which a system call fails. */
static void deny(unsigned int number, unsigned int error)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(filter) / sizeof(filter[0]), filter };

	EQUAL(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	EQUAL(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

static void same_status(unsigned int error)
{
	const int fds[] = { open_path("/dev/tty"), open_path("/etc/passwd"), open_path("/") };
	struct statx wanted[3], got;
	int i;

	for (i = 0; i < 3; i++)
		EQUAL(status_of(fds[i], &wanted[i]), 0);
	deny(SYS_statx, error);
	for (i = 0; i < 3; i++) {
		EQUAL(status_of(fds[i], &got), 0);
		EQUAL(got.stx_mode, wanted[i].stx_mode);
		EQUAL(got.stx_uid, wanted[i].stx_uid);
		EQUAL(got.stx_gid, wanted[i].stx_gid);
		EQUAL(got.stx_size, wanted[i].stx_size);
		EQUAL(device_number(&got), device_number(&wanted[i]));
	}
	EQUAL(status_of(999, &got), -EBADF);
}

static void no_statx(void)
{
	same_status(ENOSYS);
}

static void denied_statx(void)
{
	same_status(EPERM);
}

/* The list takes more than one read, and some numbers in it are free. */
static void no_close_range(void)
{
	int fd, top = open_path("/");

	for (fd = 100; fd < 400; fd += 3)
		EQUAL(fcntl(top, F_DUPFD, fd), fd);
	deny(SYS_close_range, ENOSYS);
	EQUAL(cloexec_from(103), 0);
	for (fd = 100; fd < 400; fd += 3)
		EQUAL(fcntl(fd, F_GETFD), fd == 100 ? 0 : FD_CLOEXEC);
	EQUAL(close_between(103, 199), 0);
	for (fd = 100; fd < 400; fd += 3)
		EQUAL(fcntl(fd, F_GETFD) >= 0, fd == 100 || fd > 199);
	EQUAL(close_from(100), 0);
	for (fd = 100; fd < 400; fd++)
		EQUAL(fcntl(fd, F_GETFD), -1);
	EQUAL(fcntl(0, F_GETFD) >= 0, 1);
}

const struct test file_tests[] = {
	{ "XATTR sets an attribute", extended_attribute, ANYBODY },
	{ "MKPATH makes missing directories, with their modes", directories, ANYBODY },
	{ "MKPATH takes what exists as it is", existing, ANYBODY },
	{ "MKPATH without a kind makes nothing", nothing_made, ANYBODY },
	{ "MKPATH makes an empty file", files, ANYBODY },
	{ "MKPATH makes the target of a dangling absolute link in the root", dangling_absolute,
	  ANYBODY },
	{ "MKPATH makes the target of a dangling relative link with ..", dangling_relative,
	  ANYBODY },
	{ "MKPATH follows a chain of dangling links", dangling_chain, ANYBODY },
	{ "MKPATH ends at a loop of links", loops, ANYBODY },
	{ "MKPATH ends at a loop that grows", growing_loop, ANYBODY },
	{ "MKPATH NOFOLLOW refuses links and makes nothing", nofollow, ANYBODY },
	{ "MKPATH stays in the root", escapes, ANYBODY },
	{ "MKPATH follows no magic link", magic_links, ANYBODY },
	{ "MKPATH NOPROC refuses what lies in a procfs", no_proc, ANYBODY },
	{ "MKPATH NOROOT refuses what is the root itself", no_root, ANYBODY },
	{ "MKPATH refuses paths that are too long", too_long, ANYBODY },
	{ "WRITE writes to files that exist", writes, ANYBODY },
	{ "WRITE follows nothing out of its directory", write_stays_beneath, ANYBODY },
	{ "WRITE crosses no mount", write_stays_on_its_mount, ROOT },
	{ "WRITE through /proc/self", write_to_proc, ANYBODY },
	{ "VERIFY_DEVICE takes that device only", verify_device, ANYBODY },
	{ "VERIFY_FS takes that file system only", verify_fs, ANYBODY },
	{ "MKNOD, SYMLINK and UNLINK", nodes, ANYBODY },
	{ "MKNOD makes devices and CHOWN follows no link", device_nodes, ROOT },
	{ "status_of without statx", no_statx, ANYBODY },
	{ "status_of where statx is denied", denied_statx, ANYBODY },
	{ "descriptors are closed without close_range", no_close_range, ANYBODY },
	{ NULL, NULL, ANYBODY },
};
