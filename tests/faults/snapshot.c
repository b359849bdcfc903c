// SPDX-License-Identifier: Apache-2.0
/*
 * snapshot.c - prints everything that a runtime sets up, as a program in the container sees it, in lines "KIND TEXT".
 *
 *   snapshot once|stay [FILE]...
 *
 * It prints the FILEs too. With "stay" it runs on after the line "end", prints a line "signal NUMBER" for each SIGUSR1 and
 * SIGTERM, and ends at SIGTERM. It is written in C, because the Go runtime changes limits, signals and descriptors before
 * main.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <unistd.h>

/* Does not print the link count of a device: a node that rung makes for masks loses its name some time after the start. */
static void show_owner(const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		printf("%s: %s\n", path, strerror(errno));
	else
		printf("%s is %o %u:%u %lu\n", path, st.st_mode, st.st_uid, st.st_gid,
		       S_ISCHR(st.st_mode) ? 0 : (unsigned long)st.st_nlink);
}

static void show_file(const char *path)
{
	char line[4096];
	FILE *file = fopen(path, "re");

	if (!file) {
		printf("%s: %s\n", path, strerror(errno));
		return;
	}
	while (fgets(line, sizeof(line), file))
		printf("%s %s%s", path, line, strchr(line, '\n') ? "" : "\n");
	fclose(file);
}

/* Prints the lines of proc_pid_status(5) that a runtime determines. */
static void show_status(void)
{
	static const char *const kept[] = { "Umask:",	   "Uid:",     "Gid:",	    "Groups:",
					    "NoNewPrivs:", "Seccomp",  "Cap",	    "SigBlk:",
					    "SigIgn:",	   "SigPnd:",  "ShdPnd:",   "Cpus_allowed:",
					    "NSpid:",	   "Threads:", "TracerPid:" };
	char line[1024];
	size_t i;
	FILE *file = fopen("/proc/self/status", "re");

	if (!file) {
		printf("status: %s\n", strerror(errno));
		return;
	}
	while (fgets(line, sizeof(line), file))
		for (i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
			if (strncmp(line, kept[i], strlen(kept[i])) == 0)
				printf("status %s", line);
	fclose(file);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void show_directory(const char *path, void (*show)(int dir, const char *name))
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	char *names[1024];
	int i, count = 0;

	if (!dir) {
		printf("%s: %s\n", path, strerror(errno));
		return;
	}
	while ((entry = readdir(dir)) && count < 1024)
		if (strcmp(entry->d_name, "..") != 0)
			names[count++] = strdup(entry->d_name);
	qsort(names, count, sizeof(names[0]), by_name);
	for (i = 0; i < count; i++) {
		printf("%s/%s ", path, names[i]);
		show(dirfd(dir), names[i]);
		free(names[i]);
	}
	closedir(dir);
}

static void show_node(int dir, const char *name)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		printf("%s\n", strerror(errno));
	else
		printf("%o %u %u %u:%u\n", st.st_mode, st.st_uid, st.st_gid, major(st.st_rdev),
		       minor(st.st_rdev));
}

static void show_link(int dir, const char *name)
{
	char link[1024] = "";

	if (readlinkat(dir, name, link, sizeof(link) - 1) < 0)
		snprintf(link, sizeof(link), "%s", strerror(errno));
	printf("%s\n", link);
}

/* Prints a descriptor with its flags, but not the one that reads the directory. */
static void show_descriptor(int dir, const char *name)
{
	int fd = atoi(name);

	if (name[0] == '.' || fd == dir)
		printf("-\n");
	else {
		printf("%#x %#x ", fcntl(fd, F_GETFL), fcntl(fd, F_GETFD));
		show_link(dir, name);
	}
}

static void show_process(char **argv, char **env)
{
	char cwd[4096];
	struct utsname uts;
	int sig;

	printf("cwd %s\n", getcwd(cwd, sizeof(cwd)) ? cwd : strerror(errno));
	uname(&uts);
	printf("name %s %s\n", uts.nodename, uts.domainname);
	printf("personality %#x\n", personality(0xffffffff));
	printf("nice %d policy %d ioprio %ld\n", getpriority(PRIO_PROCESS, 0),
	       sched_getscheduler(0), syscall(SYS_ioprio_get, 1, 0));
	printf("dumpable %d keepcaps %d securebits %#x subreaper ", prctl(PR_GET_DUMPABLE),
	       prctl(PR_GET_KEEPCAPS), prctl(PR_GET_SECUREBITS));
	prctl(PR_GET_CHILD_SUBREAPER, &sig);
	printf("%d", sig);
	prctl(PR_GET_PDEATHSIG, &sig);
	printf(" deathsig %d\n", sig);
	printf("leader %d %d\n", getsid(0) == getpid(), getpgrp() == getpid());
	for (; *argv; argv++)
		printf("argument %s\n", *argv);
	for (; *env; env++)
		printf("environment %s\n", *env);
}

/* Makes calls that the profile of the trial denies, and others, and prints the results. */
static void show_filter(void)
{
	errno = 0;
	printf("filter %ld %d", syscall(SYS_sched_get_priority_max, SCHED_FIFO), errno);
	errno = 0;
	printf(" %ld %d\n", syscall(SYS_sched_get_priority_min, SCHED_FIFO), errno);
}

static void show_keyring(void)
{
	char text[256] = "";
	long ring = syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0);

	if (ring < 0 || syscall(SYS_keyctl, KEYCTL_DESCRIBE, ring, text, sizeof(text) - 1) < 0)
		snprintf(text, sizeof(text), "%s", strerror(errno));
	printf("keyring %s\n", text);
}

static void show_loopback(void)
{
	struct ifreq request;
	int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	memset(&request, 0, sizeof(request));
	strcpy(request.ifr_name, "lo");
	printf("loopback %d ", ioctl(sock, SIOCGIFFLAGS, &request));
	printf("%#x\n", request.ifr_flags);
	close(sock);
}

static void stay(void)
{
	sigset_t set;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	printf("end\n");
	fflush(stdout);
	do {
		if (sigwait(&set, &sig) != 0)
			continue;
		printf("signal %d\n", sig);
		fflush(stdout);
	} while (sig != SIGTERM);
}

int main(int argc, char **argv, char **env)
{
	int i;

	/* First the descriptors: this program has opened none yet. */
	show_directory("/proc/self/fd", show_descriptor);
	show_status();
	show_file("/proc/self/limits");
	show_file("/proc/self/mountinfo");
	show_file("/proc/self/cgroup");
	show_file("/proc/self/oom_score_adj");
	show_file("/proc/self/uid_map");
	show_file("/proc/self/gid_map");
	show_file("/proc/self/setgroups");
	show_file("/proc/self/timerslack_ns");
	show_file("/proc/self/coredump_filter");
	show_directory("/proc/self/ns", show_link);
	show_directory("/dev", show_node);
	show_directory("/", show_node);
	show_process(argv, env);
	show_filter();
	show_keyring();
	show_loopback();
	for (i = 2; i < argc; i++) {
		show_owner(argv[i]);
		show_file(argv[i]);
	}
	if (argc > 1 && strcmp(argv[1], "stay") == 0)
		stay();
	else
		printf("end\n");
	return 0;
}
