/* SPDX-License-Identifier: Apache-2.0 */
/* hands.h - what the files of the hands share. */
#ifndef RUNG_HANDS_H
#define RUNG_HANDS_H

#include <stddef.h>
#include <stdint.h>

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
	int base;		    /* first descriptor that the container must not see */
	int slots[RUNG_MAX_SLOTS];  /* file descriptors plus 1, so that zeroed memory is empty */
	uint8_t done[RUNG_MAX_OPS]; /* ops of this segment that succeeded */
	uint32_t next;		    /* the op to execute after this one */
};

typedef long (*rung_op_fn)(struct hands *, const struct rung_op *);

/* plan.c */
int plan_check(const void *data, size_t size);
int plan_map(struct plan *plan, int fd);
const char *plan_string(const struct hands *h, uint32_t offset, uint32_t *length);
char **plan_vector(const struct hands *h, uint32_t offset);

/* sys.c: raw system calls with any number of arguments; a negative result is -errno */
long sys6(long nr, long a, long b, long c, long d, long e, long f);
#define SYS_PAD(nr, a, b, c, d, e, f, ...) \
	sys6(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
#define sys(...) SYS_PAD(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)

/* The ops: one function each, named after it, in the files op_*.c. */
#define RUNG_OP_DECLARE(name, slots, ints, strings, calls) \
	long op_##name(struct hands *h, const struct rung_op *op);
RUNG_OPS(RUNG_OP_DECLARE)
#undef RUNG_OP_DECLARE

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
