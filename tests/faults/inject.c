// SPDX-License-Identifier: Apache-2.0
/*
 * inject.c - runs a command and makes one of its system calls fail, or kills the process there.
 *
 *   inject [-o REPORT] [-x NAME,...] [-y NAME,...] [-p PID] CLASS K ACTION -- COMMAND [ARGUMENT...]
 *
 *   CLASS   rung: the command's own process with all its threads; or stage: each process that the command spawns, until
 *           it executes a program other than the command's or a memfd called rung. All other processes are not traced.
 *   K       the number of the system call in the class, counted from 1; with 0 inject only counts
 *   ACTION  kill: the process gets SIGKILL instead of the call; or an errno: the call is not made and returns the errno.
 *           Only close(2) is made, because it frees the descriptor whatever it returns
 *   -o      the file for the result: a line "hit", NAME, arguments, text, and then "total", NUMBER (tab-separated)
 *   -x      calls of the language's run-time library. They are not counted in the command's own process, nor in a child
 *           of vfork(2), which shares its memory, until the child executes a program
 *   -y      count only these calls. A name that this architecture lacks is ignored
 *   -p      trace a stage too that an earlier command left waiting
 *
 * A call that equals the call before it in the same thread is not counted again, because the number of times that a program
 * polls differs from run to run. The exit status is the command's, 128 plus the signal that ended it, or 125 for a failure
 * of inject itself. When the command has ended, traced processes run on without inject.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef CLONE_THREAD
#define CLONE_THREAD 0x10000
#endif

#define MAX_TRACEES 4096
#define MAX_CALLS   1024
#define KILL	    (-1)
/* The class of a child whose first stop is reported before the event of its parent, which shows what the child is. */
#define UNKNOWN '?'
#define RUNG	'r'
#define STAGE	's'
/* The class of the command's process before it has executed the command. */
#define BEFORE 'b'

static const char *const names[MAX_CALLS] = {
#include "names.h"
};

struct tracee {
	pid_t pid, process;
	char class;
	int held;    /* it is in its first stop, and its class is not known yet */
	int borrows; /* it uses the memory of the command's process, after vfork(2) */
	int pending; /* the errno that its call must return */
	uint64_t nr, args[6];
};

static struct tracee tracees[MAX_TRACEES];
static int count;

static struct {
	const char *report;
	unsigned char excluded[MAX_CALLS], only[MAX_CALLS];
	int limited; /* count only the calls in only */
	pid_t waiting;
	char class;
	long k;
	int action;
} options;

static struct {
	pid_t command;
	dev_t device; /* the device of the command's program */
	ino_t inode;
	int status, ended;
	long total;
	FILE *report;
} run;

static void die(const char *what)
{
	fprintf(stderr, "inject: %s: %s\n", what, strerror(errno));
	exit(125);
}

static struct tracee *find(pid_t pid)
{
	int i;

	for (i = 0; i < count; i++)
		if (tracees[i].pid == pid)
			return &tracees[i];
	return NULL;
}

static pid_t process_of(pid_t pid)
{
	char path[64], line[256];
	int process = pid;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "re");
	if (!file)
		return pid;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "Tgid: %d", &process) == 1)
			break;
	fclose(file);
	return process;
}

static struct tracee *add(pid_t pid, char class)
{
	struct tracee *t = &tracees[count];

	if (count == MAX_TRACEES) {
		errno = E2BIG;
		die("processes");
	}
	count++;
	memset(t, 0, sizeof(*t));
	t->pid = pid;
	t->process = process_of(pid);
	t->class = class;
	t->nr = (uint64_t)-1;
	return t;
}

static void forget(pid_t pid)
{
	struct tracee *t = find(pid);

	if (t)
		*t = tracees[--count];
}

static void detach(struct tracee *t, int sig)
{
	ptrace(PTRACE_DETACH, t->pid, 0, sig);
	forget(t->pid);
}

/* ESRCH means that the process was killed in the meantime: its end is reported next. */
static void resume(struct tracee *t, int sig)
{
	if (run.ended && !t->pending)
		detach(t, sig);
	else
		ptrace(PTRACE_SYSCALL, t->pid, 0, sig);
}

/* ---- one system call ---- */

static const char *name_of(uint64_t nr)
{
	return nr < MAX_CALLS && names[nr] ? names[nr] : "?";
}

/* Reads text at an address of the process. Characters that a line of the report must not have become spaces. */
static int read_text(pid_t pid, uint64_t address, char *text, size_t size)
{
	struct iovec to = { text, size - 1 }, from = { (void *)(uintptr_t)address, size - 1 };
	ssize_t n;
	size_t i;

	if (address < 4096)
		return 0;
	from.iov_len -= (address + from.iov_len) & 4095; /* the next page may not be mapped */
	n = process_vm_readv(pid, &to, 1, &from, 1, 0);
	if (n <= 0 && (from.iov_len = size - 1))
		n = process_vm_readv(pid, &to, 1, &from, 1, 0);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	for (i = 0; text[i]; i++) {
		if (text[i] == '\n' && i)
			text[i] = ' ';
		if (text[i] < ' ' || text[i] > '~') {
			text[i] = '\0';
			break;
		}
	}
	return i > 1 || text[0] == '/' || text[0] == '.';
}

