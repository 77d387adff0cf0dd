/* SPDX-License-Identifier: BSD-3-Clause */
/* Shell scripts as a tool of tests. */
#ifndef FOG_TEST_EXECUTOR_SHELL_H
#define FOG_TEST_EXECUTOR_SHELL_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* Run a script in a directory (NULL: ours). Its exit status, -1 if it has none. What it prints goes
 * to out, cut at cap, or nowhere if out is NULL. */
__attribute__((unused)) static int shell_run(const char *dir, const char *script, char *out,
					     size_t cap)
{
	int pipes[2], status = -1;
	size_t len = 0;
	ssize_t n;

	if (pipe(pipes) < 0)
		return -1;
	pid_t pid = fork();
	if (pid == 0) {
		if (dir != NULL && chdir(dir) < 0)
			_exit(126);
		dup2(pipes[1], STDOUT_FILENO);
		dup2(pipes[1], STDERR_FILENO);
		close(pipes[0]);
		close(pipes[1]);
		execl("/bin/sh", "sh", "-c", script, (char *)NULL);
		_exit(127);
	}
	close(pipes[1]);
	char drop[4096];
	do {
		bool keep = out != NULL && len + 1 < cap;
		n = read(pipes[0], keep ? out + len : drop, keep ? cap - 1 - len : sizeof(drop));
		len += keep && n > 0 ? (size_t)n : 0;
	} while (n > 0);
	if (out != NULL)
		out[len] = '\0';
	close(pipes[0]);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

#endif
