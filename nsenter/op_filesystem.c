// SPDX-License-Identifier: Apache-2.0
//go:build cgo
/* op_filesystem.c - new file systems by a context (fsopen(2), fsconfig(2), fsmount(2): Linux 5.2). */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "stage.h"

/*
 * Reads the kernel's messages about a file system context into the progress page, a line each. One read(2) returns one
 * message; after the last one it fails with ENODATA. A message that has no room is lost: read(2) fails with EMSGSIZE.
 */
void note_messages(struct stage *s, int fs)
{
	char *detail = s->progress->detail;
	size_t at = 0, room = sizeof(s->progress->detail);
	long n;

	/* One byte is for the NUL. */
	while (room - at > 1) {
		n = sys(SYS_read, fs, detail + at, room - at - 1);
		if (n <= 0)
			break;
		at += (size_t)n;
		if (detail[at - 1] != '\n' && room - at > 1)
			detail[at++] = '\n';
	}
	detail[at] = '\0';
}

long op_FSOPEN(struct stage *s, const struct rung_op *op)
{
	return slot_put(s, op->a, sys(SYS_fsopen, plan_string(s, op->s, NULL), FSOPEN_CLOEXEC));
}

long op_FSCONFIG(struct stage *s, const struct rung_op *op)
{
	const char *key = plan_string(s, op->s, NULL), *value = NULL;
	long result;

	if (op->x == FSCONFIG_SET_STRING)
		value = plan_string(s, op->t, NULL);
	result = made(s, "fsconfig", sys(SYS_fsconfig, slot_get(s, op->a), op->x, key, value, 0));
	if (result < 0)
		note_messages(s, slot_get(s, op->a));
	return result;
}

/* Makes the file system and a detached mount of it, and closes the file system context. */
long op_FSMOUNT(struct stage *s, const struct rung_op *op)
{
	int context = slot_get(s, op->a);
	long fd =
		made(s, "fsconfig", sys(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0));

	if (fd >= 0)
		fd = made(s, "fsmount", sys(SYS_fsmount, context, FSMOUNT_CLOEXEC, op->x));
	if (fd >= 0)
		close_slot(s, op->a);
	else
		note_messages(s, context);
	return slot_put(s, op->b, fd);
}
