// SPDX-License-Identifier: Apache-2.0
//go:build cgo
/*
 * copy_file.c - copies one file for COPY_UP: its content, its other names, its attributes. No other process can reach the
 * target, so its names are safe. Any name in the source may be exchanged at any time.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/time_types.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "copy.h"
#include "text.h"

static long write_all(struct copy *c, int out, const char *data, long size)
{
	long n;

	for (; size > 0; data += n, size -= n) {
		n = sys(SYS_write, out, data, size);
		if (n < 0)
			return copy_made(c, "write", n);
	}
	return 0;
}

/* Copies the bytes from start to end, or fewer if the file became shorter. */
static long copy_range(struct copy *c, const struct copy_entry *e, int64_t start, int64_t end)
{
	char *bytes = c->buffers->bytes;
	int64_t result;
	long n;

	result = seek(e->in, start, SEEK_SET);
	if (result >= 0)
		result = seek(e->out, start, SEEK_SET);
	if (result < 0)
		return copy_made(c, "lseek", (long)result);
	for (; start < end; start += n) {
		n = sys(SYS_read, e->in, bytes,
			end - start < COPY_BUFFER ? end - start : COPY_BUFFER);
		if (n <= 0)
			return copy_made(c, "read", n);
		result = write_all(c, e->out, bytes, n);
		if (result < 0)
			return (long)result;
	}
	return 0;
}

/*
 * Finds the next data between *start and *end. The caller sets *end to the size that the file had at first: a file that
 * grows while it is copied would never end. A file system that knows no holes reports data only.
 */
static long find_data(struct copy *c, int in, int64_t *start, int64_t *end)
{
	int64_t data = seek(in, *start, SEEK_DATA), hole;

	if (data == -EINVAL || data == -EOPNOTSUPP)
		return 0;
	if (data == -ENXIO || data > *end)
		data = *end;
	if (data < 0)
		return copy_made(c, "lseek", (long)data);
	*start = data;
	hole = seek(in, data, SEEK_HOLE);
	if (hole > data && hole < *end)
		*end = hole;
	return 0;
}

static long copy_content(struct copy *c, const struct copy_entry *e)
{
	int64_t start = 0, end, size = (int64_t)e->file.stx_size;
	long result = 0;

	for (; result >= 0 && start < size; start = end) {
		end = size;
		result = find_data(c, e->in, &start, &end);
		if (result >= 0 && start < end)
			result = copy_range(c, e, start, end);
	}
	return result < 0 ? result : copy_made(c, "ftruncate", set_size(e->out, (uint64_t)size));
}

static long copy_regular(struct copy *c, struct copy_entry *e)
{
	long fd = open2(c->to, e->name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_LARGEFILE,
			S_IRUSR | S_IWUSR, 0);

	if (fd < 0)
		return copy_made(c, "openat2", fd);
	e->out = (int)fd;
	/* The copy may be killed here when it reaches the memory limit of its cgroup. */
	copy_note(c);
	return copy_content(c, e);
}

static long copy_symlink(struct copy *c, const struct copy_entry *e)
{
	char *link = c->buffers->link;
	long n = sys(SYS_readlinkat, c->from, e->name, link, sizeof(c->buffers->link) - 1);

	if (n < 0)
		return copy_made(c, "readlinkat", copy_changed(n));
	link[n] = '\0';
	return copy_made(c, "symlinkat", sys(SYS_symlinkat, link, c->to, e->name));
}

static long copy_node(struct copy *c, const struct copy_entry *e)
{
	long result = sys(SYS_mknodat, c->to, e->name, e->file.stx_mode, device_number(&e->file));

	return copy_made(c, "mknodat", result);
}

static long copy_by_kind(struct copy *c, struct copy_entry *e)
{
	if (S_ISREG(e->file.stx_mode))
		return copy_regular(c, e);
	return S_ISLNK(e->file.stx_mode) ? copy_symlink(c, e) : copy_node(c, e);
}

/* ---- owner, mode, times ------------------------------------------------------------------------------------------ */

/*
 * An owner that is not mapped in this user namespace reads as the overflow id. If the overflow id is not mapped either,
 * chown fails with EINVAL and the file stays root's. Then it loses its set-id bits: they would give root's rights to a
 * program that was not root's.
 */
static long copy_owner(struct copy *c, struct copy_entry *e)
{
	const int flags = AT_SYMLINK_NOFOLLOW;
	long uid, gid, both;

	both = sys(SYS_fchownat, c->to, e->name, e->file.stx_uid, e->file.stx_gid, flags);
	if (both != -EINVAL)
		return copy_made(c, "fchownat", both);
	uid = sys(SYS_fchownat, c->to, e->name, e->file.stx_uid, KEEP_ID, flags);
	gid = sys(SYS_fchownat, c->to, e->name, KEEP_ID, e->file.stx_gid, flags);
	if (uid < 0 && uid != -EINVAL)
		return copy_made(c, "fchownat", uid);
	if (gid < 0 && gid != -EINVAL)
		return copy_made(c, "fchownat", gid);
	e->file.stx_mode &= (uint16_t)~(S_ISUID | S_ISGID);
	return 0;
}

