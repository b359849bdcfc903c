// SPDX-License-Identifier: Apache-2.0
//go:build cgo
/* op_mount.c - mounts by file descriptors (open_tree(2): Linux 5.2, mount_setattr(2): Linux 5.12). */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "stage.h"

long op_OPEN_TREE(struct stage *s, const struct rung_op *op)
{
	return slot_put(s, op->b,
			sys(SYS_open_tree, slot_dir(s, op->a), plan_string(s, op->s, NULL),
			    op->x | OPEN_TREE_CLOEXEC));
}

/* x: attributes to set, y: to clear, z: propagation, w: AT_* flags; slot b: user namespace of an id map. */
long op_MOUNT_ATTR(struct stage *s, const struct rung_op *op)
{
	struct mount_attr attr;
	const char *path = plan_string(s, op->s, NULL);
	unsigned int flags = (unsigned int)op->w | (*path ? 0 : AT_EMPTY_PATH);

	memset(&attr, 0, sizeof(attr));
	attr.attr_set = op->x;
	attr.attr_clr = op->y;
	attr.propagation = op->z;
	if (slot_get(s, op->b) >= 0) {
		attr.attr_set |= MOUNT_ATTR_IDMAP;
		attr.userns_fd = (uint64_t)slot_get(s, op->b);
	}
	return sys(SYS_mount_setattr, slot_dir(s, op->a), path, flags, &attr, sizeof(attr));
}

static long move_mount(int from, int to)
{
	return sys(SYS_move_mount, from, "", to, "",
		   MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

static int is_directory(int fd)
{
	struct statx file;

	return status_of(fd, &file) >= 0 && (file.stx_mode & S_IFMT) == S_IFDIR;
}

/* Closes the slots that an op has used for the last time (enum rung_close). */
static void close_used(struct stage *s, const struct rung_op *op, uint64_t which)
{
	if (which & RUNG_CLOSE_A)
		close_slot(s, op->a);
	if (which & RUNG_CLOSE_B)
		close_slot(s, op->b);
}

/* The kernel has EINVAL for many causes. The one that people meet is told apart: a directory on a file, or the other way round. */
long op_MOVE_MOUNT(struct stage *s, const struct rung_op *op)
{
	int from = slot_get(s, op->a), to = slot_get(s, op->b);
	long result = made(s, "move_mount", move_mount(from, to));

	if (result == -EINVAL && is_directory(from) != is_directory(to))
		return -ENOTDIR;
	if (result >= 0)
		close_used(s, op, op->x);
	return result;
}

/*
 * mount(2), for options that fsconfig(2) does not take, such as values over 255 bytes, and for what costs half of the system
 * calls so. The target is the directory in slot a: it becomes the working directory, so that no path leads to it.
 */
long op_MOUNT(struct stage *s, const struct rung_op *op)
{
	long result = made(s, "fchdir", sys(SYS_fchdir, slot_get(s, op->a)));

	if (result >= 0)
		result = made(s, "mount",
			      sys(SYS_mount, plan_string(s, op->s, NULL), ".",
				  plan_string(s, op->t, NULL), op->x, plan_string(s, op->u, NULL)));
	if (result >= 0)
		close_used(s, op, op->y);
	return result;
}

long op_UMOUNT(struct stage *s, const struct rung_op *op)
{
	return sys(SYS_umount2, plan_string(s, op->s, NULL), op->x);
}

/* Opens what a mask or a read-only mount goes over. */
static long open_target(struct stage *s, const struct rung_op *op)
{
	return made(s, "openat2",
		    open2(slot_get(s, op->a), plan_string(s, op->s, NULL), O_PATH, 0,
			  RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS));
}

/* The target is there, so an ENOENT comes from the mount that is to cover it: the plan must not tolerate it. */
static long covered(long result)
{
	return result == -ENOENT ? -ESTALE : result;
}

/* Attaches a clone of the mount `mask` at the target. */
static long cover(struct stage *s, int mask, int target)
{
	long result, tree = sys(SYS_open_tree, mask, "",
				OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);

	if (made(s, "open_tree", tree) < 0)
		return tree;
	result = made(s, "move_mount", move_mount((int)tree, target));
	sys(SYS_close, tree);
	return result;
}

/*
 * Masks a path below the root in slot a. A directory is covered by slot c, an empty read-only
 * file system; anything else is covered by slot b, a null device. ENOENT: there is nothing to
 * mask.
 */
long op_MASK(struct stage *s, const struct rung_op *op)
{
	struct statx file;
	long target, result;

	target = open_target(s, op);
	if (target < 0)
		return target;
	result = status_of((int)target, &file);
	if (result == 0)
		result = unless_root(slot_get(s, op->a), &file);
	if (made(s, "statx", result) == 0)
		result = cover(s, slot_get(s, S_ISDIR(file.stx_mode) ? op->c : op->b), (int)target);
	sys(SYS_close, target);
	return covered(result);
}

/*
 * Makes what is at a path below the root in slot a read-only, with a mount of its own. ENOENT: there is nothing at the path.
 * The mounts below it are part of the new mount, and keep their attributes.
 */
long op_READONLY_PATH(struct stage *s, const struct rung_op *op)
{
	const unsigned int flags =
		OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | AT_EMPTY_PATH;
	struct mount_attr attr;
	struct statx file;
	long target, tree = -1, result;

	target = open_target(s, op);
	if (target < 0)
		return target;
	memset(&attr, 0, sizeof(attr));
	attr.attr_set = MOUNT_ATTR_RDONLY;
	result = status_of((int)target, &file);
	if (result == 0)
		result = unless_root(slot_get(s, op->a), &file);
	if (made(s, "statx", result) == 0)
		tree = result = made(s, "open_tree", sys(SYS_open_tree, target, "", flags));
	if (tree >= 0)
		result = made(s, "mount_setattr",
			      sys(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attr, sizeof(attr)));
	if (result >= 0)
		result = made(s, "move_mount", move_mount((int)tree, (int)target));
	if (tree >= 0)
		sys(SYS_close, tree);
	sys(SYS_close, target);
	return covered(result);
}

/* The old root ends up on top of the working directory (pivot_root(2), pivot_root(".", ".")). */
long op_PIVOT_ROOT(struct stage *s, const struct rung_op *op)
{
	(void)s;
	(void)op;
	return sys(SYS_pivot_root, ".", ".");
}

long op_CHROOT(struct stage *s, const struct rung_op *op)
{
	return sys(SYS_chroot, plan_string(s, op->s, NULL));
}

long op_CHDIR(struct stage *s, const struct rung_op *op)
{
	return sys(SYS_chdir, plan_string(s, op->s, NULL));
}

long op_FCHDIR(struct stage *s, const struct rung_op *op)
{
	return sys(SYS_fchdir, slot_get(s, op->a));
}

/* The kernel names a directory outside the root "(unreachable)/..." (CVE-2024-21626). */
long op_VERIFY_CWD(struct stage *s, const struct rung_op *op)
{
	static char path[PATH_MAX];
	long n = sys(SYS_getcwd, path, sizeof(path));

	(void)s;
	(void)op;
	if (n < 0)
		return n;
	return path[0] == '/' ? 0 : -EXDEV;
}
