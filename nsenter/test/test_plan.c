// SPDX-License-Identifier: Apache-2.0
/* test_plan.c - the decoder accepts a well-formed plan and refuses every kind of damage. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "test.h"

static struct builder b;

static void good(void)
{
	struct plan plan;

	sample_plan(&b);
	EQUAL(plan_check(b.bytes, b.size), 0);
	EQUAL(plan_map(&plan, sealed_memfd(b.bytes, b.size)), 0);
	EQUAL(plan.header->ops, b.count);
	EQUAL(memcmp(plan.ops, b.ops, b.count * sizeof(b.ops[0])), 0);
	EQUAL(memcmp(plan.blob, b.blob, b.blob_size), 0);
}

static void strings(void)
{
	struct stage *stage;
	uint32_t length;
	char **argv;

	sample_plan(&b);
	stage = bare_stage(&b);
	EQUAL(strcmp(plan_string(stage, b.ops[1].s, &length), "/"), 0);
	EQUAL(length, 1);
	argv = plan_vector(stage, b.ops[5].t);
	EQUAL(strcmp(argv[0], "sh"), 0);
	EQUAL(strcmp(argv[2], "true"), 0);
	CHECK(argv[3] == NULL);
	CHECK(plan_vector(stage, b.ops[5].u)[0] == NULL);
}

/* Each statement damages a good plan; the decoder must refuse it. */
#define DAMAGE(name, statement)                                                                    \
	static void name(void)                                                                     \
	{                                                                                          \
		struct rung_header *stage;                                                         \
		struct rung_op *op;                                                                \
		char *blob;                                                                        \
		sample_plan(&b);                                                                   \
		stage = header_of(&b);                                                             \
		op = op_of(&b, 0);                                                                 \
		blob = blob_of(&b);                                                                \
		(void)stage, (void)op, (void)blob;                                                 \
		statement;                                                                         \
		EQUAL(plan_check(b.bytes, b.size), -EINVAL);                                       \
	}

static void set32(char *at, uint32_t value)
{
	memcpy(at, &value, sizeof(value));
}

static void set64(char *at, uint64_t value)
{
	memcpy(at, &value, sizeof(value));
}

/* Appends eight bytes to the plan, behind its vectors, as a string of this length: it has room for 3 and its NUL. */
static void append_string(struct rung_header *stage, struct rung_op *op, char *blob,
			  uint32_t length)
{
	uint32_t at = (stage->blob + 3) / 4 * 4;

	b.size += at + 8 - stage->blob;
	stage->blob = at + 8;
	memset(blob + at, 0, 9);
	set32(blob + at, length);
	op[1].s = at;
}

static void longest_string(void)
{
	sample_plan(&b);
	append_string(header_of(&b), op_of(&b, 0), blob_of(&b), 3);
	EQUAL(plan_check(b.bytes, b.size), 0);
}

