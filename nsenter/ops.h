/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ops.h - the contract between the Go compiler and the C stage.
 *
 * A plan is a header, an array of fixed-size ops and a blob of strings, in one
 * sealed memfd, native byte order. Go writes it (libcontainer/plan). The stage
 * checks it and executes it op by op. This file is the only definition: the Go
 * opcodes are generated from the list below by `go generate ./libcontainer/plan`.
 */
#ifndef RUNG_OPS_H
#define RUNG_OPS_H

#include <stdint.h>

#include "identity.h"

#define RUNG_PLAN_MAGIC	    0x6e616c70676e7572ULL /* "rungplan" */
#define RUNG_PROGRESS_MAGIC 0x676f7270676e7572ULL /* "rungprog" */

/*
 * The absent slot. The tables of slots and of ops have the size that the header gives: they grow with the configuration. A
 * table of the most slots has 64 MiB; the kernel's fs.nr_open allows 1048576 descriptors.
 */
#define RUNG_NO_SLOT	(-1)
#define RUNG_MOST_SLOTS 0x1000000

/* An op tolerates at most that many errnos. */
#define RUNG_MAX_OK 4

/* A plan has at most 128 MiB of strings, and that many vectors: an EXEC has two, a FIND_PROGRAM one. */
#define RUNG_MAX_BLOB	 0x8000000
#define RUNG_MAX_VECTORS 8

/*
 * The ops: OP(name, slots, ints, strings, system calls)
 *
 * slots    a, b, c: i = read, o = written, m = read, may be absent (a missing
 *          directory means AT_FDCWD), w = written, may be absent, - = unused
 * ints     x, y, z, w, and how each is printed: n number, f flags of this op,
 *          o octal mode, d device number, e capability set, - = unused
 * strings  s, t, u: p path, s string, b bytes, v vector of strings, - = unused
 *
 * A composite op lists its system calls in the order in which it makes them. A test of the
 * generator holds the list against the code. The generator reads it line by line.
 */
/* clang-format off */
#define RUNG_OPS(OP)                                                                        \
	/* namespaces and processes */                                                      \
	OP(UNSHARE, "---", "f---", "---", "unshare")                                        \
	OP(SETNS, "i--", "f---", "---", "setns")                                            \
	OP(CLONE, "m--", "f---", "---", "clone3 openat2 write close clone sched_yield exit_group") \
	OP(SYNC, "m--", "nnn-", "---", "sendmsg ppoll read recvfrom recvmsg statx fcntl mmap mremap lseek close") \
	OP(HAND_OVER, "i--", "n---", "---", "write read")                                   \
	OP(ENTER_CGROUP, "i--", "----", "---", "write")                                     \
	OP(DUMPABLE, "---", "n---", "---", "prctl")                                         \
	OP(SETSID, "---", "----", "---", "setsid")                                          \
	OP(KEYRING, "---", "n---", "s--", "keyctl")                                         \
	/* files */                                                                         \
	OP(OPEN, "mo-", "ff--", "p--", "openat2")                                           \
	OP(MKPATH, "io-", "fo--", "p--", "openat2 mkdirat mknodat readlinkat fstatfs statx close") \
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
	OP(FSCONFIG, "i--", "f---", "ss-", "fsconfig read")                                 \
	OP(FSMOUNT, "io-", "f---", "---", "fsconfig fsmount read close")                    \
	OP(OPEN_TREE, "mo-", "f---", "p--", "open_tree")                                    \
	OP(MOUNT_ATTR, "mm-", "ffff", "p--", "mount_setattr")                               \
	OP(MOVE_MOUNT, "ii-", "f---", "---", "move_mount statx close")                      \
	OP(COPY_UP, "ii-", "----", "---", "rt_sigaction mmap open_tree mount_setattr openat2 statx getdents64 mremap mkdirat read write lseek ftruncate readlinkat symlinkat mknodat linkat fchownat fchmodat flistxattr fgetxattr fsetxattr fchdir llistxattr lgetxattr lsetxattr utimensat unlinkat close chdir munmap") \
	OP(MOUNT, "i--", "ff--", "pss", "fchdir mount close")                               \
	OP(UMOUNT, "---", "f---", "p--", "umount2")                                         \
	OP(MASK, "iii", "----", "p--", "openat2 statx open_tree move_mount close")          \
	OP(READONLY_PATH, "i--", "----", "p--", "openat2 statx open_tree mount_setattr move_mount close") \
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
	OP(PTY, "io-", "nnnn", "---", "ioctl fchown")                                       \
	OP(SEND_FD, "ii-", "----", "s--", "sendmsg")                                        \
	OP(DUP, "i--", "n---", "---", "dup3")                                               \
	OP(CTTY, "i--", "----", "---", "ioctl")                                             \
	OP(STDIO_OWNER, "---", "nn--", "---", "statx fchown")                               \
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
	OP(SECCOMP, "-w-", "f---", "b--", "seccomp prctl")                                        \
	/* the end */                                                                       \
	OP(HOLD_SIGNALS, "o--", "----", "---", "rt_sigprocmask signalfd4")                  \
	OP(AWAIT_START, "ii-", "----", "---", "ppoll read exit_group accept4 close rt_sigprocmask") \
	OP(FIND_PROGRAM, "---", "----", "v--", "statx faccessat2")                          \
	OP(EXEC, "---", "----", "pvv", "execve")

/* clang-format on */

#define RUNG_OP_ENUM(name, slots, ints, strings, calls) OP_##name,
enum rung_opcode { OP_NONE, RUNG_OPS(RUNG_OP_ENUM) OP_COUNT };
#undef RUNG_OP_ENUM

