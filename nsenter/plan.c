// SPDX-License-Identifier: Apache-2.0
//go:build cgo
/*
 * plan.c - the decoder: maps a plan and checks every index and offset in it once,
 * so that the ops can use them without a check.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "stage.h"

struct signature {
	const char slots[4], ints[5], strings[4];
};

static const struct signature signatures[] = { [OP_NONE] = { "---", "----", "---" },
#define RUNG_OP_SIGNATURE(name, slots, ints, strings, calls) [OP_##name] = { slots, ints, strings },
					       RUNG_OPS(RUNG_OP_SIGNATURE)
#undef RUNG_OP_SIGNATURE
};

/* Returns the letter of a slot operand (ops.h). */
char op_slot_kind(uint16_t code, size_t slot)
{
	return signatures[code].slots[slot];
}

static int check_slot(char kind, int32_t slot, uint32_t slots)
{
	if (kind == '-' || ((kind == 'm' || kind == 'w') && slot == RUNG_NO_SLOT))
		return 1;
	return slot >= 0 && (uint32_t)slot < slots;
}

/* A string must end inside the blob, and with NUL. */
static int check_string(const char *blob, uint32_t size, uint32_t offset)
{
	uint32_t length;

	if (offset % sizeof(length) != 0 || offset > size || size - offset < sizeof(length) + 1)
		return 0;
	memcpy(&length, blob + offset, sizeof(length));
	if (length > size - offset - sizeof(length) - 1)
		return 0;
	return blob[offset + sizeof(length) + length] == '\0';
}

