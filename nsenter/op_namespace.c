// SPDX-License-Identifier: Apache-2.0
//go:build cgo
/* op_namespace.c - namespaces, the container process, and the messages to and from the parent. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
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

#include "stage.h"

long op_UNSHARE(struct stage *s, const struct rung_op *op)
{
	(void)s;
	return sys(SYS_unshare, op->x);
}

long op_SETNS(struct stage *s, const struct rung_op *op)
{
	return sys(SYS_setns, slot_get(s, op->a), op->x);
}

/*
 * clone(2), for a caller whose filter denies clone3(2): a filter cannot read the flags of clone3, so a filter that allows
 * only some namespaces denies it altogether (RestrictNamespaces= of systemd). Only clone3 can start a process in a cgroup.
 * With clone(2) this process, which is about to end, enters the cgroup first, and the new process inherits it.
 */
static long clone_old(struct stage *s, const struct clone_args *args)
{
	long fd, result;

	if (args->flags & CLONE_INTO_CGROUP) {
		fd = made(s, "openat2", open2((int)args->cgroup, "cgroup.procs", O_WRONLY, 0, 0));
		if (fd < 0)
			return fd;
		result = made(s, "write", sys(SYS_write, fd, "0", 1));
		sys(SYS_close, fd);
		if (result < 0)
			return result;
	}
#if defined(__s390x__)
	result = sys(SYS_clone, 0, (long)(args->flags & ~CLONE_INTO_CGROUP), &s->progress->pid);
#else
	result = sys(SYS_clone, (long)(args->flags & ~CLONE_INTO_CGROUP), 0, &s->progress->pid);
#endif
	return made(s, "clone", result);
}

/*
 * The plan goes on in a new process, and this one ends. CLONE_PARENT makes the new process a
 * child of the parent, so that the parent can wait for it. The kernel stores the new PID in the
 * progress page before either of the two runs on.
 */
long op_CLONE(struct stage *s, const struct rung_op *op)
{
	struct clone_args args;
	long pid;

	memset(&args, 0, sizeof(args));
	args.flags = op->x | CLONE_PARENT | CLONE_PARENT_SETTID;
	args.parent_tid = (uint64_t)(uintptr_t)&s->progress->pid;
	if (slot_get(s, op->a) >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)slot_get(s, op->a);
	}
	pid = made(s, "clone3", sys(SYS_clone3, &args, sizeof(args)));
	if (pid == -ENOSYS || pid == -EPERM)
		pid = clone_old(s, &args);
	if (pid <= 0)
		return pid;
	/* If the other processors are busy, the new process need not wait until this one has ended. */
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

static void close_all(const int *fds, long count)
{
	while (count-- > 0)
		sys(SYS_close, fds[count]);
}

/*
 * Copies the descriptors of a message to fds, which has room for all that the control buffer holds. Returns their number.
 * *error is -EPROTO if the control data has anything else. The C library's CMSG_NXTHDR may be a function, so this goes on
 * from one header to the next by itself.
 */
static long take_descriptors(const struct fd_message *m, int *fds, long *error)
{
	const size_t end = m->msg.msg_controllen, least = CMSG_LEN(0);
	const struct cmsghdr *header;
	size_t at, size, got = 0;

	for (at = 0; at < end && end - at >= least; at += CMSG_ALIGN(size)) {
		header = (const void *)(m->control + at);
		size = header->cmsg_len;
		if (size < least || size > end - at) {
			*error = -EPROTO;
			break;
		}
		if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) {
			memcpy(fds + got, m->control + at + least, size - least);
			got += (size - least) / sizeof(int);
		} else {
			*error = -EPROTO;
		}
	}
	return (long)got;
}

/*
 * Receives a message of exactly that size with up to RUNG_MAX_REPLY_FDS descriptors. Returns
 * the number of descriptors, or -errno: -ECONNRESET if the parent closed the socket, -EMFILE if
 * the limit of open files cut the descriptors off, -EPROTO for any other message. After an error
 * no descriptor of the message is open.
 */
