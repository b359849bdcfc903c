// SPDX-License-Identifier: Apache-2.0
/*
 * plan.c - the decoder: maps a plan and checks every index and offset in it once,
 * so that the ops can use them as they are.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "hands.h"

struct signature {
	const char slots[4], ints[5], strings[4];
};

static const struct signature signatures[] = { [OP_NONE] = { "---", "----", "---" },
#define RUNG_OP_SIGNATURE(name, slots, ints, strings, calls) [OP_##name] = { slots, ints, strings },
					       RUNG_OPS(RUNG_OP_SIGNATURE)
#undef RUNG_OP_SIGNATURE
};

/* The letter of a slot operand, as in ops.h. */
char op_slot_kind(uint16_t code, int slot)
{
	return signatures[code].slots[slot];
}

static int check_slot(char kind, int16_t slot, uint32_t slots)
{
	if (kind == '-' || ((kind == 'm' || kind == 'w') && slot == RUNG_NO_SLOT))
		return 1;
	return slot >= 0 && (uint32_t)slot < slots;
}

/* A string ends inside the blob, and with NUL. */
static int check_string(const char *blob, uint32_t size, uint32_t offset)
{
	uint32_t length;

	if (offset % 4 != 0 || offset > size || size - offset < sizeof(length) + 1)
		return 0;
	memcpy(&length, blob + offset, sizeof(length));
	if (length > size - offset - sizeof(length) - 1)
		return 0;
	return blob[offset + sizeof(length) + length] == '\0';
}

static int check_vector(const char *blob, uint32_t size, uint32_t offset)
{
	uint64_t count, item, i;

	if (offset % 8 != 0 || offset > size || size - offset < 2 * sizeof(count))
		return 0;
	memcpy(&count, blob + offset, sizeof(count));
	if (count > (size - offset) / sizeof(count) - 2)
		return 0;
	for (i = 1; i <= count; i++) {
		memcpy(&item, blob + offset + i * sizeof(item), sizeof(item));
		if (item > size || !check_string(blob, size, (uint32_t)item))
			return 0;
	}
	memcpy(&item, blob + offset + (count + 1) * sizeof(item), sizeof(item));
	return item == 0;
}

static int check_text(char kind, const char *blob, uint32_t size, uint32_t offset)
{
	if (kind == '-')
		return 1;
	if (kind == 'v')
		return check_vector(blob, size, offset);
	return check_string(blob, size, offset);
}

static int check_op(const struct rung_op *op, uint32_t index, const struct rung_header *h,
		    const char *blob)
{
	const struct signature *sig;
	const uint32_t text[] = { op->s, op->t, op->u };
	const int16_t slot[] = { op->a, op->b, op->c };
	int i;

	if (op->code == OP_NONE || op->code >= OP_COUNT)
		return 0;
	if ((op->flags & RUNG_SKIP_IF_OK) && op->skip >= index)
		return 0;
	if (op->code == OP_SYNC &&
	    (op->y > h->slots || op->z > h->slots - op->y || op->z >= RUNG_MAX_REPLY_FDS))
		return 0;
	/* plan_vector relocates each once. */
	if (op->code == OP_EXEC && op->t == op->u)
		return 0;
	sig = &signatures[op->code];
	for (i = 0; i < 3; i++)
		if (!check_slot(sig->slots[i], slot[i], h->slots) ||
		    !check_text(sig->strings[i], blob, h->blob, text[i]))
			return 0;
	return 1;
}

/* 0 when every index and offset of the plan lies inside it, else -EINVAL. */
int plan_check(const void *data, size_t size)
{
	const struct rung_header *h = data;
	const struct rung_op *ops = (const void *)(h + 1);
	const char *blob;
	uint32_t i;

	if (size < sizeof(*h) || h->magic != RUNG_PLAN_MAGIC || h->identity != RUNG_STAGE_IDENTITY)
		return -EINVAL;
	if (h->ops == 0 || h->ops > RUNG_MAX_OPS || h->slots > RUNG_MAX_SLOTS ||
	    h->inherited > h->slots)
		return -EINVAL;
	/* In 64 bits: the sum must not wrap where a size_t has 32. */
	if (h->blob == 0 || size != sizeof(*h) + h->ops * (uint64_t)sizeof(*ops) + h->blob)
		return -EINVAL;
	blob = (const char *)(ops + h->ops);
	for (i = 0; i < h->ops; i++)
		if (!check_op(&ops[i], i, h, blob))
			return -EINVAL;
	return 0;
}

/* Maps the plan in fd, which must be sealed: nobody can change it after the check. */
int plan_map(struct plan *plan, int fd)
{
	const int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
	struct statx file;
	long result;
	void *data;

	result = sys(SYS_fcntl, fd, F_GET_SEALS);
	if (result < 0 || (result & seals) != seals)
		return -EPERM;
	result = status_of(fd, &file);
	if (result < 0)
		return (int)result;
	if (file.stx_size < sizeof(struct rung_header) || file.stx_size > (1 << 28))
		return -EINVAL;
	result = map_file(file.stx_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd);
	if (is_error(result))
		return (int)result;
	data = (void *)result;
	result = plan_check(data, (size_t)file.stx_size);
	if (result < 0)
		return (int)result;
	plan->header = data;
	plan->ops = (void *)(plan->header + 1);
	plan->blob = (char *)(plan->ops + plan->header->ops);
	return 0;
}

const char *plan_string(const struct hands *h, uint32_t offset, uint32_t *length)
{
	if (length)
		memcpy(length, h->plan.blob + offset, sizeof(*length));
	return h->plan.blob + offset + sizeof(uint32_t);
}

/*
 * The vector as a NULL-terminated array. To be called once a vector: it relocates in place. A
 * pointer is never longer than what it replaces, so that none overwrites an item to come.
 */
char **plan_vector(const struct hands *h, uint32_t offset)
{
	uint64_t *item = (uint64_t *)(void *)(h->plan.blob + offset);
	char **vector = (char **)item;
	uint64_t i, count = item[0];

	for (i = 0; i < count; i++)
		vector[i] = (char *)(uintptr_t)plan_string(h, (uint32_t)item[i + 1], NULL);
	vector[count] = NULL;
	return vector;
}
