// SPDX-License-Identifier: Apache-2.0
/* test_message.c - what receive_message and SYNC take of a message, and that they leave no descriptor of another one open. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

/* More descriptors than a message for the stage may have; the kernel's limit is 253. */
#define TOO_MANY (RUNG_MAX_REPLY_FDS + 1)

static int ours, theirs, root;
static struct rung_reply reply;
static int fds[RUNG_MAX_REPLY_FDS];

static void begin(void)
{
	int pair[2];

	EQUAL(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	ours = pair[0];
	theirs = pair[1];
	root = open_path("/");
}

/* Sends bytes of a reply with the descriptor of "/" so many times. */
static void send_reply(size_t size, int count)
{
	static union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int) * TOO_MANY)];
	} control;
	static char bytes[2 * sizeof(reply)];
	struct iovec iov = { bytes, size };
	struct msghdr msg;
	int i;

	memset(&msg, 0, sizeof(msg));
	memcpy(bytes, &reply, sizeof(reply));
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	if (count > 0) {
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)count);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int) * (size_t)count);
		for (i = 0; i < count; i++)
			memcpy(CMSG_DATA(&control.header) + sizeof(int) * (size_t)i, &root,
			       sizeof(int));
	}
	EQUAL(sendmsg(theirs, &msg, 0), size);
}

static int open_descriptors(void)
{
	DIR *list = opendir("/proc/self/fd");
	int n = 0;

	CHECK(list != NULL);
	while (readdir(list))
		n++;
	closedir(list);
	return n;
}

static long receive(void)
{
	return receive_message(ours, &reply, sizeof(reply), fds);
}

/* The message is refused with that error, and all that came with it is closed. */
static void refused(size_t size, int count, long error)
{
	int before = open_descriptors();

	send_reply(size, count);
	EQUAL(receive(), -error);
	EQUAL(open_descriptors(), before);
}

static void takes_all(void)
{
	int before, i;

	begin();
	before = open_descriptors();
	send_reply(sizeof(reply), 0);
	EQUAL(receive(), 0);
	send_reply(sizeof(reply), 3);
	EQUAL(receive(), 3);
	for (i = 0; i < 3; i++)
		EQUAL(fcntl(fds[i], F_GETFD), FD_CLOEXEC);
	EQUAL(open_descriptors(), before + 3);
	send_reply(sizeof(reply), RUNG_MAX_REPLY_FDS);
	EQUAL(receive(), RUNG_MAX_REPLY_FDS);
	EQUAL(open_descriptors(), before + 3 + RUNG_MAX_REPLY_FDS);
}

static void too_many(void)
{
	begin();
	refused(sizeof(reply), TOO_MANY, EPROTO);
}

static void too_short(void)
{
	begin();
	refused(sizeof(reply) - 1, 0, EPROTO);
	refused(sizeof(reply) - 1, 2, EPROTO);
}

static void too_long(void)
{
	begin();
	refused(sizeof(reply) + 1, 0, EPROTO);
	refused(sizeof(reply) + 1, 2, EPROTO);
}

static void nothing_but_descriptors(void)
{
	begin();
	refused(0, 2, ECONNRESET);
}

/* The limit lets in one descriptor of three. */
static void cut_off(void)
{
	struct rlimit limit;
	int before, next;

	begin();
	before = open_descriptors();
	next = dup(0);
	close(next);
	EQUAL(getrlimit(RLIMIT_NOFILE, &limit), 0);
	send_reply(sizeof(reply), 3);
	EQUAL(prlimit(0, RLIMIT_NOFILE, &(struct rlimit){ (rlim_t)next + 1, limit.rlim_max }, NULL),
	      0);
	EQUAL(receive(), -EMFILE);
	EQUAL(setrlimit(RLIMIT_NOFILE, &limit), 0);
	EQUAL(open_descriptors(), before);
}

/* Control data of another type: the credentials of the sender. */
static void other_control_data(void)
{
	const int on = 1;

	begin();
	EQUAL(setsockopt(ours, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)), 0);
	refused(sizeof(reply), 0, EPROTO);
	refused(sizeof(reply), 2, EPROTO);
}

static void end_of_file(void)
{
	begin();
	close(theirs);
	EQUAL(receive(), -ECONNRESET);
}

static void no_socket(void)
{
	EQUAL(receive_message(open_path("/"), &reply, sizeof(reply), fds), -EBADF);
	EQUAL(receive_message(open("/dev/null", O_RDONLY), &reply, sizeof(reply), fds), -ENOTSOCK);
}

static void nothing(int signal)
{
	(void)signal;
}

/* Waits until the process sleeps in a system call. */
static void await_sleep(pid_t pid)
{
	char path[64], line[256], state = 'R';
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	while (state != 'S') {
		file = fopen(path, "re");
		CHECK(file != NULL);
		CHECK(fgets(line, sizeof(line), file) != NULL);
		fclose(file);
		state = strrchr(line, ')')[2];
	}
}

