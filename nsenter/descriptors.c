// SPDX-License-Identifier: Apache-2.0
//go:build cgo
/*
 * descriptors.c - closes the descriptors that rung's caller left open, and makes rung's own close-on-exec (CVE-2016-9962,
 * CVE-2024-21626). If close_range(2) is missing or denied, it goes through /proc/self/fd.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <linux/magic.h>
#include <sys/syscall.h>

#include "stage.h"
#include "text.h"

static long change(unsigned int fd, unsigned int flags)
{
	if (flags & CLOSE_RANGE_CLOEXEC)
		return sys(SYS_fcntl, fd, F_SETFD, FD_CLOEXEC);
	/* An error of close(2) is about unwritten data: the descriptor is closed all the same. */
	sys(SYS_close, fd);
	return 0;
}

/* Goes through the list once. procfs lists by number, so closing an entry does not make it skip another. */
static long walk(int list, unsigned int first, unsigned int last, unsigned int flags)
{
	_Alignas(struct linux_dirent64) char buffer[1024];
	const struct linux_dirent64 *entry;
	long n, at, result;
	int fd;

	for (;;) {
		n = sys(SYS_getdents64, list, buffer, sizeof(buffer));
		if (n <= 0)
			return n;
		for (at = 0; at < n; at += entry->d_reclen) {
			entry = (const void *)(buffer + at);
			fd = number(entry->d_name, INT_MAX); /* -1: "." and ".." */
			if (fd < 0 || fd == list || (unsigned int)fd < first ||
			    (unsigned int)fd > last)
				continue;
			result = change((unsigned int)fd, flags);
			if (result < 0)
				return result;
		}
	}
}

static long by_list(unsigned int first, unsigned int last, unsigned int flags)
{
	long result, list = sys(SYS_openat, AT_FDCWD, "/proc/self/fd",
				O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (list < 0)
		return list;
	result = magic_of((int)list) == PROC_SUPER_MAGIC ? walk((int)list, first, last, flags)
							 : -ENOTDIR;
	sys(SYS_close, list);
	return result;
}

static long range(unsigned int first, unsigned int last, unsigned int flags)
{
	long result = sys(SYS_close_range, first, last, flags);

	/* EPERM comes from a filter: the kernel never returns it here. */
	if (result == -ENOSYS || result == -EPERM)
		return by_list(first, last, flags);
	return result;
}

long close_from(unsigned int first)
{
	return range(first, ~0U, 0);
}

long close_between(unsigned int first, unsigned int last)
{
	return range(first, last, 0);
}

long cloexec_from(unsigned int first)
{
	return range(first, ~0U, CLOSE_RANGE_CLOEXEC);
}
