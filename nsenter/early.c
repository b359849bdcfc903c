// SPDX-License-Identifier: Apache-2.0
//go:build cgo
/*
 * early.c - spawns the stage before the Go runtime starts, for commands that will need it.
 *
 * The early stage waits for its plan on a socket (enter_sent in constructor.c), so it starts up
 * while Go starts up. Nothing depends on it: if this fails, or Go cannot use the early stage,
 * package launch spawns a new one.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "early.h"
#include "stage.h"
#include "text.h"

int rung_early_pid;
int rung_early_sync = -1;
int rung_early_wakeup = -1;

#if !defined(RUNG_IMAGE)

static int is_one_of(const char *word, const char *list)
{
	size_t n;

	for (; *list; list += n + 1) {
		n = strlen(list);
		if (strcmp(word, list) == 0)
			return 1;
	}
	return 0;
}

int takes_value(const char *name)
{
	return is_one_of(name, "cgroup-manager\0log\0log-format\0root\0rootless\0trace-file\0");
}

#endif

#if !defined(RUNG_IMAGE) && !defined(RUNG_HOSTED) && defined(__has_include)
#if __has_include("image/stage")
#define RUNG_EARLY 1
#endif
#endif

#if defined(RUNG_EARLY)

__asm__(".pushsection .rodata\n"
	".hidden rung_image\n"
	".hidden rung_image_end\n"
	".globl rung_image\n"
	".globl rung_image_end\n"
	"rung_image:\n"
	"	.incbin \"image/stage\"\n"
	"rung_image_end:\n"
	".popsection\n");

extern const char rung_image[] __attribute__((visibility("hidden")));
extern const char rung_image_end[] __attribute__((visibility("hidden")));

const void *rung_stage_image(unsigned long *size)
{
	*size = (unsigned long)(rung_image_end - rung_image);
	return rung_image;
}

/* Static: the child may share the parent's memory until it executes the image. */
static struct {
	int image, sync, wakeup;
	unsigned int cpu;
	_Alignas(16) char stack[4096];
} child;

/* Room for the processors that leave_processor knows. With more of them the kernel refuses the mask. */
#define PROCESSORS 1024

/*
 * Keeps the child off its parent's processor if there is another one: else the kernel would
 * wake it there. The plan's first op (AFFINITY) allows all processors again. Errors do not
 * matter: they cost time.
 */
static void leave_processor(unsigned int cpu)
{
	const size_t bits = 8 * sizeof(unsigned long);
	unsigned long mask[PROCESSORS / (8 * sizeof(unsigned long))];

	memset(mask, 0, sizeof(mask));
	if (cpu >= PROCESSORS || sys(SYS_sched_getaffinity, 0, sizeof(mask), mask) < 0)
		return;
	mask[cpu / bits] &= ~(1UL << (cpu % bits));
	sys(SYS_sched_setaffinity, 0, sizeof(mask), mask);
}

void rung_early_child(void);
__attribute__((used, visibility("hidden"), noreturn)) void rung_early_child(void)
{
	char program[] = "rung", init[] = "init", sync[1 + DECIMAL_SIZE] = "@";
	char wakeup[DECIMAL_SIZE];
	char *argv[] = { program, init, sync, wakeup, NULL };
	char *env[] = { NULL };

	leave_processor(child.cpu);
	put_decimal(sync + 1, (uint64_t)child.sync);
	put_decimal(wakeup, (uint64_t)child.wakeup);
	/* Errors do not matter: without these descriptors the stage ends, and Go spawns another. */
	sys(SYS_fcntl, child.sync, F_SETFD, 0);
	sys(SYS_fcntl, child.wakeup, F_SETFD, 0);
	sys(SYS_execveat, child.image, "", argv, env, AT_EMPTY_PATH);
	for (;;)
		sys(SYS_exit_group, EXIT_NO_PROGRAM);
}

