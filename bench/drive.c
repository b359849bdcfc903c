/*
 * drive runs one kind of work with several runtimes, one after the other and in another order in each round, and prints what each
 * round has cost.
 *
 *	drive [-n CONTAINERS] [-j AT-ONCE] [-r ROUNDS] [-w WARMUP] [-p PAUSE] WORK DIR NAME=BINARY...
 *
 * WORK is a row of the table below. A round of a runtime does the work for CONTAINERS containers (default 1), AT-ONCE of them
 * at a time (default: all), PAUSE milliseconds after the one before it ended (default 0), and prints a line:
 *
 *	WORK NAME WALL CPU FAULTS	for each container: microseconds, microseconds, minor page faults
 *
 * Where a round is one container, there is also a line for each command of the work: WORK.COMMAND.
 *
 * drive is the subreaper of everything that a runtime starts, so it reaps each process that the runtime does not reap itself.
 * CPU is the user and system time that wait4 reports for all of them: that of the whole tree. It lacks what the kernel does later
 * in threads of its own, such as taking a network namespace apart. Work of several commands is one state machine a container in
 * this one process; so no helper process is charged to a runtime, and 50 containers are 50 starts.
 *
 * In DIR are the bundles (bundle, private, held, and for pods sandbox-N and app-N) and the roots of the runtimes (state/NAME). BINARY of
 * the name floor is bench/floor.c.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum { MOST_SLOTS = 4096, MOST_WORDS = 12, MOST_STEPS = 10 };

enum kind {
	DONE,
	COMMAND, /* runs the words */
	BARE,	 /* the same without --root */
	END,	 /* waits until the process of the container has been reaped */
	JOIN,	 /* points the app's bundle at the namespaces of the sandbox */
};

/* In words: %b DIR, %m the name of the runtime, %n the number of the container, %p its pid file, %r the root filesystem. */
struct step {
	enum kind kind;
	int part; /* of a pod: 0 the sandbox, 1 the app */
	const char *words[MOST_WORDS];
};

#define CREATE(part, bundle, id)                                                                   \
	{                                                                                          \
		COMMAND, part,                                                                     \
		{                                                                                  \
			"create", "--bundle", bundle, "--pid-file", "%p", id                       \
		}                                                                                  \
	}

static const struct work {
	const char *name;
	struct step steps[MOST_STEPS];
} works[] = {
	{ "run", { { COMMAND, 0, { "run", "--bundle", "%b/bundle", "bench-%n" } } } },
	{ "run-private", { { COMMAND, 0, { "run", "--bundle", "%b/private", "bench-%n" } } } },
	{ "hold", { { COMMAND, 0, { "run", "--detach", "--bundle", "%b/held", "held-%m-%n" } } } },
	{ "drop", { { COMMAND, 0, { "delete", "--force", "held-%m-%n" } } } },
	{ "exec", { { COMMAND, 0, { "exec", "held-%m-0", "/bin/true" } } } },
	{ "state", { { COMMAND, 0, { "state", "held-%m-0" } } } },
	{ "list", { { COMMAND, 0, { "list" } } } },
	{ "version", { { BARE, 0, { "--version" } } } },
	{ "lifecycle",
	  { CREATE(0, "%b/bundle", "bench-%n"),
	    { COMMAND, 0, { "start", "bench-%n" } },
	    { END, 0, { NULL } },
	    { COMMAND, 0, { "delete", "bench-%n" } } } },
	{ "verbs",
	  { CREATE(0, "%b/held", "bench-%n"),
	    { COMMAND, 0, { "start", "bench-%n" } },
	    { COMMAND, 0, { "state", "bench-%n" } },
	    { COMMAND, 0, { "kill", "bench-%n", "KILL" } },
	    { END, 0, { NULL } },
	    { COMMAND, 0, { "delete", "bench-%n" } } } },
	{ "pod",
	  { CREATE(0, "%b/sandbox", "sandbox-%n"),
	    { COMMAND, 0, { "start", "sandbox-%n" } },
	    { JOIN, 0, { NULL } },
	    CREATE(1, "%b/app-%n", "app-%n"),
	    { COMMAND, 1, { "start", "app-%n" } },
	    { END, 1, { NULL } },
	    { COMMAND, 1, { "delete", "app-%n" } },
	    { COMMAND, 0, { "kill", "sandbox-%n", "KILL" } },
	    { END, 0, { NULL } },
	    { COMMAND, 0, { "delete", "sandbox-%n" } } } },
};

struct cost {
	double wall, cpu; /* microseconds */
	long faults;
};

/* One container on its way through the steps. waits is the process that its step waits for; 0 before the first step. */
struct slot {
	const struct step *step;
	pid_t waits;
	double since;
};