static void report_hit(const struct tracee *t)
{
	char text[256] = "";
	int i;

	for (i = 0; i < 4 && !read_text(t->pid, t->args[i], text, sizeof(text)); i++)
		text[0] = '\0';
	fprintf(run.report, "hit\t%s\t%#lx,%#lx,%#lx,%#lx,%#lx\t%s\n", name_of(t->nr),
		(long)t->args[0], (long)t->args[1], (long)t->args[2], (long)t->args[3],
		(long)t->args[4], text);
	fflush(run.report);
}

#if !defined(__x86_64__) && !defined(__aarch64__)
#error "inject does not know the registers of this architecture"
#endif

/* Makes the kernel skip the call: -1 is the number of no call. */
static void skip_call(pid_t pid)
{
#if defined(__x86_64__)
	ptrace(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, orig_rax), -1L);
#else
	int none = -1;
	struct iovec iov = { &none, sizeof(none) };

	ptrace(PTRACE_SETREGSET, pid, NT_ARM_SYSTEM_CALL, &iov);
#endif
}

static void set_result(pid_t pid, long result)
{
#if defined(__x86_64__)
	ptrace(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, rax), result);
#else
	struct user_regs_struct regs;
	struct iovec iov = { &regs, sizeof(regs) };

	if (ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &iov) < 0)
		return;
	regs.regs[0] = (unsigned long)result;
	ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &iov);
#endif
}

static int makes_thread(uint64_t nr, const uint64_t *args)
{
	return nr == SYS_clone && (args[0] & CLONE_THREAD);
}

static int counts(struct tracee *t, uint64_t nr, const uint64_t *args)
{
	int again = t->nr == nr && memcmp(t->args, args, sizeof(t->args)) == 0;

	t->nr = nr;
	memcpy(t->args, args, sizeof(t->args));
	if (t->class != options.class || again || nr >= MAX_CALLS || makes_thread(nr, args))
		return 0;
	if (options.excluded[nr] && (t->class == RUNG || t->borrows))
		return 0;
	return !options.limited || options.only[nr];
}

static void entered(struct tracee *t, uint64_t nr, const uint64_t *args)
{
	if (!counts(t, nr, args) || run.ended || ++run.total != options.k)
		return;
	report_hit(t);
	if (options.action == KILL) {
		kill(t->process, SIGKILL);
		return;
	}
	t->pending = options.action;
	if (nr != SYS_close)
		skip_call(t->pid);
}

static void on_call(struct tracee *t)
{
	struct __ptrace_syscall_info info;
	uint64_t args[6];

	if (ptrace(PTRACE_GET_SYSCALL_INFO, t->pid, sizeof(info), &info) <= 0)
		return;
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
		memcpy(args, info.entry.args, sizeof(args));
		entered(t, info.entry.nr, args);
	} else if (info.op == PTRACE_SYSCALL_INFO_EXIT && t->pending) {
		set_result(t->pid, -t->pending);
		t->pending = 0;
	}
}

/* ---- processes ---- */

static int is_stage(pid_t pid)
{
	char path[64], link[64] = "";
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	if (stat(path, &st) == 0 && st.st_dev == run.device && st.st_ino == run.inode)
		return 1;
	return readlink(path, link, sizeof(link) - 1) > 0 &&
	       strncmp(link, "/memfd:rung", strlen("/memfd:rung")) == 0;
}

static void on_exec(struct tracee *t)
{
	char path[64];
	struct stat st;

	t->borrows = 0;
	if (t->class == BEFORE) {
		t->class = RUNG;
		snprintf(path, sizeof(path), "/proc/%d/exe", t->pid);
		if (stat(path, &st) < 0)
			die(path);
		run.device = st.st_dev;
		run.inode = st.st_ino;
	} else if (t->class == STAGE && !is_stage(t->pid)) {
		detach(t, 0);
		return;
	}
	resume(t, 0);
}

static void on_child(pid_t parent, pid_t pid, int event)
{
	struct tracee *child = find(pid);

	if (!child)
		child = add(pid, UNKNOWN);
	child->class = STAGE;
	if (process_of(pid) == find(parent)->process)
		child->class = find(parent)->class;
	child->borrows = event == PTRACE_EVENT_VFORK && find(parent)->class == RUNG;
	if (child->held) {
		child->held = 0;
		resume(child, 0);
	}
	resume(find(parent), 0);
}

