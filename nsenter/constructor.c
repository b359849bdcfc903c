// SPDX-License-Identifier: Apache-2.0
//go:build cgo
/*
 * constructor.c - the way into the stage. It runs first in every rung process, before the
 * C library and the Go runtime, and returns at once unless this process was spawned to
 * execute a plan. Then argv is { "rung", "init", BASE } and descriptor BASE+2 is a sealed plan,
 * or argv is { "rung", "init", "@SYNC", WAKEUP } and the plan comes by the socket SYNC.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "early.h"
#include "stage.h"
#include "text.h"

/* The descriptors from BASE on; slots follow. */
enum { FD_SYNC, FD_PROGRESS, FD_PLAN, FD_SLOTS };

/* The highest descriptor that an argument may name: the default of the sysctl fs.nr_open. */
#define MOST_DESCRIPTOR (1 << 20)

/* Static: the stage has no heap, and the stack may have a small limit. */
static struct stage stage;

static struct rung_progress *map_progress(int fd)
{
	struct rung_progress *progress;
	struct statx file;
	long result;

	if (status_of(fd, &file) < 0 || file.stx_size < sizeof(*progress))
		return NULL;
	result = map_file(file.stx_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
	if (is_error(result))
		return NULL;
	progress = (void *)result;
	if (progress->magic != RUNG_PROGRESS_MAGIC || progress->identity != RUNG_STAGE_IDENTITY ||
	    progress->room > (file.stx_size - sizeof(*progress)) / sizeof(progress->clock[0]))
		return NULL;
	return progress;
}

/* Fills the inherited slots. A slot stays empty if the parent had no descriptor for it. */
static void take_slots(struct stage *s)
{
	uint32_t i;
	long result;
	int fd;

	for (i = 0; i < s->plan.header->inherited; i++) {
		fd = s->base + FD_SLOTS + (int)i;
		result = sys(SYS_fcntl, fd, F_GETFD);
		if (result >= 0)
			slot_put(s, (int32_t)i, fd);
		else if (result != -EBADF)
			fail(s, result);
	}
}

static void begin(struct stage *s, int progress, int plan)
{
	if (plan_take(s, plan) < 0)
		fail(s, -ENOEXEC);
	sys(SYS_close, progress);
	sys(SYS_close, plan);
	/* An error does not matter: only people see the name. */
	sys(SYS_prctl, PR_SET_NAME, "rung:init");
	s->progress->begun = 1;
}

/*
 * The container must not inherit the signals that rung's caller ignores or blocks: a shell
 * cannot trap a signal that was ignored when it started. conmon and services of systemd ignore
 * SIGPIPE, nohup ignores SIGHUP.
 */
static long default_signals(void)
{
	static const signal_mask none;
	long result;
	int signal;

	for (signal = 1; signal <= SIGNALS; signal++) {
		if (signal == SIGKILL || signal == SIGSTOP)
			continue;
		result = set_action(signal, SIG_DFL);
		if (result < 0)
			return result;
	}
	return sys(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof(none));
}

/*
 * The stage holds a descriptor for each mount of the configuration, so it raises the soft limit
 * of its caller. NOFILE_BACK undoes this. If it fails, the limit stays as it was, and a plan
 * that needs more descriptors gets EMFILE.
 */
static void raise_nofile(struct stage *s)
{
	uint64_t most[2];

	if (sys(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, s->nofile) < 0)
		return;
	most[0] = most[1] = s->nofile[1];
	sys(SYS_prlimit64, 0, RLIMIT_NOFILE, most, NULL);
}

/* The parent spawned the stage for a plan: the stage inherits all that it needs from base on. */
static void enter(int base)
{
	struct stage *s = &stage;
	long result;

	s->base = base;
	s->sync = base + FD_SYNC;
	s->wakeup = -1;
	s->progress = map_progress(base + FD_PROGRESS);
	if (!s->progress)
		return;
	result = default_signals();
	if (result < 0)
		fail(s, result);
	raise_nofile(s);
	/* CVE-2016-9962, CVE-2024-21626: nothing of ours survives an exec. */
	result = cloexec_from((unsigned int)base);
	if (result < 0)
		fail(s, result);
	begin(s, base + FD_PROGRESS, base + FD_PLAN);
	/* A container that waits for start must not hold open what rung's caller left open. */
	result = close_from((unsigned int)base + FD_SLOTS + s->plan.header->inherited);
	if (result < 0)
		fail(s, result);
	take_slots(s);
	run_plan(s);
}

/* Closes the descriptors from base on that rung's caller left open, except a and b. */
static long close_inherited(unsigned int base, unsigned int a, unsigned int b)
{
	const unsigned int keep[] = { a < b ? a : b, a < b ? b : a };
	long result = 0;
	size_t i;

	for (i = 0; i < COUNT(keep) && result >= 0; i++) {
		if (keep[i] < base)
			continue;
		if (keep[i] > base)
			result = close_between(base, keep[i] - 1);
		base = keep[i] + 1;
	}
	return result < 0 ? result : close_from(base);
}

/* Waits for the parent's order and returns its base, or 0 if the socket was closed. */
static unsigned int await_base(int sync, int wakeup)
{
	unsigned int base;
	long n;

	wait_for_parent(sync, wakeup);
	do
		n = sys(SYS_recvfrom, sync, &base, sizeof(base), MSG_PEEK, NULL, 0);
	while (n == -EINTR);
	return n == (long)sizeof(base) ? base : 0;
}

/* The descriptors of an order (ops.h). */
enum { ORDER_PROGRESS, ORDER_PLAN, ORDER_SLOTS };

/* Fills the slots of an order's list. */
static void take_sent_slots(struct stage *s, const struct rung_order *order, const int *fds)
{
	uint32_t i;
	int32_t slot;

	for (i = 0; i < order->count; i++) {
		slot = order->slot[i];
		if (slot < 0 || (uint32_t)slot >= s->plan.header->inherited ||
		    slot_get(s, slot) >= 0)
			fail(s, -EPROTO);
		slot_put(s, slot, fds[ORDER_SLOTS + i]);
	}
}

/* Keeps rung's two descriptors and the signal state of its caller out of the container. */
static long keep_own(int sync, int wakeup)
{
	long result = sys(SYS_fcntl, sync, F_SETFD, FD_CLOEXEC);

	if (result >= 0)
		result = sys(SYS_fcntl, wakeup, F_SETFD, FD_CLOEXEC);
	return result < 0 ? result : default_signals();
}

/*
 * The stage was spawned before there was a plan (early.c): the parent sends the plan or closes
 * the socket. The progress page comes with the plan, so an error before that is kept in result
 * and reported after it. The new descriptors take numbers that were just freed, none below base.
 */
static void enter_sent(int sync, int wakeup)
{
	static struct rung_order order;
	static int fds[RUNG_MAX_REPLY_FDS];
	struct stage *s = &stage;
	unsigned int base;
	long n, result;

	result = keep_own(sync, wakeup);
	raise_nofile(s);
	base = await_base(sync, wakeup);
	if (base < STANDARD_STREAMS)
		return;
	if (result >= 0)
		result = close_inherited(base, (unsigned int)sync, (unsigned int)wakeup);
	n = receive_message(sync, &order, sizeof(order), fds);
	if (n < ORDER_SLOTS || order.count != (uint32_t)n - ORDER_SLOTS)
		return;
	s->base = (int)base;
	s->sync = sync;
	s->wakeup = wakeup;
	s->progress = map_progress(fds[ORDER_PROGRESS]);
	if (!s->progress)
		return;
	if (result < 0)
		fail(s, result);
	begin(s, fds[ORDER_PROGRESS], fds[ORDER_PLAN]);
	take_sent_slots(s, &order, fds);
	run_plan(s);
}

/* Set in a copy that is the stage alone: its loader has not run, so _start would not work. */
#if defined(RUNG_IMAGE)
static const char rung_alone = 1;
#elif defined(RUNG_HOSTED)
static const char rung_alone;
#else
extern const char rung_alone __attribute__((visibility("hidden")));
#endif

/* /proc/self/exe leads to the stage until the container's program is executed, so a container can execute the stage. */
static void say_alone(void)
{
	static const char said[] = "rung: this is rung's own stage, no program for a container: in "
				   "process.args[0] and after #! /proc/self/exe leads to it\n";

	sys(SYS_write, STDERR_FILENO, said, sizeof(said) - 1);
}

#if !defined(RUNG_IMAGE)

/* Prepares a process that is not the stage, or ends it. */
static void prepare_program(long argc, char **argv)
{
	while (rung_alone)
		sys(SYS_exit_group, EXIT_NO_PROGRAM);
	rung_check_limits(argc, argv);
	rung_spawn_early(argc, argv);
	if (&rung_is_command) {
		rung_set_one_processor(argc, argv);
		rung_keep_files_closed();
	}
}

#endif

/*
 * rungstart calls this with the stack as the kernel made it: argc, argv. It returns in every
 * process that is not the stage.
 */
void rung_enter(long *stack)
{
	char **argv = (char **)(stack + 1);
	int base, sync, wakeup;

	if (stack[0] == 3 && strcmp(argv[1], "init") == 0) {
		base = number(argv[2], MOST_DESCRIPTOR);
		if (base >= STANDARD_STREAMS)
			enter(base);
	} else if (stack[0] == 4 && strcmp(argv[1], "init") == 0 && argv[2][0] == '@') {
		sync = number(argv[2] + 1, MOST_DESCRIPTOR);
		wakeup = number(argv[3], MOST_DESCRIPTOR);
		if (sync >= STANDARD_STREAMS && wakeup >= STANDARD_STREAMS)
			enter_sent(sync, wakeup);
	} else if (rung_alone) {
		say_alone();
	}
#if !defined(RUNG_IMAGE)
	prepare_program(stack[0], argv);
#endif
}

/*
 * rungstart is the entry point of the binary and runs before the C library's _start. The
 * library's set-up takes half as long as all the work of the stage (CPUID traps in virtual
 * machines), and the stage needs none of it. rungstart preserves the registers that the dynamic
 * loader set for _start.
 */
#if defined(RUNG_IMAGE)
/* This program is the stage alone: it has nothing else to run. */
void _start(void);
void _start(void)
{
	for (;;)
		sys(SYS_exit_group, EXIT_NO_PROGRAM);
}
#endif
#if defined(RUNG_HOSTED)
/* The tests call rung_enter themselves. */
#else
/*
 * Before the entry point stand a text and a flag, for Go (launch/seal.go, launch/self.go): the text
 * says which stage this is, and the flag is set in a copy of a program that serves as the stage.
 */
#define TEXT_OF(value) #value
#define MARK(identity) "rung stage " RUNG_ARCH " " TEXT_OF(identity)
#define LABEL	       ".text\n.balign 16\n0: .asciz \""
#define FLAG                                                                                       \
	"\"\n.space 48 - (. - 0b)\n.hidden rung_alone\n.globl rung_alone\nrung_alone: .space 16\n"
#define ENTRY(body) __asm__(LABEL MARK(RUNG_STAGE_IDENTITY) FLAG ".globl rungstart\n" body)

#if defined(__x86_64__)
ENTRY(".type rungstart,@function\n"
      "rungstart:\n"
      "	mov %rsp, %rdi\n"
      "	push %rdx\n"
      "	sub $8, %rsp\n"
      "	call rung_enter\n"
      "	add $8, %rsp\n"
      "	pop %rdx\n"
      "	jmp _start\n");
#elif defined(__aarch64__)
ENTRY(".type rungstart,@function\n"
      "rungstart:\n"
      "	mov x1, sp\n"
      "	stp x0, x30, [sp, #-16]!\n"
      "	mov x0, x1\n"
      "	bl rung_enter\n"
      "	ldp x0, x30, [sp], #16\n"
      "	b _start\n");
#elif defined(__riscv)
/* The linker shortens addresses by gp. _start would set gp, but this runs before it. */
ENTRY(".type rungstart,@function\n"
      "rungstart:\n"
      "	.option push\n"
      "	.option norelax\n"
      "	lla gp, __global_pointer$\n"
      "	.option pop\n"
      "	mv s0, a0\n"
      "	mv a0, sp\n"
      "	call rung_enter\n"
      "	mv a0, s0\n"
      "	tail _start\n");
#elif defined(__powerpc64__)
/* r12 holds this address, r2 the table of constants (ELFv2 ABI). _start needs both for itself. */
ENTRY(".type rungstart,@function\n"
      "rungstart:\n"
      "0:	addis 2, 12, .TOC.-0b@ha\n"
      "	addi 2, 2, .TOC.-0b@l\n"
      "	.localentry rungstart, .-rungstart\n"
      "	mr 31, 1\n"
      "	mr 30, 3\n"
      "	mr 29, 4\n"
      "	mr 28, 5\n"
      "	mr 27, 6\n"
      "	mr 26, 7\n"
      "	mr 3, 1\n"
      "	clrrdi 1, 1, 4\n"
      "	stdu 1, -32(1)\n"
      "	bl rung_enter\n"
      "	nop\n"
      "	mr 1, 31\n"
      "	mr 3, 30\n"
      "	mr 4, 29\n"
      "	mr 5, 28\n"
      "	mr 6, 27\n"
      "	mr 7, 26\n"
      "	addis 12, 2, _start@toc@ha\n"
      "	addi 12, 12, _start@toc@l\n"
      "	mtctr 12\n"
      "	bctr\n");
#elif defined(__s390x__)
ENTRY(".type rungstart,@function\n"
      "rungstart:\n"
      "	lgr %r2, %r15\n"
      "	lgr %r6, %r15\n"
      "	lgr %r7, %r14\n"
      "	aghi %r15, -160\n"
      "	brasl %r14, rung_enter\n"
      "	lgr %r15, %r6\n"
      "	lgr %r14, %r7\n"
      "	jg _start\n");
#elif defined(__arm__)
#if defined(__thumb__)
#define FUNCTION ".thumb_func\n"
#else
#define FUNCTION ""
#endif
ENTRY(".syntax unified\n"
      ".type rungstart,%function\n" FUNCTION "rungstart:\n"
      "	mov r4, r0\n"
      "	mov r5, sp\n"
      "	mov r0, sp\n"
      "	bic r1, r5, #7\n"
      "	mov sp, r1\n"
      "	bl rung_enter\n"
      "	mov r0, r4\n"
      "	mov sp, r5\n"
      "	b _start\n");
#elif defined(__i386__)
ENTRY(".type rungstart,@function\n"
      "rungstart:\n"
      "	mov %esp, %eax\n"
      "	push %edx\n"
      "	sub $8, %esp\n"
      "	push %eax\n"
      "	call rung_enter\n"
      "	add $12, %esp\n"
      "	pop %edx\n"
      "	jmp _start\n");
#endif
#endif
