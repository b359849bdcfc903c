/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stage.h - the types and functions that the files of the stage share.
 *
 * No caller checks the result of close(2): the descriptor is closed whatever it is. An error would be about data that is not
 * written yet, and the stage writes only to file systems that keep none back: procfs, cgroups, tmpfs.
 */
#ifndef RUNG_STAGE_H
#define RUNG_STAGE_H

#include <stddef.h>
#include <stdint.h>

#include "arch.h"
#include "ops.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Descriptors below this one are the standard streams. */
#define STANDARD_STREAMS 3

/* Exit statuses, as shells have them: no program was executed; a signal ended it, whose number is added. */
#define EXIT_NO_PROGRAM 127
#define EXIT_SIGNAL	128

/* A checked plan. It is mapped privately and writable: plan_vector relocates vectors in place. */
struct plan {
	struct rung_header *header;
	struct rung_op *ops;
	char *blob;
};

struct stage {
	struct plan plan;
	struct rung_progress *progress;
	int sync;	    /* SOCK_SEQPACKET to the parent */
	int start;	    /* connection of `rung start`, plus 1; 0: none */
	int wakeup;	    /* eventfd that the parent may ring, or -1 */
	int base;	    /* first descriptor that the container must not see */
	uint64_t nofile[2]; /* RLIMIT_NOFILE of rung's caller, soft and hard; 0, 0: unknown */
	int *slots;	    /* file descriptors plus 1: zeroed memory is empty slots */
	uint8_t *done;	    /* 1 for each op of this segment that succeeded */
	size_t slots_size;  /* of the memory at slots, in bytes */
	size_t done_size;
	uint32_t next;	     /* index of the op that runs after this one */
	const char *call;    /* the system call of this op that failed, if made() noted it */
	const char *program; /* what FIND_PROGRAM has found */
};

/* plan.c */
int plan_check(const void *data, size_t size);
int plan_map(struct plan *plan, int fd);
int plan_take(struct stage *s, int fd);
char op_slot_kind(uint16_t code, size_t slot);
const char *plan_string(const struct stage *s, uint32_t offset, uint32_t *length);
char **plan_vector(const struct stage *s, uint32_t offset);

/* op_file.c */
long close_slot(struct stage *s, int32_t slot);

/* The ops: one function each, named after it, in the files op_*.c. */
#define RUNG_OP_DECLARE(name, slots, ints, strings, calls)                                         \
	long op_##name(struct stage *s, const struct rung_op *op);
RUNG_OPS(RUNG_OP_DECLARE)
#undef RUNG_OP_DECLARE

/* status.c */
uint64_t device_number(const struct statx *file);
long status_at(int dir, const char *name, struct statx *file);
long status_of(int fd, struct statx *file);
long unless_root(int root, const struct statx *file);
long status_behind(const char *path, struct statx *file);

/* descriptors.c */
long close_from(unsigned int first);
long close_between(unsigned int first, unsigned int last);
long cloexec_from(unsigned int first);

/* constructor.c */
void rung_enter(long *stack);

/* op_namespace.c */
long receive_message(int sock, void *data, size_t size, int *fds);
void wait_for_parent(int sock, int wakeup);

/* op_filesystem.c */
void note_messages(struct stage *s, int fs);

/* op_file.c */
long open2(int dir, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve);

/* op_process.c */
long set_action(int signal, void (*handler)(int));

/* loop.c */
void run_plan(struct stage *s) __attribute__((noreturn));
void fail(struct stage *s, long error) __attribute__((noreturn));

static inline int slot_get(const struct stage *s, int32_t slot)
{
	return slot < 0 ? -1 : s->slots[slot] - 1;
}

/* The directory that a path op starts at; AT_FDCWD if the op names no slot. */
static inline int slot_dir(const struct stage *s, int32_t slot)
{
	return slot < 0 ? AT_FDCWD : s->slots[slot] - 1;
}

/*
 * Notes the system call of a composite op if it failed, and returns its result. A call that succeeds deletes the note: an
 * error that the op makes itself afterwards belongs to no call.
 */
static inline long made(struct stage *s, const char *call, long result)
{
	s->call = result < 0 ? call : NULL;
	return result;
}

/* Stores a new descriptor and returns 0. An error code is passed on, and the slot stays empty. */
static inline long slot_put(struct stage *s, int32_t slot, long fd)
{
	if (fd < 0)
		return fd;
	s->slots[slot] = (int)fd + 1;
	return 0;
}

#endif