/* Flags of struct rung_op. */
enum rung_op_flag {
	RUNG_SKIP_IF_OK = 1,	/* skip this op if op `skip` succeeded */
	RUNG_SKIP_IF_EMPTY = 2, /* skip this op if a slot that it reads is empty */
};

/* Kinds of MKPATH's last component (int x). NOFOLLOW, NOPROC and NOROOT are added to one of them. */
enum rung_mkpath {
	RUNG_MKPATH_NONE = 0,	  /* resolve only, create nothing */
	RUNG_MKPATH_DIR = 1,	  /* make missing directories, mode 0755; the last one mode y */
	RUNG_MKPATH_FILE = 2,	  /* the last component is an empty file, mode y */
	RUNG_MKPATH_NOFOLLOW = 4, /* no component may be a symbolic link (CVE-2019-19921) */
	RUNG_MKPATH_NOPROC = 8,	  /* ELOOP if links lead into a procfs (CVE-2019-16884) */
	RUNG_MKPATH_NOROOT = 16	  /* EBUSY if links lead to the root itself */
};

/*
 * The slots that MOVE_MOUNT (int x) and MOUNT (int y) close when they have succeeded: a plan of thousands of mounts has two
 * ops less for each of them.
 */
enum rung_close {
	RUNG_CLOSE_A = 1, /* the attached mount; the mount point of MOUNT */
	RUNG_CLOSE_B = 2  /* the mount point of MOVE_MOUNT */
};

struct rung_header {
	uint64_t magic;
	uint32_t identity;  /* RUNG_STAGE_IDENTITY of the rung that wrote it */
	uint32_t ops;	    /* number of struct rung_op that follow */
	uint32_t slots;	    /* size of the slot table; no smaller than in the segment before */
	uint32_t inherited; /* slots 0..inherited-1 are file descriptors from the parent */
	uint32_t blob;	    /* bytes of strings behind the ops; the last byte is NUL */
	uint32_t flags;	    /* 0: none is defined */
};

#define RUNG_HEADER_SIZE 32
_Static_assert(sizeof(struct rung_header) == RUNG_HEADER_SIZE, "Go writes another header");

/*
 * One op. A string is an offset into the blob of { uint32_t length; bytes; NUL },
 * aligned to 4. A vector is an offset of { uint64_t count; uint64_t string[count];
 * uint64_t 0 }, aligned to 8, whose strings are offsets as above. Strings may be shared; nothing
 * overlaps a vector, because the stage relocates it in place.
 */
struct rung_op {
	uint16_t code;
	uint16_t flags;
	/* Tolerated errnos. After one the slot that the op writes stays empty. */
	uint8_t ok[RUNG_MAX_OK];
	int32_t a, b, c; /* slots */
	uint32_t skip;	 /* for RUNG_SKIP_IF_OK: index of an earlier op */
	uint64_t x, y, z, w;
	uint32_t s, t, u;
	uint32_t pad;
};

#define RUNG_OP_SIZE 72
_Static_assert(sizeof(struct rung_op) == RUNG_OP_SIZE, "Go writes other ops");

/*
 * The progress page, shared with the parent: it says what the stage is doing. The stage writes
 * it without system calls, so that it is right after any death (OOM kill, SIGSYS, SIGKILL).
 */
struct rung_progress {
	uint64_t magic;
	uint32_t identity;
	uint32_t segment; /* counted from 0 */
	uint32_t op;	  /* the op under way, counted from 0 */
	int32_t error;	  /* errno of a failure; 0: none */
	int32_t pid;	  /* the container process, in the parent's PID namespace */
	uint32_t traced;  /* how many of clock[] are filled */
	uint32_t room;	  /* size of clock[]; 0 without --trace */
	uint32_t begun;	  /* 1 once the stage has its plan; until then `error` belongs to no op */
	char call[24];	  /* the system call that failed, of an op that makes several */
	/*
	 * COPY_UP: the current file, relative to the copied directory. FSCONFIG and FSMOUNT: the kernel's messages, a line
	 * each, "e overlay: No changes allowed in reconfigure".
	 */
	char detail[444];
	/* FIND_PROGRAM: index of the path that was found, or that the error is about */
	uint32_t candidate;
	uint64_t clock[]; /* CLOCK_MONOTONIC nanoseconds at the start of each op */
};

#define RUNG_PROGRESS_SIZE 512 /* without clock[] */
_Static_assert(sizeof(struct rung_progress) == RUNG_PROGRESS_SIZE, "Go reads another page");

/*
 * The message of HAND_OVER to the parent or to `rung start`: the receiver takes descriptor fd
 * of this process (pidfd_getfd(2)) and answers with a rung_reply. The message of a SYNC is the
 * id alone.
 */
struct rung_offer {
	uint32_t id;
	int32_t fd;
};

/* The parent's answer to a SYNC; file descriptors come with it. */
struct rung_reply {
	uint32_t id;	  /* id of the SYNC */
	uint32_t segment; /* 1: the first descriptor is the next segment's plan */
	uint32_t slot;	  /* the other descriptors fill the slots from this one on */
	uint32_t count;	  /* number of the other descriptors */
};

/*
 * One message carries fewer descriptors than that. The kernel would take 253 (SCM_MAX_FD), but rung has to open them all
 * first: its table of descriptors must not grow (widen_descriptors in early.c).
 */
#define RUNG_MAX_REPLY_FDS 100

/*
 * The first message to a stage that was spawned before there was a plan. It carries these
 * descriptors: the progress page, the plan, and one for each slot in the list.
 */
struct rung_order {
	uint32_t base;			      /* first descriptor that the container must not see */
	uint32_t count;			      /* number of slots in the list */
	int32_t slot[RUNG_MAX_REPLY_FDS - 2]; /* the first two descriptors fill no slot */
};

#endif
