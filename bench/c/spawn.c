/* spawn DIR N CMD ARG...: the least that starting N processes can be: a
 * posix_spawn(3) each, in a session of its own, with a log file of its own as
 * stdout and stderr; and then to end them: a kill(2) and a wait(2) each. Prints
 * the seconds that both took. With the environment variable WAIT set it starts two
 * at a time and waits for each. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	if (argc < 4)
		return 2;
	int n = atoi(argv[2]);
	pid_t *pids = calloc(n, sizeof *pids);
	double begin = now();
	for (int i = 0; i < n; i++) {
		char log[4096];
		snprintf(log, sizeof log, "%s/%d.log", argv[1], i);
		posix_spawn_file_actions_t files;
		posix_spawnattr_t attr;
		posix_spawn_file_actions_init(&files);
		posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
		posix_spawn_file_actions_addopen(&files, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0600);
		posix_spawn_file_actions_adddup2(&files, 1, 2);
		posix_spawnattr_init(&attr);
		posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID);
		if (posix_spawnp(&pids[i], argv[3], &files, &attr, argv + 3, environ) != 0)
			return 1;
		posix_spawn_file_actions_destroy(&files);
		posix_spawnattr_destroy(&attr);
		if (getenv("WAIT") && i > 0)
			waitpid(-1, NULL, 0);
	}
	printf("%.6f ", now() - begin);
	begin = now();
	for (int i = 0; i < n && !getenv("WAIT"); i++)
		kill(pids[i], SIGTERM);
	while (wait(NULL) > 0)
		;
	printf("%.6f\n", now() - begin);
	return 0;
}
