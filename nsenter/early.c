// SPDX-License-Identifier: Apache-2.0
/*
 * early.c - spawns the hands before the Go runtime starts, for commands that will need them.
 *
 * They wait for their plan on a socket (constructor.c, "sent"), so that their start-up runs
 * beside that of rung. Nothing is decided here: where this fails, or Go does not want what
 * was spawned, package launch spawns the hands itself.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "early.h"
#include "hands.h"

int rung_early_pid;
int rung_early_sync = -1;
int rung_early_bell = -1;

#if !defined(RUNG_IMAGE) && !defined(RUNG_HOSTED) && defined(__has_include)
#if __has_include("image/hands")
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
	"	.incbin \"image/hands\"\n"
	"rung_image_end:\n"
	".popsection\n");

extern const char rung_image[] __attribute__((visibility("hidden")));
extern const char rung_image_end[] __attribute__((visibility("hidden")));

/* What the child needs: its memory may be its parent's until it executes the image. */
static struct {
	int image, sync, bell;
	unsigned int cpu;
	_Alignas(16) char stack[4096];
} child;

static void decimal(char *to, int n)
{
	char digits[12];
	int i = 0;

	do
		digits[i++] = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	while (i > 0)
		*to++ = digits[--i];
	*to = '\0';
}

/*
 * Keeps the child off the processor that its parent runs on, where there is another: the
 * plan's first op lifts that again (AFFINITY), and until then it would be woken there.
 */
static void leave_processor(unsigned int cpu)
{
	unsigned long mask[16];
	const size_t bits = 8 * sizeof(mask[0]);

	memset(mask, 0, sizeof(mask));
	if (cpu >= 8 * sizeof(mask) || sys(SYS_sched_getaffinity, 0, sizeof(mask), mask) < 0)
		return;
	mask[cpu / bits] &= ~(1UL << (cpu % bits));
	sys(SYS_sched_setaffinity, 0, sizeof(mask), mask);
}

void rung_early_child(void);
__attribute__((used, visibility("hidden"), noreturn)) void rung_early_child(void)
{
	char program[] = "rung", init[] = "init", sync[16] = "@", bell[16];
	char *argv[] = { program, init, sync, bell, NULL };
	char *env[] = { NULL };

	leave_processor(child.cpu);
	decimal(sync + 1, child.sync);
	decimal(bell, child.bell);
	/* Neglected: without these descriptors the hands end, and rung spawns others. */
	sys(SYS_fcntl, child.sync, F_SETFD, 0);
	sys(SYS_fcntl, child.bell, F_SETFD, 0);
	sys(SYS_execveat, child.image, "", argv, env, AT_EMPTY_PATH);
	for (;;)
		sys(SYS_exit_group, 127);
}

#if defined(__x86_64__)
/* clone(2) on the child's own stack: it shares this memory, and this process runs on. */
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
/* As fork(2): slower, since this memory is shared until it is written to, but the same C everywhere. */
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

#ifndef MFD_EXEC
#define MFD_EXEC 0x10U /* Linux 6.3 */
#endif

/* The image as a file that nobody can change (CVE-2019-5736), or a negative number. */
static int sealed_image(void)
{
	const int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
	const unsigned int flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	long size = rung_image_end - rung_image;
	long fd = sys(SYS_memfd_create, "rung", flags | MFD_EXEC);

	if (fd == -EINVAL) /* older than that */
		fd = sys(SYS_memfd_create, "rung", flags);
	if (fd < 0) /* EACCES: sysctl vm.memfd_noexec is 2; Go knows other ways */
		return -1;
	if (sys(SYS_write, fd, rung_image, size) == size &&
	    sys(SYS_fcntl, fd, F_ADD_SEALS, seals) == 0)
		return (int)fd;
	sys(SYS_close, fd);
	return -1;
}

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

/* Whether the command is one that makes a process. A wrong answer costs time, no more. */
static int will_spawn(long argc, char **argv)
{
	const char *word;
	long i;

	for (i = 1; i < argc; i++) {
		word = argv[i];
		if (*word != '-')
			return is_one_of(word, "run\0create\0exec\0");
		word += word[1] == '-' ? 2 : 1;
		i += is_one_of(word, "log\0log-format\0root\0rootless\0");
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
	child.bell = (int)sys(SYS_eventfd2, 0, EFD_CLOEXEC | EFD_NONBLOCK);
	sys(SYS_getcpu, &child.cpu, NULL, NULL);
	pid = child.bell < 0 ? -1 : clone_child();
	sys(SYS_close, pair[1]);
	if (pid > 0) {
		rung_early_pid = (int)pid;
		rung_early_sync = pair[0];
		rung_early_bell = child.bell;
		return;
	}
	sys(SYS_close, pair[0]);
	sys(SYS_close, child.bell);
}

void rung_spawn_early(long argc, char **argv)
{
	int fd;

	if (!will_spawn(argc, argv))
		return;
	/* A standard stream that is closed is opened by Go: nothing of ours may take its number. */
	for (fd = 0; fd < 3; fd++)
		if (sys(SYS_fcntl, fd, F_GETFD) < 0)
			return;
	child.image = sealed_image();
	if (child.image < 0)
		return;
	spawn_child();
	sys(SYS_close, child.image);
}

#else

void rung_spawn_early(long argc, char **argv)
{
	(void)argc;
	(void)argv;
}

#endif