DAMAGE(bad_magic, stage->magic++)
DAMAGE(other_identity, stage->identity++)
DAMAGE(no_ops, stage->ops = 0)
DAMAGE(more_ops_than_bytes, stage->ops++)
DAMAGE(fewer_ops_than_bytes, stage->ops--)
DAMAGE(too_many_slots, stage->slots = RUNG_MOST_SLOTS + 1)
DAMAGE(too_many_inherited, stage->inherited = stage->slots + 1)
DAMAGE(no_blob, stage->blob = 0)
DAMAGE(blob_too_long, stage->blob++)
DAMAGE(blob_overflow, stage->blob = 0xffffffff)
DAMAGE(trailing_byte, b.size++)
DAMAGE(opcode_none, op[0].code = OP_NONE)
DAMAGE(opcode_unknown, op[0].code = OP_COUNT)
DAMAGE(opcode_far, op[0].code = 0xffff)
DAMAGE(slot_outside, op[1].b = (int32_t)stage->slots)
DAMAGE(slot_negative, op[1].b = -2)
DAMAGE(slot_absent, op[3].a = RUNG_NO_SLOT)
DAMAGE(slot_written_absent, op[1].b = RUNG_NO_SLOT)
DAMAGE(slot_maybe_negative, op[4].b = -2)
DAMAGE(skip_self, op[3].skip = 3)
DAMAGE(skip_forward, op[3].skip = 4)
DAMAGE(sync_first_slot, op[2].y = stage->slots + 1)
DAMAGE(sync_too_many, op[2].z = stage->slots - op[2].y + 1)
DAMAGE(sync_overflow, op[2].z = UINT64_MAX)
DAMAGE(sync_more_than_a_message, stage->slots = 1000; op[2].z = RUNG_MAX_REPLY_FDS)
DAMAGE(string_unaligned, op[1].s++)
DAMAGE(string_outside, op[1].s = (stage->blob + 3) / 4 * 4)
DAMAGE(string_far, op[1].s = 0xfffffffc)
DAMAGE(string_at_end, op[1].s = (stage->blob - 1) / 4 * 4)
DAMAGE(string_too_long, append_string(stage, op, blob, 4))
DAMAGE(string_length_overflow, set32(blob + op[1].s, 0xffffffff))
DAMAGE(string_without_nul, blob[op[1].s + 5] = 'x')
DAMAGE(string_shorter_than_text, set32(blob + op[1].s, 0))
DAMAGE(vector_unaligned, op[5].t += 4)
DAMAGE(vector_outside, op[5].t = (stage->blob + 7) / 8 * 8)
DAMAGE(vector_at_end, op[5].t = (stage->blob - 8) / 8 * 8)
DAMAGE(vector_count, set64(blob + op[5].t, 1000))
DAMAGE(vector_count_overflow, set64(blob + op[5].t, UINT64_MAX))
DAMAGE(vector_item_outside, set64(blob + op[5].t + 8, stage->blob))
DAMAGE(vector_item_far, set64(blob + op[5].t + 8, 1ULL << 32))
DAMAGE(vector_item_unaligned, set64(blob + op[5].t + 8, 1))
DAMAGE(vector_without_end, set64(blob + op[5].t + 32, 8))
DAMAGE(vector_shared, op[5].u = op[5].t)
/* The end of the one, and all of the other, which is empty. */
DAMAGE(vector_overlaps, op[5].u = op[5].t + 32)
DAMAGE(vector_shared_by_two_ops, op[4] = op[5])
DAMAGE(vector_overlaps_of_two_ops, op[4] = op[5]; op[4].u = op[5].t + 32)
/* The count of a vector reads as the length of a short string. */
DAMAGE(vector_under_string, op[1].s = op[5].t)
DAMAGE(vector_under_string_of_itself, op[5].s = op[5].t)
DAMAGE(vector_under_item, set64(blob + op[5].t + 8, op[5].t))
DAMAGE(vector_under_item_of_other, set64(blob + op[5].t + 8, op[5].u))

static void add_exec(int shared)
{
	static const char *const argv[] = { "sh", NULL };
	struct rung_op *op = add(&b, OP_EXEC);

	op->s = shared ? b.ops[0].s : add_string(&b, "/bin/sh");
	op->t = add_vector(&b, argv);
	op->u = add_vector(&b, argv + 1);
}

/* Strings may be shared between ops, by vectors too. */
static void vectors_of_their_own(void)
{
	uint32_t i;

	builder_init(&b);
	for (i = 0; i < RUNG_MAX_VECTORS / 2; i++)
		add_exec(i > 0);
	builder_finish(&b);
	EQUAL(plan_check(b.bytes, b.size), 0);
	builder_init(&b);
	for (i = 0; i <= RUNG_MAX_VECTORS / 2; i++)
		add_exec(i > 0);
	builder_finish(&b);
	EQUAL(plan_check(b.bytes, b.size), -EINVAL);
}

/* After every vector is relocated, every string is what it was. */
static void vectors_keep_strings(void)
{
	struct stage *stage;

	sample_plan(&b);
	stage = bare_stage(&b);
	plan_vector(stage, b.ops[5].t);
	plan_vector(stage, b.ops[5].u);
	EQUAL(strcmp(plan_string(stage, b.ops[1].s, NULL), "/"), 0);
	EQUAL(strcmp(plan_string(stage, b.ops[3].s, NULL), "proc/kcore"), 0);
	EQUAL(strcmp(plan_string(stage, b.ops[5].s, NULL), "/bin/sh"), 0);
}

