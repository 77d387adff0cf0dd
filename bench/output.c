/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/output.h"

#include <fcntl.h>
#include <spawn.h>
#include <unistd.h>

extern char **environ;

FILE *bench_output(char *const argv[], pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) != 0)
		return NULL;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
	int rc = posix_spawn(pid, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(fds[1]);
	if (rc != 0) {
		close(fds[0]);
		return NULL;
	}
	return fdopen(fds[0], "r");
}
