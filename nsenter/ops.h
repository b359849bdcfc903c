/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ops.h - the contract between the Go compiler and the C hands.
 *
 * A plan is a header, an array of fixed-size ops and a blob of strings, in one
 * sealed memfd, native byte order. Go writes it (libcontainer/plan), the hands
 * check it and execute it op by op. This file is the only definition: the Go
 * opcodes are generated from the list below by `go generate ./libcontainer/plan`.
 */
#ifndef RUNG_OPS_H
#define RUNG_OPS_H

#include <stdint.h>

#include "identity.h"

#define RUNG_PLAN_MAGIC	    0x6e616c70676e7572ULL /* "rungplan" */
#define RUNG_PROGRESS_MAGIC 0x676f7270676e7572ULL /* "rungprog" */

/* An op has up to 4 integers, so a slot table of 16-bit indexes is ample. */
#define RUNG_MAX_SLOTS 4096
#define RUNG_MAX_OPS   16384
#define RUNG_NO_SLOT   (-1)

/*
 * The ops: OP(name, slots, ints, strings, system calls)
 *
 * slots    a, b, c: i = read, o = written, m = read, may be absent (a missing
 *          directory means AT_FDCWD), w = written, may be absent, - = unused
 * ints     x, y, z, w: how they are printed: n number, f flags of this op,
 *          o octal mode, d device number, e capability set, - = unused
 * strings  s, t, u: p path, s string, b bytes, v vector of strings, - = unused
 *
 * A composite op lists its system calls in the order in which it makes them. The
 * generator reads the list line by line.
 */
