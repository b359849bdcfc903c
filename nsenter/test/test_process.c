// SPDX-License-Identifier: Apache-2.0
/* test_process.c - messages with the parent, the container process, the way in, and start. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

static struct builder b, next;
static struct rung_progress *progress;

static void begin(void)
{
	builder_init(&b);
	progress = new_progress(0);
}

static struct rung_op *add_sync(uint32_t id, uint32_t first, uint32_t count)
{
	struct rung_op *op = add(&b, OP_SYNC);

	op->x = id;
	op->y = first;
	op->z = count;
	return op;
}

/* The parent's answer to the one SYNC of a test's plan. */
struct answer {
	struct rung_reply reply;
	int fds[RUNG_MAX_REPLY_FDS + 1];
	int count;
	size_t size; /* of the reply that is sent */
	int hang_up;
};

static uint32_t receive_id(int sock, int *shown)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	uint32_t id = 0;
	struct iovec iov = { &id, sizeof(id) };
	struct msghdr msg;

	memset(&msg, 0, sizeof(msg));
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	msg.msg_control = &control;
	msg.msg_controllen = sizeof(control);
	EQUAL(recvmsg(sock, &msg, 0), sizeof(id));
	*shown = -1;
	if (CMSG_FIRSTHDR(&msg))
		memcpy(shown, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(int));
	return id;
}

static void send_answer(int sock, const struct answer *a)
{
	static union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int) * (RUNG_MAX_REPLY_FDS + 1))];
	} control;
	struct iovec iov = { (void *)(uintptr_t)&a->reply, a->size };
	struct msghdr msg;

	memset(&msg, 0, sizeof(msg));
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	if (a->count > 0) {
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)a->count);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int) * (size_t)a->count);
		memcpy(CMSG_DATA(&control.header), a->fds, sizeof(int) * (size_t)a->count);
	}
	EQUAL(sendmsg(sock, &msg, 0), a->size);
}

