// SPDX-License-Identifier: Apache-2.0
//go:build cgo
/*
 * settings.c - starts the Go runtime with one processor for Go code (GOMAXPROCS=1). A command of rung ends soon, and its
 * partner, the stage, is another process. The runtime reads the setting from the environment before any Go code runs, so it is
 * put there before the runtime starts. Go takes it out again first (ForgetSettings): no hook, no container and no other program
 * gets it.
 */
#define _GNU_SOURCE
#include <sys/auxv.h>

#include "early.h"
#include "stage.h"
#include "text.h"

int rung_set_processors;

#if !defined(RUNG_IMAGE)

/* Package runtime, "Environment Variables". */
static char one_processor[] = "GOMAXPROCS=1";

/*
 * The auxiliary vector is right behind the environment, and the stack as the kernel made it has no room. So one entry of two
 * words gives way: AT_FLAGS, which is 0, and which neither the C libraries nor Go read. The string fills both words: twice the
 * same setting is one.
 */
void rung_set_one_processor(long argc, char **argv)
{
	char **env = argv + argc + 1, **end, **entry;

	for (end = env; *end; end++)
		if (begins(*end, "GOMAXPROCS="))
			return; /* what the caller has set counts */
	for (entry = end + 1; *entry != (char *)AT_FLAGS; entry += 2)
		if (*entry == (char *)AT_NULL)
			return;
	for (entry--; entry >= env; entry--)
		entry[2] = entry[0];
	env[0] = env[1] = one_processor;
	rung_set_processors = 1;
}

#endif
