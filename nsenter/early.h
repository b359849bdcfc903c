/* SPDX-License-Identifier: Apache-2.0 */
/* early.h - hands that were spawned before the Go runtime started. */
#ifndef RUNG_EARLY_H
#define RUNG_EARLY_H

/* The process and the parent's end of its socket; 0 and -1 where there is none. */
extern int rung_early_pid;
extern int rung_early_sync;
extern int rung_early_bell; /* eventfd(2): see wait_for_parent in op_namespace.c */

void rung_check_limits(void);
void rung_spawn_early(long argc, char **argv);

#endif
