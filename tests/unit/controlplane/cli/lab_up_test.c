/* SPDX-License-Identifier: BSD-3-Clause */
/* What `lab up` and `lab down` refuse. That they work is shown end to end: tests/netns/e2e_lab.py.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "controlplane/cli/lab.h"
#include "tests/unit/fog_test.h"

static char dir[] = "/tmp/fog-uptest-XXXXXX";
static char *printed;
static size_t printed_size;

static int up(const char *hosts, const char *mode)
{
	struct fog_cli cli = {0};
	json_t *lab = NULL;

	free(printed);
	cli.out = cli.err = open_memstream(&printed, &printed_size);
	cli.option[FOG_OPTION_HOSTS] = hosts;
	cli.option[FOG_OPTION_MODE] = mode;
	int rc = fog_lab_up(&cli, dir, &lab);
	fclose(cli.out);
	CU_ASSERT_PTR_NULL(lab);
	return rc;
}

static void test_bad_arguments(void)
{
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	CU_ASSERT_EQUAL(up("0", NULL), FOG_CLI_USAGE);
	CU_ASSERT_EQUAL(up("65", NULL), FOG_CLI_USAGE);
	CU_ASSERT_EQUAL(up("7x", NULL), FOG_CLI_USAGE);
	CU_ASSERT_EQUAL(up(NULL, "bridge"), FOG_CLI_USAGE);
	CU_ASSERT_EQUAL(fog_lab_down(dir), -ENOENT);
}

/* This test program lies beside none of the daemons. */
static void test_programs_missing(void)
{
	CU_ASSERT_EQUAL(up("1", "loopback"), FOG_CLI_FAILED);
	CU_ASSERT_PTR_NOT_NULL(strstr(printed, "fog-dataplane is not beside fogctl"));
	CU_ASSERT(!fog_lab_alive(dir));
}

static void test_already_up(void)
{
	char path[FOG_LAB_PATH_MAX];

	snprintf(path, sizeof(path), "%s/lock", dir);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	CU_ASSERT_EQUAL(flock(fd, LOCK_EX), 0);
	CU_ASSERT_EQUAL(up("1", "loopback"), FOG_CLI_FAILED);
	CU_ASSERT_PTR_NOT_NULL(strstr(printed, "already up"));
	close(fd);
	free(printed);
	pid_t pid = fork();
	if (pid == 0) {
		execlp("rm", "rm", "-rf", dir, (char *)NULL);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
}

FOG_TEST_MAIN("controlplane/cli/lab_up", FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_programs_missing), FOG_TEST(test_already_up))
