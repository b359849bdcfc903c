// SPDX-License-Identifier: Apache-2.0
//go:build cgo
/*
 * op_file.c - files. Every path starts at a slot, except that of an OPEN without a slot, which is
 * a path of the host.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "stage.h"

#define IN_ROOT (RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)
/* As many as the kernel follows in one path (path_resolution(7)). */
#define MAX_LINKS 40
/* The mode of the directories above the last component that MKPATH makes (ops.h): 0755. */
#define PARENT_MODE (S_IRWXU | S_IRGRP | S_IXGRP | S_IROTH | S_IXOTH)

long open2(int dir, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve)
{
	struct open_how how;
	long fd;

	memset(&how, 0, sizeof(how));
	how.flags = flags | O_CLOEXEC;
	how.mode = mode;
	how.resolve = resolve;
	/* EAGAIN: a rename or mount raced with the lookup; openat2(2) says to try again. */
	do
		fd = sys(SYS_openat2, dir, path, &how, sizeof(how));
	while (fd == -EINTR || (fd == -EAGAIN && resolve));
	return fd;
}

long op_OPEN(struct stage *s, const struct rung_op *op)
{
	long fd = open2(slot_dir(s, op->a), plan_string(s, op->s, NULL), op->x, 0, op->y);

	return slot_put(s, op->b, fd);
}

long op_XATTR(struct stage *s, const struct rung_op *op)
{
	uint32_t length;
	const char *value = plan_string(s, op->t, &length);

	return sys(SYS_fsetxattr, slot_get(s, op->a), plan_string(s, op->s, NULL), value, length,
		   0);
}

long close_slot(struct stage *s, int32_t slot)
{
	long result = sys(SYS_close, slot_get(s, slot));

	s->slots[slot] = 0;
	return result;
}

long op_CLOSE(struct stage *s, const struct rung_op *op)
{
	return close_slot(s, op->a);
}

/* A path that is being made: each step resolves a longer prefix of it in the root. */
struct mkpath {
	struct stage *stage;
	int root;
	uint64_t kind, mode, resolve;
	int links;
	char path[PATH_MAX];
};

static long open_noted(const struct mkpath *m, int dir, const char *path, uint64_t flags,
		       uint64_t resolve)
{
	return made(m->stage, "openat2", open2(dir, path, flags, 0, resolve));
}

/* Makes a missing component in the directory `dir` and opens it. -EEXIST: a dangling link is there. */
static long make_missing(const struct mkpath *m, int dir, const char *name, int last)
{
	long result;

	if (last && (m->kind & RUNG_MKPATH_FILE))
		result = made(m->stage, "mknodat",
			      sys(SYS_mknodat, dir, name, S_IFREG | (m->mode & S_IALLUGO), 0));
	else
		result = made(m->stage, "mkdirat",
			      sys(SYS_mkdirat, dir, name, last ? m->mode : PARENT_MODE));
	if (result < 0)
		return result;
	/* ours: it can only be what was just made */
	return open_noted(m, dir, name, O_PATH | O_NOFOLLOW, RESOLVE_BENEATH);
}

/*
 * Puts the target of the dangling link `dir`/`name` into the path in place of the prefix
 * path[0..end). This only changes the text: the next pass resolves it in the root.
 */
static long expand_link(struct mkpath *m, int dir, size_t start, size_t end)
{
	char link[PATH_MAX], rest[PATH_MAX];
	size_t rest_length = strlen(m->path + end), keep;
	long n;

	if (++m->links > MAX_LINKS || (m->kind & RUNG_MKPATH_NOFOLLOW))
		return -ELOOP;
	memcpy(rest, m->path + end, rest_length + 1);
	m->path[end] = '\0';
	n = made(m->stage, "readlinkat",
		 sys(SYS_readlinkat, dir, m->path + start, link, sizeof(link)));
	if (n == -EINVAL) { /* no link: somebody else made it just now, so that it resolves */
		m->path[end] = rest[0];
		return 0;
	}
	if (n < 0)
		return n;
	keep = n > 0 && link[0] == '/' ? 0 : start;
	if (keep + (size_t)n + rest_length + 1 > sizeof(m->path))
		return -ENAMETOOLONG;
	memcpy(m->path + keep, link, (size_t)n);
	memcpy(m->path + keep + (size_t)n, rest, rest_length + 1);
	return 0;
}

/* The end of the run of slashes, or of other characters, that begins at `at`. */
static size_t skip(const char *path, size_t at, int slashes)
{
	while (path[at] && (path[at] == '/') == slashes)
		at++;
	return at;
}

/*
 * Makes one pass over the path. Returns the descriptor of the whole path, or -errno; after
 * -EAGAIN a link was expanded, and another pass is due.
 */
static long mkpath_pass(struct mkpath *m)
{
	size_t start = 0, end = 0;
	long dir, fd;
	char cut;
	int last;

	dir = open_noted(m, m->root, ".", O_PATH | O_DIRECTORY, m->resolve);
	while (dir >= 0) {
		start = skip(m->path, end, 1);
		end = skip(m->path, start, 0);
		last = m->path[skip(m->path, end, 1)] == '\0';
		if (end == start)
			return dir;
		cut = m->path[end];
		m->path[end] = '\0';
		fd = open_noted(m, m->root, m->path, O_PATH, m->resolve);
		if (fd == -ENOENT)
			fd = make_missing(m, (int)dir, m->path + start, last);
		m->path[end] = cut;
		if (fd == -EEXIST) {
			fd = expand_link(m, (int)dir, start, end);
			fd = fd < 0 ? fd : -EAGAIN;
		}
		sys(SYS_close, dir);
		dir = fd;
	}
	return dir;
}

