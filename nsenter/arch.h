/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch.h - the system call instruction of each architecture, and the functions that the
 * compiler expects of a C library. The stage runs before the C library is set up. There is no
 * thread-local storage, so there is no errno. The C library's string functions are chosen by
 * CPU at start-up, so they cannot be called either.
 */
#ifndef RUNG_ARCH_H
#define RUNG_ARCH_H

#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#include "kernel.h"

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

	/* r7 is the frame pointer of Thumb code: the compiler refuses it as an operand. */
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

	/* ebp is the frame pointer: it holds the sixth argument only during the call. */
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

/* sys(nr, ...) makes a system call with up to six arguments; a negative result is -errno. */
#define SYS_PAD(nr, a, b, c, d, e, f, ...)                                                         \
	sys6(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
#define sys(...) SYS_PAD(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)

/*
 * On some 32-bit architectures the call without a suffix takes 16-bit ids or a 32-bit clock;
 * NR_* is the wide call. There is no NR_* for stat(2): the layout of struct stat depends on the
 * architecture and the C library. The stage calls statx(2), which has one layout (status.c).
 */
#ifdef SYS_setresuid32
#define NR_fchown	 SYS_fchown32
#define NR_setgroups	 SYS_setgroups32
#define NR_setresgid	 SYS_setresgid32
#define NR_setresuid	 SYS_setresuid32
#define NR_clock_gettime SYS_clock_gettime64
#define NR_utimensat	 SYS_utimensat_time64
#else
#define NR_fchown	 SYS_fchown
#define NR_setgroups	 SYS_setgroups
#define NR_setresgid	 SYS_setresgid
#define NR_setresuid	 SYS_setresuid
#define NR_clock_gettime SYS_clock_gettime
#define NR_utimensat	 SYS_utimensat
#endif

/* mmap(2) of a file from its start. Returns an address or -errno; is_error tells them apart. */
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

/* lseek(2) with a 64-bit offset. Returns the new offset, or -errno. */
static inline int64_t seek(int fd, int64_t offset, int whence)
{
#if __SIZEOF_POINTER__ == 4
	int64_t at;
	long result = sys(SYS__llseek, fd, offset >> 32, (uint32_t)offset, &at, whence);

	return result < 0 ? result : at;
#else
	return sys(SYS_lseek, fd, offset, whence);
#endif
}

/*
 * ftruncate(2) with a 64-bit size. Returns 0, or -errno. 32-bit arm passes a 64-bit argument in
 * an even register and the next one; the 0 is padding.
 */
static inline long set_size(int fd, uint64_t size)
{
#if defined(__arm__)
	return sys(SYS_ftruncate64, fd, 0, (uint32_t)size, size >> 32);
#elif __SIZEOF_POINTER__ == 4
	return sys(SYS_ftruncate64, fd, (uint32_t)size, size >> 32);
#else
	return sys(SYS_ftruncate, fd, size);
#endif
}

static inline int is_error(long result)
{
	return result < 0 && result >= -MAX_ERRNO;
}

/* Returns the magic number of the file system that fd is on (statfs(2)), or -errno. */
static inline int64_t magic_of(int fd)
{
	long result;
#ifdef SYS_fstatfs64
	/* The kernel's struct statfs64 of i386 and arm (asm-generic/statfs.h); musl has no name for it since 1.2.4. */
	struct {
		uint32_t f_type, others[20];
	} fs;

	result = sys(SYS_fstatfs64, fd, sizeof(fs), &fs);
#else
	struct statfs fs;

	result = sys(SYS_fstatfs, fd, &fs);
#endif
	return result < 0 ? result : (int64_t)(uint32_t)fs.f_type;
}

#ifndef RUNG_HOSTED /* the sanitizers bring their own versions of these functions */
/*
 * These are static, so only a call in the source finds them. For the assignment or the initializer of a larger struct some
 * compilers (riscv64, arm) call memcpy or memset by themselves: copy and clear structs by these functions.
 */
/* GCC must not turn the loop in memset into a call of memset. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("no-tree-loop-distribute-patterns")
#endif
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow" /* these functions replace the built-ins on purpose */
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
