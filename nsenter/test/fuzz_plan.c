// SPDX-License-Identifier: Apache-2.0
/* fuzz_plan.c - fuzzes the decoder: it must not read outside of any input, and the ops must be
 * able to use each plan that it accepts without another check. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "stage.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Of an input: -max_len in the Makefile. */
#define MAX_SIZE 8192

static const struct {
	const char *slots, *strings;
} signatures[] = { { "---", "---" },
#define SIGNATURE(name, slots, ints, strings, calls) { slots, strings },
		   RUNG_OPS(SIGNATURE)
#undef SIGNATURE
};

static void use_string(const struct stage *stage, uint32_t offset)
{
	uint32_t length;
	const char *text = plan_string(stage, offset, &length);

	if (text[length] != '\0')
		abort();
}

/* Relocates a vector, as EXEC does, and compares its strings with those that it named before. */
static void use_vector(const struct stage *stage, uint32_t offset)
{
	static uint64_t items[MAX_SIZE / sizeof(uint64_t)];
	char **vector;
	uint64_t count, i;

	memcpy(&count, stage->plan.blob + offset, sizeof(count));
	memcpy(items, stage->plan.blob + offset + sizeof(count), count * sizeof(count));
	vector = plan_vector(stage, offset);
	for (i = 0; i < count; i++) {
		if (vector[i] != plan_string(stage, (uint32_t)items[i], NULL))
			abort();
		use_string(stage, (uint32_t)items[i]);
	}
	if (vector[count])
		abort();
}

static void use_strings(const struct stage *stage, const struct rung_op *op)
{
	const uint32_t text[] = { op->s, op->t, op->u };
	const char *kind = signatures[op->code].strings;
	int i;

	for (i = 0; i < 3; i++)
		if (kind[i] != '-' && kind[i] != 'v')
			use_string(stage, text[i]);
}

static void use_op(const struct stage *stage, const struct rung_op *op)
{
	const uint32_t text[] = { op->s, op->t, op->u };
	const int32_t slot[] = { op->a, op->b, op->c };
	int i;

	for (i = 0; i < 3; i++) {
		if (signatures[op->code].slots[i] != '-' && slot[i] != RUNG_NO_SLOT &&
		    (uint32_t)slot[i] >= stage->plan.header->slots)
			abort();
		if (signatures[op->code].strings[i] == 'v')
			use_vector(stage, text[i]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct stage stage;
	void *copy; /* of that size: the sanitizer notices a read behind its end */
	uint32_t i;

	if (size > MAX_SIZE || plan_check(data, size) != 0)
		return 0;
	copy = malloc(size);
	if (!copy)
		abort();
	memcpy(copy, data, size);
	stage.plan.header = copy;
	stage.plan.ops = (void *)(stage.plan.header + 1);
	stage.plan.blob = (char *)(stage.plan.ops + stage.plan.header->ops);
	for (i = 0; i < stage.plan.header->ops; i++)
		use_op(&stage, &stage.plan.ops[i]);
	for (i = 0; i < stage.plan.header->ops; i++)
		use_strings(&stage, &stage.plan.ops[i]);
	free(copy);
	return 0;
}
