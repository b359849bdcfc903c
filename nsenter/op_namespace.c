// SPDX-License-Identifier: Apache-2.0
/* op_namespace.c - namespaces, the container process, and the talk with the parent. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/keyctl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "hands.h"

long op_UNSHARE(struct hands *h, const struct rung_op *op)
{
	(void)h;
	return sys(SYS_unshare, op->x);
}

long op_SETNS(struct hands *h, const struct rung_op *op)
{
	return sys(SYS_setns, slot_get(h, op->a), op->x);
}

/*
 * Goes on in a new process that is a child of the parent, as CLONE_PARENT says, so that
 * the parent can wait for it; this one ends. The kernel stores the new PID in the
 * progress page before either of the two runs on.
 */
long op_CLONE(struct hands *h, const struct rung_op *op)
{
	struct clone_args args;
	long pid;

	memset(&args, 0, sizeof(args));
	args.flags = op->x | CLONE_PARENT | CLONE_PARENT_SETTID;
	args.parent_tid = (uint64_t)(uintptr_t)&h->progress->pid;
	if (slot_get(h, op->a) >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)slot_get(h, op->a);
	}
	pid = sys(SYS_clone3, &args, sizeof(args));
	if (pid <= 0)
		return pid;
	/* Where the other processors are busy, the new process need not wait for the end of this. */
	sys(SYS_sched_yield);
	for (;;)
		sys(SYS_exit_group, 0);
}

struct fd_message {
	struct msghdr msg;
	struct iovec iov;
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int) * RUNG_MAX_REPLY_FDS)];
};

static void message_init(struct fd_message *m, const void *data, size_t size)
{
	memset(m, 0, sizeof(*m));
	m->iov.iov_base = (void *)(uintptr_t)data;
	m->iov.iov_len = size;
	m->msg.msg_iov = &m->iov;
	m->msg.msg_iovlen = 1;
}

static long send_message(int sock, const void *data, size_t size, int fd)
{
	struct cmsghdr *header;
	struct fd_message m;

	message_init(&m, data, size);
	if (fd >= 0) {
		m.msg.msg_control = m.control;
		m.msg.msg_controllen = CMSG_SPACE(sizeof(int));
		header = CMSG_FIRSTHDR(&m.msg);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	}
	return sys(SYS_sendmsg, sock, &m.msg, MSG_NOSIGNAL);
}

/*
 * Receives a message of just that size with up to RUNG_MAX_REPLY_FDS descriptors: the number
 * of these, or -errno; -ECONNRESET when the parent is gone, -EMFILE when there is a limit.
 */
long receive_message(int sock, void *data, size_t size, int *fds)
{
	struct cmsghdr *header;
	struct fd_message m;
	long n, got = 0;

	message_init(&m, data, size);
	m.msg.msg_control = m.control;
	m.msg.msg_controllen = sizeof(m.control);
	do
		n = sys(SYS_recvmsg, sock, &m.msg, MSG_CMSG_CLOEXEC);
	while (n == -EINTR);
	if (n < 0)
		return n;
	if (n != (long)size || (m.msg.msg_flags & MSG_TRUNC))
		return n == 0 ? -ECONNRESET : -EPROTO;
	header = CMSG_FIRSTHDR(&m.msg);
	if (header && header->cmsg_type == SCM_RIGHTS) {
		got = (long)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(fds, CMSG_DATA(header), (size_t)got * sizeof(int));
	}
	if (m.msg.msg_flags & MSG_CTRUNC)
		return got < RUNG_MAX_REPLY_FDS ? -EMFILE : -EPROTO;
	return got;
}

/*
 * Waits for a message, or that the parent is gone. A parent that has other work to do rings
 * the bell before it sends: the kernel takes the sender of a message for one that is about
 * to sleep, and would run this process on the parent's processor instead of an idle one.
 */