static long copy_times(struct copy *c, const struct copy_entry *e)
{
	const struct statx *f = &e->file;
	struct __kernel_timespec times[2] = { { f->stx_atime.tv_sec, f->stx_atime.tv_nsec },
					      { f->stx_mtime.tv_sec, f->stx_mtime.tv_nsec } };
	long result = sys(NR_utimensat, c->to, e->name, times, AT_SYMLINK_NOFOLLOW);

	return copy_made(c, "utimensat", result);
}

/* The mode is set after the owner, because a change of the owner clears the set-id bits. */
static long copy_owner_and_mode(struct copy *c, struct copy_entry *e)
{
	long result = copy_owner(c, e);

	if (result < 0 || S_ISLNK(e->file.stx_mode))
		return result;
	return copy_made(c, "fchmodat",
			 sys(SYS_fchmodat, c->to, e->name, e->file.stx_mode & S_IALLUGO));
}

/* ---- extended attributes ----------------------------------------------------------------------------------------- */

/*
 * Whether the copy may go on without an attribute. It may if a tmpfs does not support the attribute (user.* before Linux
 * 6.6), or if this process may not set a security.* or trusted.* attribute (labels under a policy; trusted.* in a user
 * namespace). A user.* attribute that a tmpfs supports and that cannot be set is an error.
 */
static int may_be_lost(const char *name, long error)
{
	if (error == -EOPNOTSUPP)
		return 1;
	return (error == -EPERM || error == -EACCES) &&
	       (begins(name, "security.") || begins(name, "trusted."));
}

/* Errors of a read that are no failure: the attribute is gone, or is a capability for a root outside of this user namespace. */
static int means_nothing(long error)
{
	return error == -ENODATA || error == -EOVERFLOW || error == -EOPNOTSUPP;
}

/* A file that is not open is reached by its name in the working directory: no call for attributes takes a directory. */
static long stand_in(struct copy *c, const struct copy_entry *e, int directory)
{
	return e->in >= 0 ? 0 : copy_made(c, "fchdir", sys(SYS_fchdir, directory));
}

static long copy_xattr(struct copy *c, const struct copy_entry *e, const char *name)
{
	char *value = c->buffers->bytes;
	long n, result = stand_in(c, e, c->from);

	if (result < 0)
		return result;
	n = e->in >= 0 ? sys(SYS_fgetxattr, e->in, name, value, COPY_BUFFER)
		       : sys(SYS_lgetxattr, e->name, name, value, COPY_BUFFER);
	if (n < 0)
		return means_nothing(n) ? 0 : copy_made(c, "getxattr", n);
	result = stand_in(c, e, c->to);
	if (result < 0)
		return result;
	result = e->in >= 0 ? sys(SYS_fsetxattr, e->out, name, value, n, 0)
			    : sys(SYS_lsetxattr, e->name, name, value, n, 0);
	return result < 0 && may_be_lost(name, result) ? 0 : copy_made(c, "setxattr", result);
}

static long copy_xattrs(struct copy *c, const struct copy_entry *e)
{
	const char *list = c->buffers->list, *name;
	long n, result = stand_in(c, e, c->from);

	if (result < 0)
		return result;
	n = e->in >= 0 ? sys(SYS_flistxattr, e->in, list, COPY_BUFFER)
		       : sys(SYS_llistxattr, e->name, list, COPY_BUFFER);
	if (n < 0)
		return n == -EOPNOTSUPP ? 0 : copy_made(c, "listxattr", n);
	for (name = list; result >= 0 && name < list + n; name += strlen(name) + 1)
		result = copy_xattr(c, e, name);
	return result;
}

/* The times are set last, because the other changes touch them. */
static long copy_attributes(struct copy *c, struct copy_entry *e)
{
	long result = copy_owner_and_mode(c, e);

	if (result >= 0)
		result = copy_xattrs(c, e);
	return result < 0 ? result : copy_times(c, e);
}

static long directory_entry(struct copy *c, struct copy_entry *e)
{
	e->name = ".";
	e->in = c->from;
	e->out = c->to;
	return copy_made(c, "statx", status_of(c->from, &e->file));
}

/* Runs after the directory is filled: new entries would inherit its group (set-gid) and its default access list. */
long copy_directory_attributes(struct copy *c)
{
	struct copy_entry e;
	long result = directory_entry(c, &e);

	return result < 0 ? result : copy_attributes(c, &e);
}

/* The top keeps the owner and the mode that the tmpfs was mounted with. */
long copy_top_attributes(struct copy *c)
{
	struct copy_entry e;
	long result = directory_entry(c, &e);

	if (result >= 0)
		result = copy_xattrs(c, &e);
	return result < 0 ? result : copy_times(c, &e);
}

/* ---- files with several names ------------------------------------------------------------------------------------ */