static struct slot slots[MOST_SLOTS];
static pid_t reaped[2 * MOST_SLOTS]; /* containers that ended before their step was there */
static int reaped_count;
static const char *dir;
static const struct work *work;
static const char *name, *binary;
static struct cost step_costs[MOST_STEPS];
extern char **environ;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static double microseconds(struct timeval t)
{
	return t.tv_sec * 1e6 + t.tv_usec;
}

/* ---- the words of a command ---- */

static void path_of(char *path, const char *what, int number, int part)
{
	snprintf(path, PATH_MAX, "%s/state/%s/%s-%d-%d", dir, name, what, number, part);
}

/* Fills in what is behind each % of a word. The text is the caller's to free. */
static char *fill(const char *word, int number, int part)
{
	char path[PATH_MAX], *text;
	size_t length;
	FILE *f = open_memstream(&text, &length);

	for (; *word; word++) {
		if (*word != '%') {
			fputc(*word, f);
			continue;
		}
		switch (*++word) {
		case 'b':
			fputs(dir, f);
			break;
		case 'm':
			fputs(name, f);
			break;
		case 'n':
			fprintf(f, "%d", number);
			break;
		case 'r':
			fprintf(f, "%s/bundle/rootfs", dir);
			break;
		case 'p':
			path_of(path, "pid", number, part);
			fputs(path, f);
			break;
		}
	}
	fclose(f);
	return text;
}

static pid_t spawn(const struct step *step, int number)
{
	static const char *const floor_words[] = { "%r", "/bin/true", NULL };
	const char *const *words = step->words;
	char root[PATH_MAX], *argv[MOST_WORDS + 4];
	int n = 0, own;
	pid_t pid;

	snprintf(root, sizeof(root), "%s/state/%s/root", dir, name);
	argv[n++] = (char *)binary;
	if (strcmp(name, "floor") == 0) {
		words = floor_words;
	} else if (step->kind == COMMAND) {
		argv[n++] = "--root";
		argv[n++] = root;
	}
	for (own = n; *words; words++)
		argv[n++] = fill(*words, number, step->part);
	argv[n] = NULL;
	errno = posix_spawn(&pid, binary, NULL, NULL, argv, environ);
	if (errno)
		err(1, "%s", binary);
	while (n > own)
		free(argv[--n]);
	return pid;
}

/* ---- the steps of a container ---- */

static pid_t container_of(int number, int part)
{
	char path[PATH_MAX];
	FILE *f;
	int pid;

	path_of(path, "pid", number, part);
	f = fopen(path, "re");
	if (!f || fscanf(f, "%d", &pid) != 1)
		err(1, "%s", path);
	fclose(f);
	return pid;
}

/* The configuration of the app names namespaces below a link of its bundle. */
static void join(int number)
{
	char link[PATH_MAX], target[64];

	snprintf(link, sizeof(link), "%s/app-%d/ns", dir, number);
	snprintf(target, sizeof(target), "/proc/%d/ns", container_of(number, 0));
	if ((unlink(link) < 0 && errno != ENOENT) || symlink(target, link) < 0)
		err(1, "%s", link);
}

/* Takes the pid from the list of the containers that have been reaped. */
static int was_reaped(pid_t pid)
{
	for (int i = 0; i < reaped_count; i++)
		if (reaped[i] == pid) {
			reaped[i] = reaped[--reaped_count];
			return 1;
		}
	return 0;
}

/* Goes on with a container until it has something to wait for. Returns whether it has. */
static int advance(int number)
{
	struct slot *slot = &slots[number];

	for (;; slot->step++) {
		slot->since = now();
		switch (slot->step->kind) {
		case DONE:
			slot->waits = 0;
			return 0;
		case COMMAND:
		case BARE:
			slot->waits = spawn(slot->step, number);
			return 1;
		case END:
			slot->waits = container_of(number, slot->step->part);
			if (!was_reaped(slot->waits))
				return 1;
			break;
		case JOIN:
			join(number);
			break;
		}
	}
}

/* ---- a round ---- */

static void add(struct cost *to, double wall, const struct rusage *used)
{
	to->wall += wall;
	to->cpu += microseconds(used->ru_utime) + microseconds(used->ru_stime);
	to->faults += used->ru_minflt;
}

static int slot_of(pid_t pid, int count)
{
	for (int i = 0; i < count; i++)
		if (slots[i].waits == pid)
			return i;
	return -1;
}

static void check(const struct slot *slot, int status)
{
	if (slot->step->kind == END || status == 0 || strcmp(work->name, "drop") == 0)
		return; /* drop is the clean-up, also of what was not finished */
	errx(1, "%s %s failed: status %#x", binary, slot->step->words[0], status);
}