static void start_stage(int *sock, pid_t *pid)
{
	int pair[2];
	struct stage *stage;

	builder_finish(&b);
	EQUAL(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	*sock = pair[0];
	*pid = fork();
	if (*pid != 0) {
		close(pair[1]);
		return;
	}
	alarm(TIMEOUT / 2);
	close(pair[0]);
	stage = bare_stage(&b);
	stage->progress = progress;
	stage->sync = pair[1];
	run_plan(stage);
}

/* Runs the plan, answers its SYNC, and waits until the stage has ended. */
static void converse(const struct answer *a)
{
	int sock, shown, status;
	pid_t pid;

	start_stage(&sock, &pid);
	EQUAL(receive_id(sock, &shown), b.ops[0].x);
	if (!a->hang_up)
		send_answer(sock, a);
	close(sock);
	EQUAL(waitpid(pid, &status, 0), pid);
}

static struct answer ok_answer(void)
{
	struct answer a;

	memset(&a, 0, sizeof(a));
	a.reply.id = 7;
	a.size = sizeof(a.reply);
	return a;
}

/* A plan of a SYNC, whose answer fills slot 4, and an FCHDIR to slot 4. */
static void begin_fchdir(void)
{
	begin();
	add_sync(7, 4, 2);
	add(&b, OP_FCHDIR)->a = 4;
	add(&b, OP_SETSID);
}

static void sync_plain(void)
{
	struct answer a = ok_answer();

	begin();
	add_sync(7, 0, 0);
	add(&b, OP_SETSID);
	converse(&a);
	check_came_to_end(progress, &b);
}

static void sync_fills_slots(void)
{
	struct answer a = ok_answer();

	begin_fchdir();
	a.reply.slot = 4;
	a.reply.count = 1;
	a.fds[0] = open_path("/");
	a.count = 1;
	converse(&a);
	check_came_to_end(progress, &b);
}

static void sync_leaves_slots_empty(void)
{
	struct answer a = ok_answer();

	begin_fchdir();
	converse(&a);
	check_failed(progress, 1, EBADF);
}

static void sync_shows_descriptor(void)
{
	int sock, shown, status, fd = open_path("/etc");
	struct rung_op *op;
	struct stat got, want;
	struct answer a = ok_answer();
	pid_t pid;

	(void)fd;
	begin();
	op = add(&b, OP_OPEN);
	op->b = 1;
	op->x = O_PATH;
	op->s = add_string(&b, "/etc");
	add_sync(7, 0, 0)->a = 1;
	add(&b, OP_SETSID);
	start_stage(&sock, &pid);
	EQUAL(receive_id(sock, &shown), 7);
	EQUAL(fstat(shown, &got), 0);
	EQUAL(stat("/etc", &want), 0);
	EQUAL(got.st_ino, want.st_ino);
	send_answer(sock, &a);
	EQUAL(waitpid(pid, &status, 0), pid);
	check_came_to_end(progress, &b);
}

#define BAD_ANSWER(name, error, statement)                                                         \
	static void name(void)                                                                     \
	{                                                                                          \
		struct answer a = ok_answer();                                                     \
		begin_fchdir();                                                                    \
		a.reply.slot = 4;                                                                  \
		a.reply.count = 1;                                                                 \
		a.fds[0] = open_path("/");                                                         \
		a.count = 1;                                                                       \
		statement;                                                                         \
		converse(&a);                                                                      \
		check_failed(progress, 0, error);                                                  \
	}

static void fill(struct answer *a, int count)
{
	int i;

	for (i = 0; i < count; i++)
		a->fds[i] = a->fds[0];
	a->count = count;
}

/* RLIMIT_NOFILE is lowered while the stage waits. */
static void sync_no_room(void)
{
	struct answer a = ok_answer();
	int sock, shown, status;
	pid_t pid;

	begin_fchdir();
	a.reply.slot = 4;
	a.reply.count = 1;
	a.fds[0] = open_path("/");
	a.count = 1;
	start_stage(&sock, &pid);
	EQUAL(receive_id(sock, &shown), 7);
	EQUAL(prlimit(pid, RLIMIT_NOFILE, &(const struct rlimit){ 3, 3 }, NULL), 0);
	send_answer(sock, &a);
	EQUAL(waitpid(pid, &status, 0), pid);
	check_failed(progress, 0, EMFILE);
}

BAD_ANSWER(sync_wrong_id, EPROTO, a.reply.id = 8)
BAD_ANSWER(sync_wrong_slot, EPROTO, a.reply.slot = 5)
BAD_ANSWER(sync_wrong_segment, EPROTO, a.reply.segment = 2)
BAD_ANSWER(sync_more_promised, EPROTO, a.reply.count = 2)
BAD_ANSWER(sync_more_sent, EPROTO, fill(&a, 2))
BAD_ANSWER(sync_more_than_asked, EPROTO, a.reply.count = 3; fill(&a, 3))
BAD_ANSWER(sync_more_than_fit, EPROTO, a.reply.count = 65; fill(&a, 65))
BAD_ANSWER(sync_count_overflow, EPROTO, a.reply.count = 0xffffffff; a.reply.segment = 1)
BAD_ANSWER(sync_short_message, EPROTO, a.size -= 4)
BAD_ANSWER(sync_hang_up, ECONNRESET, a.hang_up = 1)
BAD_ANSWER(sync_bad_segment, EBADF, a.reply.segment = 1; a.reply.count = 0)

static struct answer segment_answer(void)
{
	struct answer a = ok_answer();

	builder_finish(&next);
	a.reply.segment = 1;
	a.fds[0] = sealed_memfd(next.bytes, next.size);
	a.count = 1;
	return a;
}

static void next_segment(void)
{
	struct answer a;

	begin();
	add_sync(7, 0, 0);
	builder_init(&next);
	add(&next, OP_SETSID);
	add(&next, OP_UMASK);
	a = segment_answer();
	converse(&a);
	EQUAL(progress->segment, 1);
	check_came_to_end(progress, &next);
}

/* Slots keep their descriptors in the next segment. Skips refer to ops of their own segment. */
static void next_segment_keeps_slots(void)
{
	struct rung_op *op;
	struct answer a;

	begin();
	add_sync(7, 4, 1);
	builder_init(&next);
	op = add(&next, OP_CHDIR);
	op->s = add_string(&next, "/does/not/exist");
	op->ok[0] = ENOENT;
	op = add(&next, OP_FCHDIR);
	op->a = 4;
	op->flags =
		RUNG_SKIP_IF_OK; /* op 0 of the first segment succeeded; op 0 of this one did not */
	add(&next, OP_CLOSE)->a = 4;
	add(&next, OP_SETSID);
	a = segment_answer();
	a.reply.slot = 4;
	a.reply.count = 1;
	a.fds[1] = open_path("/");
	a.count = 2;
	converse(&a);
	EQUAL(progress->segment, 1);
	check_came_to_end(progress, &next);
}

/* A later segment may have more slots and more ops: the new ones are empty. */
static void next_segment_more_slots(void)
{
	struct rung_op *op;
	struct answer a;
	int i;

	begin();
	add_sync(7, 4, 1);
	builder_init(&next);
	next.slots = 100000;
	op = add(&next, OP_FCHDIR);
	op->a = 99999;
	op->flags = RUNG_SKIP_IF_EMPTY;
	add(&next, OP_FCHDIR)->a = 4;
	op = add(&next, OP_OPEN);
	op->b = 99999;
	op->s = add_string(&next, "/");
	add(&next, OP_FCHDIR)->a = 99999;
	for (i = 0; i < 50; i++)
		add(&next, OP_UMASK);
	a = segment_answer();
	a.reply.slot = 4;
	a.reply.count = 1;
	a.fds[1] = open_path("/");
	a.count = 2;
	converse(&a);
	EQUAL(progress->segment, 1);
	check_came_to_end(progress, &next);
}

static void next_segment_fewer_slots(void)
{
	struct answer a;

	begin();
	add_sync(7, 0, 0);
	builder_init(&next);
	next.slots = 15;
	add(&next, OP_SETSID);
	a = segment_answer();
	converse(&a);
	check_failed(progress, 0, EINVAL);
	EQUAL(progress->segment, 0);
}

static void send_fd(void)
{
	char name[16] = "";
	struct iovec iov = { name, sizeof(name) };
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr msg;
	struct rung_op *op;
	int fds[2], pair[2];

	begin();
	EQUAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	op = add(&b, OP_SEND_FD);
	op->a = 0;
	op->b = 1;
	op->s = add_string(&b, "/dev/ptmx");
	add(&b, OP_SETSID);
	builder_finish(&b);
	fds[0] = pair[1];
	fds[1] = open_path("/");
	run_builder(&b, progress, -1, fds, 2);
	check_came_to_end(progress, &b);
	memset(&msg, 0, sizeof(msg));
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	msg.msg_control = &control;
	msg.msg_controllen = sizeof(control);
	EQUAL(recvmsg(pair[0], &msg, 0), 9);
	EQUAL(strcmp(name, "/dev/ptmx"), 0);
	CHECK(CMSG_FIRSTHDR(&msg) != NULL);
}

static int listen_on(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	EQUAL(bind(sock, (const void *)&address, sizeof(address)), 0);
	EQUAL(listen(sock, 4), 0);
	return sock;
}

static int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	EQUAL(connect(sock, (const void *)&address, sizeof(address)), 0);
	return sock;
}