static void cut_short(void)
{
	char copy[sizeof(b.bytes)];
	size_t size;

	sample_plan(&b);
	memcpy(copy, b.bytes, b.size);
	for (size = 0; size < b.size; size++)
		EQUAL(plan_check(copy, size), -EINVAL);
	EQUAL(plan_check(copy, b.size), 0);
}

/* A later change of the file does not change the checked plan: the decoder copies a file without seals. */
static void unsealed(void)
{
	const char rubbish[] = "rubbish";
	struct plan plan;
	int fd;

	sample_plan(&b);
	fd = unsealed_memfd(b.bytes, b.size);
	EQUAL(plan_map(&plan, fd), 0);
	EQUAL(pwrite(fd, rubbish, sizeof(rubbish), 0), sizeof(rubbish));
	EQUAL(memcmp(plan.header, b.bytes, b.size), 0);
	EQUAL(plan_map(&plan, fd), -EINVAL);
	EQUAL(plan_map(&plan, 999), -EBADF);
	EQUAL(plan_map(&plan, open_path("/etc/passwd")), -EBADF);
}

static void sealed_rubbish(void)
{
	struct plan plan;

	memset(&b, 'x', sizeof(b));
	EQUAL(plan_map(&plan, sealed_memfd(b.bytes, 0)), -EINVAL);
	EQUAL(plan_map(&plan, sealed_memfd(b.bytes, 39)), -EINVAL);
	EQUAL(plan_map(&plan, sealed_memfd(b.bytes, 4096)), -EINVAL);
}

#define DAMAGED(name) { "plan_check refuses: " #name, name, ANYBODY }

const struct test plan_tests[] = {
	{ "plan_map maps a good plan", good, ANYBODY },
	{ "strings and vectors can be used", strings, ANYBODY },
	{ "plan_check refuses a plan that is cut short anywhere", cut_short, ANYBODY },
	{ "plan_check takes a string that ends with the plan", longest_string, ANYBODY },
	{ "plan_map copies what is not sealed", unsealed, ANYBODY },
	{ "plan_map refuses sealed rubbish", sealed_rubbish, ANYBODY },
	DAMAGED(bad_magic),
	DAMAGED(other_identity),
	DAMAGED(no_ops),
	DAMAGED(more_ops_than_bytes),
	DAMAGED(fewer_ops_than_bytes),
	DAMAGED(too_many_slots),
	DAMAGED(too_many_inherited),
	DAMAGED(no_blob),
	DAMAGED(blob_too_long),
	DAMAGED(blob_overflow),
	DAMAGED(trailing_byte),
	DAMAGED(opcode_none),
	DAMAGED(opcode_unknown),
	DAMAGED(opcode_far),
	DAMAGED(slot_outside),
	DAMAGED(slot_negative),
	DAMAGED(slot_absent),
	DAMAGED(slot_written_absent),
	DAMAGED(slot_maybe_negative),
	DAMAGED(skip_self),
	DAMAGED(skip_forward),
	DAMAGED(sync_first_slot),
	DAMAGED(sync_too_many),
	DAMAGED(sync_overflow),
	DAMAGED(sync_more_than_a_message),
	DAMAGED(string_unaligned),
	DAMAGED(string_outside),
	DAMAGED(string_far),
	DAMAGED(string_at_end),
	DAMAGED(string_too_long),
	DAMAGED(string_length_overflow),
	DAMAGED(string_without_nul),
	DAMAGED(string_shorter_than_text),
	DAMAGED(vector_unaligned),
	DAMAGED(vector_outside),
	DAMAGED(vector_at_end),
	DAMAGED(vector_count),
	DAMAGED(vector_count_overflow),
	DAMAGED(vector_item_outside),
	DAMAGED(vector_item_far),
	DAMAGED(vector_item_unaligned),
	DAMAGED(vector_without_end),
	DAMAGED(vector_shared),
	DAMAGED(vector_overlaps),
	DAMAGED(vector_shared_by_two_ops),
	DAMAGED(vector_overlaps_of_two_ops),
	DAMAGED(vector_under_string),
	DAMAGED(vector_under_string_of_itself),
	DAMAGED(vector_under_item),
	DAMAGED(vector_under_item_of_other),
	{ "plan_check takes several vectors, but not too many", vectors_of_their_own, ANYBODY },
	{ "vectors are relocated, strings are not", vectors_keep_strings, ANYBODY },
	{ NULL, NULL, ANYBODY },
};
