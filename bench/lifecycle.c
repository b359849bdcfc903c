/*
 * lifecycle creates, starts and deletes one container, as an engine does. It is the subreaper of the container's
 * process, and deletes the container after it has reaped that process. So the time of a runtime that polls for the
 * end of the process is not measured.
 *
 *	lifecycle BUNDLE ID RUNTIME [GLOBAL-OPTION...]
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* Runs RUNTIME [GLOBAL-OPTION...] with up to four more words. The container's process may end in the meantime. */
static void run(char **runtime, int words, const char *const more[])
{
	char *argv[64];
	int i, n = 0, status;
	pid_t pid, ended;

	for (i = 0; i < words && n < 56; i++)
		argv[n++] = runtime[i];
	for (i = 0; more[i]; i++)
		argv[n++] = (char *)more[i];
	argv[n] = NULL;
	errno = posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ);
	if (errno)
		err(1, "%s", argv[0]);
	do
		ended = wait(&status);
	while (ended > 0 && ended != pid);
	if (ended < 0 || status != 0)
		errx(1, "%s %s failed", argv[0], more[0]);
}

int main(int argc, char **argv)
{
	const char *create[] = { "create", "--bundle", argc > 1 ? argv[1] : NULL, NULL, NULL };
	const char *start[] = { "start", NULL, NULL };
	const char *delete[] = { "delete", NULL, NULL };

	if (argc < 4)
		errx(2, "usage: lifecycle BUNDLE ID RUNTIME [GLOBAL-OPTION...]");
	create[3] = start[1] = delete[1] = argv[2];
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		err(1, "prctl");
	run(argv + 3, argc - 3, create);
	run(argv + 3, argc - 3, start);
	while (wait(NULL) > 0)
		;
	run(argv + 3, argc - 3, delete);
	return 0;
}
