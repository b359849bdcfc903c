// SPDX-License-Identifier: Apache-2.0
/* op_process.c - what create and exec both do to the process, in the order of the plan. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/filter.h>
#include <linux/if.h>
#include <linux/seccomp.h>
#include <linux/termios.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hands.h"

#ifndef TIOCGPTPEER
#define TIOCGPTPEER 0x5441
#endif

long op_HOSTNAME(struct hands *h, const struct rung_op *op)
{
	uint32_t length;
	const char *name = plan_string(h, op->s, &length);

	return sys(SYS_sethostname, name, length);
}

long op_DOMAINNAME(struct hands *h, const struct rung_op *op)
{
	uint32_t length;
	const char *name = plan_string(h, op->s, &length);

	return sys(SYS_setdomainname, name, length);
}

/* A new network namespace has its loopback device down. */
long op_LOOPBACK(struct hands *h, const struct rung_op *op)
{
	struct ifreq request;
	long sock, result;

	(void)h;
	(void)op;
	sock = sys(SYS_socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (sock == -EAFNOSUPPORT)
		sock = sys(SYS_socket, AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (sock < 0)
		return sock;
	memset(&request, 0, sizeof(request));
	memcpy(request.ifr_name, "lo", 3);
	request.ifr_flags = IFF_UP | IFF_RUNNING;
	result = sys(SYS_ioctl, sock, 0x8914 /* SIOCSIFFLAGS */, &request);
	sys(SYS_close, sock);
	return result;
}

/*
 * Unlocks the pty master in slot a, opens its slave into b without a path, sets the window
 * to x columns, y rows and gives the slave to user z, group w. Its modes are the kernel's:
 * who serves the master may want other ones.
 */
long op_PTY(struct hands *h, const struct rung_op *op)
{
	struct winsize size;
	int master = slot_get(h, op->a), unlocked = 0;
	long peer, result;

	result = sys(SYS_ioctl, master, TIOCSPTLCK, &unlocked);
	if (result < 0)
		return result;
	peer = sys(SYS_ioctl, master, TIOCGPTPEER, 2 | 0400 | 02000000 /* RDWR NOCTTY CLOEXEC */);
	if (peer < 0)
		return peer;
	slot_put(h, op->b, peer);
	memset(&size, 0, sizeof(size));
	size.ws_col = (unsigned short)op->x;
	size.ws_row = (unsigned short)op->y;
	if (op->x || op->y) {
		result = sys(SYS_ioctl, master, TIOCSWINSZ, &size);
		if (result < 0)
			return result;
	}
	if (op->z || op->w)
		return sys(NR_fchown, peer, op->z, op->w);
	return 0;
}

long op_DUP(struct hands *h, const struct rung_op *op)
{
	return sys(SYS_dup3, slot_get(h, op->a), op->x, 0);
}

long op_CTTY(struct hands *h, const struct rung_op *op)
{
	return sys(SYS_ioctl, slot_get(h, op->a), TIOCSCTTY, 0);
}

/*
 * Whether a change of owner may fail: the file system has no owners (EOPNOTSUPP of pidfds and
 * other anonymous files since Linux 6.16, ENOSYS of FUSE), or may not be written to, or knows
 * the user or the owner not.
 */
static int keeps_owner(long error)
{
	return error == -EINVAL || error == -EPERM || error == -EROFS || error == -EOPNOTSUPP ||
	       error == -ENOSYS;
}

/*
 * Gives the standard streams to user x, so that it can open /dev/stdout again. Devices
 * numbered y (null) are everybody's; file systems that have no owners are left alone.
 */
long op_STDIO_OWNER(struct hands *h, const struct rung_op *op)
{
	struct statx file;
	long result;
	int fd;

	(void)h;
	for (fd = 0; fd < 3; fd++) {
		result = status_of(fd, &file);
		if (result == -EBADF)
			continue;
		if (result < 0)
			return result;
		if (file.stx_uid == op->x ||
		    (S_ISCHR(file.stx_mode) && device_number(&file) == op->y))
			continue;
		result = sys(NR_fchown, fd, op->x, file.stx_gid);
		if (result < 0 && !keeps_owner(result))
			return result;
	}
	return 0;
}

long op_SETGROUPS(struct hands *h, const struct rung_op *op)
{
	uint32_t length;
	const char *groups = plan_string(h, op->s, &length);

	return sys(NR_setgroups, length / sizeof(uint32_t), groups);
}

long op_SETGID(struct hands *h, const struct rung_op *op)
{
	(void)h;
	return sys(NR_setresgid, op->x, op->x, op->x);
}

long op_SETUID(struct hands *h, const struct rung_op *op)
{
	(void)h;
	return sys(NR_setresuid, op->x, op->x, op->x);
}

/* For cgroup v1: who opened a tasks file moves processes whose real or saved id is his own. */
long op_SETUID_BUT_SAVED(struct hands *h, const struct rung_op *op)
{
	(void)h;
	return sys(NR_setresuid, op->x, op->x, -1);
}

long op_KEEPCAPS(struct hands *h, const struct rung_op *op)
{
	(void)h;
	return sys(SYS_prctl, PR_SET_KEEPCAPS, op->x);
}

/* Drops each capability up to number y that is not in x. */
long op_BOUNDING(struct hands *h, const struct rung_op *op)
{
	uint64_t cap;
	long result;

	(void)h;
	for (cap = 0; cap <= op->y && cap < 64; cap++) {
		if (op->x >> cap & 1)
			continue;
		result = sys(SYS_prctl, PR_CAPBSET_DROP, cap);
		if (result < 0)
			return result;
	}
	return 0;
}

/* x effective, y permitted, z inheritable */
long op_CAPSET(struct hands *h, const struct rung_op *op)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2];

	(void)h;
	data[0].effective = (uint32_t)op->x;
	data[1].effective = (uint32_t)(op->x >> 32);
	data[0].permitted = (uint32_t)op->y;
	data[1].permitted = (uint32_t)(op->y >> 32);
	data[0].inheritable = (uint32_t)op->z;
	data[1].inheritable = (uint32_t)(op->z >> 32);
	return sys(SYS_capset, &header, data);
}

