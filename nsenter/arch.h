/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch.h - the system call instruction of each architecture, and what the compiler
 * expects of a C library. The hands run before the C library is set up: no thread-local
 * storage, so no errno, and no functions that are chosen by CPU at start-up, so none of
 * its string functions.
 */
#ifndef RUNG_ARCH_H
#define RUNG_ARCH_H

#include <stddef.h>

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
#else
#error "rung does not know the system call instruction of this architecture"
#endif

/* A negative result is -errno. Any number of arguments. */
#define SYS_PAD(nr, a, b, c, d, e, f, ...)                                                         \
	sys6(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
#define sys(...) SYS_PAD(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)

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