/* The whole of create: clone in new namespaces, wait, start, exec. */
static void clone_and_start(void)
{
	const char *const argv[] = { "sh", "-c", "[ $$ = 1 ] && read line && exit 42", NULL };
	char path[100], byte;
	int fds[2], pipe_fds[2], status, conn;
	struct rung_op *op;
	pid_t stage;

	snprintf(path, sizeof(path), "%s/start.sock", scratch());
	begin();
	op = add(&b, OP_CLONE);
	op->x = CLONE_NEWPID | CLONE_NEWUTS;
	op = add(&b, OP_HOSTNAME);
	op->s = add_string(&b, "inside");
	add(&b, OP_DUP)->a = 1;
	add(&b, OP_HOLD_SIGNALS)->a = 2;
	op = add(&b, OP_AWAIT_START);
	op->a = 0;
	op->b = 2;
	op = add(&b, OP_EXEC);
	op->s = add_string(&b, "/bin/sh");
	op->t = add_vector(&b, argv);
	op->u = add_vector(&b, argv + 3);
	builder_finish(&b);
	EQUAL(pipe2(pipe_fds, O_CLOEXEC), 0);
	fds[0] = listen_on(path);
	fds[1] = pipe_fds[0];
	stage = run_builder(&b, progress, -1, fds, 2);
	EQUAL(stage, 0); /* the stage ended well, and the container process is our child */
	CHECK(progress->pid > 0);
	EQUAL(waitpid(progress->pid, &status, WNOHANG), 0);
	close(connect_to(path)); /* a start that dies before it sends the byte */
	conn = connect_to(path);
	EQUAL(poll(&(struct pollfd){ conn, POLLIN, 0 }, 1, 200), 0);
	EQUAL(write(conn, "g", 1), 1);
	EQUAL(read(conn, &byte, 1), 0); /* closed by exec */
	EQUAL(waitpid(progress->pid, &status, WNOHANG), 0);
	check_failed(progress, b.count - 1, 0);
	EQUAL(write(pipe_fds[1], "go\n", 3), 3);
	EQUAL(waitpid(progress->pid, &status, 0), progress->pid);
	EQUAL(WEXITSTATUS(status), 42);
	gethostname(path, sizeof(path));
	CHECK(strcmp(path, "inside") != 0);
}

