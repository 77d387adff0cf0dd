/* SPDX-License-Identifier: BSD-3-Clause */
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "controlplane/cli/api.h"
#include "controlplane/cli/lab.h"
#include "tests/unit/fog_test.h"

static char dir[] = "/tmp/fog-apitest-XXXXXX";
static char *printed;
static size_t printed_size;

static struct fog_cli cli_new(void)
{
	struct fog_cli cli = {0};

	free(printed);
	cli.out = cli.err = open_memstream(&printed, &printed_size);
	return cli;
}

static void cli_end(struct fog_cli *cli)
{
	fclose(cli->out);
}

/* The socket that a command line with these options would use; "" = it failed. */
static void socket_check(const struct fog_cli *options, const char *expected)
{
	struct fog_cli cli = cli_new();
	struct fog_client client;

	memcpy(cli.option, options->option, sizeof(cli.option));
	int rc = fog_api_open(&cli, &client);
	cli_end(&cli);
	CU_ASSERT_EQUAL(rc, expected[0] != '\0' ? FOG_CLI_OK : FOG_CLI_FAILED);
	if (rc == FOG_CLI_OK) {
		CU_ASSERT_STRING_EQUAL(client.socket, expected);
		fog_client_close(&client);
	}
}

static void test_life_cycle(void)
{
	struct fog_cli o = {0};
	char ash[FOG_LAB_PATH_MAX], birch[FOG_LAB_PATH_MAX];

	unsetenv("FOG_SOCKET");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	snprintf(ash, sizeof(ash), "%s/hosts/ash/api.sock", dir);
	snprintf(birch, sizeof(birch), "%s/hosts/birch/api.sock", dir);
	setenv("FOG_LAB", dir, 1);
	socket_check(&o, "/run/fog/api.sock"); /* no lab there yet */
	json_t *lab = fog_lab_plan(dir, "0abc", FOG_LAB_NETNS, 2);
	CU_ASSERT_EQUAL(fog_lab_save(lab, dir, "lab.json"), 0);
	json_decref(lab);
	socket_check(&o, ash);
	setenv("FOG_SOCKET", "/tmp/env.sock", 1);
	socket_check(&o, "/tmp/env.sock");
	o.option[FOG_OPTION_HOST] = "birch";
	socket_check(&o, birch);
	o.option[FOG_OPTION_SOCKET] = "/tmp/given.sock";
	socket_check(&o, "/tmp/given.sock");
	o = (struct fog_cli){0};
	o.option[FOG_OPTION_LAB] = dir;
	socket_check(&o, ash);
	unsetenv("FOG_SOCKET");
}

static void test_bad_arguments(void)
{
	struct fog_cli o = {0};
	char path[200];

	o.option[FOG_OPTION_HOST] = "oak";
	socket_check(&o, "");
	CU_ASSERT_PTR_NOT_NULL(strstr(printed, "no host \"oak\""));
	o = (struct fog_cli){0};
	o.option[FOG_OPTION_LAB] = "/nowhere";
	socket_check(&o, "");
	CU_ASSERT_PTR_NOT_NULL(strstr(printed, "no lab in /nowhere"));
	memset(path, 'a', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	o.option[FOG_OPTION_LAB] = path;
	socket_check(&o, "");
	o = (struct fog_cli){0};
	o.option[FOG_OPTION_SOCKET] = path;
	socket_check(&o, "");
	pid_t pid = fork();
	if (pid == 0) {
		execlp("rm", "rm", "-rf", dir, (char *)NULL);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
	unsetenv("FOG_LAB");
}

static void test_nobody_answers(void)
{
	struct fog_cli cli = cli_new();
	json_t *out = NULL;

	cli.option[FOG_OPTION_SOCKET] = "/tmp/fog-nobody-listens-here";
	CU_ASSERT_EQUAL(fog_api_get(&cli, "/v1/status", &out), FOG_CLI_FAILED);
	cli_end(&cli);
	CU_ASSERT_PTR_NULL(out);
	CU_ASSERT_PTR_NOT_NULL(strstr(printed, "no control plane answers"));
	free(printed);
	printed = NULL;
}

static void test_path(void)
{
	char path[16] = "/v1/";

	CU_ASSERT_EQUAL(fog_path_append(path, sizeof(path), "a b/c"), 0);
	CU_ASSERT_STRING_EQUAL(path, "/v1/a%20b%2Fc");
	CU_ASSERT(fog_path_append(path, sizeof(path), "xyz") != 0);
	char utf[32] = "";
	CU_ASSERT_EQUAL(fog_path_append(utf, sizeof(utf), "\xc3\xa4?&=#"), 0);
	CU_ASSERT_STRING_EQUAL(utf, "%C3%A4%3F%26%3D%23");
}

FOG_TEST_MAIN("controlplane/cli/api", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_nobody_answers), FOG_TEST(test_path))
