/*
 * floor shows how long the kernel alone needs for one `run` of a container.
 *
 * As root it makes only the system calls that every runtime needs for the default bundle: six namespaces, a
 * cgroup in each hierarchy, the default mounts, nodes and links, a new root, three masks and one read-only path,
 * the program, the clean-up. It reads no configuration, and checks, records and filters nothing. Its wall time is
 * the lower limit for real runtimes.
 *
 *	floor ROOTFS PROGRAM [ARGUMENT...]
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <linux/magic.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#define CGROUP_ROOT "/sys/fs/cgroup"
#define COUNT(a)    (sizeof(a) / sizeof((a)[0]))
#define TRY(call)                                                                                  \
	do {                                                                                       \
		if ((call) < 0)                                                                    \
			err(125, "%s", #call);                                                     \
	} while (0)

static const struct {
	const char *target, *type, *data;
	unsigned long flags;
	int make;
} filesystems[] = {
	{ "proc", "proc", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC, 0 },
	{ "dev", "tmpfs", "mode=755,size=65536k", MS_NOSUID | MS_STRICTATIME, 0 },
	{ "dev/pts", "devpts", "newinstance,ptmxmode=0666,mode=0620,gid=5", MS_NOSUID | MS_NOEXEC,
	  1 },
	{ "dev/shm", "tmpfs", "mode=1777,size=65536k", MS_NOSUID | MS_NODEV | MS_NOEXEC, 1 },
	{ "dev/mqueue", "mqueue", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC, 1 },
	{ "sys", "sysfs", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, 0 },
};

static const struct {
	const char *path;
	int major, minor;
} nodes[] = {
	{ "dev/null", 1, 3 },	{ "dev/zero", 1, 5 },	 { "dev/full", 1, 7 },
	{ "dev/random", 1, 8 }, { "dev/urandom", 1, 9 }, { "dev/tty", 5, 0 },
};

static const struct {
	const char *path, *to;
} links[] = {
	{ "dev/ptmx", "pts/ptmx" },	     { "dev/fd", "/proc/self/fd" },
	{ "dev/stdin", "/proc/self/fd/0" },  { "dev/stdout", "/proc/self/fd/1" },
	{ "dev/stderr", "/proc/self/fd/2" },
};

static const char *const masked[] = { "/proc/kcore", "/proc/keys", "/proc/timer_list" };

struct group {
	char path[256];
	int dir;
};

static struct group groups[32];
static size_t group_count;

static void put(int dir, const char *file, const char *text, size_t len)
{
	int fd = openat(dir, file, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, len) < 0)
		err(125, "write %s", file);
	close(fd);
}

/* Copies the CPUs or nodes of the parent: a new cpuset of cgroup v1 has none. */
static void copy_from_parent(int dir, const char *file)
{
	char path[64], text[256];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "../%s", file);
	TRY(fd = openat(dir, path, O_RDONLY | O_CLOEXEC));
	TRY(n = read(fd, text, sizeof(text)));
	close(fd);
	put(dir, file, text, n);
}

static void make_group(const char *hierarchy)
{
	struct group *g = &groups[group_count++];

	snprintf(g->path, sizeof(g->path), "%s/floor-%d", hierarchy, getpid());
	TRY(mkdir(g->path, 0755));
	TRY(g->dir = open(g->path, O_DIRECTORY | O_RDONLY | O_CLOEXEC));
	if (strcmp(hierarchy, CGROUP_ROOT "/cpuset") == 0) {
		copy_from_parent(g->dir, "cpuset.cpus");
		copy_from_parent(g->dir, "cpuset.mems");
	}
}

/* Returns the directory to clone into on cgroup v2, or -1 on v1, where the process enters by a write. */
static int make_groups(void)
{
	struct statfs fs;
	glob_t found;
	size_t i;

	TRY(statfs(CGROUP_ROOT, &fs));
	if (fs.f_type == CGROUP2_SUPER_MAGIC) {
		make_group(CGROUP_ROOT);
		return groups[0].dir;
	}
	if (glob(CGROUP_ROOT "/*/cgroup.procs", 0, NULL, &found) != 0)
		errx(125, "no cgroups under " CGROUP_ROOT);
	for (i = 0; i < found.gl_pathc && group_count < COUNT(groups); i++) {
		struct stat st;

		*strrchr(found.gl_pathv[i], '/') = '\0';
		TRY(lstat(found.gl_pathv[i], &st));
		if (!S_ISLNK(st.st_mode))
			make_group(found.gl_pathv[i]);
	}
	globfree(&found);
	return -1;
}

static void join_groups(pid_t pid)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d", pid);

	for (size_t i = 0; i < group_count; i++)
		put(groups[i].dir, "cgroup.procs", text, len);
}

static void remove_groups(void)
{
	for (size_t i = 0; i < group_count; i++)
		for (int tries = 0; rmdir(groups[i].path) < 0 && errno == EBUSY && tries < 1000;
		     tries++)
			usleep(100);
}

static void furnish(void)
{
	size_t i;

	for (i = 0; i < COUNT(filesystems); i++) {
		if (filesystems[i].make)
			TRY(mkdir(filesystems[i].target, 0755));
		if (mount(filesystems[i].type, filesystems[i].target, filesystems[i].type,
			  filesystems[i].flags, filesystems[i].data) < 0)
			err(125, "mount %s", filesystems[i].target);
	}
	for (i = 0; i < COUNT(nodes); i++)
		TRY(mknod(nodes[i].path, S_IFCHR | 0666, makedev(nodes[i].major, nodes[i].minor)));
	for (i = 0; i < COUNT(links); i++)
		TRY(symlink(links[i].to, links[i].path));
}

static void hide(void)
{
	for (size_t i = 0; i < COUNT(masked); i++)
		if (mount("/dev/null", masked[i], NULL, MS_BIND, NULL) < 0 && errno != ENOENT)
			err(125, "mask %s", masked[i]);
	TRY(mount("/proc/sys", "/proc/sys", NULL, MS_BIND | MS_REC, NULL));
	TRY(mount(NULL, "/proc/sys", NULL,
		  MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL));
}

static void container(const char *rootfs, char **argv, int go)
{
	char byte;

	if (read(go, &byte, 1) != 1)
		errx(125, "the parent is gone");
	TRY(unshare(CLONE_NEWCGROUP));
	TRY(mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL));
	TRY(mount(rootfs, rootfs, NULL, MS_BIND | MS_REC, NULL));
	TRY(chdir(rootfs));
	furnish();
	TRY(syscall(SYS_pivot_root, ".", "."));
	TRY(umount2(".", MNT_DETACH));
	TRY(chdir("/"));
	TRY(sethostname("floor", 5));
	hide();
	execv(argv[0], argv);
	err(125, "%s", argv[0]);
}

int main(int argc, char **argv)
{
	struct clone_args args = {
		.flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET,
		.exit_signal = SIGCHLD,
	};
	int into, go[2], status;
	pid_t pid;

	if (argc < 3)
		errx(2, "usage: floor ROOTFS PROGRAM [ARGUMENT...]");
	into = make_groups();
	if (into >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = into;
	}
	TRY(pipe2(go, O_CLOEXEC));
	TRY(pid = syscall(SYS_clone3, &args, sizeof(args)));
	if (pid == 0) {
		close(go[1]);
		container(argv[1], argv + 2, go[0]);
	}
	if (into < 0)
		join_groups(pid);
	TRY(write(go[1], "", 1));
	TRY(waitpid(pid, &status, 0));
	remove_groups();
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
