// SPDX-License-Identifier: Apache-2.0
/*
 * constructor.c - the way into the hands. It runs first in every rung process, before the
 * C library and the Go runtime, and returns at once unless this process was spawned to
 * execute a plan: argv is { "rung", "init", BASE } and descriptor BASE+2 is a sealed plan, or
 * { "rung", "init", "@SYNC", BELL } and the plan comes by the socket SYNC.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "early.h"
#include "hands.h"

/* The descriptors from BASE on; slots follow. */
enum { FD_SYNC, FD_PROGRESS, FD_PLAN, FD_SLOTS };

/* Static: the hands have no heap, and a stack may be limited. */
static struct hands hands;

static int number(const char *text)
{
	int n = 0;

	if (!*text)
		return -1;
	for (; *text; text++) {
		if (*text < '0' || *text > '9' || n > 100000)
			return -1;
		n = n * 10 + *text - '0';
	}
	return n;
}

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

/* A slot that the parent had no descriptor for stays empty. */
static void take_slots(struct hands *h)
{
	uint32_t i;
	long result;
	int fd;

	for (i = 0; i < h->plan.header->inherited; i++) {
		fd = h->base + FD_SLOTS + (int)i;
		result = sys(SYS_fcntl, fd, F_GETFD);
		if (result >= 0)
			slot_put(h, (int16_t)i, fd);
		else if (result != -EBADF)
			fail(h, result);
	}
}

static void begin(struct hands *h, int progress, int plan)
{
	if (plan_map(&h->plan, plan) < 0)
		fail(h, -ENOEXEC);
	/* Neglected: an exec closes both, and the name is for people. */
	sys(SYS_close, progress);
	sys(SYS_close, plan);
	sys(SYS_prctl, PR_SET_NAME, "rung:init");
	h->progress->begun = 1;
}

/*
 * What the caller of rung ignores or blocks is not the container's: no shell can trap what was
 * ignored when it began. conmon and services of systemd ignore SIGPIPE, nohup SIGHUP.
 */
static long default_signals(void)
{
	/* Larger than any struct sigaction of a kernel: SIG_DFL, no flags, nothing blocked. */
	static const uint64_t action[4];
	static const signal_mask none;
	long result;
	int signal;

	for (signal = 1; signal <= 64; signal++) {
		if (signal == SIGKILL || signal == SIGSTOP)
			continue;
		result = sys(SYS_rt_sigaction, signal, action, NULL, sizeof(none));
		if (result < 0)
			return result;
	}
	return sys(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof(none));
}

/*
 * A plan holds each mount of the configuration by a descriptor, however few rung's caller wants
 * his programs to have. NOFILE_BACK undoes this. Where it fails, the limit is as it was, and a plan that
 * needs more gets EMFILE.
 */
static void raise_nofile(struct hands *h)
{
	uint64_t most[2];

	if (sys(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, h->nofile) < 0)
		return;
	most[0] = most[1] = h->nofile[1];
	sys(SYS_prlimit64, 0, RLIMIT_NOFILE, most, NULL);
}

/* The hands were spawned for a plan: all that they need are descriptors from base on. */
static void enter(int base)
{
	struct hands *h = &hands;
	long result;

	h->base = base;
	h->sync = base + FD_SYNC;
	h->bell = -1;
	h->progress = map_progress(base + FD_PROGRESS);
	if (!h->progress)
		return;
	result = default_signals();
	if (result < 0)
		fail(h, result);
	raise_nofile(h);
	/* CVE-2016-9962, CVE-2024-21626: nothing of ours survives an exec. */
	result = sys(SYS_close_range, base, ~0U, CLOSE_RANGE_CLOEXEC);
	if (result < 0)
		fail(h, result);
	begin(h, base + FD_PROGRESS, base + FD_PLAN);
	/* What the caller of rung left open is not held by a container that waits for start. */
	result = sys(SYS_close_range, base + FD_SLOTS + (int)h->plan.header->inherited, ~0U, 0);
	if (result < 0)
		fail(h, result);
	take_slots(h);
	run_plan(h);
}

/* Closes what the caller of rung left open from base on, but for two. */
static long close_inherited(unsigned int base, unsigned int a, unsigned int b)
{
	const unsigned int keep[] = { a < b ? a : b, a < b ? b : a };
	long result = 0;
	int i;

	for (i = 0; i < 2 && result >= 0; i++) {
		if (keep[i] < base)
			continue;
		if (keep[i] > base)
			result = sys(SYS_close_range, base, keep[i] - 1, 0);
		base = keep[i] + 1;
	}
	return result < 0 ? result : sys(SYS_close_range, base, ~0U, 0);
}

/* Waits until the parent says what the container's descriptors are: base, or 0. */
static unsigned int await_base(int sync, int bell)
{
	unsigned int base;
	long n;

	wait_for_parent(sync, bell);
	do
		n = sys(SYS_recvfrom, sync, &base, sizeof(base), MSG_PEEK, NULL, 0);
	while (n == -EINTR);
	return n == (long)sizeof(base) ? base : 0;
}