static int stops(int sig)
{
	return sig == SIGSTOP || sig == SIGTSTP || sig == SIGTTIN || sig == SIGTTOU;
}

static void on_stop(struct tracee *t, int sig, int event)
{
	unsigned long message = 0;

	switch (event) {
	case PTRACE_EVENT_FORK:
	case PTRACE_EVENT_VFORK:
	case PTRACE_EVENT_CLONE:
		if (ptrace(PTRACE_GETEVENTMSG, t->pid, 0, &message) < 0)
			return;
		on_child(t->pid, (pid_t)message, event);
		break;
	case PTRACE_EVENT_EXEC:
		on_exec(t);
		break;
	case PTRACE_EVENT_STOP:
		if (t->class == UNKNOWN && !run.ended)
			t->held = 1;
		else if (stops(sig) && !run.ended)
			ptrace(PTRACE_LISTEN, t->pid, 0, 0);
		else
			resume(t, 0);
		break;
	default:
		if (sig == (SIGTRAP | 0x80)) {
			on_call(t);
			sig = 0;
		}
		resume(t, sig);
	}
}

/* Stops tracing all processes after the end of the command. */
static void let_go(void)
{
	int i;

	run.ended = 1;
	for (i = count; i-- > 0;) {
		if (tracees[i].held)
			detach(&tracees[i], 0);
		else
			ptrace(PTRACE_INTERRUPT, tracees[i].pid, 0, 0);
	}
}

static void trace(void)
{
	struct tracee *t;
	int status;
	pid_t pid;

	while (count > 0) {
		pid = waitpid(-1, &status, __WALL);
		if (pid < 0 && errno == EINTR)
			continue;
		if (pid < 0)
			break;
		if (!WIFSTOPPED(status)) {
			forget(pid);
			if (pid == run.command) {
				run.status = status;
				let_go();
			}
			continue;
		}
		t = find(pid);
		if (!t)
			t = add(pid, UNKNOWN);
		on_stop(t, WSTOPSIG(status), status >> 16);
	}
}

static void seize(pid_t pid, char class)
{
	const long traced = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
			    PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;

	if (ptrace(PTRACE_SEIZE, pid, 0, traced) < 0)
		die("PTRACE_SEIZE");
	add(pid, class);
	ptrace(PTRACE_INTERRUPT, pid, 0, 0);
}

/* Spawns the command. The child waits until it is traced. */
static void spawn(char **argv)
{
	int ready[2];
	char byte;

	if (pipe2(ready, O_CLOEXEC) < 0)
		die("pipe");
	run.command = fork();
	if (run.command < 0)
		die("fork");
	if (run.command == 0) {
		close(ready[1]);
		while (read(ready[0], &byte, 1) < 0 && errno == EINTR)
			;
		execvp(argv[0], argv);
		die(argv[0]);
	}
	close(ready[0]);
	seize(run.command, BEFORE);
	if (options.waiting)
		seize(options.waiting, STAGE);
	close(ready[1]);
}

/* ---- the command line ---- */

static void mark(unsigned char *calls, char *list)
{
	char *name;
	int nr;

	for (name = strtok(list, ","); name; name = strtok(NULL, ","))
		for (nr = 0; nr < MAX_CALLS; nr++)
			if (names[nr] && strcmp(names[nr], name) == 0)
				calls[nr] = 1;
}

static void usage(void)
{
	fputs("usage: inject [-o REPORT] [-x NAME,...] [-y NAME,...] [-p PID] rung|stage K "
	      "kill|ERRNO -- COMMAND...\n",
	      stderr);
	exit(125);
}

static char **parse(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "+o:x:y:p:")) != -1) {
		switch (c) {
		case 'o':
			options.report = optarg;
			break;
		case 'x':
			mark(options.excluded, optarg);
			break;
		case 'y':
			mark(options.only, optarg);
			options.limited = 1;
			break;
		case 'p':
			options.waiting = atoi(optarg);
			break;
		default:
			usage();
		}
	}
	if (argc - optind < 5 || strcmp(argv[optind + 3], "--") != 0)
		usage();
	options.class = strcmp(argv[optind], "rung") == 0 ? RUNG : STAGE;
	options.k = atol(argv[optind + 1]);
	options.action = strcmp(argv[optind + 2], "kill") == 0 ? KILL : atoi(argv[optind + 2]);
	if (options.action == 0 || options.action > 4095)
		usage();
	return argv + optind + 4;
}

int main(int argc, char **argv)
{
	char **command = parse(argc, argv);

	run.report = options.report ? fopen(options.report, "we") : stderr;
	if (!run.report)
		die(options.report);
	spawn(command);
	trace();
	fprintf(run.report, "total\t%ld\n", run.total);
	if (fflush(run.report) != 0)
		die("report");
	return WIFSIGNALED(run.status) ? 128 + WTERMSIG(run.status) : WEXITSTATUS(run.status);
}
