// SPDX-License-Identifier: Apache-2.0
//go:build cgo
/*
 * op_copyup.c - copies a directory into a new tmpfs (tmpcopyup). The walk has two directories open, however deep the tree
 * is: it goes down by a name and up by "..". It reads each directory once and keeps the names of the subdirectories that it
 * has yet to enter. So the number of system calls grows with the number of files and not with the depth.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "copy.h"

#define DIRECTORY (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK)

/* A directory on the way from the top. */
struct level {
	uint64_t inode;
	uint32_t major, minor;
	size_t name;  /* offset of its own name in the area of names */
	size_t first; /* offset of the first name of its waiting subdirectories */
};

long copy_made(struct copy *c, const char *call, long result)
{
	return made(c->stage, call, result);
}

/* Returns ESTALE for the errors of a file that is no longer of the kind that statx reported. */
long copy_changed(long error)
{
	return error == -ENOTDIR || error == -ELOOP || error == -EINVAL ? -ESTALE : error;
}

/* ---- where the copy is ------------------------------------------------------------------------------------------- */

static struct level *level_at(const struct copy *c, size_t offset)
{
	return (struct level *)(void *)(c->levels.start + offset);
}

/* Begins a path that had no room. */
static const char omitted[] = ".../";

/*
 * Puts a name before the path that starts at text[at] and returns the new start. If there is no room, it puts `omitted`
 * there and returns 0.
 */
static size_t put_before(char *text, size_t at, const char *name)
{
	size_t length = strlen(name);

	if (at < length + 1 + strlen(omitted)) {
		memcpy(text + at - strlen(omitted), omitted, strlen(omitted));
		return 0;
	}
	if (text[at])
		text[--at] = '/';
	memcpy(text + at - length, name, length);
	return at - length;
}

