// SPDX-License-Identifier: Apache-2.0
//go:build cgo
/* loop.c - executes a plan, one op after the other and never backwards. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/time_types.h>
#include <sys/syscall.h>
#include <time.h>

#include "stage.h"

/*
 * A switch, not a table of pointers: a static position-independent binary is not
 * relocated yet when this runs.
 */
static long execute(struct stage *s, const struct rung_op *op)
{
	switch ((enum rung_opcode)op->code) {
#define RUNG_OP_CASE(name, slots, ints, strings, calls)                                            \
	case OP_##name:                                                                            \
		return op_##name(s, op);
		RUNG_OPS(RUNG_OP_CASE)
#undef RUNG_OP_CASE
	case OP_NONE:
	case OP_COUNT:
		break;
	}
	return -ENOSYS;
}

void fail(struct stage *s, long error)
{
	if (s->call)
		memcpy(s->progress->call, s->call, strlen(s->call) + 1);
	s->progress->error = (int32_t)-error;
	/* The container's filter may deny both system calls; it cannot deny the trap. */
	sys(SYS_exit_group, 1);
	sys(SYS_exit, 1);
	for (;;)
		__builtin_trap();
}

static int reads_empty_slot(const struct stage *s, const struct rung_op *op)
{
	const int32_t slot[] = { op->a, op->b, op->c };
	char kind;
	size_t i;

	for (i = 0; i < COUNT(slot); i++) {
		kind = op_slot_kind(op->code, i);
		if ((kind == 'i' || kind == 'm') && slot[i] >= 0 && slot_get(s, slot[i]) < 0)
			return 1;
	}
	return 0;
}

static int skipped(const struct stage *s, const struct rung_op *op)
{
	if ((op->flags & RUNG_SKIP_IF_OK) && s->done[op->skip])
		return 1;
	return (op->flags & RUNG_SKIP_IF_EMPTY) && reads_empty_slot(s, op);
}

static int tolerated(const struct rung_op *op, long error)
{
	size_t i;

	for (i = 0; i < COUNT(op->ok); i++)
		if (op->ok[i] && op->ok[i] == -error)
			return 1;
	return 0;
}

#define NANOSECONDS 1000000000U /* in a second */

static void note(struct stage *s, uint32_t index)
{
	struct __kernel_timespec now = { 0, 0 }; /* what an error leaves */

	__atomic_store_n(&s->progress->op, index, __ATOMIC_RELEASE);
	if (s->progress->traced < s->progress->room) {
		sys(NR_clock_gettime, CLOCK_MONOTONIC, &now);
		s->progress->clock[s->progress->traced++] =
			(uint64_t)now.tv_sec * NANOSECONDS + (uint64_t)now.tv_nsec;
	}
}

void run_plan(struct stage *s)
{
	const struct rung_op *op;
	uint32_t index;
	long result;

	for (index = 0; index < s->plan.header->ops; index = s->next) {
		op = &s->plan.ops[index];
		s->next = index + 1;
		s->done[index] = 0;
		s->call = NULL;
		note(s, index);
		if (skipped(s, op))
			continue;
		if (reads_empty_slot(s, op))
			fail(s, -EBADF);
		result = execute(s, op);
		if (result >= 0)
			s->done[index] = 1;
		else if (!tolerated(op, result))
			fail(s, result);
	}
	/* A successful EXEC does not return: a plan that ends here has none. */
	fail(s, -ENOEXEC);
}
