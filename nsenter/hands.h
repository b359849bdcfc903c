/* SPDX-License-Identifier: Apache-2.0 */
/* hands.h - what the files of the hands share. */
#ifndef RUNG_HANDS_H
#define RUNG_HANDS_H

#include <stddef.h>
#include <stdint.h>

#include "arch.h"
#include "ops.h"

/* A checked plan, mapped privately and writable (vectors are relocated in place). */
struct plan {
	struct rung_header *header;
	struct rung_op *ops;
	char *blob;
};

struct hands {
	struct plan plan;
	struct rung_progress *progress;
	int sync;		    /* SOCK_SEQPACKET to the parent */
	int start;		    /* connection of `rung start`, plus 1; 0 where there is none */
	int bell;		    /* eventfd that the parent may ring, or -1 */
	int base;		    /* first descriptor that the container must not see */
	uint64_t nofile[2];	    /* limit of open files of rung's caller; 0, 0: unknown */
	int slots[RUNG_MAX_SLOTS];  /* file descriptors plus 1, so that zeroed memory is empty */
	uint8_t done[RUNG_MAX_OPS]; /* ops of this segment that succeeded */
	uint32_t next;		    /* the op to execute after this one */
};

/* plan.c */
int plan_check(const void *data, size_t size);
int plan_map(struct plan *plan, int fd);
char op_slot_kind(uint16_t code, int slot);
const char *plan_string(const struct hands *h, uint32_t offset, uint32_t *length);
char **plan_vector(const struct hands *h, uint32_t offset);

/* The ops: one function each, named after it, in the files op_*.c. */
#define RUNG_OP_DECLARE(name, slots, ints, strings, calls)                                         \
	long op_##name(struct hands *h, const struct rung_op *op);
RUNG_OPS(RUNG_OP_DECLARE)
#undef RUNG_OP_DECLARE

/* constructor.c */
void rung_enter(long *stack);

/* op_namespace.c */
long receive_message(int sock, void *data, size_t size, int *fds);
void wait_for_parent(int sock, int bell);

/* op_file.c */
long open2(int dir, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve);
uint64_t device_number(const struct statx *file);

/* loop.c */
void run_plan(struct hands *h) __attribute__((noreturn));
void fail(struct hands *h, long error) __attribute__((noreturn));

static inline int slot_get(const struct hands *h, int16_t slot)
{
	return slot < 0 ? -1 : h->slots[slot] - 1;
}

/* The directory that a path op starts at: AT_FDCWD where no slot is named. */
static inline int slot_dir(const struct hands *h, int16_t slot)
{
	return slot < 0 ? -100 : h->slots[slot] - 1;
}

/* Stores a new descriptor; keeps an error code as it is. */
static inline long slot_put(struct hands *h, int16_t slot, long fd)
{
	if (fd < 0)
		return fd;
	h->slots[slot] = (int)fd + 1;
	return 0;
}

#endif
