// SPDX-License-Identifier: Apache-2.0
/* op_mount.c - mounts, by the file descriptor interface of Linux 5.2 and 5.12. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hands.h"

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif

long op_FSOPEN(struct hands *h, const struct rung_op *op)
{
	return slot_put(h, op->a, sys(SYS_fsopen, plan_string(h, op->s, NULL), FSOPEN_CLOEXEC));
}

long op_FSCONFIG(struct hands *h, const struct rung_op *op)
{
	const char *key = NULL, *value = NULL;

	if (op->x == FSCONFIG_SET_FLAG || op->x == FSCONFIG_SET_STRING)
		key = plan_string(h, op->s, NULL);
	if (op->x == FSCONFIG_SET_STRING)
		value = plan_string(h, op->t, NULL);
	return sys(SYS_fsconfig, slot_get(h, op->a), op->x, key, value, 0);
}

/* Makes the detached mount and closes the file system context. */
long op_FSMOUNT(struct hands *h, const struct rung_op *op)
{
	long fd = sys(SYS_fsmount, slot_get(h, op->a), FSMOUNT_CLOEXEC, op->x);

	if (fd >= 0)
		op_CLOSE(h, op);
	return slot_put(h, op->b, fd);
}

long op_OPEN_TREE(struct hands *h, const struct rung_op *op)
{
	return slot_put(h, op->b,
			sys(SYS_open_tree, slot_dir(h, op->a), plan_string(h, op->s, NULL),
			    op->x | OPEN_TREE_CLOEXEC));
}

/* x set, y cleared, z propagation, w at_flags; slot b is the user namespace of an id map. */
long op_MOUNT_ATTR(struct hands *h, const struct rung_op *op)
{
	struct mount_attr attr;
	const char *path = plan_string(h, op->s, NULL);
	unsigned int flags = (unsigned int)op->w | (*path ? 0 : AT_EMPTY_PATH);

	memset(&attr, 0, sizeof(attr));
	attr.attr_set = op->x;
	attr.attr_clr = op->y;
	attr.propagation = op->z;
	if (slot_get(h, op->b) >= 0) {
		attr.attr_set |= MOUNT_ATTR_IDMAP;
		attr.userns_fd = (uint64_t)slot_get(h, op->b);
	}
	return sys(SYS_mount_setattr, slot_dir(h, op->a), path, flags, &attr, sizeof(attr));
}

static long move_mount(int from, int to)
{
	return sys(SYS_move_mount, from, "", to, "",
		   MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

long op_MOVE_MOUNT(struct hands *h, const struct rung_op *op)
{
	return move_mount(slot_get(h, op->a), slot_get(h, op->b));
}

/*
 * mount(2), for what fsconfig(2) can not take: values over 255 bytes. Its target is the
 * working directory, which a FCHDIR before it set by descriptor.
 */
long op_MOUNT(struct hands *h, const struct rung_op *op)
{
	return sys(SYS_mount, plan_string(h, op->s, NULL), ".", plan_string(h, op->t, NULL), op->x,
		   plan_string(h, op->u, NULL));
}

long op_UMOUNT(struct hands *h, const struct rung_op *op)
{
	return sys(SYS_umount2, plan_string(h, op->s, NULL), op->x);
}

/*
 * Hides a path of the root: a directory under slot c, an empty read-only directory tree,
 * anything else under slot b, a null device. What is not there needs no hiding.
 */
long op_MASK(struct hands *h, const struct rung_op *op)
{
	struct statx file;
	long target, mask, result;

	target = open2(slot_get(h, op->a), plan_string(h, op->s, NULL), O_PATH, 0,
		       RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
	if (target < 0)
		return target;
	result = status_of((int)target, &file);
	if (result == 0) {
		mask = sys(SYS_open_tree, slot_get(h, S_ISDIR(file.stx_mode) ? op->c : op->b), "",
			   OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
		result = mask < 0 ? mask : move_mount((int)mask, (int)target);
		if (mask >= 0)
			sys(SYS_close, mask);
	}
	sys(SYS_close, target);
	/* There is something to hide: this ENOENT is the mask's own, and must not be tolerated. */
	return result == -ENOENT ? -ESTALE : result;
}

/* The old root ends up on top of the working directory (pivot_root(2), "." "."). */
long op_PIVOT_ROOT(struct hands *h, const struct rung_op *op)
{
	(void)h;
	(void)op;
	return sys(SYS_pivot_root, ".", ".");
}

long op_CHROOT(struct hands *h, const struct rung_op *op)
{
	return sys(SYS_chroot, plan_string(h, op->s, NULL));
}

long op_CHDIR(struct hands *h, const struct rung_op *op)
{
	return sys(SYS_chdir, plan_string(h, op->s, NULL));
}

long op_FCHDIR(struct hands *h, const struct rung_op *op)
{
	return sys(SYS_fchdir, slot_get(h, op->a));
}

/* The kernel names a directory outside the root "(unreachable)/..." (CVE-2024-21626). */
long op_VERIFY_CWD(struct hands *h, const struct rung_op *op)
{
	static char path[PATH_MAX];
	long n = sys(SYS_getcwd, path, sizeof(path));

	(void)h;
	(void)op;
	if (n < 0)
		return n;
	return path[0] == '/' ? 0 : -EXDEV;
}
