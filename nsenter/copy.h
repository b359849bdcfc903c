/* SPDX-License-Identifier: Apache-2.0 */
/* copy.h - the state of COPY_UP, and the functions that op_copyup.c and copy_file.c share. */
#ifndef RUNG_COPY_H
#define RUNG_COPY_H

#include <linux/limits.h>

#include "stage.h"

/* Room for the largest value and the largest list of extended attributes. */
#define COPY_BUFFER XATTR_SIZE_MAX
_Static_assert(COPY_BUFFER >= XATTR_LIST_MAX, "a list of extended attributes has no room");

/* The directory of links: a prefix and eight hexadecimal digits. */
#define COPY_LINKS_PREFIX ".rung-"
#define COPY_LINKS_DIGITS 8

struct copy_buffers {
	_Alignas(struct linux_dirent64) char entries[32768]; /* what getdents64(2) writes */
	char list[COPY_BUFFER];
	char bytes[COPY_BUFFER];
	char link[PATH_MAX];
};

/* Memory that grows. */
struct copy_area {
	char *start;
	size_t used, room;
};

struct copy {
	struct stage *stage;
	struct copy_buffers *buffers;
	struct copy_area levels; /* struct level of each directory from the top down */
	struct copy_area names;	 /* names of these, and of the directories that wait in each */
	int source, target;	 /* the top of both trees */
	int from, to;		 /* the current directory in both trees */
	int links; /* directory in the target that links each file with several names; -1: none */
	char links_name[sizeof(COPY_LINKS_PREFIX) + COPY_LINKS_DIGITS];
	const char *entry; /* current entry of the current directory; NULL: the directory itself */
};

/* A file that is copied. Only regular files and directories are opened: else in and out are -1. */
struct copy_entry {
	const char *name;
	int in, out;
	struct statx file;
};

/* op_copyup.c */
long copy_made(struct copy *c, const char *call, long result);
long copy_changed(long error);
void copy_note(struct copy *c);

/* copy_file.c */
long copy_file(struct copy *c, const char *name, const struct statx *file);
long copy_directory_attributes(struct copy *c);
long copy_top_attributes(struct copy *c);
long copy_remove_links(struct copy *c);

#endif
