// SPDX-License-Identifier: Apache-2.0
/* test_copyup.c - COPY_UP from the directory "source" to the tmpfs "target". Each test has its own mount namespace. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "test.h"

int mount(const char *, const char *, const char *, unsigned long, const void *);
int umount2(const char *, int);

#define PRIVATE_RECURSIVE (0x40000 | 0x4000)
#define BIND		  0x1000

static struct builder b;
static struct rung_progress *progress;
static struct stage *stage;
static const char *exchanged[2];

static void begin(void)
{
	const char *root = scratch();
	struct rung_op *op;

	EQUAL(unshare(CLONE_NEWNS), 0);
	EQUAL(mount(NULL, "/", NULL, PRIVATE_RECURSIVE, NULL), 0);
	EQUAL(mount("tmpfs", root, "tmpfs", 0, "mode=755"), 0);
	EQUAL(chdir(root), 0);
	EQUAL(mkdir("source", 0755), 0);
	EQUAL(mkdir("target", 0755), 0);
	EQUAL(mount("tmpfs", "target", "tmpfs", 0, "mode=711"), 0);
	umask(0);
	progress = new_progress(0);
	builder_init(&b);
	op = add(&b, OP_COPY_UP);
	op->a = 0;
	op->b = 1;
	builder_finish(&b);
	stage = bare_stage(&b);
	stage->progress = progress;
}

/* Runs the op in this process, and goes back to the working directory that it had. */
static long copy_up(void)
{
	int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	long result;

	EQUAL(slot_put(stage, 0, open_path("target")), 0);
	EQUAL(slot_put(stage, 1, open_path("source")), 0);
	result = op_COPY_UP(stage, op_of(&b, 0));
	close(slot_get(stage, 0));
	close(slot_get(stage, 1));
	EQUAL(fchdir(here), 0);
	close(here);
	return result;
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);

	EQUAL(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void check_content(const char *path, const char *text)
{
	char got[256] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	CHECK(fd >= 0);
	EQUAL(read(fd, got, sizeof(got) - 1), strlen(text));
	close(fd);
	EQUAL(strcmp(got, text), 0);
}

static struct stat status(const char *path)
{
	struct stat st;

	EQUAL(lstat(path, &st), 0);
	return st;
}

/* Compares all members of stat that a copy can keep: not its device and inode, and not its ctime. */
static void check_same(const char *name)
{
	char from[128], to[128];
	struct stat a, z;

	snprintf(from, sizeof(from), "source/%s", name);
	snprintf(to, sizeof(to), "target/%s", name);
	a = status(from);
	z = status(to);
	EQUAL(z.st_mode, a.st_mode);
	EQUAL(z.st_uid, a.st_uid);
	EQUAL(z.st_gid, a.st_gid);
	EQUAL(z.st_nlink, a.st_nlink);
	EQUAL(z.st_rdev, a.st_rdev);
	if (!S_ISDIR(a.st_mode))
		EQUAL(z.st_size, a.st_size);
	EQUAL(z.st_mtim.tv_sec, a.st_mtim.tv_sec);
	EQUAL(z.st_mtim.tv_nsec, a.st_mtim.tv_nsec);
	EQUAL(z.st_atim.tv_sec, a.st_atim.tv_sec);
	EQUAL(z.st_atim.tv_nsec, a.st_atim.tv_nsec);
}

/* Sets the owner, the mode and the times to values that a copy would not have by chance. */
static void mark(const char *path, mode_t mode)
{
	const struct timespec times[2] = { { 1000000000, 1 }, { 1100000000, 999999999 } };
	struct stat st;

	EQUAL(lchown(path, 12, 34), 0);
	st = status(path);
	if (!S_ISLNK(st.st_mode))
		EQUAL(chmod(path, mode), 0);
	EQUAL(utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW), 0);
}

