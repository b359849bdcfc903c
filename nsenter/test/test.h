/* SPDX-License-Identifier: Apache-2.0 */
/* test.h - what the tests of the hands share. Each test runs in a process of its own. */
#ifndef RUNG_TEST_H
#define RUNG_TEST_H

#include <stddef.h>
#include <stdint.h>

#include "hands.h"

enum need { ANYBODY, ROOT };

struct test {
	const char *name;
	void (*run)(void);
	enum need need;
};

extern const struct test plan_tests[], loop_tests[], file_tests[], mount_tests[], process_tests[];

/* Ends the test as failed, with the place and the two values, unless they are equal. */
#define EQUAL(got, want) check_equal(__FILE__, __LINE__, #got, (long)(got), (long)(want))
#define CHECK(condition) EQUAL(!!(condition), 1)
void check_equal(const char *file, int line, const char *what, long got, long want);

/* Seconds after which a test, or the hands that it started, count as hanging. */
#define TIMEOUT 20

/* builder.c: a plan under construction, and as the bytes that the hands read. */
#define MAX_TEST_OPS 64
struct builder {
	struct rung_op ops[MAX_TEST_OPS];
	uint32_t count, slots, inherited, blob_size;
	_Alignas(8) char blob[65536];
	_Alignas(8) char bytes[sizeof(struct rung_header) + sizeof(struct rung_op) * MAX_TEST_OPS +
			       65536];
	size_t size;
};

void builder_init(struct builder *b);
struct rung_op *add(struct builder *b, enum rung_opcode code);
uint32_t add_bytes(struct builder *b, const void *data, uint32_t length);
uint32_t add_string(struct builder *b, const char *text);
uint32_t add_vector(struct builder *b, const char *const *items);
void builder_finish(struct builder *b);
struct rung_header *header_of(struct builder *b);
struct rung_op *op_of(struct builder *b, uint32_t index);
char *blob_of(struct builder *b);
void sample_plan(struct builder *b);

/* A memfd that holds these bytes, sealed against every change. */
int sealed_memfd(const void *data, size_t size);
int unsealed_memfd(const void *data, size_t size);

/* A progress page that survives the hands, with room for that many clocks. */
struct rung_progress *new_progress(uint32_t room);

/* Runs a finished plan in a child; its wait status. The slots 0.. are filled from fds. */
int run_builder(struct builder *b, struct rung_progress *progress, int sync, const int *fds,
		int count);

/* That the hands came to the end of a plan without EXEC: every op before it was fine. */
void check_came_to_end(const struct rung_progress *progress, const struct builder *b);
void check_failed(const struct rung_progress *progress, uint32_t op, int error);

/* The hands in this very process, to call one op. */
struct hands *bare_hands(struct builder *b);

/* A new empty directory, which is removed when the tests end, open as O_PATH. */
const char *scratch(void);
int open_path(const char *path);

#endif