/* Writes the current path into the progress page; of a path that is too long, its end. */
void copy_note(struct copy *c)
{
	char text[sizeof(c->stage->progress->detail)];
	size_t at = sizeof(text) - 1, offset = c->levels.used, next = at;

	text[at] = '\0';
	if (c->entry)
		next = at = put_before(text, at, c->entry);
	while (next > 0 &&
	       offset > sizeof(struct level)) { /* the first level is the top: it has no name */
		offset -= sizeof(struct level);
		next = put_before(text, at, c->names.start + level_at(c, offset)->name);
		at = next ? next : at - strlen(omitted);
	}
	memcpy(c->stage->progress->detail, text + at, sizeof(text) - at);
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

static long map_memory(size_t size, char **start)
{
	long result = map_file(size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);

	if (is_error(result))
		return result;
	*start = (void *)result;
	return 0;
}

/* Appends to an area. The area may move: pointers into it are invalid afterwards. */
static long append(struct copy *c, struct copy_area *area, const void *data, size_t size)
{
	long result;

	if (area->room - area->used < size) {
		result = sys(SYS_mremap, area->start, area->room, 2 * area->room, MREMAP_MAYMOVE);
		if (is_error(result))
			return copy_made(c, "mremap", result);
		area->start = (void *)result;
		area->room *= 2;
	}
	memcpy(area->start + area->used, data, size);
	area->used += size;
	return 0;
}

/* ---- the walk ---------------------------------------------------------------------------------------------------- */

static void replace(int *fd, long with)
{
	sys(SYS_close, *fd);
	*fd = (int)with;
}

static long copy_entry(struct copy *c, const char *name)
{
	struct statx file;
	long result;

	c->entry = name;
	result = status_at(c->from, name, &file);
	if (result == -ENOENT)
		return 0; /* the file was removed after the directory was read */
	if (result < 0)
		copy_made(c, "statx", result);
	else if (S_ISDIR(file.stx_mode))
		result = append(c, &c->names, name, strlen(name) + 1);
	else
		result = copy_file(c, name, &file);
	return result;
}

static int is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* Copies the files of the current directory, and keeps the names of its subdirectories for later. */
static long copy_entries(struct copy *c)
{
	char *entries = c->buffers->entries;
	const struct linux_dirent64 *entry;
	long n, at, result = 0;

	while ((n = sys(SYS_getdents64, c->from, entries, sizeof(c->buffers->entries))) > 0)
		for (at = 0; at < n; at += entry->d_reclen) {
			entry = (const void *)(entries + at);
			if (is_dots(entry->d_name))
				continue;
			result = copy_entry(c, entry->d_name);
			if (result < 0)
				return result;
		}
	c->entry = NULL;
	return copy_made(c, "getdents64", n);
}

/* Starts a level for the directory that `from` and `to` have just entered. */
static long begin_level(struct copy *c, size_t name)
{
	struct level level;
	struct statx file;
	long result = copy_made(c, "statx", status_of(c->from, &file));

	if (result < 0)
		return result;
	level.inode = file.stx_ino;
	level.major = file.stx_dev_major;
	level.minor = file.stx_dev_minor;
	level.name = name;
	level.first = c->names.used;
	result = append(c, &c->levels, &level, sizeof(level));
	c->entry = NULL;
	return result < 0 ? result : copy_entries(c);
}

/* Enters the subdirectory whose name was kept last. */
static long go_down(struct copy *c)
{
	size_t name = c->names.used - 1;
	long fd;

	while (name > 0 && c->names.start[name - 1])
		name--;
	c->entry = c->names.start + name;
	fd = open2(c->from, c->entry, DIRECTORY, 0, 0);
	if (fd == -ENOENT) { /* the directory was removed meanwhile */
		c->names.used = name;
		return 0;
	}
	if (fd < 0)
		return copy_made(c, "openat2", copy_changed(fd));
	replace(&c->from, fd);
	fd = copy_made(c, "mkdirat", sys(SYS_mkdirat, c->to, c->entry, S_IRWXU));
	if (fd >= 0)
		fd = copy_made(c, "openat2", open2(c->to, c->entry, DIRECTORY, 0, 0));
	if (fd < 0)
		return fd;
	replace(&c->to, fd);
	return begin_level(c, name);
}

/* Goes back to the directory above. It must be the one that the walk came from. */
static long go_up(struct copy *c)
{
	const struct level *above;
	struct statx file;
	long fd, result;

	fd = open2(c->from, "..", DIRECTORY, 0, 0);
	if (fd < 0) /* ENOENT: the directory was moved out of the source */
		return copy_made(c, "openat2", fd == -ENOENT ? -ESTALE : fd);
	replace(&c->from, fd);
	result = copy_made(c, "statx", status_of(c->from, &file));
	if (result < 0)
		return result;
	c->names.used = level_at(c, c->levels.used - sizeof(*above))->name;
	c->levels.used -= sizeof(*above);
	above = level_at(c, c->levels.used - sizeof(*above));
	if (file.stx_ino != above->inode || file.stx_dev_major != above->major ||
	    file.stx_dev_minor != above->minor)
		return copy_made(c, "openat2", -ESTALE);
	fd = copy_made(c, "openat2", open2(c->to, "..", DIRECTORY, 0, 0));
	if (fd < 0)
		return fd;
	replace(&c->to, fd);
	return 0;
}

static long walk(struct copy *c)
{
	const struct level *level;
	long result = begin_level(c, 0);

	while (result >= 0) {
		level = level_at(c, c->levels.used - sizeof(*level));
		if (c->names.used > level->first) {
			result = go_down(c);
			continue;
		}
		if (c->levels.used == sizeof(*level))
			break;
		result = copy_directory_attributes(c);
		if (result >= 0)
			result = go_up(c);
	}
	if (result >= 0)
		result = copy_remove_links(c);
	return result < 0 ? result : copy_top_attributes(c);
}

/* ---- the operation ----------------------------------------------------------------------------------------------- */

/*
 * Clones the mounts at the directory, and copies from the clone. ".." cannot lead above the clone, whatever is renamed. The
 * attributes of the clone stop an exchanged name from opening a device or following a link, and they keep the copy from
 * changing the source, access times included.
 */
static long clone_source(struct copy *c, int directory)
{
	struct mount_attr attr;
	long fd, result;

	fd = copy_made(c, "open_tree",
		       sys(SYS_open_tree, directory, "",
			   OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE));
	if (fd < 0)
		return fd;
	c->source = (int)fd;
	memset(&attr, 0, sizeof(attr));
	attr.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSYMFOLLOW;
	result = sys(SYS_mount_setattr, c->source, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr,
		     sizeof(attr));
	return copy_made(c, "mount_setattr", result);
}

static long open_tops(struct copy *c)
{
	long fd = copy_made(c, "openat2", open2(c->source, ".", DIRECTORY, 0, 0));

	if (fd < 0)
		return fd;
	c->from = (int)fd;
	fd = copy_made(c, "openat2", open2(c->target, ".", DIRECTORY, 0, 0));
	c->to = (int)fd;
	return fd;
}

static long take_memory(struct copy *c)
{
	const size_t room = 16384; /* at first: append doubles it */
	char *buffers = NULL;
	long result;

	result = map_memory(sizeof(*c->buffers), &buffers);
	if (result >= 0)
		result = map_memory(room, &c->levels.start);
	if (result >= 0)
		result = map_memory(room, &c->names.start);
	c->buffers = (void *)buffers;
	c->levels.room = c->names.room = room;
	return copy_made(c, "mmap", result);
}

/* Errors do not matter: an exec frees the memory, and a later op sets the working directory. */
static void give_back(struct copy *c)
{
	const int fds[] = { c->source, c->from, c->to, c->links };
	size_t i;

	for (i = 0; i < COUNT(fds); i++)
		if (fds[i] >= 0)
			sys(SYS_close, fds[i]);
	/* The copy of extended attributes leaves the working directory in the source or in the target. */
	sys(SYS_chdir, "/");
	sys(SYS_munmap, c->buffers, sizeof(*c->buffers));
	sys(SYS_munmap, c->levels.start, c->levels.room);
	sys(SYS_munmap, c->names.start, c->names.room);
}

/*
 * Copies the directory in slot b, with the mounts below it, into the new file system in slot a. This process is already in
 * the container's cgroups, so the memory of the copy is charged to the container.
 */
long op_COPY_UP(struct stage *s, const struct rung_op *op)
{
	struct copy c;
	long result;

	memset(&c, 0, sizeof(c));
	c.stage = s;
	c.target = slot_get(s, op->a);
	c.source = c.from = c.to = c.links = -1;
	/* EFBIG leads to an error that names the file; SIGXFSZ would kill this process without one. */
	result = copy_made(&c, "rt_sigaction", set_action(SIGXFSZ, SIG_IGN));
	if (result >= 0)
		result = take_memory(&c);
	if (result >= 0)
		result = clone_source(&c, slot_get(s, op->b));
	if (result >= 0)
		result = open_tops(&c);
	if (result >= 0)
		result = walk(&c);
	if (result >= 0)
		result = copy_made(&c, "rt_sigaction", set_action(SIGXFSZ, SIG_DFL));
	if (result < 0)
		copy_note(&c);
	give_back(&c);
	return result < 0 ? result : 0;
}