long op_AMBIENT(struct hands *h, const struct rung_op *op)
{
	uint64_t cap;
	long result;

	(void)h;
	result = sys(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL);
	for (cap = 0; result >= 0 && cap < 64; cap++)
		if (op->x >> cap & 1)
			result = sys(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap);
	return result;
}

long op_NO_NEW_PRIVS(struct hands *h, const struct rung_op *op)
{
	(void)h;
	(void)op;
	return sys(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1);
}

long op_UMASK(struct hands *h, const struct rung_op *op)
{
	(void)h;
	return sys(SYS_umask, op->x);
}

/* x resource, y soft limit, z hard limit */
long op_RLIMIT(struct hands *h, const struct rung_op *op)
{
	const uint64_t limit[2] = { op->y, op->z };

	(void)h;
	return sys(SYS_prlimit64, 0, op->x, limit, NULL);
}

/* Sets what the hands have raised (constructor.c) again, unless a hook has changed it meanwhile. */
long op_NOFILE_BACK(struct hands *h, const struct rung_op *op)
{
	uint64_t now[2];
	long result;

	(void)op;
	result = sys(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, now);
	if (result < 0 || h->nofile[1] == 0 || now[0] != h->nofile[1] || now[1] != h->nofile[1])
		return result;
	return sys(SYS_prlimit64, 0, RLIMIT_NOFILE, h->nofile, NULL);
}

long op_PERSONALITY(struct hands *h, const struct rung_op *op)
{
	(void)h;
	return sys(SYS_personality, op->x);
}

long op_SCHED_ATTR(struct hands *h, const struct rung_op *op)
{
	return sys(SYS_sched_setattr, 0, plan_string(h, op->s, NULL), 0);
}

long op_AFFINITY(struct hands *h, const struct rung_op *op)
{
	uint32_t length;
	const char *mask = plan_string(h, op->s, &length);

	return sys(SYS_sched_setaffinity, 0, length, mask);
}

long op_IOPRIO(struct hands *h, const struct rung_op *op)
{
	(void)h;
	return sys(SYS_ioprio_set, 1 /* IOPRIO_WHO_PROCESS */, 0, op->x);
}

/* x mode and flags, y number of bits in the node mask */
long op_MEMPOLICY(struct hands *h, const struct rung_op *op)
{
	return sys(SYS_set_mempolicy, op->x, plan_string(h, op->s, NULL), op->y);
}

long op_SECCOMP(struct hands *h, const struct rung_op *op)
{
	struct sock_fprog program;
	uint32_t length;
	long result;

	program.filter = (struct sock_filter *)(uintptr_t)plan_string(h, op->s, &length);
	program.len = (unsigned short)(length / sizeof(struct sock_filter));
	result = sys(SYS_seccomp, SECCOMP_SET_MODE_FILTER, op->x, &program);
	/* No clock from here on: reading it is a system call that the filter may deny. */
	if (result >= 0)
		h->progress->room = h->progress->traced;
	return op->b >= 0 ? slot_put(h, op->b, result) : result;
}

/* Every descriptor from x on is closed by a successful execve, and only by that. */
long op_EXEC(struct hands *h, const struct rung_op *op)
{
	char **argv = plan_vector(h, op->t), **envp = plan_vector(h, op->u);

	(void)h;
	return sys(SYS_execve, plan_string(h, op->s, NULL), argv, envp);
}
