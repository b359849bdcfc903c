// SPDX-License-Identifier: Apache-2.0
/* builder.c - makes plans for the tests and runs them. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

void builder_init(struct builder *b)
{
	memset(b, 0, sizeof(*b));
	b->slots = 16;
}

struct rung_op *add(struct builder *b, enum rung_opcode code)
{
	struct rung_op *op = &b->ops[b->count++];

	memset(op, 0, sizeof(*op));
	op->code = (uint16_t)code;
	op->a = op->b = op->c = RUNG_NO_SLOT;
	return op;
}

uint32_t add_bytes(struct builder *b, const void *data, uint32_t length)
{
	uint32_t at = (b->blob_size + 7) / 8 * 8 + 4;

	memcpy(b->blob + at, &length, sizeof(length));
	memcpy(b->blob + at + sizeof(length), data, length);
	b->blob[at + sizeof(length) + length] = '\0';
	b->blob_size = at + (uint32_t)sizeof(length) + length + 1;
	return at;
}

uint32_t add_string(struct builder *b, const char *text)
{
	return add_bytes(b, text, (uint32_t)strlen(text));
}

uint32_t add_vector(struct builder *b, const char *const *items)
{
	uint64_t words[32] = { 0 };
	uint32_t at;

	for (words[0] = 0; items[words[0]]; words[0]++)
		words[words[0] + 1] = add_string(b, items[words[0]]);
	at = (b->blob_size + 7) / 8 * 8;
	memcpy(b->blob + at, words, (words[0] + 2) * sizeof(words[0]));
	b->blob_size = at + (uint32_t)((words[0] + 2) * sizeof(words[0]));
	return at;
}

struct rung_header *header_of(struct builder *b)
{
	return (void *)b->bytes;
}

struct rung_op *op_of(struct builder *b, uint32_t index)
{
	return (struct rung_op *)(void *)(header_of(b) + 1) + index;
}

char *blob_of(struct builder *b)
{
	return (char *)op_of(b, b->count);
}

void builder_finish(struct builder *b)
{
	struct rung_header *stage = header_of(b);

	b->blob[b->blob_size++] = '\0';
	stage->magic = RUNG_PLAN_MAGIC;
	stage->identity = RUNG_STAGE_IDENTITY;
	stage->ops = b->count;
	stage->slots = b->slots;
	stage->inherited = b->inherited;
	stage->blob = b->blob_size;
	stage->flags = 0;
	memcpy(op_of(b, 0), b->ops, b->count * sizeof(b->ops[0]));
	memcpy(blob_of(b), b->blob, b->blob_size);
	b->size = sizeof(*stage) + b->count * sizeof(b->ops[0]) + b->blob_size;
}

/* A plan with every kind of operand. */
void sample_plan(struct builder *b)
{
	static const char *const argv[] = { "sh", "-c", "true", NULL };
	static const char *const env[] = { NULL };
	struct rung_op *op;

	builder_init(b);
	b->inherited = 2;
	op = add(b, OP_UMASK);
	op->x = 022;
	op = add(b, OP_OPEN);
	op->b = 3;
	op->s = add_string(b, "/");
	op = add(b, OP_SYNC);
	op->x = 1;
	op->y = 4;
	op->z = 2;
	op = add(b, OP_MASK);
	op->a = 3;
	op->b = 4;
	op->c = 5;
	op->s = add_string(b, "proc/kcore");
	op->flags = RUNG_SKIP_IF_OK | RUNG_SKIP_IF_EMPTY;
	op->skip = 1;
	op->ok[0] = ENOENT;
	op = add(b, OP_SECCOMP);
	op->s = add_bytes(b, "\0\0\0\0\0\0\0\0", 8);
	op = add(b, OP_EXEC);
	op->s = add_string(b, "/bin/sh");
	op->t = add_vector(b, argv);
	op->u = add_vector(b, env);
	builder_finish(b);
}

int unsealed_memfd(const void *data, size_t size)
{
	int fd = memfd_create("plan", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	EQUAL(write(fd, data, size), size);
	return fd;
}

int sealed_memfd(const void *data, size_t size)
{
	int fd = unsealed_memfd(data, size);

	EQUAL(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE), 0);
	return fd;
}

struct rung_progress *new_progress(uint32_t room)
{
	size_t size = sizeof(struct rung_progress) + room * sizeof(uint64_t);
	struct rung_progress *p =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	CHECK(p != MAP_FAILED);
	p->magic = RUNG_PROGRESS_MAGIC;
	p->identity = RUNG_STAGE_IDENTITY;
	p->room = room;
	return p;
}

struct stage *bare_stage(struct builder *b)
{
	static struct stage stage;

	memset(&stage, 0, sizeof(stage));
	stage.sync = -1;
	EQUAL(plan_take(&stage, sealed_memfd(b->bytes, b->size)), 0);
	return &stage;
}

int run_builder(struct builder *b, struct rung_progress *progress, int sync, const int *fds,
		int count)
{
	struct stage *stage;
	int status, i;
	pid_t pid = fork();

	if (pid == 0) {
		alarm(TIMEOUT / 2);
		stage = bare_stage(b);
		stage->progress = progress;
		stage->sync = sync;
		for (i = 0; i < count; i++)
			slot_put(stage, (int32_t)i, fds[i]);
		run_plan(stage);
	}
	EQUAL(waitpid(pid, &status, 0), pid);
	return status;
}

void check_came_to_end(const struct rung_progress *progress, const struct builder *b)
{
	check_failed(progress, b->count - 1, ENOEXEC);
}

void check_failed(const struct rung_progress *progress, uint32_t op, int error)
{
	EQUAL(progress->op, op);
	EQUAL(progress->error, error);
}
