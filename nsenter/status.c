// SPDX-License-Identifier: Apache-2.0
//go:build cgo
/*
 * status.c - the status of a file by descriptor or by name. statx(2) has one layout on every architecture. Filters that are
 * older than the call (Linux 4.11) deny it. Then fstatat(2) serves, which every filter knows: it returns all that the stage
 * needs. The stage uses the kernel's struct, not that of a C library.
 */
#define _GNU_SOURCE
#include <errno.h>

#include "stage.h"

/* Linux 5.8. The headers of a C library may be older. */
#ifndef STATX_MNT_ID
#define STATX_MNT_ID 0x1000U
#endif
#ifndef STATX_ATTR_MOUNT_ROOT
#define STATX_ATTR_MOUNT_ROOT 0x2000
#endif

#undef stat64 /* musl's name for stat */
#undef st_atime
#undef st_mtime
#undef st_ctime
#define stat   kernel_stat
#define stat64 kernel_stat64
#include <asm/stat.h>
#undef stat
#undef stat64

#ifdef SYS_fstatat64
#define NR_fstatat SYS_fstatat64
typedef struct kernel_stat64 kernel_status;
#else
#define NR_fstatat SYS_newfstatat
typedef struct kernel_stat kernel_status;
#endif

/*
 * The number of a device has 32 bits for mknod(2), the plan and the old struct stat: from the lowest on 8 bits of the minor
 * number, 12 of the major one, and the other 12 of the minor one (new_encode_dev of the kernel's linux/kdev_t.h).
 */
#define MINOR_LOW   0xffU
#define MINOR_HIGH  0xfff00U
#define MAJOR	    0xfffU
#define MAJOR_SHIFT 8
#define HIGH_SHIFT  12

static uint32_t device_major(uint64_t device)
{
	return (uint32_t)(device >> MAJOR_SHIFT & MAJOR);
}

static uint32_t device_minor(uint64_t device)
{
	return (uint32_t)((device & MINOR_LOW) | (device >> HIGH_SHIFT & MINOR_HIGH));
}

/* Returns the number of the device that a device node stands for. */
uint64_t device_number(const struct statx *file)
{
	uint64_t major = file->stx_rdev_major, minor = file->stx_rdev_minor;

	return (minor & MINOR_LOW) | major << MAJOR_SHIFT |
	       (minor & ~(uint64_t)MINOR_LOW) << HIGH_SHIFT;
}

static void translate(const kernel_status *old, struct statx *file)
{
	memset(file, 0, sizeof(*file));
	file->stx_mask = STATX_BASIC_STATS & ~STATX_BLOCKS & ~STATX_CTIME;
	file->stx_mode = (uint16_t)old->st_mode;
	file->stx_nlink = (uint32_t)old->st_nlink;
	file->stx_uid = old->st_uid;
	file->stx_gid = old->st_gid;
	file->stx_ino = old->st_ino;
	file->stx_size = (uint64_t)old->st_size;
	file->stx_atime.tv_sec = old->st_atime;
	file->stx_atime.tv_nsec = (uint32_t)old->st_atime_nsec;
	file->stx_mtime.tv_sec = old->st_mtime;
	file->stx_mtime.tv_nsec = (uint32_t)old->st_mtime_nsec;
	file->stx_dev_major = device_major(old->st_dev);
	file->stx_dev_minor = device_minor(old->st_dev);
	file->stx_rdev_major = device_major(old->st_rdev);
	file->stx_rdev_minor = device_minor(old->st_rdev);
}

static long status(int dir, const char *name, int flags, struct statx *file)
{
	long result = sys(SYS_statx, dir, name, flags, STATX_BASIC_STATS | STATX_MNT_ID, file);
	kernel_status old;

	/* EPERM comes from a filter: the kernel itself never returns it here. */
	if (result != -ENOSYS && result != -EPERM)
		return result;
	memset(&old, 0, sizeof(old));
	result = sys(NR_fstatat, dir, name, &old, flags);
	if (result >= 0)
		translate(&old, file);
	return result;
}

/*
 * Fills *file with the status of a name in a directory; "" is the directory itself. A link is not followed. Returns 0, or
 * -errno.
 */
long status_at(int dir, const char *name, struct statx *file)
{
	return status(dir, name, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, file);
}

/* Fills *file with the status of what a path leads to, from the working directory on. Links are followed. Returns 0, or -errno. */
long status_behind(const char *path, struct statx *file)
{
	return status(AT_FDCWD, path, 0, file);
}

/* Fills *file with the status of an open file. Returns 0, or -errno. */
long status_of(int fd, struct statx *file)
{
	return status_at(fd, "", file);
}

/* stx_mnt_id, which the struct of a C library may lack (musl 1.2.5): it follows stx_dev_minor. */
static uint64_t mount_of(const struct statx *file)
{
	const char *at = (const char *)&file->stx_dev_minor + sizeof(file->stx_dev_minor);
	uint64_t id;

	memcpy(&id, at, sizeof(id));
	return id;
}

/*
 * Returns 0 if *file, the status of a path below a root, is not of the root itself. A mount there, or on what a link to it
 * leads to, would lie below the root that all paths begin at, and nobody would see it: -EBUSY. Or returns another -errno.
 */
long unless_root(int root, const struct statx *file)
{
	const int is_known = (file->stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) != 0;
	struct statx top;
	long result;

	if (!S_ISDIR(file->stx_mode) ||
	    (is_known && !(file->stx_attributes & STATX_ATTR_MOUNT_ROOT)))
		return 0;
	result = status_of(root, &top);
	if (result < 0)
		return result;
	if (top.stx_ino != file->stx_ino || top.stx_dev_major != file->stx_dev_major ||
	    top.stx_dev_minor != file->stx_dev_minor)
		return 0;
	/* The same directory may be there by another mount. Without statx(2) that is not known. */
	if ((top.stx_mask & file->stx_mask & STATX_MNT_ID) && mount_of(&top) != mount_of(file))
		return 0;
	return -EBUSY;
}
