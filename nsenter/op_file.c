// SPDX-License-Identifier: Apache-2.0
/*
 * op_file.c - files. Nothing here follows a path that starts anywhere but at a slot,
 * but for OPEN and OPEN_TREE without a slot, which name a path of the host.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hands.h"

#define IN_ROOT (RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)
/* As many as the kernel follows in one path (path_resolution(7)). */
#define MAX_LINKS 40

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

long op_OPEN(struct hands *h, const struct rung_op *op)
{
	long fd = open2(slot_dir(h, op->a), plan_string(h, op->s, NULL), op->x, 0, op->y);

	return slot_put(h, op->b, fd);
}

long op_XATTR(struct hands *h, const struct rung_op *op)
{
	uint32_t length;
	const char *value = plan_string(h, op->t, &length);

	return sys(SYS_fsetxattr, slot_get(h, op->a), plan_string(h, op->s, NULL), value, length,
		   0);
}

long op_CLOSE(struct hands *h, const struct rung_op *op)
{
	long result = sys(SYS_close, slot_get(h, op->a));

	h->slots[op->a] = 0;
	return result;
}

/* A path that is being made: each step resolves a longer prefix of it in the root. */
struct mkpath {
	int root;
	uint64_t kind, mode, resolve;
	int links;
	char path[PATH_MAX];
};

/* Makes a missing component in the directory `dir` and opens it. -EEXIST: a dangling link is there. */
static long make_missing(const struct mkpath *m, int dir, const char *name, int last)
{
	long result;

	if (last && (m->kind & RUNG_MKPATH_FILE))
		result = sys(SYS_mknodat, dir, name, S_IFREG | (m->mode & 07777), 0);
	else
		result = sys(SYS_mkdirat, dir, name, last ? m->mode : 0755);
	if (result < 0)
		return result;
	/* ours: it can only be what was just made */
	return open2(dir, name, O_PATH | O_NOFOLLOW, 0, RESOLVE_BENEATH);
}

/*
 * Puts the target of the dangling link `dir`/`name` into the path in place of the prefix
 * path[0..end). Only text: what it names is resolved in the root like any other path.
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
	n = sys(SYS_readlinkat, dir, m->path + start, link, sizeof(link));
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
 * One pass over the path. The fd of all of it, or -errno; -EAGAIN when a link was
 * expanded and the pass must be made again.
 */
static long mkpath_pass(struct mkpath *m)
{
	size_t start = 0, end = 0;
	long dir, fd;
	char cut;
	int last;

	dir = open2(m->root, ".", O_PATH | O_DIRECTORY, 0, m->resolve);
	while (dir >= 0) {
		start = skip(m->path, end, 1);
		end = skip(m->path, start, 0);
		last = m->path[skip(m->path, end, 1)] == '\0';
		if (end == start)
			return dir;
		cut = m->path[end];
		m->path[end] = '\0';
		fd = open2(m->root, m->path, O_PATH, 0, m->resolve);
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

static int is_proc(long fd)
{
	int64_t magic = magic_of((int)fd);

	return magic < 0 || magic == 0x9fa0; /* PROC_SUPER_MAGIC */
}

/*
 * Resolves a path in the root to an O_PATH descriptor and makes what is missing of it.
 * Every directory is made below a descriptor that was resolved in the root, so a symbolic
 * link or a rename can not move it out (CVE-2021-30465, CVE-2024-45310).
 */
long op_MKPATH(struct hands *h, const struct rung_op *op)
{
	static struct mkpath m;
	uint32_t length;
	const char *path = plan_string(h, op->s, &length);
	long fd;

	m.root = slot_get(h, op->a);
	m.kind = op->x;
	m.mode = op->y;
	m.links = 0;
	m.resolve = IN_ROOT | ((op->x & RUNG_MKPATH_NOFOLLOW) ? RESOLVE_NO_SYMLINKS : 0);
	fd = open2(m.root, path, O_PATH, 0, m.resolve);
	if (fd == -ENOENT && (op->x & (RUNG_MKPATH_DIR | RUNG_MKPATH_FILE))) {
		if (length >= sizeof(m.path))
			return -ENAMETOOLONG;
		memcpy(m.path, path, length + 1);
		do
			fd = mkpath_pass(&m);
		while (fd == -EAGAIN);
	}
	if (fd >= 0 && (op->x & RUNG_MKPATH_NOPROC) && is_proc(fd)) {
		sys(SYS_close, fd);
		fd = -ELOOP;
	}
	return slot_put(h, op->b, fd);
}

long op_MKNOD(struct hands *h, const struct rung_op *op)
{
	return sys(SYS_mknodat, slot_get(h, op->a), plan_string(h, op->s, NULL), op->x, op->y);
}

long op_CHOWN(struct hands *h, const struct rung_op *op)
{
	return sys(SYS_fchownat, slot_get(h, op->a), plan_string(h, op->s, NULL), op->x, op->y,
		   AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH);
}

long op_SYMLINK(struct hands *h, const struct rung_op *op)
{
	return sys(SYS_symlinkat, plan_string(h, op->s, NULL), slot_get(h, op->a),
		   plan_string(h, op->t, NULL));
}

long op_UNLINK(struct hands *h, const struct rung_op *op)
{
	return sys(SYS_unlinkat, slot_get(h, op->a), plan_string(h, op->s, NULL), 0);
}

/* Writes all of t in one write, as files of /proc want it (CVE-2025-52881: no links out). */
long op_WRITE(struct hands *h, const struct rung_op *op)
{
	uint32_t length;
	const char *data = plan_string(h, op->t, &length);
	long fd, n;

	fd = open2(slot_get(h, op->a), plan_string(h, op->s, NULL), O_WRONLY, 0,
		   RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV);
	if (fd < 0)
		return fd;
	n = sys(SYS_write, fd, data, length);
	sys(SYS_close, fd);
	if (n >= 0 && n != (long)length)
		return -EIO;
	return n < 0 ? n : 0;
}

/* The number of a device as the kernel, mknod(2) and the plan have it. */
uint64_t device_number(const struct statx *file)
{
	uint64_t major = file->stx_rdev_major, minor = file->stx_rdev_minor;

	return (minor & 0xff) | major << 8 | (minor & ~0xffULL) << 12;
}

/* Refuses anything but the device of type x and number y (CVE-2025-31133, -52565). */
long op_VERIFY_DEVICE(struct hands *h, const struct rung_op *op)
{
	struct statx file;
	long result = status_of(slot_get(h, op->a), &file);

	if (result < 0)
		return result;
	return (file.stx_mode & S_IFMT) == op->x && device_number(&file) == op->y ? 0 : -ENODEV;
}

/* Refuses anything but a file system of that magic number (statfs(2)). */
long op_VERIFY_FS(struct hands *h, const struct rung_op *op)
{
	int64_t magic = magic_of(slot_get(h, op->a));

	if (magic < 0)
		return (long)magic;
	return (uint64_t)magic == op->x ? 0 : -EINVAL;
}