static int hand_over(uint32_t answered)
{
	struct rung_reply reply = { answered, 0, 0, 0 };
	struct rung_offer offer = { 0, -1 };
	struct rung_op *op;
	int pair[2], fd;

	begin();
	EQUAL(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	op = add(&b, OP_HAND_OVER);
	op->a = 0;
	op->x = 6;
	builder_finish(&b);
	EQUAL(write(pair[0], &reply, sizeof(reply)), (long)sizeof(reply));
	fd = open_path("/");
	run_builder(&b, progress, pair[1], &fd, 1);
	EQUAL(read(pair[0], &offer, sizeof(offer)), (long)sizeof(offer));
	EQUAL(offer.id, 6);
	EQUAL(offer.fd, fd);
	return progress->error;
}

static void hand_over_waits(void)
{
	EQUAL(hand_over(6), ENOEXEC); /* the stage came to the end of the plan */
	EQUAL(hand_over(5), EPROTO);
}

static void clone_fails(void)
{
	begin();
	add(&b, OP_CLONE)->x = CLONE_NEWUSER | CLONE_FS; /* the kernel refuses this combination */
	builder_finish(&b);
	run_builder(&b, progress, -1, NULL, 0);
	check_failed(progress, 0, EINVAL);
	EQUAL(progress->pid, 0);
}

/* EXECs a script that checks its own attributes. EXEC must close the slots. */
static void attributes(void)
{
	static const char *const argv[] = {
		"sh", "-c",
		"[ \"$(id -u):$(id -g):$(id -G)\" = 1000:1001:1001\\ 7 ] && [ $(umask) = 0027 ] && "
		"grep -q '^CapEff:.0000000000000400$' /proc/self/status && "
		"grep -q '^CapBnd:.0000000000000400$' /proc/self/status && "
		"grep -q '^CapAmb:.0000000000000400$' /proc/self/status && "
		"grep -q '^NoNewPrivs:.1$' /proc/self/status",
		NULL
	};
	static const char *const env[] = { "PATH=/usr/bin:/bin", NULL };
	const uint64_t net_bind = 1 << CAP_NET_BIND_SERVICE;
	const uint32_t groups[] = { 7 };
	struct rung_op *op;
	int status;

	begin();
	op = add(&b, OP_BOUNDING);
	op->x = net_bind;
	op->y = CAP_LAST_CAP;
	add(&b, OP_KEEPCAPS)->x = 1;
	op = add(&b, OP_SETGROUPS);
	op->s = add_bytes(&b, groups, sizeof(groups));
	add(&b, OP_SETGID)->x = 1001;
	add(&b, OP_SETUID)->x = 1000;
	op = add(&b, OP_CAPSET);
	op->x = op->y = op->z = net_bind;
	add(&b, OP_AMBIENT)->x = net_bind;
	add(&b, OP_UMASK)->x = 027;
	add(&b, OP_NO_NEW_PRIVS);
	op = add(&b, OP_EXEC);
	op->s = add_string(&b, "/bin/sh");
	op->t = add_vector(&b, argv);
	op->u = add_vector(&b, env);
	builder_finish(&b);
	status = run_builder(&b, progress, -1, NULL, 0);
	check_failed(progress, b.count - 1, 0);
	EQUAL(status, 0);
}

static void pty(void)
{
	static const char *const argv[] = { "sh", "-c",
					    "[ \"$(stty size)\" = '40 100' ] && stty -a | grep -q "
					    "' onlcr' && true </dev/tty",
					    NULL };
	int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC); /* held: no hangup */
	struct rung_op *op;

	CHECK(master >= 0);
	begin();
	add(&b, OP_SETSID);
	op = add(&b, OP_PTY);
	op->a = 0;
	op->b = 2;
	op->x = 100;
	op->y = 40;
	add(&b, OP_CTTY)->a = 2;
	add(&b, OP_DUP)->a = 2;
	op = add(&b, OP_EXEC);
	op->s = add_string(&b, "/bin/sh");
	op->t = add_vector(&b, argv);
	op->u = add_vector(&b, (const char *const[]){ "PATH=/usr/bin:/bin", NULL });
	builder_finish(&b);
	EQUAL(run_builder(&b, progress, -1, &master, 1), 0);
	check_failed(progress, b.count - 1, 0);
}