/*
 * Makes the last component, if it is all that is missing. After any error a pass finds out: a
 * link may be there, or a directory above is missing too.
 */
static long make_last(struct mkpath *m)
{
	size_t end = strlen(m->path), start;
	char cut;
	long dir = m->root, fd;

	while (end > 0 && m->path[end - 1] == '/')
		end--;
	for (start = end; start > 0 && m->path[start - 1] != '/';)
		start--;
	cut = m->path[end];
	m->path[end] = '\0';
	if (start > 1) {
		m->path[start - 1] = '\0';
		dir = open_noted(m, m->root, m->path, O_PATH | O_DIRECTORY, m->resolve);
		m->path[start - 1] = '/';
	}
	fd = dir < 0 ? dir : make_missing(m, (int)dir, m->path + start, 1);
	if (dir >= 0 && dir != m->root)
		sys(SYS_close, dir);
	m->path[end] = cut;
	return fd;
}

/* Returns fd unless it lies in a procfs. Else, and if its file system is unknown, closes it and returns -errno. */
static long refuse_proc(struct stage *s, long fd)
{
	int64_t magic = magic_of((int)fd); /* of 32 bits without a sign, so it may be no long */

	made(s, "fstatfs", magic < 0 ? (long)magic : 0);
	if (magic >= 0 && magic != PROC_SUPER_MAGIC)
		return fd;
	sys(SYS_close, fd);
	return magic < 0 ? (long)magic : -ELOOP;
}

/* Returns fd unless it is the root itself. Else, and if that cannot be found out, closes it and returns -errno. */
static long refuse_root(struct stage *s, int root, long fd)
{
	struct statx file;
	long result = status_of((int)fd, &file);

	if (result >= 0)
		result = unless_root(root, &file);
	made(s, "statx", result);
	if (result >= 0)
		return fd;
	sys(SYS_close, fd);
	return result;
}

/*
 * Resolves a path in the root to an O_PATH descriptor and makes what is missing of it.
 * Every directory is made below a descriptor that was resolved in the root, so a symbolic
 * link or a rename can not move it out (CVE-2021-30465, CVE-2024-45310).
 */
long op_MKPATH(struct stage *s, const struct rung_op *op)
{
	static struct mkpath m;
	uint32_t length;
	const char *path = plan_string(s, op->s, &length);
	long fd;

	m.stage = s;
	m.root = slot_get(s, op->a);
	m.kind = op->x;
	m.mode = op->y;
	m.links = 0;
	m.resolve = IN_ROOT | ((op->x & RUNG_MKPATH_NOFOLLOW) ? RESOLVE_NO_SYMLINKS : 0);
	fd = open_noted(&m, m.root, path, O_PATH, m.resolve);
	if (fd == -ENOENT && (op->x & (RUNG_MKPATH_DIR | RUNG_MKPATH_FILE))) {
		if (length >= sizeof(m.path))
			return -ENAMETOOLONG;
		memcpy(m.path, path, length + 1);
		fd = make_last(&m);
		if (fd < 0)
			do
				fd = mkpath_pass(&m);
			while (fd == -EAGAIN);
	}
	if (fd >= 0 && (op->x & RUNG_MKPATH_NOPROC))
		fd = refuse_proc(s, fd);
	if (fd >= 0 && (op->x & RUNG_MKPATH_NOROOT))
		fd = refuse_root(s, m.root, fd);
	return slot_put(s, op->b, fd);
}

long op_MKNOD(struct stage *s, const struct rung_op *op)
{
	return sys(SYS_mknodat, slot_get(s, op->a), plan_string(s, op->s, NULL), op->x, op->y);
}

long op_CHOWN(struct stage *s, const struct rung_op *op)
{
	return sys(SYS_fchownat, slot_get(s, op->a), plan_string(s, op->s, NULL), op->x, op->y,
		   AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH);
}

long op_SYMLINK(struct stage *s, const struct rung_op *op)
{
	return sys(SYS_symlinkat, plan_string(s, op->s, NULL), slot_get(s, op->a),
		   plan_string(s, op->t, NULL));
}

long op_UNLINK(struct stage *s, const struct rung_op *op)
{
	return sys(SYS_unlinkat, slot_get(s, op->a), plan_string(s, op->s, NULL), 0);
}

/* Writes all of t in one write, as files of /proc want it (CVE-2025-52881: no links out). */
long op_WRITE(struct stage *s, const struct rung_op *op)
{
	uint32_t length;
	const char *data = plan_string(s, op->t, &length);
	long fd, n;

	fd = made(s, "openat2",
		  open2(slot_get(s, op->a), plan_string(s, op->s, NULL), O_WRONLY, 0,
			RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV));
	if (fd < 0)
		return fd;
	n = made(s, "write", sys(SYS_write, fd, data, length));
	sys(SYS_close, fd);
	if (n >= 0 && n != (long)length)
		return -EINVAL; /* the kernel has understood only the beginning */
	return n < 0 ? n : 0;
}

/* Refuses anything but the device of type x and number y (CVE-2025-31133, -52565). */
long op_VERIFY_DEVICE(struct stage *s, const struct rung_op *op)
{
	struct statx file;
	long result = status_of(slot_get(s, op->a), &file);

	if (result < 0)
		return result;
	return (file.stx_mode & S_IFMT) == op->x && device_number(&file) == op->y ? 0 : -ENODEV;
}

/* Refuses anything but a file system of that magic number (statfs(2)). */
long op_VERIFY_FS(struct stage *s, const struct rung_op *op)
{
	int64_t magic = magic_of(slot_get(s, op->a));

	if (magic < 0)
		return (long)magic;
	return (uint64_t)magic == op->x ? 0 : -EINVAL;
}