static void make_socket(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	EQUAL(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
}

static void every_kind(void)
{
	static const char *const names[] = { "file",  "set-id", "link",	    "fifo", "socket",
					     "block", "dir",	"dir/deep", "null" };
	size_t i;

	begin();
	write_file("source/file", "text");
	write_file("source/set-id", "program");
	EQUAL(symlink("/nowhere/at/all", "source/link"), 0);
	EQUAL(mkfifo("source/fifo", 0600), 0);
	make_socket("source/socket");
	EQUAL(mknod("source/block", S_IFBLK | 0600, makedev(259, 300000)), 0);
	EQUAL(mknod("source/null", S_IFCHR | 0600, makedev(1, 3)), 0);
	EQUAL(mkdir("source/dir", 0700), 0);
	write_file("source/dir/deep", "");
	for (i = 0; i < sizeof(names) / sizeof(names[0]) - 1; i++) {
		char path[64];

		snprintf(path, sizeof(path), "source/%s", names[i]);
		mark(path, strcmp(names[i], "set-id") == 0 ? 06755 : 0640);
	}
	mark("source/dir", 03751); /* last: making the file in it changed its times */
	EQUAL(copy_up(), 0);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		check_same(names[i]);
	check_content("target/file", "text");
}

/* The top keeps the owner and mode of the mount, and gets the times and attributes of the directory that it covers. */
static void the_top(void)
{
	struct stat from, to;

	begin();
	mark("source", 0777);
	EQUAL(setxattr("source", "trusted.top", "1", 1, 0), 0);
	EQUAL(copy_up(), 0);
	from = status("source");
	to = status("target");
	EQUAL(to.st_mode & 07777, 0711);
	EQUAL(to.st_uid, 0);
	EQUAL(to.st_mtim.tv_nsec, from.st_mtim.tv_nsec);
	EQUAL(getxattr("target", "trusted.top", NULL, 0), 1);
}

static void xattrs(void)
{
	static const char *const names[] = { "source/file", "source/dir", "source/fifo",
					     "source/link" };
	char value[64], list[64];
	size_t i;

	begin();
	write_file("source/file", "text");
	EQUAL(mkdir("source/dir", 0755), 0);
	EQUAL(mkfifo("source/fifo", 0644), 0);
	EQUAL(symlink("file", "source/link"), 0);
	for (i = 0; i < 4; i++)
		EQUAL(lsetxattr(names[i], "trusted.mark", "a\0b", 3, 0), 0);
	EQUAL(setxattr("source/file", "user.empty", "", 0, 0), 0);
	EQUAL(copy_up(), 0);
	for (i = 0; i < 4; i++) {
		snprintf(value, sizeof(value), "target/%s", names[i] + strlen("source/"));
		EQUAL(lgetxattr(value, "trusted.mark", list, sizeof(list)), 3);
		EQUAL(memcmp(list, "a\0b", 3), 0);
	}
	EQUAL(getxattr("target/file", "user.empty", NULL, 0), 0);
	EQUAL(listxattr("target/file", NULL, 0), strlen("trusted.mark") + strlen("user.empty") + 2);
}

/* A write and a change of owner clear a file's capabilities, so the copy must set them after both. */
static void capabilities(void)
{
	static const unsigned char raise[20] = {
		1, 0, 0, 2, 0, 4
	}; /* version 2, CAP_NET_BIND_SERVICE */

	begin();
	write_file("source/file", "text");
	EQUAL(chown("source/file", 5, 6), 0);
	EQUAL(setxattr("source/file", "security.capability", raise, sizeof(raise), 0), 0);
	EQUAL(copy_up(), 0);
	EQUAL(getxattr("target/file", "security.capability", NULL, 0), sizeof(raise));
}

static int entries(const char *path)
{
	DIR *dir = opendir(path);
	int n = -2;

	CHECK(dir != NULL);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static void hard_links(void)
{
	begin();
	write_file("source/a", "text");
	write_file("source/.rung-00000000", "the image's own");
	EQUAL(mkdir("source/dir", 0755), 0);
	EQUAL(link("source/a", "source/dir/b"), 0);
	EQUAL(link("source/a", "source/c"), 0);
	EQUAL(mkfifo("source/fifo", 0600), 0);
	EQUAL(link("source/fifo", "source/dir/fifo"), 0);
	write_file("half", "its other name is elsewhere");
	EQUAL(link("half", "source/half"), 0);
	EQUAL(copy_up(), 0);
	EQUAL(status("target/a").st_nlink, 3);
	EQUAL(status("target/a").st_ino, status("target/dir/b").st_ino);
	EQUAL(status("target/a").st_ino, status("target/c").st_ino);
	EQUAL(status("target/fifo").st_ino, status("target/dir/fifo").st_ino);
	EQUAL(status("target/half").st_nlink, 1);
	EQUAL(entries("target"), entries("source"));
	check_content("target/.rung-00000000", "the image's own");
}

static void holes(void)
{
	struct stat st;
	char got[8] = "";
	int fd;

	begin();
	fd = open("source/sparse", O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	EQUAL(ftruncate(fd, 700 << 20), 0);
	EQUAL(pwrite(fd, "data", 4, 300 << 20), 4);
	close(fd);
	write_file("source/empty", "");
	EQUAL(copy_up(), 0);
	st = status("target/sparse");
	EQUAL(st.st_size, 700 << 20);
	EQUAL(st.st_blocks, 8);
	fd = open("target/sparse", O_RDONLY | O_CLOEXEC);
	EQUAL(pread(fd, got, 4, 300 << 20), 4);
	EQUAL(strcmp(got, "data"), 0);
	EQUAL(status("target/empty").st_size, 0);
}

/* The data is longer than one buffer and ends in the middle of a page. */
static void large_file(void)
{
	static char data[200001];
	char got[sizeof(data)];
	size_t i;
	int fd;

	begin();
	for (i = 0; i < sizeof(data); i++)
		data[i] = (char)(i * 7 + i / 256);
	fd = open("source/file", O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	EQUAL(write(fd, data, sizeof(data)), sizeof(data));
	close(fd);
	EQUAL(copy_up(), 0);
	fd = open("target/file", O_RDONLY | O_CLOEXEC);
	EQUAL(read(fd, got, sizeof(got)), sizeof(got));
	EQUAL(memcmp(got, data, sizeof(data)), 0);
}

/* Makes a chain of directories below the working directory, and enters the last one. */
static void make_chain(const char *name, int depth)
{
	while (depth-- > 0) {
		EQUAL(mkdir(name, 0755), 0);
		EQUAL(chdir(name), 0);
	}
}

static void follow_chain(const char *name, int depth)
{
	while (depth-- > 0)
		EQUAL(chdir(name), 0);
}

static void deep(void)
{
	const struct rlimit few = { 64, 64 };
	const int depth = 5000;
	int here;

	begin();
	here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	EQUAL(chdir("source"), 0);
	make_chain("directory", depth);
	write_file("end", "the end");
	EQUAL(fchdir(here), 0);
	EQUAL(setrlimit(RLIMIT_NOFILE, &few), 0);
	EQUAL(copy_up(), 0);
	EQUAL(chdir("target"), 0);
	follow_chain("directory", depth);
	check_content("end", "the end");
}

static void many(void)
{
	char path[64];
	int i;

	begin();
	for (i = 0; i < 3000; i++) {
		snprintf(path, sizeof(path), "source/directory-with-a-long-name-%d", i);
		EQUAL(mkdir(path, 0755), 0);
		snprintf(path, sizeof(path), "source/directory-with-a-long-name-%d/file", i);
		write_file(path, "x");
	}
	EQUAL(copy_up(), 0);
	EQUAL(entries("target"), 3000);
	for (i = 0; i < 3000; i++) {
		snprintf(path, sizeof(path), "target/directory-with-a-long-name-%d/file", i);
		check_content(path, "x");
	}
}

static void mounts_below(void)
{
	begin();
	EQUAL(mkdir("source/below", 0755), 0);
	EQUAL(mkdir("elsewhere", 0755), 0);
	write_file("elsewhere/file", "mounted");
	EQUAL(mount("elsewhere", "source/below", NULL, BIND, NULL), 0);
	EQUAL(mkdir("source/below/dir", 0755), 0);
	write_file("source/behind", "behind");
	EQUAL(copy_up(), 0);
	check_content("target/below/file", "mounted");
	check_content("target/behind", "behind");
	EQUAL(entries("target/below"), 2);
}

static void no_directory(void)
{
	begin();
	EQUAL(rmdir("source"), 0);
	write_file("source", "text");
	EQUAL(copy_up(), -ENOTDIR);
	EQUAL(strcmp(stage->call, "openat2"), 0);
}

/* A failure names the file with the directories above it, and the system call. */
static void failure_is_named(void)
{
	static const char data[100000];
	int fd;

	begin();
	EQUAL(umount2("target", 0), 0);
	EQUAL(mount("tmpfs", "target", "tmpfs", 0, "size=64k"), 0);
	EQUAL(mkdir("source/one", 0755), 0);
	EQUAL(mkdir("source/one/two", 0755), 0);
	fd = open("source/one/two/big", O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	EQUAL(write(fd, data, sizeof(data)), sizeof(data));
	close(fd);
	EQUAL(copy_up(), -ENOSPC);
	EQUAL(strcmp(progress->detail, "one/two/big"), 0);
	EQUAL(strcmp(stage->call, "write"), 0);
}

/* Of a path that is too long for the progress page, a failure names the end. */
static void failure_deep_down(void)
{
	char name[201];
	int here;

	begin();
	EQUAL(umount2("target", 0), 0);
	EQUAL(mount("tmpfs", "target", "tmpfs", 0, "nr_inodes=8"), 0);
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	EQUAL(chdir("source"), 0);
	make_chain(name, 20);
	EQUAL(fchdir(here), 0);
	EQUAL(copy_up(), -ENOSPC);
	EQUAL(strncmp(progress->detail, ".../", 4), 0);
	EQUAL(strlen(progress->detail), 4 + 200 + 1 + 200);
	EQUAL(strcmp(stage->call, "mkdirat"), 0);
}

/* RLIMIT_FSIZE leads to EFBIG and not to a death by SIGXFSZ. */
static void small_file_size(void)
{
	const struct rlimit few = { 4096, 4096 };

	begin();
	write_file("source/file", "");
	EQUAL(truncate("source/file", 8192), 0); /* a hole only: the limit is on the size */
	EQUAL(setrlimit(RLIMIT_FSIZE, &few), 0);
	signal(SIGXFSZ, SIG_DFL); /* rung_check_limits, which main has called, ignores it */
	EQUAL(copy_up(), -EFBIG);
	EQUAL(strcmp(progress->detail, "file"), 0);
}

static void no_descriptor_left(void)
{
	int before;

	begin();
	before = entries("/proc/self/fd");
	EQUAL(mkdir("source/dir", 0755), 0);
	write_file("source/dir/file", "text");
	EQUAL(link("source/dir/file", "source/dir/other"), 0);
	EQUAL(symlink("file", "source/dir/link"), 0);
	EQUAL(copy_up(), 0);
	EQUAL(entries("/proc/self/fd"), before);
	EQUAL(umount2("target", 0), 0); /* not busy */
	CHECK(signal(SIGXFSZ, SIG_IGN) == SIG_DFL);
}

/* ---- names that are exchanged at the worst moment ---------------------------------------------------------------- */

/* Makes each openat2 and readlinkat wait for an answer on a seccomp listener, which it returns. */
static int stop_at_opens(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_readlinkat, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog filter = { sizeof(code) / sizeof(code[0]), code };

	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
			    &filter);
}

/* Copies in a child, whose exit status is the errno. The child sends the number of its listener through the pipe. */
static pid_t copy_in_child(int *listener)
{
	int ends[2], fd = -1;
	pid_t child;

	EQUAL(pipe2(ends, O_CLOEXEC), 0);
	child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		fd = stop_at_opens();
		if (write(ends[1], &fd, sizeof(fd)) != sizeof(fd))
			_exit(255);
		_exit((int)-copy_up());
	}
	close(ends[1]);
	EQUAL(read(ends[0], &fd, sizeof(fd)), sizeof(fd));
	*listener = (int)syscall(SYS_pidfd_getfd, syscall(SYS_pidfd_open, child, 0), fd, 0);
	CHECK(*listener >= 0);
	return child;
}

/* Exchanges two names, or renames the first if the second does not exist. */
static void exchange(const char *one, const char *two)
{
	struct stat st;
	unsigned int flags = lstat(two, &st) == 0 ? 2 /* RENAME_EXCHANGE */ : 0;

	EQUAL(syscall(SYS_renameat2, AT_FDCWD, one, AT_FDCWD, two, flags), 0);
}

/* Lets a waiting call go on. At the first call for that name it exchanges the names first; returns whether it has done so. */
static int answer(int listener, const char *name)
{
	struct seccomp_notif call;
	struct seccomp_notif_resp reply = { .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE };
	char got[16] = "";
	struct iovec ours = { got, sizeof(got) - 1 }, theirs = { NULL, sizeof(got) - 1 };
	static int done;

	memset(&call, 0, sizeof(call));
	EQUAL(ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call), 0);
	theirs.iov_base = (void *)(uintptr_t)call.data.args[1];
	CHECK(process_vm_readv((pid_t)call.pid, &ours, 1, &theirs, 1, 0) > 0);
	reply.id = call.id;
	if (!done && strcmp(got, name) == 0) {
		exchange(exchanged[0], exchanged[1]);
		done = 1;
	}
	EQUAL(ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &reply), 0);
	return done;
}

/* Returns the result of a copy in which two names are exchanged just before the first open of that name. */
static long copy_exchanging(const char *name, const char *one, const char *two)
{
	struct pollfd stopped = { .events = POLLIN };
	pid_t child = copy_in_child(&stopped.fd);
	int status, done = 0;

	exchanged[0] = one;
	exchanged[1] = two;
	for (;;) {
		EQUAL(poll(&stopped, 1, -1), 1);
		if (!(stopped.revents & POLLIN))
			break; /* the child has ended */
		done = answer(stopped.fd, name);
	}
	CHECK(done);
	EQUAL(waitpid(child, &status, 0), child);
	CHECK(WIFEXITED(status));
	return -WEXITSTATUS(status);
}

/* The FIFO has no writer: an open without O_NONBLOCK would wait for ever. */
static void fifo_for_file(void)
{
	begin();
	write_file("source/name", "text");
	EQUAL(mkfifo("other", 0644), 0);
	EQUAL(copy_exchanging("name", "source/name", "other"), -ESTALE);
}

/* The mount refuses the device before its driver opens it. A check after the open would be too late. */
static void device_for_file(void)
{
	begin();
	write_file("source/name", "text");
	EQUAL(mknod("other", S_IFCHR | 0644, makedev(1, 5)), 0);
	EQUAL(copy_exchanging("name", "source/name", "other"), -EACCES);
}

static void link_for_file(void)
{
	begin();
	write_file("source/name", "text");
	write_file("secret", "secret");
	EQUAL(symlink("../secret", "other"), 0);
	EQUAL(copy_exchanging("name", "source/name", "other"), -ESTALE);
}

static void other_file_for_file(void)
{
	begin();
	write_file("source/name", "text");
	write_file("other", "longer text");
	EQUAL(chmod("other", 0600), 0);
	EQUAL(copy_exchanging("name", "source/name", "other"), 0);
	check_content("target/name", "longer text");
	EQUAL(status("target/name").st_mode & 07777, 0600);
}

static void no_more_file(void)
{
	begin();
	write_file("source/name", "text");
	EQUAL(copy_exchanging("name", "source/name", "moved"), 0);
	EQUAL(entries("target"), 0);
}

static void link_for_directory(void)
{
	begin();
	EQUAL(mkdir("source/name", 0755), 0);
	EQUAL(mkdir("outside", 0755), 0);
	write_file("outside/secret", "secret");
	EQUAL(symlink("../outside", "other"), 0);
	EQUAL(copy_exchanging("name", "source/name", "other"), -ESTALE);
	EQUAL(access("target/name/secret", F_OK), -1);
}

static void fifo_for_directory(void)
{
	begin();
	EQUAL(mkdir("source/name", 0755), 0);
	EQUAL(mkfifo("other", 0644), 0);
	EQUAL(copy_exchanging("name", "source/name", "other"), -ESTALE);
}

static void no_more_directory(void)
{
	begin();
	EQUAL(mkdir("source/name", 0755), 0);
	EQUAL(copy_exchanging("name", "source/name", "moved"), 0);
	EQUAL(entries("target"), 0);
}

static void file_for_link(void)
{
	begin();
	EQUAL(symlink("nowhere", "source/name"), 0);
	write_file("other", "text");
	EQUAL(copy_exchanging("name", "source/name", "other"), -ESTALE);
}

/* The current directory is moved out of the source, so its ".." is another directory. */
static void moved_out(void)
{
	begin();
	EQUAL(mkdir("source/name", 0755), 0);
	EQUAL(mkdir("source/name/below", 0755), 0);
	EQUAL(mkdir("outside", 0755), 0);
	write_file("outside/secret", "secret");
	EQUAL(copy_exchanging("..", "source/name/below", "outside/below"), -ESTALE);
}

static void moved_inside(void)
{
	begin();
	EQUAL(mkdir("source/one", 0755), 0);
	EQUAL(mkdir("source/one/below", 0755), 0);
	EQUAL(mkdir("source/two", 0755), 0);
	EQUAL(mkdir("source/two/below", 0755), 0);
	EQUAL(copy_exchanging("..", "source/one/below", "source/two/below"), -ESTALE);
}

const struct test copyup_tests[] = {
	{ "COPY_UP copies every kind of file, with owner, mode and times", every_kind, ROOT },
	{ "COPY_UP leaves owner and mode of the top to the mount", the_top, ROOT },
	{ "COPY_UP keeps extended attributes, of what is not opened too", xattrs, ROOT },
	{ "COPY_UP keeps capabilities of files", capabilities, ROOT },
	{ "COPY_UP keeps hard links", hard_links, ROOT },
	{ "COPY_UP keeps holes", holes, ROOT },
	{ "COPY_UP copies more than a buffer", large_file, ROOT },
	{ "COPY_UP goes 5000 directories down with 64 descriptors", deep, ROOT },
	{ "COPY_UP copies 3000 directories of one", many, ROOT },
	{ "COPY_UP copies what is mounted below", mounts_below, ROOT },
	{ "COPY_UP refuses what is no directory", no_directory, ROOT },
	{ "COPY_UP names the file and the call that failed", failure_is_named, ROOT },
	{ "COPY_UP names the end of a long path", failure_deep_down, ROOT },
	{ "COPY_UP is not killed by a small RLIMIT_FSIZE", small_file_size, ROOT },
	{ "COPY_UP leaves no descriptor open", no_descriptor_left, ROOT },
	{ "COPY_UP does not wait for a FIFO in the place of a file", fifo_for_file, ROOT },
	{ "COPY_UP opens no device in the place of a file", device_for_file, ROOT },
	{ "COPY_UP follows no link in the place of a file", link_for_file, ROOT },
	{ "COPY_UP takes another file in the place of a file, all of it", other_file_for_file,
	  ROOT },
	{ "COPY_UP does not miss a file that has gone", no_more_file, ROOT },
	{ "COPY_UP follows no link in the place of a directory", link_for_directory, ROOT },
	{ "COPY_UP opens no FIFO in the place of a directory", fifo_for_directory, ROOT },
	{ "COPY_UP does not miss a directory that has gone", no_more_directory, ROOT },
	{ "COPY_UP refuses a file in the place of a link", file_for_link, ROOT },
	{ "COPY_UP does not follow a directory out of the source", moved_out, ROOT },
	{ "COPY_UP notices a directory that has another one above it", moved_inside, ROOT },
	{ NULL, NULL, ANYBODY },
};
