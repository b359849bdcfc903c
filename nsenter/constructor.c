// SPDX-License-Identifier: Apache-2.0
/*
 * constructor.c - the way into the hands. It runs first in every rung process, before the
 * C library and the Go runtime, and returns at once unless this process was spawned to
 * execute a plan: argv is { "rung", "init", BASE } and descriptor BASE+2 is a sealed plan.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

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
	struct stat st;
	long result;

	if (sys(SYS_fstat, fd, &st) < 0 || st.st_size < (off_t)sizeof(*progress))
		return NULL;
	result = sys(SYS_mmap, NULL, st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (result < 0 && result > -4096)
		return NULL;
	progress = (void *)result;
	if (progress->magic != RUNG_PROGRESS_MAGIC || progress->version != RUNG_PLAN_VERSION ||
	    progress->room >
		    ((uint64_t)st.st_size - sizeof(*progress)) / sizeof(progress->clock[0]))
		return NULL;
	return progress;
}

/* A slot that the parent had no descriptor for stays empty. */
static void take_slots(struct hands *h)
{
	uint32_t i;
	int fd;

	for (i = 0; i < h->plan.header->inherited; i++) {
		fd = h->base + FD_SLOTS + (int)i;
		if (sys(SYS_fcntl, fd, F_GETFD) >= 0)
			slot_put(h, (int16_t)i, fd);
	}
}

static void enter(int base)
{
	struct hands *h = &hands;
	long result;

	h->base = base;
	h->sync = base + FD_SYNC;
	h->progress = map_progress(base + FD_PROGRESS);
	if (!h->progress)
		return;
	if (plan_map(&h->plan, base + FD_PLAN) < 0)
		fail(h, -ENOEXEC);
	/* CVE-2016-9962, CVE-2024-21626: nothing of ours survives an exec. */
	result = sys(SYS_close_range, base, ~0U, CLOSE_RANGE_CLOEXEC);
	if (result < 0)
		fail(h, result);
	/* What the caller of rung left open is not held by a container that waits for start. */
	sys(SYS_close_range, base + FD_SLOTS + (int)h->plan.header->inherited, ~0U, 0);
	sys(SYS_close, base + FD_PROGRESS);
	sys(SYS_close, base + FD_PLAN);
	sys(SYS_prctl, PR_SET_NAME, "rung:init");
	take_slots(h);
	run_plan(h);
}

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

/* Makes the whole pages of a segment the process's own. Best effort. */
static void populate(const Elf64_Phdr *segment)
{
	unsigned long page = 4096, start = segment->p_vaddr & ~(page - 1);
	unsigned long end = (segment->p_vaddr + segment->p_filesz) & ~(page - 1);

	if (end > start)
		sys(SYS_madvise, start, end - start, MADV_POPULATE_WRITE);
}

/*
 * Copies rung's data pages at once: a fault for each takes a tenth of a millisecond longer,
 * since those of a process with threads interrupt the other processors.
 */
static void prefault(long *stack)
{
	const Elf64_Phdr *segment = NULL;
	unsigned long *aux, count = 0;
	char **env;

	for (env = (char **)(stack + 1) + stack[0] + 1; *env; env++)
		;
	for (aux = (unsigned long *)(void *)(env + 1); aux[0] != AT_NULL; aux += 2) {
		if (aux[0] == AT_PHDR)
			segment = (const void *)aux[1];
		if (aux[0] == AT_PHNUM)
			count = aux[1];
		if (aux[0] == AT_BASE && aux[1])
			return; /* a dynamic program: it is not where its headers say */
	}
	for (; segment && count--; segment++)
		if (segment->p_type == PT_LOAD && (segment->p_flags & PF_W))
			populate(segment);
}

/*
 * Called with the stack as the kernel made it: argc, argv. Returns in every process that
 * is not to be the hands.
 */
void rung_enter(long *stack)
{
	char **argv = (char **)(stack + 1);
	int base;

	if (stack[0] != 3 || strcmp(argv[1], "init") != 0) {
		prefault(stack);
		return;
	}
	base = number(argv[2]);
	if (base >= 3)
		enter(base);
}

/*
 * The entry point of the binary, before the C library's. The library's set-up takes half
 * as long as all that the hands do (CPUID traps in virtual machines), and they need none of it.
 * What the dynamic loader left in registers for _start is kept.
 */
#if defined(RUNG_IMAGE)
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
#elif defined(__x86_64__)
__asm__(".text\n"
	".globl rungstart\n"
	".type rungstart,@function\n"
	"rungstart:\n"
	"	mov %rsp, %rdi\n"
	"	push %rdx\n"
	"	sub $8, %rsp\n"
	"	call rung_enter\n"
	"	add $8, %rsp\n"
	"	pop %rdx\n"
	"	jmp _start\n");
#elif defined(__aarch64__)
__asm__(".text\n"
	".globl rungstart\n"
	".type rungstart,@function\n"
	"rungstart:\n"
	"	mov x1, sp\n"
	"	stp x0, x30, [sp, #-16]!\n"
	"	mov x0, x1\n"
	"	bl rung_enter\n"
	"	ldp x0, x30, [sp], #16\n"
	"	b _start\n");
#else
/* Elsewhere a constructor: argv lies below the environment on the stack. */
__attribute__((constructor)) static void start(void)
{
	extern char **environ;
	long *word = (long *)(void *)environ - 2, argc = 0;

	while (*word != argc) {
		word--;
		argc++;
	}
	rung_enter(word);
}
#endif