/* A signal whose handler does not restart the system call. */
static void interrupted(void)
{
	const struct sigaction action = { .sa_handler = nothing };
	pid_t self = getpid();
	int status;

	begin();
	EQUAL(sigaction(SIGUSR1, &action, NULL), 0);
	reply.id = 9;
	if (fork() == 0) {
		await_sleep(self);
		kill(self, SIGUSR1);
		await_sleep(self);
		send_reply(sizeof(reply), 1);
		_exit(0);
	}
	reply.id = 0;
	EQUAL(receive(), 1);
	EQUAL(reply.id, 9);
	EQUAL(waitpid(-1, &status, 0) > 0, 1);
	EQUAL(status, 0);
}

/* ---- SYNC -------------------------------------------------------------------------------------------------------- */

static struct builder b;
static struct stage *stage;

/* A stage in this process, at a SYNC that may fill two slots from 4 on. The answer is a good one with one descriptor. */
static struct rung_op *begin_sync(void)
{
	struct rung_op *op;

	begin();
	builder_init(&b);
	op = add(&b, OP_SYNC);
	op->x = 7;
	op->y = 4;
	op->z = 2;
	builder_finish(&b);
	stage = bare_stage(&b);
	stage->progress = new_progress(0);
	stage->sync = ours;
	stage->wakeup = -1;
	reply = (struct rung_reply){ .id = 7, .slot = 4, .count = 1 };
	return op;
}

static void sync_stores(void)
{
	struct rung_op *op = begin_sync();
	int before = open_descriptors();

	send_reply(sizeof(reply), 1);
	EQUAL(op_SYNC(stage, op), 0);
	CHECK(slot_get(stage, 4) >= 0);
	EQUAL(slot_get(stage, 5), -1);
	EQUAL(open_descriptors(), before + 1);
}

/* Each statement makes the answer a wrong one: no slot is filled, and no descriptor stays open. */
#define REFUSED(name, error, count, statement)                                                     \
	static void name(void)                                                                     \
	{                                                                                          \
		struct rung_op *op = begin_sync();                                                 \
		int before = open_descriptors();                                                   \
		statement;                                                                         \
		send_reply(sizeof(reply), count);                                                  \
		EQUAL(op_SYNC(stage, op), -(error));                                               \
		EQUAL(open_descriptors(), before);                                                 \
		EQUAL(slot_get(stage, 4), -1);                                                     \
		EQUAL(stage->plan.header->ops, 1);                                                 \
	}

REFUSED(wrong_id, EPROTO, 1, reply.id = 8)
REFUSED(wrong_slot, EPROTO, 1, reply.slot = 5)
REFUSED(wrong_segment, EPROTO, 1, reply.segment = 2)
REFUSED(more_sent, EPROTO, 2, (void)0)
REFUSED(fewer_sent, EPROTO, 0, (void)0)
REFUSED(more_than_asked, EPROTO, 3, reply.count = 3)
REFUSED(segment_of_a_directory, EBADF, 1, reply.segment = 1; reply.count = 0)

/* A refused segment does not take the place of the current one, and is closed. */
static void other_slot_table(void)
{
	struct rung_op *op = begin_sync();
	static struct builder next;
	int before;

	builder_init(&next);
	next.slots = b.slots - 1;
	add(&next, OP_SETSID);
	add(&next, OP_SETSID);
	builder_finish(&next);
	root = sealed_memfd(next.bytes, next.size);
	before = open_descriptors();
	reply.segment = 1;
	reply.count = 0;
	send_reply(sizeof(reply), 1);
	EQUAL(op_SYNC(stage, op), -EINVAL);
	EQUAL(open_descriptors(), before);
	EQUAL(stage->plan.header->ops, 1);
	EQUAL(stage->progress->segment, 0);
}

#define CASE(name)	     { "receive_message: " #name, name, ANYBODY }
#define LEAVES_NOTHING(name) { "SYNC closes what came with a wrong answer: " #name, name, ANYBODY }

const struct test message_tests[] = {
	CASE(takes_all),
	CASE(too_many),
	CASE(too_short),
	CASE(too_long),
	CASE(nothing_but_descriptors),
	CASE(cut_off),
	CASE(other_control_data),
	CASE(end_of_file),
	CASE(no_socket),
	CASE(interrupted),
	{ "SYNC stores a descriptor in its slot", sync_stores, ANYBODY },
	LEAVES_NOTHING(wrong_id),
	LEAVES_NOTHING(wrong_slot),
	LEAVES_NOTHING(wrong_segment),
	LEAVES_NOTHING(more_sent),
	LEAVES_NOTHING(fewer_sent),
	LEAVES_NOTHING(more_than_asked),
	LEAVES_NOTHING(segment_of_a_directory),
	{ "a refused segment leaves the current one in place", other_slot_table, ANYBODY },
	{ NULL, NULL, ANYBODY },
};
