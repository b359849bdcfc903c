/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch.h - the system call instruction of each architecture, and what the compiler
 * expects of a C library. The hands run before the C library is set up: no thread-local
 * storage, so no errno, and no functions that are chosen by CPU at start-up, so none of
 * its string functions.
 */
#ifndef RUNG_ARCH_H
#define RUNG_ARCH_H

#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#ifndef STATX_BASIC_STATS /* musl before 1.2.4 */
#include <linux/stat.h>
#endif

/* RUNG_ARCH is the architecture's name in Go (GOARCH). */

#if defined(__x86_64__)
#define RUNG_ARCH "amd64"
static inline long sys6(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}
#elif defined(__aarch64__)
#define RUNG_ARCH "arm64"
static inline long sys6(long nr, long a, long b, long c, long d, long e, long f)
{
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc 0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory", "cc");
	return x0;
}
#elif defined(__riscv)
#define RUNG_ARCH "riscv64"
static inline long sys6(long nr, long a, long b, long c, long d, long e, long f)
{
	register long a7 __asm__("a7") = nr;
	register long a0 __asm__("a0") = a;
	register long a1 __asm__("a1") = b;
	register long a2 __asm__("a2") = c;
	register long a3 __asm__("a3") = d;
	register long a4 __asm__("a4") = e;
	register long a5 __asm__("a5") = f;

	__asm__ volatile("ecall"
			 : "+r"(a0)
			 : "r"(a7), "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5)
			 : "memory");
	return a0;
}
#elif defined(__powerpc64__)
#define RUNG_ARCH "ppc64le"
static inline long sys6(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r0 __asm__("r0") = nr;
	register long r3 __asm__("r3") = a;
	register long r4 __asm__("r4") = b;
	register long r5 __asm__("r5") = c;
	register long r6 __asm__("r6") = d;
	register long r7 __asm__("r7") = e;
	register long r8 __asm__("r8") = f;

	/* The summary overflow bit of CR0 tells an error from a result. */
	__asm__ volatile("sc; bns+ 1f; neg %1, %1; 1:"
			 : "+r"(r0), "+r"(r3), "+r"(r4), "+r"(r5), "+r"(r6), "+r"(r7), "+r"(r8)
			 :
			 : "memory", "cr0", "r9", "r10", "r11", "r12", "ctr", "xer");
	return r3;
}
#elif defined(__s390x__)
#define RUNG_ARCH "s390x"
static inline long sys6(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r1 __asm__("r1") = nr;
	register long r2 __asm__("r2") = a;
	register long r3 __asm__("r3") = b;
	register long r4 __asm__("r4") = c;
	register long r5 __asm__("r5") = d;
	register long r6 __asm__("r6") = e;
	register long r7 __asm__("r7") = f;

	__asm__ volatile("svc 0"
			 : "+d"(r2)
			 : "d"(r1), "d"(r3), "d"(r4), "d"(r5), "d"(r6), "d"(r7)
			 : "memory");
	return r2;
}
#elif defined(__arm__)
#define RUNG_ARCH "arm"
static inline long sys6(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r0 __asm__("r0") = a;
	register long r1 __asm__("r1") = b;
	register long r2 __asm__("r2") = c;
	register long r3 __asm__("r3") = d;
	register long r4 __asm__("r4") = e;
	register long r5 __asm__("r5") = f;
	long kept;

	/* r7 is the frame pointer of Thumb code, which the compiler lets nobody name. */
	__asm__ volatile("mov %[kept], r7; mov r7, %[nr]; svc 0; mov r7, %[kept]"
			 : "+r"(r0), [kept] "=&r"(kept)
			 : [nr] "r"(nr), "r"(r1), "r"(r2), "r"(r3), "r"(r4), "r"(r5)
			 : "memory");
	return r0;
}
#elif defined(__i386__)
#define RUNG_ARCH "386"
static inline long sys6(long nr, long a, long b, long c, long d, long e, long f)
{
	long result;

	/* ebp is the frame pointer: the sixth argument takes its place for the call alone. */
	__asm__ volatile("push %[f]; push %%ebp; mov 4(%%esp), %%ebp; int $0x80; pop %%ebp; "
			 "add $4, %%esp"
			 : "=a"(result)
			 : "a"(nr), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e), [f] "g"(f)
			 : "memory", "cc");
	return result;
}
#else
#error "rung does not know the system call instruction of this architecture"
#endif

/* A negative result is -errno. Any number of arguments. */
#define SYS_PAD(nr, a, b, c, d, e, f, ...)                                                         \
	sys6(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
#define sys(...) SYS_PAD(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)

/*
 * The names without a suffix are calls with 16-bit ids and a 32-bit clock where there are
 * others. A struct stat has as many layouts as there are C libraries, so that files are
 * looked at by statx(2), whose layout is the same everywhere.
 */
#ifdef SYS_setresuid32
#define NR_fchown	 SYS_fchown32
#define NR_setgroups	 SYS_setgroups32
#define NR_setresgid	 SYS_setresgid32
#define NR_setresuid	 SYS_setresuid32
#define NR_clock_gettime SYS_clock_gettime64
#else
#define NR_fchown	 SYS_fchown
#define NR_setgroups	 SYS_setgroups
#define NR_setresgid	 SYS_setresgid
#define NR_setresuid	 SYS_setresuid
#define NR_clock_gettime SYS_clock_gettime
#endif

/* A signal mask of the kernel: a bit for each of 64 signals. */
typedef uint64_t signal_mask;

/* mmap(2) of a file from its start: an address, or -errno, which is_error tells apart. */
static inline long map_file(uint64_t size, int protection, int flags, int fd)
{
#if defined(__s390x__)
	unsigned long arguments[] = {
		0, size, (unsigned long)protection, (unsigned long)flags, (unsigned long)fd, 0
	};

	return sys(SYS_mmap, arguments);
#elif defined(SYS_mmap2)
	return sys(SYS_mmap2, NULL, size, protection, flags, fd, 0);
#else
	return sys(SYS_mmap, NULL, size, protection, flags, fd, 0);
#endif
}

static inline int is_error(long result)
{
	return result < 0 && result > -4096;
}

/* What kind of file a descriptor is of: 0, or -errno. */
static inline long status_of(int fd, struct statx *file)
{
	return sys(SYS_statx, fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, file);
}

/* The magic number of a file system (statfs(2)), or -errno. */
static inline int64_t magic_of(int fd)
{
	long result;
#ifdef SYS_fstatfs64
	struct statfs64 fs;

	result = sys(SYS_fstatfs64, fd, sizeof(fs), &fs);
#else
	struct statfs fs;

	result = sys(SYS_fstatfs, fd, &fs);
#endif
	return result < 0 ? result : (int64_t)(uint32_t)fs.f_type;
}

#ifndef RUNG_HOSTED /* the sanitizers bring their own */
/* GCC must not turn the loops below into calls of the very functions. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("no-tree-loop-distribute-patterns")
#endif
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow" /* of the compiler's built-ins: that is the point */
__attribute__((unused)) static void *memset(void *to, int byte, size_t n)
{
	char *p = to;

	while (n--)
		*p++ = (char)byte;
	return to;
}

__attribute__((unused)) static void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
	const char *q = from;
	char *p = to;

	while (n--)
		*p++ = *q++;
	return to;
}

__attribute__((unused)) static size_t strlen(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}

__attribute__((unused)) static int strcmp(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a - *b;
}
#pragma GCC diagnostic pop
#else
#include <string.h>
#endif

#endif