long receive_message(int sock, void *data, size_t size, int *fds)
{
	struct fd_message m;
	long n, got, error = 0;

	message_init(&m, data, size);
	m.msg.msg_control = m.control;
	m.msg.msg_controllen = sizeof(m.control);
	do
		n = sys(SYS_recvmsg, sock, &m.msg, MSG_CMSG_CLOEXEC);
	while (n == -EINTR);
	if (n < 0)
		return n;
	got = take_descriptors(&m, fds, &error);
	if (n != (long)size || (m.msg.msg_flags & MSG_TRUNC))
		error = n == 0 ? -ECONNRESET : -EPROTO;
	else if (error == 0 && (m.msg.msg_flags & MSG_CTRUNC))
		error = got < RUNG_MAX_REPLY_FDS ? -EMFILE : -EPROTO;
	if (error == 0)
		return got;
	close_all(fds, got);
	return error;
}

/* How often wait_for_parent looks for the message after the wakeup. */
#define POLLS 400

/*
 * Waits until the parent sends a message or is gone. A parent that has other work to do rings
 * the wakeup before it sends. Without that, the kernel assumes that the sender of a message is
 * about to sleep, and runs this process on the parent's processor instead of an idle one.
 */
void wait_for_parent(int sock, int wakeup)
{
	struct pollfd fds[2] = { { sock, POLLIN, 0 }, { wakeup, POLLIN, 0 } };
	uint64_t rings;
	char byte;
	int i;

	if (wakeup < 0)
		return;
	/* Errors do not matter here: whoever receives the message waits for it too. */
	sys(SYS_ppoll, fds, COUNT(fds), NULL, NULL, 0);
	if (!fds[1].revents)
		return;
	sys(SYS_read, wakeup, &rings, sizeof(rings));
	/* The message comes at once: to sleep again would take longer than to poll. */
	for (i = 0; i < POLLS; i++)
		if (sys(SYS_recvfrom, sock, &byte, 1, MSG_PEEK | MSG_DONTWAIT) != -EAGAIN)
			break;
}

static long next_segment(struct stage *s, int fd)
{
	int result = plan_take(s, fd);

	sys(SYS_close, fd);
	if (result < 0)
		return result;
	/* op is reset before segment is raised, so that the page always names an op that exists. */
	__atomic_store_n(&s->progress->op, 0, __ATOMIC_RELEASE);
	__atomic_store_n(&s->progress->segment, s->progress->segment + 1, __ATOMIC_RELEASE);
	s->next = 0;
	return 0;
}

/* Whether a reply answers the SYNC, and promises as many descriptors as came with it. */
static int answers(const struct rung_op *op, const struct rung_reply *reply, long fds)
{
	return reply->id == (uint32_t)op->x && reply->segment <= 1 &&
	       (uint64_t)fds == (uint64_t)reply->segment + reply->count && reply->count <= op->z &&
	       (reply->count == 0 || reply->slot == op->y);
}

/*
 * Tells the parent that this point is reached, shows it the descriptor in slot a if one is
 * named, and waits for the answer. The answer may fill up to z slots from y on. The socket is
 * closed if the parent dies or refuses.
 */
long op_SYNC(struct stage *s, const struct rung_op *op)
{
	struct rung_reply reply;
	uint32_t id = (uint32_t)op->x;
	int fds[RUNG_MAX_REPLY_FDS];
	uint32_t i;
	long got;

	got = made(s, "sendmsg", send_message(s->sync, &id, sizeof(id), slot_get(s, op->a)));
	if (got < 0)
		return got;
	wait_for_parent(s->sync, s->wakeup);
	got = made(s, "recvmsg", receive_message(s->sync, &reply, sizeof(reply), fds));
	if (got < 0)
		return got;
	if (!answers(op, &reply, got)) {
		close_all(fds, got);
		return -EPROTO;
	}
	for (i = 0; i < reply.count; i++)
		slot_put(s, (int32_t)(reply.slot + i), fds[reply.segment + i]);
	return reply.segment ? next_segment(s, fds[0]) : 0;
}

/*
 * Tells `rung start`, or the parent, to take the descriptor in slot a, and waits for the answer.
 * The seccomp filter is already in force, but the agent that it asks does not have the listener
 * yet. A filter may not ask about write(2), so the write passes. The read may wait for the
 * agent: the answer comes after the agent has the listener.
 */
long op_HAND_OVER(struct stage *s, const struct rung_op *op)
{
	struct rung_offer offer = { (uint32_t)op->x, slot_get(s, op->a) };
	int sock = s->start ? s->start - 1 : s->sync;
	struct rung_reply reply;
	long n;

	n = made(s, "write", sys(SYS_write, sock, &offer, sizeof(offer)));
	if (n < 0)
		return n;
	do
		n = made(s, "read", sys(SYS_read, sock, &reply, sizeof(reply)));
	while (n == -EINTR);
	if (n <= 0)
		return n == 0 ? -ECONNRESET : n;
	return n == sizeof(reply) && reply.id == offer.id ? 0 : -EPROTO;
}

