// SPDX-License-Identifier: Apache-2.0
/* loop.c - executes a plan: forward only, one op after the other. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/time_types.h>
#include <sys/syscall.h>
#include <time.h>

#include "hands.h"

/*
 * A switch and not a table of pointers: a static position-independent binary has not
 * been relocated yet when this runs.
 */
static long execute(struct hands *h, const struct rung_op *op)
{
	switch ((enum rung_opcode)op->code) {
#define RUNG_OP_CASE(name, slots, ints, strings, calls)                                            \
	case OP_##name:                                                                            \
		return op_##name(h, op);
		RUNG_OPS(RUNG_OP_CASE)
#undef RUNG_OP_CASE
	case OP_NONE:
	case OP_COUNT:
		break;
	}
	return -ENOSYS;
}

void fail(struct hands *h, long error)
{
	h->progress->error = (int32_t)-error;
	/* The filter of the container may deny the first; nothing can deny the last. */
	sys(SYS_exit_group, 1);
	sys(SYS_exit, 1);
	for (;;)
		__builtin_trap();
}

static int reads_empty_slot(const struct hands *h, const struct rung_op *op)
{
	const int16_t slot[] = { op->a, op->b, op->c };
	char kind;
	int i;

	for (i = 0; i < 3; i++) {
		kind = op_slot_kind(op->code, i);
		if ((kind == 'i' || kind == 'm') && slot[i] >= 0 && slot_get(h, slot[i]) < 0)
			return 1;
	}
	return 0;
}

static int skipped(const struct hands *h, const struct rung_op *op)
{
	if ((op->flags & RUNG_SKIP_IF_OK) && h->done[op->skip])
		return 1;
	return (op->flags & RUNG_SKIP_IF_EMPTY) && reads_empty_slot(h, op);
}

static int tolerated(const struct rung_op *op, long error)
{
	int i;

	for (i = 0; i < 4; i++)
		if (op->ok[i] && op->ok[i] == -error)
			return 1;
	return 0;
}

static void note(struct hands *h, uint32_t index)
{
	struct __kernel_timespec now;

	__atomic_store_n(&h->progress->op, index, __ATOMIC_RELEASE);
	if (h->progress->traced < h->progress->room) {
		sys(NR_clock_gettime, CLOCK_MONOTONIC, &now);
		h->progress->clock[h->progress->traced++] =
			(uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
	}
}

void run_plan(struct hands *h)
{
	const struct rung_op *op;
	uint32_t index;
	long result;

	for (index = 0; index < h->plan.header->ops; index = h->next) {
		op = &h->plan.ops[index];
		h->next = index + 1;
		h->done[index] = 0;
		note(h, index);
		if (skipped(h, op))
			continue;
		if (reads_empty_slot(h, op))
			fail(h, -EBADF);
		result = execute(h, op);
		if (result >= 0)
			h->done[index] = 1;
		else if (!tolerated(op, result))
			fail(h, result);
	}
	/* A plan ends with EXEC, or its last op is CLONE's parent: never here. */
	fail(h, -ENOEXEC);
}