#if defined(__x86_64__)
/* clone(2) with a stack of its own: the child shares this memory, and this process runs on. */
static long clone_child(void)
{
	char *top = child.stack + sizeof(child.stack);
	unsigned long flags = CLONE_VM | SIGCHLD;
	long pid;

	__asm__ volatile("syscall\n"
			 "test %%rax, %%rax\n"
			 "jnz 1f\n"
			 "xor %%ebp, %%ebp\n"
			 "call rung_early_child\n"
			 "1:\n"
			 : "=a"(pid)
			 : "0"((long)SYS_clone), "D"(flags), "S"(top), "d"(0L)
			 : "rcx", "r11", "memory", "cc");
	return pid;
}
#elif defined(__aarch64__)
static long clone_child(void)
{
	register long x8 __asm__("x8") = SYS_clone;
	register long x0 __asm__("x0") = CLONE_VM | SIGCHLD;
	register long x1 __asm__("x1") = (long)(child.stack + sizeof(child.stack));
	register long x2 __asm__("x2") = 0;

	__asm__ volatile("svc 0\n"
			 "cbnz x0, 1f\n"
			 "mov x29, #0\n"
			 "bl rung_early_child\n"
			 "1:\n"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2)
			 : "x30", "memory", "cc");
	return x0;
}
#else
/* Like fork(2). Slower, because pages are copied on write, but it needs no assembly. */
static long clone_child(void)
{
	struct clone_args args;
	long pid;

	memset(&args, 0, sizeof(args));
	args.exit_signal = SIGCHLD;
	pid = sys(SYS_clone3, &args, sizeof(args));
	if (pid == 0)
		rung_early_child();
	return pid;
}
#endif

/* Returns the image as a sealed memfd (CVE-2019-5736), or -1. */
static int sealed_image(void)
{
	const unsigned int flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	long size = rung_image_end - rung_image;
	long fd = sys(SYS_memfd_create, "rung", flags | MFD_EXEC);

	if (fd == -EINVAL) /* before Linux 6.3 */
		fd = sys(SYS_memfd_create, "rung", flags);
	/* EACCES: the sysctl vm.memfd_noexec is 2; Go has other ways (sys.SealedProgram). */
	if (fd < 0)
		return -1;
	if (sys(SYS_write, fd, rung_image, size) == size &&
	    sys(SYS_fcntl, fd, F_ADD_SEALS, ALL_SEALS) == 0)
		return (int)fd;
	sys(SYS_close, fd);
	return -1;
}

/* Whether the command makes a container process. A wrong answer only costs time. */
static int will_spawn(long argc, char **argv)
{
	const char *word;
	long i;

	for (i = 1; i < argc; i++) {
		word = argv[i];
		if (*word != '-')
			return is_one_of(word, "run\0create\0exec\0");
		word += word[1] == '-' ? 2 : 1;
		i += takes_value(word);
	}
	return 0;
}

/* Spawns the child with its two descriptors. */
static void spawn_child(void)
{
	int pair[2];
	long pid;

	if (sys(SYS_socketpair, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return;
	child.sync = pair[1];
	/* It never blocks. Without O_NONBLOCK Go does not watch it by epoll, and wakes no thread for it. */
	child.wakeup = (int)sys(SYS_eventfd2, 0, EFD_CLOEXEC);
	sys(SYS_getcpu, &child.cpu, NULL, NULL); /* an error costs time: the number stays 0 */
	pid = child.wakeup < 0 ? -1 : clone_child();
	sys(SYS_close, pair[1]);
	if (pid > 0) {
		rung_early_pid = (int)pid;
		rung_early_sync = pair[0];
		rung_early_wakeup = child.wakeup;
		return;
	}
	sys(SYS_close, pair[0]);
	sys(SYS_close, child.wakeup);
}

/* Enough for all that rung has open at one time: RUNG_MAX_REPLY_FDS sources of mounts, and its own. */
#define DESCRIPTORS 256

/*
 * Makes room for rung's descriptors. Where a process has threads, the kernel waits for an RCU grace period when it makes the
 * table larger: 20 ms and more (expand_fdtable of fs/file.c). There are no threads yet. An error costs that time later.
 */
static void widen_descriptors(void)
{
	long fd = sys(SYS_fcntl, 0, F_DUPFD_CLOEXEC, DESCRIPTORS - 1);

	if (fd >= 0)
		sys(SYS_close, fd);
}

void rung_spawn_early(long argc, char **argv)
{
	int fd;

	if (!will_spawn(argc, argv))
		return;
	/* Go opens a standard stream that is closed: no descriptor of ours may take its number. */
	for (fd = 0; fd < STANDARD_STREAMS; fd++)
		if (sys(SYS_fcntl, fd, F_GETFD) < 0)
			return;
	widen_descriptors();
	child.image = sealed_image();
	if (child.image < 0)
		return;
	spawn_child();
	sys(SYS_close, child.image);
}

#else

const void *rung_stage_image(unsigned long *size)
{
	(void)size;
	return NULL;
}

void rung_spawn_early(long argc, char **argv)
{
	(void)argc;
	(void)argv;
}

#endif
