/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel.h - what belongs to the kernel's interface, and what the headers of Debian 12 (Linux 6.1, glibc 2.36, musl 1.2.3)
 * lack. Each definition names the version of Linux that brought it, or the header of the kernel that has it and is not
 * exported.
 */
#ifndef RUNG_KERNEL_H
#define RUNG_KERNEL_H

#include <fcntl.h>
#include <linux/memfd.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U /* Linux 6.3; linux/memfd.h */
#endif

/* All bits of a mode that chmod(2) takes (linux/stat.h of the kernel). */
#define S_IALLUGO (S_ISUID | S_ISGID | S_ISVTX | S_IRWXU | S_IRWXG | S_IRWXO)

/* Results from -MAX_ERRNO to -1 are errors (linux/err.h). */
#define MAX_ERRNO 4095

/* chown(2) and setresuid(2) do not change an id that is given as -1. */
#define KEEP_ID (-1)

/* With these, nobody can change a memfd, or its seals. */
#define ALL_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* The signal mask: one bit for each of 64 signals. */
typedef uint64_t signal_mask;
#define SIGNALS		   ((int)(8 * sizeof(signal_mask)))
#define SIGNAL_BIT(signal) ((signal_mask)1 << ((signal) - 1))

/* An entry of getdents64(2) (linux/dirent.h). */
struct linux_dirent64 {
	uint64_t d_ino;
	int64_t d_off;
	uint16_t d_reclen;
	uint8_t d_type;
	char d_name[];
};

#endif
