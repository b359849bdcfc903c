/* SPDX-License-Identifier: Apache-2.0 */
/* test.h - the functions that the tests of the stage share. Each test runs in a process of its own. */
#ifndef RUNG_TEST_H
#define RUNG_TEST_H

#include <stddef.h>
#include <stdint.h>

#include "stage.h"

enum need { ANYBODY, ROOT };

struct test {
	const char *name;
	void (*run)(void);
	enum need need;
};

extern const struct test plan_tests[], loop_tests[], file_tests[], mount_tests[], copyup_tests[],
	process_tests[], message_tests[], program_tests[], settings_tests[];

/* Unless the two values are equal, prints them and the place, and ends the test as failed. */
#define EQUAL(got, want) check_equal(__FILE__, __LINE__, #got, (long)(got), (long)(want))
#define CHECK(condition) EQUAL(!!(condition), 1)
void check_equal(const char *file, int line, const char *what, long got, long want);

/* Seconds after which a test, or the stage that it started, counts as hanging. */
#define TIMEOUT 60

/* A plan that is being built, and the bytes that the stage reads (builder.c). */
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

/* Each returns a memfd that holds these bytes; the first is sealed against every change. */
int sealed_memfd(const void *data, size_t size);
int unsealed_memfd(const void *data, size_t size);

/* Returns a progress page with room for that many clocks. It outlives the stage. */
struct rung_progress *new_progress(uint32_t room);

/* Runs a finished plan in a child and returns its wait status. fds fill the slots from 0 on. */
int run_builder(struct builder *b, struct rung_progress *progress, int sync, const int *fds,
		int count);

/* Checks that every op succeeded: the stage came to the end of a plan that has no EXEC. */
void check_came_to_end(const struct rung_progress *progress, const struct builder *b);
void check_failed(const struct rung_progress *progress, uint32_t op, int error);

/* Returns a stage in this process, for a test that calls an op itself. */
struct stage *bare_stage(struct builder *b);

/* scratch makes an empty directory, which is removed when the tests end. open_path opens as O_PATH. */
const char *scratch(void);
int open_path(const char *path);

#endif
