// SPDX-License-Identifier: Apache-2.0
//go:build cgo
/* op_process.c - the ops that turn the stage into the user's process, in the order of the plan. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/filter.h>
#include <linux/if.h>
#include <linux/ioprio.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <linux/termios.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "stage.h"

/*
 * Sets the action for a signal to SIG_DFL or SIG_IGN, with no flags and an empty mask. The handler is the first member of the
 * kernel's struct sigaction on every architecture in arch.h.
 */
long set_action(int signal, void (*handler)(int))
{
	union {
		void (*handler)(int);
		uint64_t room[4]; /* larger than any kernel's struct sigaction */
	} action;

	memset(&action, 0, sizeof(action));
	action.handler = handler;
	return sys(SYS_rt_sigaction, signal, &action, NULL, sizeof(signal_mask));
}

long op_HOSTNAME(struct stage *s, const struct rung_op *op)
{
	uint32_t length;
	const char *name = plan_string(s, op->s, &length);

	return sys(SYS_sethostname, name, length);
}

long op_DOMAINNAME(struct stage *s, const struct rung_op *op)
{
	uint32_t length;
	const char *name = plan_string(s, op->s, &length);

	return sys(SYS_setdomainname, name, length);
}

/* Brings the loopback device up: in a new network namespace it is down. */
long op_LOOPBACK(struct stage *s, const struct rung_op *op)
{
	struct ifreq request;
	long sock, result;

	(void)op;
	sock = sys(SYS_socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (sock == -EAFNOSUPPORT)
		sock = sys(SYS_socket, AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (made(s, "socket", sock) < 0)
		return sock;
	memset(&request, 0, sizeof(request));
	memcpy(request.ifr_name, "lo", sizeof("lo"));
	request.ifr_flags = IFF_UP | IFF_RUNNING;
	result = made(s, "ioctl", sys(SYS_ioctl, sock, SIOCSIFFLAGS, &request));
	sys(SYS_close, sock);
	return result;
}

/*
 * Unlocks the pty master in slot a, opens its slave into slot b without a path, sets the window
 * to x columns and y rows, and gives the slave to user z and group w. The terminal modes stay
 * the kernel's: the program at the master sets those that it wants.
 */
long op_PTY(struct stage *s, const struct rung_op *op)
{
	struct winsize size;
	int master = slot_get(s, op->a), unlocked = 0;
	long peer, result;

	result = made(s, "ioctl TIOCSPTLCK", sys(SYS_ioctl, master, TIOCSPTLCK, &unlocked));
	if (result < 0)
		return result;
	peer = made(s, "ioctl TIOCGPTPEER",
		    sys(SYS_ioctl, master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
	if (peer < 0)
		return peer;
	slot_put(s, op->b, peer);
	memset(&size, 0, sizeof(size));
	size.ws_col = (unsigned short)op->x;
	size.ws_row = (unsigned short)op->y;
	if (op->x || op->y) {
		result = made(s, "ioctl TIOCSWINSZ", sys(SYS_ioctl, master, TIOCSWINSZ, &size));
		if (result < 0)
			return result;
	}
	if (op->z || op->w)
		return made(s, "fchown", sys(NR_fchown, peer, op->z, op->w));
	return 0;
}

long op_DUP(struct stage *s, const struct rung_op *op)
{
	return sys(SYS_dup3, slot_get(s, op->a), op->x, 0);
}

long op_CTTY(struct stage *s, const struct rung_op *op)
{
	return sys(SYS_ioctl, slot_get(s, op->a), TIOCSCTTY, 0);
}

/*
 * Whether an error of a change of owner is no failure. The file system may have no owners
 * (EOPNOTSUPP for pidfds and other anonymous files since Linux 6.16, ENOSYS for FUSE), may be
 * read-only (EROFS), or the user or the file's owner may not be mapped there (EINVAL, EPERM).
 */
static int keeps_owner(long error)
{
	return error == -EINVAL || error == -EPERM || error == -EROFS || error == -EOPNOTSUPP ||
	       error == -ENOSYS;
}

/* A pipe or socket is the container's. A terminal may be: y says so. Anything else is a file of the host. */
static int is_containers(const struct statx *file, const struct rung_op *op)
{
	return S_ISFIFO(file->stx_mode) || S_ISSOCK(file->stx_mode) ||
	       (S_ISCHR(file->stx_mode) && op->y);
}

/*
 * Gives the standard streams to user x, so that the user can open /dev/stdout again. y: they are the container's own
 * terminal.
 */
long op_STDIO_OWNER(struct stage *s, const struct rung_op *op)
{
	struct statx file;
	long result;
	int fd;

	for (fd = 0; fd < STANDARD_STREAMS; fd++) {
		result = made(s, "statx", status_of(fd, &file));
		if (result == -EBADF)
			continue;
		if (result < 0)
			return result;
		if (file.stx_uid == op->x || !is_containers(&file, op))
			continue;
		result = made(s, "fchown", sys(NR_fchown, fd, op->x, file.stx_gid));
		if (result < 0 && !keeps_owner(result))
			return result;
	}
	return 0;
}

long op_SETGROUPS(struct stage *s, const struct rung_op *op)
{
	uint32_t length;
	const char *groups = plan_string(s, op->s, &length);

	return sys(NR_setgroups, length / sizeof(uint32_t), groups);
}

long op_SETGID(struct stage *s, const struct rung_op *op)
{
	(void)s;
	return sys(NR_setresgid, op->x, op->x, op->x);
}

long op_SETUID(struct stage *s, const struct rung_op *op)
{
	(void)s;
	return sys(NR_setresuid, op->x, op->x, op->x);
}

/* For cgroup v1: the user that opened a tasks file may move only processes with its own real or saved id. */
long op_SETUID_BUT_SAVED(struct stage *s, const struct rung_op *op)
{
	(void)s;
	return sys(NR_setresuid, op->x, op->x, KEEP_ID);
}

long op_KEEPCAPS(struct stage *s, const struct rung_op *op)
{
	(void)s;
	return sys(SYS_prctl, PR_SET_KEEPCAPS, op->x);
}

/* A set of capabilities in a plan is a 64-bit mask. */
#define CAPABILITIES 64

/* Drops from the bounding set each capability up to number y that is not in x. */
long op_BOUNDING(struct stage *s, const struct rung_op *op)
{
	uint64_t cap;
	long result;

	(void)s;
	for (cap = 0; cap <= op->y && cap < CAPABILITIES; cap++) {
		if (op->x >> cap & 1)
			continue;
		result = sys(SYS_prctl, PR_CAPBSET_DROP, cap);
		if (result < 0)
			return result;
	}
	return 0;
}

/* x: effective, y: permitted, z: inheritable. */
long op_CAPSET(struct stage *s, const struct rung_op *op)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2];

	(void)s;
	data[0].effective = (uint32_t)op->x;
	data[1].effective = (uint32_t)(op->x >> 32);
	data[0].permitted = (uint32_t)op->y;
	data[1].permitted = (uint32_t)(op->y >> 32);
	data[0].inheritable = (uint32_t)op->z;
	data[1].inheritable = (uint32_t)(op->z >> 32);
	return sys(SYS_capset, &header, data);
}

long op_AMBIENT(struct stage *s, const struct rung_op *op)
{
	uint64_t cap;
	long result;

	(void)s;
	result = sys(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL);
	for (cap = 0; result >= 0 && cap < CAPABILITIES; cap++)
		if (op->x >> cap & 1)
			result = sys(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap);
	return result;
}

long op_NO_NEW_PRIVS(struct stage *s, const struct rung_op *op)
{
	(void)s;
	(void)op;
	return sys(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1);
}

long op_UMASK(struct stage *s, const struct rung_op *op)
{
	(void)s;
	return sys(SYS_umask, op->x);
}

/* x: resource, y: soft limit, z: hard limit. */
long op_RLIMIT(struct stage *s, const struct rung_op *op)
{
	const uint64_t limit[2] = { op->y, op->z };

	(void)s;
	return sys(SYS_prlimit64, 0, op->x, limit, NULL);
}

/* Restores RLIMIT_NOFILE, which raise_nofile raised (constructor.c), unless a hook changed it meanwhile. */
long op_NOFILE_BACK(struct stage *s, const struct rung_op *op)
{
	uint64_t now[2];
	long result;

	(void)op;
	result = sys(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, now);
	if (result < 0 || s->nofile[1] == 0 || now[0] != s->nofile[1] || now[1] != s->nofile[1])
		return result;
	return sys(SYS_prlimit64, 0, RLIMIT_NOFILE, s->nofile, NULL);
}

long op_PERSONALITY(struct stage *s, const struct rung_op *op)
{
	(void)s;
	return sys(SYS_personality, op->x);
}

long op_SCHED_ATTR(struct stage *s, const struct rung_op *op)
{
	return sys(SYS_sched_setattr, 0, plan_string(s, op->s, NULL), 0);
}

long op_AFFINITY(struct stage *s, const struct rung_op *op)
{
	uint32_t length;
	const char *mask = plan_string(s, op->s, &length);

	return sys(SYS_sched_setaffinity, 0, length, mask);
}

long op_IOPRIO(struct stage *s, const struct rung_op *op)
{
	(void)s;
	return sys(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, op->x);
}

/* x: mode and flags, y: number of bits in the node mask. */
long op_MEMPOLICY(struct stage *s, const struct rung_op *op)
{
	return sys(SYS_set_mempolicy, op->x, plan_string(s, op->s, NULL), op->y);
}

long op_SECCOMP(struct stage *s, const struct rung_op *op)
{
	struct sock_fprog program;
	uint32_t length;
	long result;

	program.filter = (struct sock_filter *)(uintptr_t)plan_string(s, op->s, &length);
	program.len = (unsigned short)(length / sizeof(struct sock_filter));
	result = made(s, "seccomp", sys(SYS_seccomp, SECCOMP_SET_MODE_FILTER, op->x, &program));
	/*
	 * The call is missing or a filter denies it: the kernel itself answers EACCES, never EPERM. prctl(2) loads the
	 * same filter without flags. SPEC_ALLOW may be left out: it only gives up a protection for speed.
	 */
	if ((result == -ENOSYS || result == -EPERM) && !(op->x & ~SECCOMP_FILTER_FLAG_SPEC_ALLOW))
		result = made(s, "prctl",
			      sys(SYS_prctl, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
	/* The trace ends here: the filter may deny the system call that reads the clock. */
	if (result >= 0)
		s->progress->room = s->progress->traced;
	return op->b >= 0 ? slot_put(s, op->b, result) : result;
}

/*
 * Whether the process may execute a file, by its effective ids and capabilities. The kernel looks at everything that it looks
 * at for execve(2): owners through id maps, ACLs, capabilities, and mounts that are noexec. It allows a directory too.
 */
static long may_execute(struct stage *s, const char *path)
{
	struct statx file;
	long result = made(s, "statx", status_behind(path, &file));

	if (result < 0)
		return result;
	if (S_ISDIR(file.stx_mode))
		return -EISDIR;
	result = made(s, "faccessat2", sys(SYS_faccessat2, AT_FDCWD, path, X_OK, AT_EACCESS));
	/* The call is missing or a filter denies it: the kernel itself never answers EPERM. Then execve(2) decides. */
	if (result == -ENOSYS || result == -EPERM)
		return file.stx_mode & (S_IXUSR | S_IXGRP | S_IXOTH) ? 0 : -EACCES;
	return result;
}

/* Whether a search goes on after an error: it says that this path leads to no program. Any other error is no answer. */
static int is_no_program(long error)
{
	return error == -ENOENT || error == -ENOTDIR || error == -EISDIR || error == -EACCES ||
	       error == -ELOOP || error == -ENAMETOOLONG;
}

/*
 * Finds the first of the paths that the process may execute, for an EXEC without a path. If there is none, the error is that of
 * the first program without permission, or else the last one.
 */
long op_FIND_PROGRAM(struct stage *s, const struct rung_op *op)
{
	char **path = plan_vector(s, op->s);
	const char *call = NULL;
	long error = -ENOENT, result;
	uint32_t i;

	for (i = 0; path[i]; i++) {
		result = may_execute(s, path[i]);
		if (result < 0 && is_no_program(result) && error == -EACCES)
			continue;
		s->progress->candidate = i;
		s->program = path[i];
		if (result >= 0 || !is_no_program(result))
			return result;
		error = result;
		call = s->call;
	}
	s->call = call;
	return error;
}

/* A successful execve closes rung's descriptors, which are close-on-exec; a failed one keeps them. */
long op_EXEC(struct stage *s, const struct rung_op *op)
{
	const char *path = plan_string(s, op->s, NULL);
	char **argv = plan_vector(s, op->t), **envp = plan_vector(s, op->u);

	return sys(SYS_execve, *path ? path : s->program, argv, envp);
}