/* clang-format off */
#define RUNG_OPS(OP)                                                                        \
	/* namespaces and processes */                                                      \
	OP(UNSHARE, "---", "f---", "---", "unshare")                                        \
	OP(SETNS, "i--", "f---", "---", "setns")                                            \
	OP(CLONE, "m--", "f---", "---", "clone3 sched_yield exit_group")                                \
	OP(SYNC, "m--", "nnn-", "---", "sendmsg ppoll read recvfrom recvmsg fcntl statx mmap munmap close")     \
	OP(HAND_OVER, "i--", "n---", "---", "write read")                                   \
	OP(ENTER_CGROUP, "i--", "----", "---", "write")                                     \
	OP(DUMPABLE, "---", "n---", "---", "prctl")                                         \
	OP(SETSID, "---", "----", "---", "setsid")                                          \
	OP(KEYRING, "---", "n---", "s--", "keyctl")                                         \
	/* files */                                                                         \
	OP(OPEN, "mo-", "ff--", "p--", "openat2")                                           \
	OP(MKPATH, "io-", "fo--", "p--", "openat2 mkdirat mknodat readlinkat fstatfs close") \
	OP(MKNOD, "i--", "od--", "p--", "mknodat")                                          \
	OP(CHOWN, "i--", "nn--", "p--", "fchownat")                                         \
	OP(SYMLINK, "i--", "----", "sp-", "symlinkat")                                      \
	OP(UNLINK, "i--", "----", "p--", "unlinkat")                                        \
	OP(WRITE, "i--", "----", "pb-", "openat2 write close")                              \
	OP(XATTR, "i--", "----", "sb-", "fsetxattr")                                        \
	OP(VERIFY_DEVICE, "i--", "od--", "---", "statx")                                    \
	OP(VERIFY_FS, "i--", "n---", "---", "fstatfs")                                      \
	OP(CLOSE, "i--", "----", "---", "close")                                            \
	/* mounts */                                                                        \
	OP(FSOPEN, "o--", "----", "s--", "fsopen")                                          \
	OP(FSCONFIG, "i--", "f---", "ss-", "fsconfig")                                      \
	OP(FSMOUNT, "io-", "f---", "---", "fsmount close")                                  \
	OP(OPEN_TREE, "mo-", "f---", "p--", "open_tree")                                    \
	OP(MOUNT_ATTR, "mm-", "ffff", "p--", "mount_setattr")                               \
	OP(MOVE_MOUNT, "ii-", "----", "---", "move_mount")                                  \
	OP(MOUNT, "---", "f---", "pss", "mount")                                            \
	OP(UMOUNT, "---", "f---", "p--", "umount2")                                         \
	OP(MASK, "iii", "----", "p--", "openat2 statx open_tree move_mount close")          \
	OP(PIVOT_ROOT, "---", "----", "---", "pivot_root")                                  \
	OP(CHROOT, "---", "----", "p--", "chroot")                                          \
	OP(CHDIR, "---", "----", "p--", "chdir")                                            \
	OP(FCHDIR, "i--", "----", "---", "fchdir")                                          \
	OP(VERIFY_CWD, "---", "----", "---", "getcwd")                                      \
	/* the container's name and network */                                              \
	OP(HOSTNAME, "---", "----", "s--", "sethostname")                                   \
	OP(DOMAINNAME, "---", "----", "s--", "setdomainname")                               \
	OP(LOOPBACK, "---", "----", "---", "socket ioctl close")                            \
	/* terminal and standard streams */                                                 \
	OP(PTY, "io-", "nnnn", "---", "ioctl")                                              \
	OP(SEND_FD, "ii-", "----", "s--", "sendmsg")                                        \
	OP(DUP, "i--", "n---", "---", "dup3")                                               \
	OP(CTTY, "i--", "----", "---", "ioctl")                                             \
	OP(STDIO_OWNER, "---", "nd--", "---", "statx fchown")                               \
	/* process attributes */                                                            \
	OP(SETGROUPS, "---", "----", "b--", "setgroups")                                    \
	OP(SETGID, "---", "n---", "---", "setresgid")                                       \
	OP(SETUID, "---", "n---", "---", "setresuid")                                       \
	OP(SETUID_BUT_SAVED, "---", "n---", "---", "setresuid")                             \
	OP(KEEPCAPS, "---", "n---", "---", "prctl")                                         \
	OP(BOUNDING, "---", "en--", "---", "prctl")                                         \
	OP(CAPSET, "---", "eee-", "---", "capset")                                          \
	OP(AMBIENT, "---", "e---", "---", "prctl")                                          \
	OP(NO_NEW_PRIVS, "---", "----", "---", "prctl")                                     \
	OP(UMASK, "---", "o---", "---", "umask")                                            \
	OP(RLIMIT, "---", "nnn-", "---", "prlimit64")                                       \
	OP(NOFILE_BACK, "---", "----", "---", "prlimit64")                                  \
	OP(PERSONALITY, "---", "n---", "---", "personality")                                \
	OP(SCHED_ATTR, "---", "----", "b--", "sched_setattr")                               \
	OP(AFFINITY, "---", "----", "b--", "sched_setaffinity")                             \
	OP(IOPRIO, "---", "n---", "---", "ioprio_set")                                      \
	OP(MEMPOLICY, "---", "nn--", "b--", "set_mempolicy")                                \
	OP(SECCOMP, "-w-", "f---", "b--", "seccomp")                                        \
	/* the end */                                                                       \
	OP(HOLD_SIGNALS, "o--", "----", "---", "rt_sigprocmask signalfd4")                  \
	OP(AWAIT_START, "ii-", "----", "---", "ppoll accept4 read close rt_sigprocmask")    \
	OP(EXEC, "---", "----", "pvv", "execve")

/* clang-format on */

#define RUNG_OP_ENUM(name, slots, ints, strings, calls) OP_##name,
enum rung_opcode { OP_NONE, RUNG_OPS(RUNG_OP_ENUM) OP_COUNT };
#undef RUNG_OP_ENUM

/* Flags of struct rung_op. */
enum rung_op_flag {
	RUNG_SKIP_IF_OK = 1,	/* skip this op when op `skip` succeeded */
	RUNG_SKIP_IF_EMPTY = 2, /* skip this op when a slot that it reads is empty */
};