/* What no container may have of rung or its caller: two descriptors, and signals that are ignored. */
static long keep_own(int sync, int bell)
{
	long result = sys(SYS_fcntl, sync, F_SETFD, FD_CLOEXEC);

	if (result >= 0)
		result = sys(SYS_fcntl, bell, F_SETFD, FD_CLOEXEC);
	return result < 0 ? result : default_signals();
}

/*
 * The hands were spawned before there was a plan (early.c): it is sent to them, or the socket
 * closed. A failure can be told from when the progress page has come with it. The new descriptors take numbers that have just been freed, none below base.
 */
static void enter_sent(int sync, int bell)
{
	static struct rung_order order;
	static int fds[RUNG_MAX_REPLY_FDS];
	struct hands *h = &hands;
	unsigned int base;
	uint32_t i;
	long n, result;

	result = keep_own(sync, bell);
	raise_nofile(h);
	base = await_base(sync, bell);
	if (base < 3)
		return;
	if (result >= 0)
		result = close_inherited(base, (unsigned int)sync, (unsigned int)bell);
	n = receive_message(sync, &order, sizeof(order), fds);
	if (n < 2 || order.count != (uint32_t)n - 2)
		return;
	h->base = (int)base;
	h->sync = sync;
	h->bell = bell;
	h->progress = map_progress(fds[0]);
	if (!h->progress)
		return;
	if (result < 0)
		fail(h, result);
	begin(h, fds[0], fds[1]);
	for (i = 0; i < order.count; i++) {
		if (order.slot[i] < 0 || (uint32_t)order.slot[i] >= h->plan.header->inherited)
			fail(h, -EPROTO);
		slot_put(h, order.slot[i], fds[2 + i]);
	}
	run_plan(h);
}

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

/*
 * Makes the pages of a segment the process's own, those of .bss too. Best effort. Linkers put
 * the largest variables last, and some are never touched: Go's random generator has 32 MiB.
 */
static void populate(const ElfW(Phdr) * segment, unsigned long page)
{
	unsigned long most = 512 * 1024, start = segment->p_vaddr & ~(page - 1);
	unsigned long end = (segment->p_vaddr + segment->p_memsz + page - 1) & ~(page - 1);

	if (end > start + most)
		end = start + most;
	if (end > start)
		sys(SYS_madvise, start, end - start, MADV_POPULATE_WRITE);
}

/*
 * Makes rung's data pages at once: a fault for each takes a tenth of a millisecond longer,
 * since those of a process with threads interrupt the other processors.
 */
static void prefault(long *stack)
{
	const ElfW(Phdr) *segment = NULL;
	unsigned long *aux, count = 0, page = 4096;
	char **env;

	for (env = (char **)(stack + 1) + stack[0] + 1; *env; env++)
		;
	for (aux = (unsigned long *)(void *)(env + 1); aux[0] != AT_NULL; aux += 2) {
		if (aux[0] == AT_PHDR)
			segment = (const void *)aux[1];
		if (aux[0] == AT_PHNUM)
			count = aux[1];
		if (aux[0] == AT_PAGESZ)
			page = aux[1];
		if (aux[0] == AT_BASE && aux[1])
			return; /* a dynamic program: it is not where its headers say */
	}
	for (; segment && count--; segment++)
		if (segment->p_type == PT_LOAD && (segment->p_flags & PF_W))
			populate(segment, page);
}

/*
 * Called with the stack as the kernel made it: argc, argv. Returns in every process that
 * is not to be the hands.
 */
void rung_enter(long *stack)
{
	char **argv = (char **)(stack + 1);
	int base, sync, bell;

	if (stack[0] == 3 && strcmp(argv[1], "init") == 0) {
		base = number(argv[2]);
		if (base >= 3)
			enter(base);
	} else if (stack[0] == 4 && strcmp(argv[1], "init") == 0 && argv[2][0] == '@') {
		sync = number(argv[2] + 1);
		bell = number(argv[3]);
		if (sync >= 3 && bell >= 3)
			enter_sent(sync, bell);
	} else {
		rung_check_limits();
		rung_spawn_early(stack[0], argv);
		prefault(stack);
	}
}

/*
 * The entry point of the binary, before the C library's. The library's set-up takes half
 * as long as all that the hands do (CPUID traps in virtual machines), and they need none of it.
 * What the dynamic loader left in registers for _start is kept.
 */
#if defined(RUNG_IMAGE)
/* Go looks for this in the program before it executes it (launch/seal.go). */
#define TEXT_OF(value) #value
#define MARK(identity) "rung stage " RUNG_ARCH " " TEXT_OF(identity)
__attribute__((used)) static const char mark[] = MARK(RUNG_STAGE_IDENTITY);

/* A program of the hands alone: there is nothing to go on with. */
void _start(void);
void _start(void)
{
	for (;;)
		sys(SYS_exit_group, 127);
}
#endif
#if defined(RUNG_HOSTED)
/* The tests call the functions themselves. */
#else
#define ENTRY(body) __asm__(".text\n.globl rungstart\n" body)

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
/* The linker makes shorter code with gp, which _start would set. */
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
/* r12 is where this is, r2 where constants are (ELFv2 ABI); _start wants both for itself. */
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
