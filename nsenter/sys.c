// SPDX-License-Identifier: Apache-2.0
/*
 * sys.c - system calls without libc's wrappers: no cancellation, no caches, no
 * hidden state, so that they are safe in a process that clone3 made behind libc.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <unistd.h>

#include "hands.h"

long sys6(long nr, long a, long b, long c, long d, long e, long f)
{
	long result = syscall(nr, a, b, c, d, e, f);

	return result == -1 ? -errno : result;
}
