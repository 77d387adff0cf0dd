/* SPDX-License-Identifier: BSD-3-Clause */
/* Fetching from a control plane that is not to be trusted with our files. */
#include <sys/stat.h>
#include <unistd.h>

#include "controlplane/cli/commands.h"
#include "tests/unit/controlplane/cli/http_server.h"
#include "tests/unit/fog_test.h"

#define ABC   "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define OTHER "0000000000000000000000000000000000000000000000000000000000000000"
#define PART  "HTTP/1.1 206 Partial Content\r\nContent-Length: 3\r\n\r\nabc"
#define LIST(name, sha256, size)                                                               \
	"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"       \
	"{\"artifacts\":[{\"name\":\"" name "\",\"sha256\":\"" sha256 "\",\"size\":" #size "," \
	"\"executable\":true}]}"

static const struct http_answer answers[] = {
	{"GET /v1/jobs/good/artifacts/d%2Fa%25FF", PART, 0},
	{"GET /v1/jobs/good/artifacts ", LIST("d/a%FF", ABC, 3), 0},
	{"GET /v1/jobs/liar/artifacts/x", PART, 0},
	{"GET /v1/jobs/liar/artifacts ", LIST("x", OTHER, 3), 0},
	{"GET /v1/jobs/whole/artifacts/x", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", 0},
	{"GET /v1/jobs/whole/artifacts ", LIST("x", ABC, 3), 0},
	{"GET /v1/jobs/up/artifacts ", LIST("../x", ABC, 3), 0},
	{"GET /v1/jobs/root/artifacts ", LIST("/tmp/fog-x", ABC, 3), 0},
	{"GET /v1/jobs/dots/artifacts ", LIST("%2E%2E/x", ABC, 3), 0},
	{"GET /v1/jobs/hash/artifacts ", LIST("x", "zz", 3), 0},
	{"GET /v1/jobs/none/artifacts ",
	 "HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n{\"artifacts\":[]}", 0},
};

static struct http_server server;
static char dir[64];
static char *printed;
static size_t printed_size;

static int fetch(const char *job, const char *name, const char *output)
{
	struct fog_cli cli = {.args = {job, name}, .args_count = name != NULL ? 2 : 1};

	free(printed);
	cli.out = cli.err = open_memstream(&printed, &printed_size);
	cli.option[FOG_OPTION_SOCKET] = server.path;
	cli.option[FOG_OPTION_OUTPUT] = output;
	int rc = fog_cmd_job_fetch(&cli);
	fclose(cli.out);
	return rc;
}

static void begin(void)
{
	snprintf(dir, sizeof(dir), "/tmp/fog-fetch-test.XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	CU_ASSERT_EQUAL_FATAL(http_start(&server, answers, FOG_ARRAY_COUNT(answers)), 0);
}

static void end(void)
{
	http_stop(&server);
	free(printed);
	printed = NULL;
}

static void test_life_cycle(void)
{
	char path[128];
	struct stat st;

	begin();
	CU_ASSERT_EQUAL(fetch("good", NULL, dir), FOG_CLI_OK);
	CU_ASSERT_PTR_NOT_NULL(strstr(server.request, "Range: bytes=0-2\r\n"));
	snprintf(path, sizeof(path), "%s/d/a\xff", dir);
	CU_ASSERT_PTR_NOT_NULL(strstr(printed, path));
	CU_ASSERT_EQUAL_FATAL(stat(path, &st), 0);
	CU_ASSERT_EQUAL(st.st_size, 3);
	CU_ASSERT_EQUAL(st.st_mode & 0777, 0755);
	CU_ASSERT_EQUAL(fetch("good", "d/", dir), FOG_CLI_OK); /* again, over it */
	CU_ASSERT_EQUAL(unlink(path), 0);
	snprintf(path, sizeof(path), "%s/d", dir);
	CU_ASSERT_EQUAL(rmdir(path), 0); /* nothing else was left there */
	CU_ASSERT_EQUAL(rmdir(dir), 0);
	end();
}

static void test_bad_arguments(void)
{
	static const struct {
		const char *job, *name, *says;
	} cases[] = {
		{"liar", NULL, "not what its hash says"},
		{"whole", NULL, "not the part asked for"},
		{"up", NULL, "is no name of an artifact"},
		{"root", NULL, "is no name of an artifact"},
		{"dots", NULL, "is no name of an artifact"},
		{"hash", NULL, "is no name of an artifact"},
		{"none", NULL, "left no artifacts"},
		{"good", "d/b", "left no artifact \"d/b\""},
		{"nobody", NULL, "HTTP 404"},
	};
	char path[128];

	begin();
	for (size_t i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		CU_ASSERT_EQUAL(fetch(cases[i].job, cases[i].name, dir), FOG_CLI_FAILED);
		if (strstr(printed, cases[i].says) == NULL)
			printf("\ncase %zu: %s", i, printed);
		CU_ASSERT_PTR_NOT_NULL(strstr(printed, cases[i].says));
	}
	/* What broke off may lie there under another name, never under its own. */
	snprintf(path, sizeof(path), "%s/x", dir);
	CU_ASSERT_NOT_EQUAL(access(path, F_OK), 0);
	snprintf(path, sizeof(path), "%s/x.%.16s.part", dir, ABC);
	CU_ASSERT_EQUAL(unlink(path), 0);
	CU_ASSERT_EQUAL(rmdir(dir), 0);
	end();
}

FOG_TEST_MAIN("controlplane/cli/cmd_artifact", FOG_TEST(test_life_cycle),
	      FOG_TEST(test_bad_arguments))