long op_SEND_FD(struct stage *s, const struct rung_op *op)
{
	uint32_t length;
	const char *name = plan_string(s, op->s, &length);

	return send_message(slot_get(s, op->a), name, length, slot_get(s, op->b));
}

/*
 * Moves this process into the v1 cgroup whose tasks file is in slot a. A process with one
 * thread that moves itself does not take the lock of the whole machine that its parent would
 * take (Linux 5.5, commit 9a3284fad42f).
 */
long op_ENTER_CGROUP(struct stage *s, const struct rung_op *op)
{
	long n = sys(SYS_write, slot_get(s, op->a), "0", 1);

	return n < 0 ? n : 0;
}

long op_DUMPABLE(struct stage *s, const struct rung_op *op)
{
	(void)s;
	return sys(SYS_prctl, PR_SET_DUMPABLE, op->x);
}

long op_SETSID(struct stage *s, const struct rung_op *op)
{
	(void)s;
	(void)op;
	return sys(SYS_setsid);
}

/* Joins the session keyring of that name, which is made if it is missing, and sets its permission bits x. */
long op_KEYRING(struct stage *s, const struct rung_op *op)
{
	long ring = sys(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, plan_string(s, op->s, NULL));

	return ring < 0 ? ring : sys(SYS_keyctl, KEYCTL_SETPERM, ring, op->x);
}

/*
 * Waits until fd can be read, and ends the process if a signal comes in by sigfd: process 1 of
 * a PID namespace has no default action for signals, but `rung kill ID TERM` must end a created
 * container too.
 */
static long await(struct stage *s, int fd, int sigfd)
{
	struct signalfd_siginfo info;
	struct pollfd fds[2] = { { fd, POLLIN, 0 }, { sigfd, POLLIN, 0 } };
	long n;

	do
		n = made(s, "ppoll", sys(SYS_ppoll, fds, COUNT(fds), NULL, NULL, 0));
	while (n == -EINTR);
	if (n < 0 || !fds[1].revents)
		return n;
	n = made(s, "read", sys(SYS_read, sigfd, &info, sizeof(info)));
	if (n < 0)
		return n;
	for (;;)
		sys(SYS_exit_group, EXIT_SIGNAL + info.ssi_signo);
}

/*
 * Waits until `rung start` connects and sends a byte. The connection stays open until exec
 * closes it: that tells start that the program runs.
 */
static long await_start(struct stage *s, int sock, int sigfd)
{
	long conn, n;
	char go;

	for (;;) {
		n = await(s, sock, sigfd);
		if (n < 0)
			return n;
		conn = made(s, "accept4", sys(SYS_accept4, sock, NULL, NULL, SOCK_CLOEXEC));
		if (conn < 0)
			return conn;
		n = await(s, (int)conn, sigfd);
		if (n >= 0)
			n = sys(SYS_read, conn, &go, sizeof(go));
		/* A start that died before it sent the byte does not count. */
		if (n == 1) {
			s->start = (int)conn + 1;
			return 0;
		}
		sys(SYS_close, conn);
	}
}

/*
 * Blocks the signals that end a process that waits for start, and opens a signalfd for them. This comes before the last
 * SYNC, so that create can report a failure.
 */
long op_HOLD_SIGNALS(struct stage *s, const struct rung_op *op)
{
	signal_mask ends =
		SIGNAL_BIT(SIGHUP) | SIGNAL_BIT(SIGINT) | SIGNAL_BIT(SIGQUIT) | SIGNAL_BIT(SIGTERM);
	long result = made(s, "rt_sigprocmask",
			   sys(SYS_rt_sigprocmask, SIG_BLOCK, &ends, NULL, sizeof(ends)));

	if (result < 0)
		return result;
	result = sys(SYS_signalfd4, -1, &ends, sizeof(ends), SFD_CLOEXEC);
	return slot_put(s, op->a, made(s, "signalfd4", result));
}

long op_AWAIT_START(struct stage *s, const struct rung_op *op)
{
	static const signal_mask none;
	int sigfd = slot_get(s, op->b);
	long result = await_start(s, slot_get(s, op->a), sigfd);

	sys(SYS_close, sigfd);
	if (result < 0)
		return result;
	return made(s, "rt_sigprocmask",
		    sys(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof(none)));
}
