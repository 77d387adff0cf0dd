/* SPDX-License-Identifier: BSD-3-Clause */
/* fog-exec: see docs/man/fog-exec.8. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "controlplane/executor/monitor.h"
#include "controlplane/executor/vault.h"

enum exit_status {
	EXIT_OK = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_BUSY = 3,
};

static const char usage_text[] =
	"usage: fog-exec --spool DIR [--detach | --echo | --vault BYTES] [--cgroup-parent PATH]\n"
	"Run the one job that DIR/spec.json describes, sandboxed; its end is in DIR/result.json.\n"
	"  --spool DIR            the job's spool directory\n"
	"  --detach               go on in the background once the job is ours\n"
	"  --echo                 print what the job prints, too\n"
	"  --vault BYTES          in memory of its own, as long as the other end of standard "
	"input\n"
	"  --cgroup-parent PATH   control group to make the job's in; default: our own\n"
	"  --version, --help\n";

struct arguments {
	const char *spool;
	const char *cgroup_parent;
	bool detach;
	bool echo;
	u64 vault; /* bytes; 0: none */
};

static int parse(int argc, char **argv, struct arguments *a)
{
	static const struct option options[] = {
		{"spool", required_argument, NULL, 's'},
		{"detach", no_argument, NULL, 'd'},
		{"echo", no_argument, NULL, 'e'},
		{"vault", required_argument, NULL, 'm'},
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
		case 'm':
			a->vault = strtoull(optarg, NULL, 10);
			if (a->vault == 0)
				return -EINVAL;
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
	bool one = a->detach + a->echo + (a->vault != 0) <= 1;
	return a->spool == NULL || optind != argc || !one ? -EINVAL : 0;
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

/* ---- a vault -------------------------------------------------------------------------------- */

static void vault_ready(void *arg)
{
	fog_vault_tell(*(int *)arg, 0);
}

static int vault_job(const struct arguments *a, int lifeline)
{
	struct fog_monitor_options options = {.ready = vault_ready,
					      .arg = &lifeline,
					      .lifeline_fd = lifeline,
					      .cgroup_parent = a->cgroup_parent};
	char error[FOG_EXECUTOR_ERROR_MAX + 1] = "";

	options.spool_fd = open(FOG_VAULT_SPOOL, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int ret = options.spool_fd < 0 || fchdir(options.spool_fd) < 0
			  ? -errno
			  : fog_monitor_run(&options, error, sizeof(error));
	if (ret < 0)
		fog_vault_tell(lifeline, ret);
	return ret;
}

/* In the background already. 0 or -errno; whoever started us knows it then. */
static int vault_run(const struct arguments *a, int lifeline, int *status_fd)
{
	char dir[PATH_MAX];
	bool in_memory;

	int ret = fog_vault_enter(a->spool, a->vault, &in_memory);
	if (ret == 0 && getcwd(dir, sizeof(dir)) == NULL)
		ret = -errno;
	if (ret < 0)
		return ret;
	ready(status_fd);
	ret = fog_vault_wait(lifeline, in_memory);
	if (ret == 0)
		ret = vault_job(a, lifeline);
	if (!in_memory) {
		fog_vault_outlast(lifeline);
		fog_vault_erase(dir);
	}
	return ret;
}

/* ---- a spool -------------------------------------------------------------------------------- */

static int spool_run(const struct arguments *a, int *status_fd, char *error, size_t error_cap)
{
	struct fog_monitor_options options = {.ready = ready,
					      .arg = status_fd,
					      .lifeline_fd = -1,
					      .cgroup_parent = a->cgroup_parent,
					      .echo = a->echo};
	int ret = options.spool_fd = open(a->spool, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (ret < 0 || fchdir(options.spool_fd) < 0)
		return -errno;
	if (a->detach) {
		ret = *status_fd = detach();
		if (ret < 0)
			return ret;
	}
	return fog_monitor_run(&options, error, error_cap);
}

int main(int argc, char **argv)
{
	struct arguments a = {0};
	char error[FOG_EXECUTOR_ERROR_MAX + 1] = "";
	int status_fd = -1;

	if (parse(argc, argv, &a) < 0) {
		fputs(usage_text, stderr);
		return EXIT_USAGE;
	}
	int ret = streams_ensure();
	if (ret == 0 && a.vault != 0) {
		int lifeline = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
		ret = lifeline < 0 ? -errno : (status_fd = detach());
		if (ret >= 0)
			ret = vault_run(&a, lifeline, &status_fd);
	} else if (ret == 0) {
		ret = spool_run(&a, &status_fd, error, sizeof(error));
	}
	if (ret == 0)
		return EXIT_OK;
	fprintf(stderr, "fog-exec: %s: %s\n", a.spool, error[0] != '\0' ? error : strerror(-ret));
	u8 status = ret == -EBUSY ? EXIT_BUSY : EXIT_FAILED;
	if (status_fd >= 0)
		(void)!write(status_fd, &status, 1);
	return status;
}