/* Kinds of MKPATH's last component (int x); NOFOLLOW and NOPROC are or-ed to one of them. */
enum rung_mkpath {
	RUNG_MKPATH_NONE = 0,	  /* resolve only, create nothing */
	RUNG_MKPATH_DIR = 1,	  /* make missing directories, mode 0755; the last one mode y */
	RUNG_MKPATH_FILE = 2,	  /* the last component is an empty file, mode y */
	RUNG_MKPATH_NOFOLLOW = 4, /* no component may be a symbolic link (CVE-2019-19921) */
	RUNG_MKPATH_NOPROC = 8	  /* ELOOP where links lead into a procfs (CVE-2019-16884) */
};

struct rung_header {
	uint64_t magic;
	uint32_t identity;  /* RUNG_STAGE_IDENTITY of who wrote it */
	uint32_t ops;	    /* number of struct rung_op that follow */
	uint32_t slots;	    /* size of the slot table; the same in every segment */
	uint32_t inherited; /* slots 0..inherited-1 are given as file descriptors */
	uint32_t blob;	    /* bytes of strings behind the ops; the last one is NUL */
	uint32_t flags;	    /* none yet */
};

/*
 * One op. A string is an offset into the blob of { uint32_t length; bytes; NUL },
 * aligned to 4. A vector is an offset of { uint64_t count; uint64_t string[count];
 * uint64_t 0 }, aligned to 8, whose strings are offsets as above.
 */
struct rung_op {
	uint16_t code;
	uint16_t flags;
	uint8_t ok[4];	 /* errnos that are no failure; a slot to be written stays empty */
	int16_t a, b, c; /* slots */
	uint16_t skip;	 /* for RUNG_SKIP_IF_OK: index of an earlier op */
	uint64_t x, y, z, w;
	uint32_t s, t, u;
	uint32_t pad;
};

/*
 * Shared with the parent: what the hands are doing. Written without system calls,
 * so that it is right after any death (OOM kill, SIGSYS, SIGKILL).
 */
struct rung_progress {
	uint64_t magic;
	uint32_t identity;
	uint32_t segment; /* counted from 0 */
	uint32_t op;	  /* the op under way, counted from 0 */
	int32_t error;	  /* errno of a failure; 0 while all is well */
	int32_t pid;	  /* the container process, in the parent's PID namespace */
	uint32_t traced;  /* how many of clock[] are filled */
	uint32_t room;	  /* how many of clock[] there are: 0 without --trace */
	uint32_t begun;	  /* 1 from when they have the plan: before, error is of no op */
	uint64_t clock[]; /* CLOCK_MONOTONIC nanoseconds at the start of each op */
};

/*
 * What HAND_OVER tells the parent, or `rung start`: that descriptor of this process is to be
 * taken (pidfd_getfd(2)), and answered with a rung_reply. A SYNC sends no more than its id.
 */
struct rung_offer {
	uint32_t id;
	int32_t fd;
};

/* What the parent answers to a SYNC; file descriptors travel with it. */
struct rung_reply {
	uint32_t id;	  /* the SYNC's */
	uint32_t segment; /* 1: the first descriptor is the next segment's plan */
	uint32_t slot;	  /* further descriptors fill slots from this one on */
	uint32_t count;	  /* their number */
};

/* One message carries at most 253 descriptors (SCM_MAX_FD). */
#define RUNG_MAX_REPLY_FDS 250

/*
 * What hands that were spawned before there was a plan are sent first. The descriptors that
 * come with it: the progress page, the plan, and one for each slot listed.
 */
struct rung_order {
	uint32_t base;	/* first descriptor that the container must not see */
	uint32_t count; /* of slots */
	int16_t slot[RUNG_MAX_REPLY_FDS - 2];
};

#endif