/* Does the work for count containers and adds up what each process that ends has cost. */
static struct cost round_of(int count, int at_once)
{
	struct cost sum = { 0 };
	struct rusage used;
	int next = 0, busy = 0, i, status;
	double start = now();
	pid_t pid;

	reaped_count = 0;
	memset(slots, 0, sizeof(slots));
	for (;;) {
		while (next < count && busy < at_once) {
			slots[next].step = work->steps;
			busy += advance(next++);
		}
		if (busy == 0)
			break;
		pid = wait4(-1, &status, 0, &used);
		if (pid < 0)
			err(1, "wait4");
		add(&sum, 0, &used);
		i = slot_of(pid, next);
		if (i < 0) {
			reaped[reaped_count++ % COUNT(reaped)] = pid;
			continue;
		}
		check(&slots[i], status);
		add(&step_costs[slots[i].step - work->steps], now() - slots[i].since, &used);
		slots[i].step++;
		busy += advance(i) - 1;
	}
	sum.wall = now() - start;
	while (wait4(-1, &status, WNOHANG, &used) > 0)
		add(&sum, 0, &used);
	return sum;
}

static void print(const char *command, const struct cost *cost, int count)
{
	printf("%s%s%s %s %.1f %.1f %ld\n", work->name, command ? "." : "", command ? command : "",
	       name, cost->wall / count, cost->cpu / count, cost->faults / count);
}

static void print_all(const struct cost *sum, int count)
{
	print(NULL, sum, count);
	if (count > 1 || work->steps[1].kind == DONE || strcmp(work->name, "pod") == 0)
		return;
	for (const struct step *s = work->steps; s->kind != DONE; s++)
		if (s->kind == COMMAND)
			print(s->words[0], &step_costs[s - work->steps], 1);
}

/* Makes standard input and output /dev/null for the runtimes. Errors go where those of drive go. */
static void redirect(void)
{
	int null = open("/dev/null", O_RDWR), lines = fcntl(1, F_DUPFD_CLOEXEC, 3);

	if (null < 0 || lines < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0)
		err(1, "/dev/null");
	if (null > 2)
		close(null);
	stdout = fdopen(lines, "w");
	setvbuf(stdout, NULL, _IOLBF, 0);
}

static const struct work *find(const char *wanted)
{
	for (size_t i = 0; i < COUNT(works); i++)
		if (strcmp(works[i].name, wanted) == 0)
			return &works[i];
	errx(2, "no such work: %s", wanted);
}

static int number(const char *text)
{
	int n = atoi(text);

	if (n < 0 || n > MOST_SLOTS)
		errx(2, "not a number from 0 to %d: %s", MOST_SLOTS, text);
	return n;
}

/*
 * Puts the runtimes into another order, always the same ones (Park and Miller's numbers). In a fixed order one of them always comes
 * right after the slowest.
 */
static void shuffle(char **names, int count)
{
	static uint64_t number = 1;
	char *other;
	int i, j;

	for (i = count - 1; i > 0; i--) {
		number = number * 48271 % 2147483647;
		j = (int)(number % (uint64_t)(i + 1));
		other = names[i];
		names[i] = names[j];
		names[j] = other;
	}
}

int main(int argc, char **argv)
{
	int count = 1, at_once = 0, rounds = 1, warmup = 0, pause = 0, option, runtimes, r, i;
	struct cost sum;

	while ((option = getopt(argc, argv, "n:j:r:w:p:")) != -1)
		switch (option) {
		case 'n':
			count = number(optarg);
			break;
		case 'j':
			at_once = number(optarg);
			break;
		case 'r':
			rounds = number(optarg);
			break;
		case 'w':
			warmup = number(optarg);
			break;
		case 'p':
			pause = number(optarg);
			break;
		default:
			return 2;
		}
	argv += optind;
	runtimes = argc - optind - 2;
	if (runtimes < 1)
		errx(2, "usage: drive [-n CONTAINERS] [-j AT-ONCE] [-r ROUNDS] [-w WARMUP] "
			"[-p PAUSE] WORK DIR NAME=BINARY...");
	work = find(argv[0]);
	dir = argv[1];
	argv += 2;
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		err(1, "prctl");
	redirect();
	for (r = -warmup; r < rounds; r++) {
		shuffle(argv, runtimes);
		for (i = 0; i < runtimes; i++) {
			char *runtime = argv[i];

			binary = strchr(runtime, '=') + 1;
			name = strndup(runtime, binary - runtime - 1);
			memset(step_costs, 0, sizeof(step_costs));
			usleep((unsigned int)pause * 1000);
			sum = round_of(count, at_once ? at_once : count);
			if (r >= 0)
				print_all(&sum, count);
		}
	}
	return 0;
}