static char *hexadecimal(char *to, uint64_t n, size_t digits)
{
	while (digits-- > 0)
		*to++ = "0123456789abcdef"[n >> (4 * digits) & 0xf];
	return to;
}

/* Digits of a half of a device number, which has 32 bits, and of an inode number, which has 64. */
#define DEVICE_DIGITS 8
#define INODE_DIGITS  16
#define KEY_SIZE      (2 * DEVICE_DIGITS + INODE_DIGITS + 1)

/* A file's name in the directory of links is its device and inode number. */
static void link_key(char key[KEY_SIZE], const struct statx *file)
{
	char *end = hexadecimal(key, file->stx_dev_major, DEVICE_DIGITS);

	end = hexadecimal(end, file->stx_dev_minor, DEVICE_DIGITS);
	*hexadecimal(end, file->stx_ino, INODE_DIGITS) = '\0';
}

/* Makes the directory of links at the top of the target, under a name that the source does not have. */
static long make_links(struct copy *c)
{
	struct statx taken;
	const size_t prefix = strlen(COPY_LINKS_PREFIX);
	uint64_t n = 0;
	long result;

	memcpy(c->links_name, COPY_LINKS_PREFIX, prefix);
	do {
		*hexadecimal(c->links_name + prefix, n++, COPY_LINKS_DIGITS) = '\0';
		result = status_at(c->source, c->links_name, &taken);
	} while (result == 0);
	if (result != -ENOENT)
		return copy_made(c, "statx", result);
	result = copy_made(c, "mkdirat", sys(SYS_mkdirat, c->target, c->links_name, S_IRWXU));
	if (result < 0)
		return result;
	result = open2(c->target, c->links_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, 0);
	c->links = (int)result;
	return copy_made(c, "openat2", result);
}

/* Links one more name to a file that was copied before. Returns 1, or 0 if the file was not copied yet. */
static long link_again(struct copy *c, const struct copy_entry *e, const char *key)
{
	long result = c->links < 0 ? make_links(c) : 0;

	if (result < 0)
		return result;
	result = sys(SYS_linkat, c->links, key, c->to, e->name, 0);
	if (result == -ENOENT)
		return 0;
	return result < 0 ? copy_made(c, "linkat", result) : 1;
}

long copy_remove_links(struct copy *c)
{
	char *entries = c->buffers->entries;
	const struct linux_dirent64 *entry;
	long n, at, result;

	if (c->links < 0)
		return 0;
	while ((n = sys(SYS_getdents64, c->links, entries, sizeof(c->buffers->entries))) > 0)
		for (at = 0; at < n; at += entry->d_reclen) {
			entry = (const void *)(entries + at);
			if (entry->d_name[0] != '.') /* "." and ".." */
				sys(SYS_unlinkat, c->links, entry->d_name, 0);
		}
	result = sys(SYS_unlinkat, c->target, c->links_name, AT_REMOVEDIR);
	/* An unlink above that failed shows here: the directory is not empty. */
	return copy_made(c, "unlinkat", n < 0 ? n : result);
}

/* ---- one file ---------------------------------------------------------------------------------------------------- */

static long copy_new(struct copy *c, struct copy_entry *e)
{
	long result = copy_by_kind(c, e);

	return result < 0 ? result : copy_attributes(c, e);
}

static long copy_once(struct copy *c, struct copy_entry *e)
{
	char key[KEY_SIZE];
	long result;

	if (e->file.stx_nlink < 2)
		return copy_new(c, e);
	link_key(key, &e->file);
	result = link_again(c, e, key);
	if (result != 0)
		return result;
	result = copy_new(c, e);
	if (result < 0)
		return result;
	return copy_made(c, "linkat", sys(SYS_linkat, c->to, e->name, c->links, key, 0));
}

/*
 * Opens a file that statx said is a regular one. O_NONBLOCK: if a FIFO has taken its place, the open does not wait.
 * Devices cannot be opened in the source (op_copyup.c).
 */
static long open_regular(struct copy *c, struct copy_entry *e)
{
	const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_LARGEFILE;
	long fd = open2(c->from, e->name, flags, 0, 0), result;

	if (fd < 0)
		return copy_made(c, "openat2", copy_changed(fd));
	e->in = (int)fd;
	result = copy_made(c, "statx", status_of(e->in, &e->file));
	if (result >= 0 && !S_ISREG(e->file.stx_mode))
		return copy_made(c, "openat2", -ESTALE);
	return result;
}

/* Copies a file that is no directory. */
long copy_file(struct copy *c, const char *name, const struct statx *file)
{
	struct copy_entry e;
	long result = 0;

	e.name = name;
	e.in = e.out = -1;
	memcpy(&e.file, file, sizeof(e.file));
	if (S_ISREG(file->stx_mode))
		result = open_regular(c, &e);
	if (result == -ENOENT)
		return 0; /* the file was removed meanwhile */
	if (result >= 0)
		result = copy_once(c, &e);
	if (e.in >= 0)
		sys(SYS_close, e.in);
	if (e.out >= 0)
		sys(SYS_close, e.out);
	return result;
}
