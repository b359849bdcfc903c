/* SPDX-License-Identifier: Apache-2.0 */
/* early.h - the early stage: one that is spawned before the Go runtime starts. */
#ifndef RUNG_EARLY_H
#define RUNG_EARLY_H

/* The process, the parent's end of its socket, and its eventfd; 0, -1 and -1: none was spawned. */
extern int rung_early_pid;
extern int rung_early_sync;
extern int rung_early_wakeup; /* see wait_for_parent in op_namespace.c */

/* Whether rung_set_one_processor has changed the environment. */
extern int rung_set_processors;

/*
 * Package main of rung defines it. In a program that embeds the library there is none, and its Go runtime starts as its owner
 * wants it.
 */
extern const char rung_is_command __attribute__((weak));

/* Returns the stage as a program of its own, or NULL if this program has none. */
const void *rung_stage_image(unsigned long *size);

void rung_check_limits(long argc, char **argv);

/* Writes "rung: " and a message to standard error, and the message to the file of --log, and ends this process with 1. */
__attribute__((noreturn)) void rung_end_with(const char *message);

/* Makes a thread by a function as pthread_create(3). Where no thread can be made, it ends this process with a message. */
typedef int (*thread_maker)(void *, const void *, void *(*)(void *), void *);
int rung_make_thread(thread_maker make, void *thread, const void *attributes,
		     void *(*start)(void *), void *argument);

int rung_make_late_monitor(thread_maker make, void *thread, const void *attributes,
			   void *(*start)(void *), void *argument);
int rung_start_monitor(void); /* returns whether it was the first to do so */

/*
 * Writes where the cgroup that limits rung's processes usually is, by the text of /proc/self/cgroup (cgroups(7)); "" if that is
 * not known. There is room for PATH_MAX bytes.
 */
void rung_find_group(char *text, char *directory);

void rung_set_one_processor(long argc, char **argv);
void rung_keep_files_closed(void);
void rung_first_thread(void); /* of the tests, in place of pthread_create */
void rung_spawn_early(long argc, char **argv);

/* Whether the next argument is the value of a global option. The name has no dashes. */
int takes_value(const char *name);

#endif