void wait_for_parent(int sock, int bell)
{
	struct pollfd fds[2] = { { sock, POLLIN, 0 }, { bell, POLLIN, 0 } };
	uint64_t rings;
	char byte;
	int i;

	if (bell < 0)
		return;
	sys(SYS_ppoll, fds, 2, NULL, NULL, 0);
	if (!fds[1].revents)
		return;
	sys(SYS_read, bell, &rings, sizeof(rings));
	/* The message is on its way: to sleep again would take longer. */
	for (i = 0;
	     i < 400 && sys(SYS_recvfrom, sock, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == -EAGAIN; i++)
		;
}

static long next_segment(struct hands *h, int fd)
{
	uint32_t slots = h->plan.header->slots;
	int result = plan_map(&h->plan, fd);

	if (result < 0)
		return result;
	if (h->plan.header->slots != slots)
		return -EINVAL;
	sys(SYS_close, fd); /* neglected: an exec closes it */
	/* In this order the page names an op that exists at any instant. */
	__atomic_store_n(&h->progress->op, 0, __ATOMIC_RELEASE);
	__atomic_store_n(&h->progress->segment, h->progress->segment + 1, __ATOMIC_RELEASE);
	h->next = 0;
	return 0;
}

/*
 * Tells the parent that this point is reached, with a descriptor if slot a names one,
 * and waits for its answer, which may fill z slots from y on. A parent that died or
 * refused closes the socket.
 */
long op_SYNC(struct hands *h, const struct rung_op *op)
{
	struct rung_reply reply;
	uint32_t id = (uint32_t)op->x;
	int fds[RUNG_MAX_REPLY_FDS];
	uint32_t i, used;
	long got;

	got = send_message(h->sync, &id, sizeof(id), slot_get(h, op->a));
	if (got < 0)
		return got;
	wait_for_parent(h->sync, h->bell);
	got = receive_message(h->sync, &reply, sizeof(reply), fds);
	if (got < 0)
		return got;
	used = reply.segment ? 1 : 0;
	if (reply.id != id || reply.segment > 1 || (uint64_t)got != (uint64_t)used + reply.count ||
	    reply.count > op->z || (reply.count && reply.slot != op->y))
		return -EPROTO;
	for (i = 0; i < reply.count; i++)
		slot_put(h, (int16_t)(reply.slot + i), fds[used + i]);
	return used ? next_segment(h, fds[0]) : 0;
}

/*
 * Has whoever lets this process run take the descriptor in slot a, and waits for the answer.
 * A seccomp filter is in force by now, and asks an agent that does not have its descriptor
 * yet: write(2) is the one system call that no such filter may ask about, and read(2) may
 * wait, since the agent has the descriptor when the answer comes.
 */
long op_HAND_OVER(struct hands *h, const struct rung_op *op)
{
	struct rung_offer offer = { (uint32_t)op->x, slot_get(h, op->a) };
	int sock = h->start ? h->start - 1 : h->sync;
	struct rung_reply reply;
	long n;

	n = sys(SYS_write, sock, &offer, sizeof(offer));
	if (n < 0)
		return n;
	do
		n = sys(SYS_read, sock, &reply, sizeof(reply));
	while (n == -EINTR);
	if (n <= 0)
		return n == 0 ? -ECONNRESET : n;
	return n == sizeof(reply) && reply.id == offer.id ? 0 : -EPROTO;
}

long op_SEND_FD(struct hands *h, const struct rung_op *op)
{
	uint32_t length;
	const char *name = plan_string(h, op->s, &length);

	return send_message(slot_get(h, op->a), name, length, slot_get(h, op->b));
}

/*
 * Moves this process into the v1 cgroup whose tasks file is in slot a. A process with one
 * thread that moves itself takes no lock of the whole machine (Linux 5.5, commit
 * 9a3284fad42f), as its parent would.
 */
long op_ENTER_CGROUP(struct hands *h, const struct rung_op *op)
{
	long n = sys(SYS_write, slot_get(h, op->a), "0", 1);

	return n < 0 ? n : 0;
}

long op_DUMPABLE(struct hands *h, const struct rung_op *op)
{
	(void)h;
	return sys(SYS_prctl, PR_SET_DUMPABLE, op->x);
}

long op_SETSID(struct hands *h, const struct rung_op *op)
{
	(void)h;
	(void)op;
	return sys(SYS_setsid);
}

/* Joins the session keyring of that name, or a new one, and sets its permission bits x. */
long op_KEYRING(struct hands *h, const struct rung_op *op)
{
	long ring = sys(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, plan_string(h, op->s, NULL));

	return ring < 0 ? ring : sys(SYS_keyctl, KEYCTL_SETPERM, ring, op->x);
}

#define BIT(sig) ((signal_mask)1 << ((sig) - 1))

/*
 * Waits until fd can be read, or ends the process at a signal in sigfd: a process 1 has no
 * default action for signals, and `rung kill ID TERM` is to end a created container too.
 */
static long await(int fd, int sigfd)
{
	struct signalfd_siginfo info;
	struct pollfd fds[2] = { { fd, POLLIN, 0 }, { sigfd, POLLIN, 0 } };
	long n;

	do
		n = sys(SYS_ppoll, fds, 2, NULL, NULL, 0);
	while (n == -EINTR);
	if (n < 0 || !fds[1].revents)
		return n;
	sys(SYS_read, sigfd, &info, sizeof(info));
	for (;;)
		sys(SYS_exit_group, 128 + info.ssi_signo);
}

/*
 * Waits until `rung start` connects and says go. The connection stays open until exec
 * closes it: that is how start learns that the process runs.
 */
static long await_start(struct hands *h, int sock, int sigfd)
{
	long conn, n;
	char go;

	for (;;) {
		n = await(sock, sigfd);
		if (n < 0)
			return n;
		conn = sys(SYS_accept4, sock, NULL, NULL, SOCK_CLOEXEC);
		if (conn < 0)
			return conn;
		n = await((int)conn, sigfd);
		if (n >= 0)
			n = sys(SYS_read, conn, &go, sizeof(go));
		/* A start that died before it said go is no start. */
		if (n == 1) {
			h->start = (int)conn + 1;
			return 0;
		}
		sys(SYS_close, conn);
	}
}

/*
 * Blocks the signals that are to end a process that waits for start, and opens their signalfd: before the last SYNC, so
 * that create can tell of a failure.
 */
long op_HOLD_SIGNALS(struct hands *h, const struct rung_op *op)
{
	signal_mask ends = BIT(SIGHUP) | BIT(SIGINT) | BIT(SIGQUIT) | BIT(SIGTERM);
	long result = sys(SYS_rt_sigprocmask, SIG_BLOCK, &ends, NULL, sizeof(ends));

	if (result < 0)
		return result;
	return slot_put(h, op->a, sys(SYS_signalfd4, -1, &ends, sizeof(ends), SFD_CLOEXEC));
}

long op_AWAIT_START(struct hands *h, const struct rung_op *op)
{
	static const signal_mask none;
	int sigfd = slot_get(h, op->b);
	long result = await_start(h, slot_get(h, op->a), sigfd);

	sys(SYS_close, sigfd); /* neglected: an exec closes it */
	if (result < 0)
		return result;
	return sys(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof(none));
}
