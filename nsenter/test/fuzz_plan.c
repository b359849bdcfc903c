// SPDX-License-Identifier: Apache-2.0
/* fuzz_plan.c - whatever the bytes are, the decoder reads none outside of them, and what
 * it accepts can be used without a further check. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "hands.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct {
	const char *slots, *strings;
} signatures[] = { { "---", "---" },
#define SIGNATURE(name, slots, ints, strings, calls) { slots, strings },
		   RUNG_OPS(SIGNATURE)
#undef SIGNATURE
};

static void use_string(const struct hands *h, uint32_t offset)
{
	uint32_t length;
	const char *text = plan_string(h, offset, &length);

	if (text[length] != '\0')
		abort();
}

static void use_vector(const struct hands *h, uint32_t offset)
{
	uint64_t count, i, item;

	memcpy(&count, h->plan.blob + offset, sizeof(count));
	for (i = 1; i <= count; i++) {
		memcpy(&item, h->plan.blob + offset + i * sizeof(item), sizeof(item));
		use_string(h, (uint32_t)item);
	}
}

static void use_op(const struct hands *h, const struct rung_op *op)
{
	const uint32_t text[] = { op->s, op->t, op->u };
	const int16_t slot[] = { op->a, op->b, op->c };
	int i;

	for (i = 0; i < 3; i++) {
		if (signatures[op->code].slots[i] != '-' && slot[i] != RUNG_NO_SLOT &&
		    slot_get(h, slot[i]) != -1)
			abort();
		if (signatures[op->code].strings[i] == 'v')
			use_vector(h, text[i]);
		else if (signatures[op->code].strings[i] != '-')
			use_string(h, text[i]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct hands h;
	uint32_t i;

	if (plan_check(data, size) != 0)
		return 0;
	h.plan.header = (void *)(uintptr_t)data;
	h.plan.ops = (void *)(h.plan.header + 1);
	h.plan.blob = (char *)(h.plan.ops + h.plan.header->ops);
	for (i = 0; i < h.plan.header->ops; i++)
		use_op(&h, &h.plan.ops[i]);
	return 0;
}