/* Executes this binary again: argv and three descriptors lead rung_enter into the stage. */
static int enter(const char *base, int plan, int page, const char *first)
{
	pid_t pid = fork();
	int status, n;

	if (pid == 0) {
		alarm(TIMEOUT / 2);
		/* 100 sync, 101 progress, 102 plan, 103.. slots; 3 is preserved. */
		for (n = 0; n < 3; n++)
			if (dup2(n == 1 ? page : plan, 100 + n) < 0)
				_exit(9);
		if (dup2(open_path("/etc"), 103) < 0 || dup2(open_path("/"), 3) < 0)
			_exit(9);
		close(104); /* slot 1: the parent had no descriptor for it */
		execl("/proc/self/exe", "rung", first, base, NULL);
		_exit(9);
	}
	EQUAL(waitpid(pid, &status, 0), pid);
	return status;
}

static int page_file(void)
{
	struct rung_progress page;
	int fd = memfd_create("progress", MFD_CLOEXEC);

	memset(&page, 0, sizeof(page));
	page.magic = RUNG_PROGRESS_MAGIC;
	page.identity = RUNG_STAGE_IDENTITY;
	EQUAL(write(fd, &page, sizeof(page)), sizeof(page));
	progress = mmap(NULL, sizeof(page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(progress != MAP_FAILED);
	return fd;
}

static void entry_plan(void)
{
	static const char *const argv[] = { "sh", "-c",
					    "[ $PWD = /etc ] && [ \"$(cat /proc/$$/comm)\" = sh ] "
					    "&& [ -e /proc/$$/fd/3 ] && "
					    "! ls /proc/$$/fd | grep '^10[0-9]$' && exit 42",
					    NULL };
	struct rung_op *op;

	builder_init(&b);
	b.inherited = 2;
	add(&b, OP_FCHDIR)->a = 0;
	op = add(&b, OP_FCHDIR);
	op->a = 1;
	op->flags = RUNG_SKIP_IF_EMPTY;
	op = add(&b, OP_EXEC);
	op->s = add_string(&b, "/bin/sh");
	op->t = add_vector(&b, argv);
	op->u = add_vector(&b, (const char *const[]){ "PATH=/usr/bin:/bin", NULL });
	builder_finish(&b);
}

static void entry_enters(void)
{
	int page = page_file(), status;

	entry_plan();
	status = enter("100", sealed_memfd(b.bytes, b.size), page, "init");
	EQUAL(WEXITSTATUS(status), 42);
	check_failed(progress, 2, 0);
}

static void entry_refuses_rubbish(void)
{
	int page = page_file(), status;

	entry_plan();
	b.bytes[0] ^= 1;
	status = enter("100", unsealed_memfd(b.bytes, b.size), page, "init");
	EQUAL(WEXITSTATUS(status), 1);
	EQUAL(progress->error, ENOEXEC);
}

/* rung_enter returns and main runs: --seeds fails for a directory that is missing, STAGE_TEST_RETURN gives 3. */
static void entry_stays_out(void)
{
	static const char *const bases[] = { "", "2", "x", "100x", "-1", "99999999999999" };
	int page = page_file(), plan;
	size_t i;

	entry_plan();
	plan = sealed_memfd(b.bytes, b.size);
	EQUAL(WEXITSTATUS(enter("/does/not/exist", plan, page, "--seeds")), 1);
	EQUAL(progress->op, 0);
	EQUAL(progress->error, 0);
	setenv("STAGE_TEST_RETURN", "1", 1);
	for (i = 0; i < sizeof(bases) / sizeof(bases[0]); i++)
		EQUAL(WEXITSTATUS(enter(bases[i], plan, page, "init")), 3);
	EQUAL(WEXITSTATUS(enter("100", plan, page, "initial")), 3);
	EQUAL(WEXITSTATUS(enter("100", plan, plan, "init")), 3); /* the page has no magic */
	EQUAL(progress->op, 0);
	EQUAL(progress->error, 0);
}

static void owned_by(uint32_t uid, int terminal)
{
	struct rung_op *op = add(&b, OP_STDIO_OWNER);

	op->x = uid;
	op->y = (uint64_t)terminal;
}

static void run_with_streams(int in, int out, int err)
{
	EQUAL(dup2(in, 0), 0);
	EQUAL(dup2(out, 1), 1);
	EQUAL(dup2(err, 2), 2);
	add(&b, OP_SETSID);
	builder_finish(&b);
	run_builder(&b, progress, -1, NULL, 0);
}

static uint32_t owner_of(int fd)
{
	struct stat st;

	EQUAL(fstat(fd, &st), 0);
	return st.st_uid;
}

/* A pipe and a socket become the user's. A regular file, a device and a terminal of the caller stay as they are. */
static void stdio_kinds(void)
{
	int fds[2], socks[2], file = memfd_create("file", 0),
			      terminal = posix_openpt(O_RDWR | O_NOCTTY);
	uint32_t before;

	begin();
	EQUAL(pipe(fds), 0);
	EQUAL(socketpair(AF_UNIX, SOCK_STREAM, 0, socks), 0);
	owned_by(12345, 0);
	run_with_streams(fds[0], socks[0], file);
	check_came_to_end(progress, &b);
	EQUAL(owner_of(fds[0]), 12345);
	EQUAL(owner_of(socks[0]), 12345);
	EQUAL(owner_of(file), 0);
	begin();
	before = owner_of(terminal);
	owned_by(12345, 0);
	run_with_streams(terminal, terminal, terminal);
	EQUAL(owner_of(terminal), before);
}

/* The container's own terminal becomes the user's. */
static void stdio_terminal(void)
{
	int terminal = posix_openpt(O_RDWR | O_NOCTTY), peer, file = memfd_create("file", 0);

	begin();
	EQUAL(grantpt(terminal), 0);
	EQUAL(unlockpt(terminal), 0);
	peer = open(ptsname(terminal), O_RDWR | O_NOCTTY);
	owned_by(12345, 1);
	run_with_streams(peer, peer, file);
	check_came_to_end(progress, &b);
	EQUAL(owner_of(peer), 12345);
	EQUAL(owner_of(file), 0);
}

/* The owner of a pidfd cannot be changed (Linux 6.16). */
static void stdio_without_owner(void)
{
	begin();
	EQUAL(dup2((int)syscall(SYS_pidfd_open, getpid(), 0), 0), 0);
	owned_by(12345, 1);
	add(&b, OP_SETSID);
	builder_finish(&b);
	run_builder(&b, progress, -1, NULL, 0);
	check_came_to_end(progress, &b);
}

#define NAMED(name) { "SYNC fails: " #name, name, ANYBODY }

const struct test process_tests[] = {
	{ "SYNC waits for the answer", sync_plain, ANYBODY },
	{ "SYNC fills slots", sync_fills_slots, ANYBODY },
	{ "SYNC may bring fewer descriptors than asked for", sync_leaves_slots_empty, ANYBODY },
	{ "SYNC shows a descriptor", sync_shows_descriptor, ANYBODY },
	NAMED(sync_wrong_id),
	NAMED(sync_wrong_slot),
	NAMED(sync_wrong_segment),
	NAMED(sync_more_promised),
	NAMED(sync_more_sent),
	NAMED(sync_more_than_asked),
	NAMED(sync_more_than_fit),
	NAMED(sync_no_room),
	NAMED(sync_count_overflow),
	NAMED(sync_short_message),
	NAMED(sync_hang_up),
	NAMED(sync_bad_segment),
	{ "SYNC goes on in the next segment", next_segment, ANYBODY },
	{ "the next segment has the slots, and skips of its own", next_segment_keeps_slots,
	  ANYBODY },
	{ "the next segment may have more slots", next_segment_more_slots, ANYBODY },
	{ "a segment with fewer slots is refused", next_segment_fewer_slots, ANYBODY },
	{ "SEND_FD sends a descriptor and its name", send_fd, ANYBODY },
	{ "HAND_OVER names the descriptor and waits for the answer", hand_over_waits, ANYBODY },
	{ "CLONE, AWAIT_START and EXEC: create and start", clone_and_start, ROOT },
	{ "CLONE reports a failure and leaves no process", clone_fails, ANYBODY },
	{ "user, groups, capabilities, umask, no_new_privs", attributes, ROOT },
	{ "STDIO_OWNER gives away pipes and sockets, and nothing of the caller's", stdio_kinds,
	  ROOT },
	{ "STDIO_OWNER gives away the container's terminal", stdio_terminal, ROOT },
	{ "STDIO_OWNER leaves alone what has no owner", stdio_without_owner, ROOT },
	{ "PTY has the size, and the kernel's modes", pty, ANYBODY },
	{ "the way in executes a sealed plan", entry_enters, ANYBODY },
	{ "the way in refuses rubbish", entry_refuses_rubbish, ANYBODY },
	{ "the way in returns unless argv says so", entry_stays_out, ANYBODY },
	{ NULL, NULL, ANYBODY },
};