static int check_vector(const char *blob, uint32_t size, uint32_t offset)
{
	uint64_t count, item, i;

	if (offset % sizeof(count) != 0 || offset > size || size - offset < 2 * sizeof(count))
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

static int check_op(const struct rung_op *op, uint32_t index, const struct rung_header *s,
		    const char *blob)
{
	const struct signature *sig;
	const uint32_t text[] = { op->s, op->t, op->u };
	const int32_t slot[] = { op->a, op->b, op->c };
	size_t i;

	if (op->code == OP_NONE || op->code >= OP_COUNT)
		return 0;
	if ((op->flags & RUNG_SKIP_IF_OK) && op->skip >= index)
		return 0;
	if (op->code == OP_SYNC &&
	    (op->y > s->slots || op->z > s->slots - op->y || op->z >= RUNG_MAX_REPLY_FDS))
		return 0;
	sig = &signatures[op->code];
	for (i = 0; i < COUNT(text); i++)
		if (!check_slot(sig->slots[i], slot[i], s->slots) ||
		    !check_text(sig->strings[i], blob, s->blob, text[i]))
			return 0;
	return 1;
}

/* A part of the blob. */
struct range {
	uint32_t start, end;
};

/* The vectors of a plan. plan_vector relocates each in place, so nothing else may lie there. */
struct vectors {
	uint32_t count;
	struct range at[RUNG_MAX_VECTORS];
};

static int apart(const struct vectors *v, uint32_t start, uint32_t end)
{
	uint32_t i;

	for (i = 0; i < v->count; i++)
		if (start < v->at[i].end && v->at[i].start < end)
			return 0;
	return 1;
}

/* Adds the vectors of an op that check_op has accepted. Returns 0 if one overlaps another one, or there are too many. */
static int add_vectors(struct vectors *v, const struct rung_op *op, const char *blob)
{
	const uint32_t text[] = { op->s, op->t, op->u };
	uint64_t count;
	uint32_t end;
	size_t i;

	for (i = 0; i < COUNT(text); i++) {
		if (signatures[op->code].strings[i] != 'v')
			continue;
		memcpy(&count, blob + text[i], sizeof(count));
		end = text[i] + (uint32_t)((count + 2) * sizeof(count));
		if (v->count == RUNG_MAX_VECTORS || !apart(v, text[i], end))
			return 0;
		v->at[v->count++] = (struct range){ text[i], end };
	}
	return 1;
}

static int string_apart(const struct vectors *v, const char *blob, uint32_t offset)
{
	uint32_t length;

	memcpy(&length, blob + offset, sizeof(length));
	return apart(v, offset, offset + (uint32_t)sizeof(length) + length + 1);
}

static int items_apart(const struct vectors *v, const char *blob, uint32_t offset)
{
	uint64_t count, item, i;

	memcpy(&count, blob + offset, sizeof(count));
	for (i = 1; i <= count; i++) {
		memcpy(&item, blob + offset + i * sizeof(item), sizeof(item));
		if (!string_apart(v, blob, (uint32_t)item))
			return 0;
	}
	return 1;
}

/* Whether no string of the op lies in a vector. */
static int strings_apart(const struct vectors *v, const struct rung_op *op, const char *blob)
{
	const char *kind = signatures[op->code].strings;
	const uint32_t text[] = { op->s, op->t, op->u };
	size_t i;

	for (i = 0; i < COUNT(text); i++) {
		if (kind[i] == 'v' && !items_apart(v, blob, text[i]))
			return 0;
		if (kind[i] != 'v' && kind[i] != '-' && !string_apart(v, blob, text[i]))
			return 0;
	}
	return 1;
}

/* Returns 0 if every index and offset of the plan lies inside it, and nothing overlaps a vector; else -EINVAL. */
int plan_check(const void *data, size_t size)
{
	const struct rung_header *s = data;
	const struct rung_op *ops = (const void *)(s + 1);
	struct vectors vectors;
	const char *blob;
	uint32_t i;

	if (size < sizeof(*s) || s->magic != RUNG_PLAN_MAGIC || s->identity != RUNG_STAGE_IDENTITY)
		return -EINVAL;
	if (s->ops == 0 || s->slots > RUNG_MOST_SLOTS || s->inherited > s->slots)
		return -EINVAL;
	/* In 64 bits: the sum must not wrap where a size_t has 32. */
	if (s->blob == 0 || size != sizeof(*s) + s->ops * (uint64_t)sizeof(*ops) + s->blob)
		return -EINVAL;
	blob = (const char *)(ops + s->ops);
	vectors.count = 0;
	for (i = 0; i < s->ops; i++)
		if (!check_op(&ops[i], i, s, blob) || !add_vectors(&vectors, &ops[i], blob))
			return -EINVAL;
	for (i = 0; i < s->ops; i++)
		if (!strings_apart(&vectors, &ops[i], blob))
			return -EINVAL;
	return 0;
}

/* Whether the file has all seals, so that nobody can change it. */
static int is_sealed(int fd)
{
	long result = sys(SYS_fcntl, fd, F_GET_SEALS);

	return result >= 0 && (result & ALL_SEALS) == ALL_SEALS;
}

/* Reads a file into private memory. Returns its address, or -errno. */
static long read_unsealed(int fd, uint64_t size)
{
	long n, at,
		memory = map_file(size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);

	if (is_error(memory))
		return memory;
	n = sys(SYS_lseek, fd, 0, SEEK_SET);
	if (n < 0)
		return n;
	for (at = 0; (uint64_t)at < size; at += n) {
		n = sys(SYS_read, fd, memory + at, size - (uint64_t)at);
		if (n == -EINTR)
			n = 0;
		else if (n <= 0)
			return n < 0 ? n : -ENODATA;
	}
	return memory;
}

/* Maps the plan in fd and checks it. The file is sealed, or else copied first: nobody can change a checked plan. */
int plan_map(struct plan *plan, int fd)
{
	struct statx file;
	long result;
	void *data;

	result = status_of(fd, &file);
	if (result < 0)
		return (int)result;
	if (file.stx_size < sizeof(struct rung_header) || (size_t)file.stx_size != file.stx_size)
		return -EINVAL;
	result = is_sealed(fd) ? map_file(file.stx_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd)
			       : read_unsealed(fd, file.stx_size);
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

/* The least size of a page: what is mapped is a multiple of it. */
#define PAGE 4096

static size_t mapped(size_t size)
{
	return (size + PAGE - 1) / PAGE * PAGE;
}

/* Returns the address of memory with at least `want` bytes: what it had, and zeroes. Or returns -errno. */
static long grown(void *memory, size_t size, size_t want)
{
	if (mapped(want) <= mapped(size))
		return (long)memory;
	if (memory)
		return sys(SYS_mremap, memory, mapped(size), mapped(want), MREMAP_MAYMOVE);
	return map_file(mapped(want), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

/* Makes room for the slots and the ops of a plan. The slots keep what they hold. Returns 0, or -errno. */
static long make_room(struct stage *s, const struct rung_header *plan)
{
	const size_t slots = plan->slots * sizeof(*s->slots), done = plan->ops;
	long memory = grown(s->slots, s->slots_size, slots);

	if (is_error(memory))
		return memory;
	s->slots = (void *)memory;
	s->slots_size = slots;
	memory = grown(s->done, s->done_size, done);
	if (is_error(memory))
		return memory;
	s->done = (void *)memory;
	if (s->done_size < done)
		s->done_size = done;
	return 0;
}

/* Makes the plan in fd the one that the stage executes. Returns 0, or -errno. */
int plan_take(struct stage *s, int fd)
{
	struct plan next;
	long result = plan_map(&next, fd);

	if (result < 0)
		return (int)result;
	if (next.header->slots < s->slots_size / sizeof(*s->slots))
		return -EINVAL;
	result = make_room(s, next.header);
	if (result == 0)
		memcpy(&s->plan, &next, sizeof(next));
	return (int)result;
}

const char *plan_string(const struct stage *s, uint32_t offset, uint32_t *length)
{
	if (length)
		memcpy(length, s->plan.blob + offset, sizeof(*length));
	return s->plan.blob + offset + sizeof(uint32_t);
}

/*
 * Returns the vector as a NULL-terminated array. Call it once for each vector: it relocates in
 * place. A pointer is never longer than the 64-bit item that it replaces, so it never overwrites
 * an item that is still to be read.
 */
char **plan_vector(const struct stage *s, uint32_t offset)
{
	uint64_t *item = (uint64_t *)(void *)(s->plan.blob + offset);
	char **vector = (char **)item;
	uint64_t i, count = item[0];

	for (i = 0; i < count; i++)
		vector[i] = (char *)(uintptr_t)plan_string(s, (uint32_t)item[i + 1], NULL);
	vector[count] = NULL;
	return vector;
}
