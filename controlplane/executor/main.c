/* SPDX-License-Identifier: BSD-3-Clause */
/* fog-exec: see docs/man/fog-exec.8. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "controlplane/executor/monitor.h"

enum exit_status {
	EXIT_OK = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_BUSY = 3,
};

static const char usage_text[] =
	"usage: fog-exec --spool DIR [--detach | --echo] [--cgroup-parent PATH]\n"
	"Run the one job that DIR/spec.json describes, sandboxed; its end is in DIR/result.json.\n"
	"  --spool DIR            the job's spool directory\n"
	"  --detach               go on in the background once the job is ours\n"
	"  --echo                 print what the job prints, too\n"
	"  --cgroup-parent PATH   control group to make the job's in; default: our own\n"
	"  --version, --help\n";

struct arguments {
	const char *spool;
	const char *cgroup_parent;
	bool detach;
	bool echo;
};

static int parse(int argc, char **argv, struct arguments *a)
{
	static const struct option options[] = {
		{"spool", required_argument, NULL, 's'},
		{"detach", no_argument, NULL, 'd'},
		{"echo", no_argument, NULL, 'e'},
		{"cgroup-parent", required_argument, NULL, 'c'},
		{"version", no_argument, NULL, 'v'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 's':
			a->spool = optarg;
			break;
		case 'd':
			a->detach = true;
			break;
		case 'e':
			a->echo = true;
			break;
		case 'c':
			a->cgroup_parent = optarg;
			break;
		case 'v':
			printf("fog-exec %s\n", FOG_VERSION);
			exit(EXIT_OK);
		case 'h':
			fputs(usage_text, stdout);
			exit(EXIT_OK);
		default:
			return -EINVAL;
		}
	}
	return a->spool == NULL || optind != argc || (a->detach && a->echo) ? -EINVAL : 0;
}

/* Fork twice, so that the monitor has no terminal and can get none. The first process waits for a
 * byte saying that the lock is held, and for the exit status if there is none. Returns in the
 * monitor. */
static int detach(void)
{
	int status[2];
	u8 byte;

	if (pipe2(status, O_CLOEXEC) < 0)
		return -errno;
	pid_t pid = fork();
	if (pid < 0)
		return -errno;
	if (pid > 0) {
		close(status[1]);
		ssize_t n;
		do
			n = read(status[0], &byte, 1);
		while (n < 0 && errno == EINTR);
		_exit(n == 1 ? byte : EXIT_FAILED);
	}
	close(status[0]);
	if (setsid() < 0)
		return -errno;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid > 0)
		_exit(EXIT_OK);
	return status[1];
}

/* The starter may go: from here on nobody reads what we say but in the result. */
static void ready(void *arg)
{
	int *status_fd = arg;
	const u8 ok = EXIT_OK;

	if (*status_fd < 0)
		return;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = STDIN_FILENO; null >= 0 && fd <= STDERR_FILENO; fd++)
		(void)dup2(null, fd);
	if (null > STDERR_FILENO)
		close(null);
	(void)!write(*status_fd, &ok, 1);
	close(*status_fd);
	*status_fd = -1;
}

/* Standard streams that are closed would be reused by what we open. */
static int streams_ensure(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd < 0)
		return -errno;
	close(fd);
	return syscall(SYS_close_range, STDERR_FILENO + 1, ~0u, 0) < 0 && errno != ENOSYS ? -errno
											  : 0;
}

int main(int argc, char **argv)
{
	struct fog_monitor_options options = {.ready = ready};
	struct arguments a = {0};
	char error[FOG_EXECUTOR_ERROR_MAX + 1] = "";
	int status_fd = -1;

	if (parse(argc, argv, &a) < 0) {
		fputs(usage_text, stderr);
		return EXIT_USAGE;
	}
	int ret = streams_ensure();
	if (ret < 0)
		goto err_report;
	ret = options.spool_fd = open(a.spool, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (ret < 0 || fchdir(options.spool_fd) < 0) {
		ret = -errno;
		goto err_report;
	}
	if (a.detach) {
		ret = status_fd = detach();
		if (ret < 0)
			goto err_report;
	}
	options.arg = &status_fd;
	options.cgroup_parent = a.cgroup_parent;
	options.echo = a.echo;
	ret = fog_monitor_run(&options, error, sizeof(error));
	if (ret == 0)
		return EXIT_OK;
err_report:
	fprintf(stderr, "fog-exec: %s: %s\n", a.spool, error[0] != '\0' ? error : strerror(-ret));
	u8 status = ret == -EBUSY ? EXIT_BUSY : EXIT_FAILED;
	if (status_fd >= 0)
		(void)!write(status_fd, &status, 1);
	return status;
}
