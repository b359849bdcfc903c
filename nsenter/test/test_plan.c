// SPDX-License-Identifier: Apache-2.0
/* test_plan.c - the decoder: what is well-formed passes, and every kind of damage is refused. */
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
	struct hands *h;
	uint32_t length;
	char **argv;

	sample_plan(&b);
	h = bare_hands(&b);
	EQUAL(strcmp(plan_string(h, b.ops[1].s, &length), "/"), 0);
	EQUAL(length, 1);
	argv = plan_vector(h, b.ops[5].t);
	EQUAL(strcmp(argv[0], "sh"), 0);
	EQUAL(strcmp(argv[2], "true"), 0);
	CHECK(argv[3] == NULL);
	CHECK(plan_vector(h, b.ops[5].u)[0] == NULL);
}

/* Each is done to a good plan, and must be refused. */
#define DAMAGE(name, statement)                                                                    \
	static void name(void)                                                                     \
	{                                                                                          \
		struct rung_header *h;                                                             \
		struct rung_op *op;                                                                \
		char *blob;                                                                        \
		sample_plan(&b);                                                                   \
		h = header_of(&b);                                                                 \
		op = op_of(&b, 0);                                                                 \
		blob = blob_of(&b);                                                                \
		(void)h, (void)op, (void)blob;                                                     \
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

DAMAGE(bad_magic, h->magic++)
DAMAGE(other_identity, h->identity++)
DAMAGE(no_ops, h->ops = 0)
DAMAGE(too_many_ops, h->ops = RUNG_MAX_OPS + 1)
DAMAGE(more_ops_than_bytes, h->ops++)
DAMAGE(fewer_ops_than_bytes, h->ops--)
DAMAGE(too_many_slots, h->slots = RUNG_MAX_SLOTS + 1)
DAMAGE(too_many_inherited, h->inherited = h->slots + 1)
DAMAGE(no_blob, h->blob = 0)
DAMAGE(blob_too_long, h->blob++)
DAMAGE(blob_overflow, h->blob = 0xffffffff)
DAMAGE(trailing_byte, b.size++)
DAMAGE(opcode_none, op[0].code = OP_NONE)
DAMAGE(opcode_unknown, op[0].code = OP_COUNT)
DAMAGE(opcode_far, op[0].code = 0xffff)
DAMAGE(slot_outside, op[1].b = (int16_t)h->slots)
DAMAGE(slot_negative, op[1].b = -2)
DAMAGE(slot_absent, op[3].a = RUNG_NO_SLOT)
DAMAGE(slot_written_absent, op[1].b = RUNG_NO_SLOT)
DAMAGE(slot_maybe_negative, op[4].b = -2)
DAMAGE(skip_self, op[3].skip = 3)
DAMAGE(skip_forward, op[3].skip = 4)
DAMAGE(sync_first_slot, op[2].y = h->slots + 1)
DAMAGE(sync_too_many, op[2].z = h->slots - op[2].y + 1)
DAMAGE(sync_overflow, op[2].z = UINT64_MAX)
DAMAGE(sync_more_than_a_message, h->slots = 1000; op[2].z = RUNG_MAX_REPLY_FDS)
DAMAGE(string_unaligned, op[1].s++)
DAMAGE(string_outside, op[1].s = (h->blob + 3) / 4 * 4)
DAMAGE(string_far, op[1].s = 0xfffffffc)
DAMAGE(string_at_end, op[1].s = (h->blob - 1) / 4 * 4)
DAMAGE(string_too_long, set32(blob + op[1].s, h->blob))
DAMAGE(string_length_overflow, set32(blob + op[1].s, 0xffffffff))
DAMAGE(string_without_nul, blob[op[1].s + 5] = 'x')
DAMAGE(string_shorter_than_text, set32(blob + op[1].s, 0))
DAMAGE(vector_unaligned, op[5].t += 4)
DAMAGE(vector_outside, op[5].t = (h->blob + 7) / 8 * 8)
DAMAGE(vector_at_end, op[5].t = (h->blob - 8) / 8 * 8)
DAMAGE(vector_count, set64(blob + op[5].t, 1000))
DAMAGE(vector_count_overflow, set64(blob + op[5].t, UINT64_MAX))
DAMAGE(vector_item_outside, set64(blob + op[5].t + 8, h->blob))
DAMAGE(vector_item_far, set64(blob + op[5].t + 8, 1ULL << 32))
DAMAGE(vector_item_unaligned, set64(blob + op[5].t + 8, 1))
DAMAGE(vector_without_end, set64(blob + op[5].t + 32, 8))
DAMAGE(vector_shared, op[5].u = op[5].t)

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

static void unsealed(void)
{
	struct plan plan;

	sample_plan(&b);
	EQUAL(plan_map(&plan, unsealed_memfd(b.bytes, b.size)), -EPERM);
	EQUAL(plan_map(&plan, 999), -EPERM);
	EQUAL(plan_map(&plan, open_path("/")), -EPERM);
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
	{ "plan_map refuses what is not sealed", unsealed, ANYBODY },
	{ "plan_map refuses sealed rubbish", sealed_rubbish, ANYBODY },
	DAMAGED(bad_magic),
	DAMAGED(other_identity),
	DAMAGED(no_ops),
	DAMAGED(too_many_ops),
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
	{ NULL, NULL, ANYBODY },
};
