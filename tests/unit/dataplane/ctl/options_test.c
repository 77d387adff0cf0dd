/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/ctl/options.h"

#include "tests/unit/fog_test.h"

#include <errno.h>
#include <unistd.h>

#define ARGS_MAX 8

/* Run with the given arguments; the errors land in text. */
static int read_with(struct fog_options *o, const char *const args[], char text[4096])
{
	const char *argv[ARGS_MAX + 2] = {"fog-dataplane"};
	int argc = 1;
	FILE *errors = fmemopen(text, 4096, "w");

	while (argc <= ARGS_MAX && args[argc - 1] != NULL) {
		argv[argc] = args[argc - 1];
		argc++;
	}
	memset(text, 0, 4096);
	int rc = fog_options_read(o, argc, (char **)argv, errors);
	fclose(errors);
	return rc;
}

static char *config_write(const char *text)
{
	static char path[64];
	FILE *f;
	int fd;

	snprintf(path, sizeof(path), "/tmp/fog-options-XXXXXX");
	fd = mkstemp(path);
	f = fdopen(fd, "w");
	if (f == NULL)
		abort();
	fputs(text, f);
	fclose(f);
	return path;
}

static const char config_text[] =
	"host: { name = \"ash\"; run_dir = \"/tmp/r\"; state_dir = \"/tmp/s\"; log_level = "
	"\"warning\"; };\n"
	"dataplane: { listen = \"192.0.2.7:9001\"; workers = 3; io = \"socket\"; pin = false; "
	"mix_held = 1000000; mix_packets = 40000000; };\n"
	"control: { listen = \"192.0.2.7:9002\"; };\n";

static void test_life_cycle(void)
{
	struct fog_options o;
	char text[4096], address[FOG_ADDRESS_TEXT_SIZE];

	/* Defaults. */
	CU_ASSERT_EQUAL(read_with(&o, (const char *[]){"--listen", "[::1]:9000", NULL}, text), 0);
	CU_ASSERT_EQUAL(o.mode, FOG_OPTIONS_RUN);
	CU_ASSERT_STRING_EQUAL(fog_address_format(&o.listen, address), "[::1]:9000");
	CU_ASSERT_STRING_EQUAL(o.run_dir, "/run/fog");
	CU_ASSERT_STRING_EQUAL(o.state_dir, "/var/lib/fog");
	CU_ASSERT_STRING_EQUAL(o.io, "auto");
	CU_ASSERT(o.workers == 0 && o.pin && o.level == FOG_DPLOG_INFO);
	CU_ASSERT_STRING_EQUAL(text, "");

	/* The file. */
	char *path = config_write(config_text);
	CU_ASSERT_EQUAL(read_with(&o, (const char *[]){"--config", path, NULL}, text), 0);
	CU_ASSERT_STRING_EQUAL(fog_address_format(&o.listen, address), "192.0.2.7:9001");
	CU_ASSERT_STRING_EQUAL(o.run_dir, "/tmp/r");
	CU_ASSERT_STRING_EQUAL(o.state_dir, "/tmp/s");
	CU_ASSERT_STRING_EQUAL(o.io, "socket");
	CU_ASSERT(o.mix_held == 1000000 && o.mix_packets == 40000000);
	CU_ASSERT(o.workers == 3 && !o.pin && o.level == FOG_DPLOG_WARNING);

	/* Options win, wherever they stand. */
	CU_ASSERT_EQUAL(read_with(&o,
				  (const char *[]){"--workers", "0", "--io=uring", "--config", path,
						   "--log-level=debug", "--check", NULL},
				  text),
			0);
	CU_ASSERT_EQUAL(o.mode, FOG_OPTIONS_CHECK);
	CU_ASSERT_STRING_EQUAL(o.io, "uring");
	CU_ASSERT(o.workers == 0 && o.level == FOG_DPLOG_DEBUG);
	CU_ASSERT_STRING_EQUAL(o.run_dir, "/tmp/r");
	unlink(path);
}

static void test_bad_arguments(void)
{
	static char long_dir[FOG_OPTIONS_PATH_MAX + 2];
	struct {
		unsigned number;
		int rc;
		const char *args[ARGS_MAX];
		const char *text;
	} cases[] = {
		{1, -EINVAL, {NULL}, "no --listen"},
		{2, -EINVAL, {"--bogus", NULL}, "--bogus"},
		{3, -EINVAL, {"--listen", NULL}, "--listen"},
		{4, -EINVAL, {"--listen", "1.2.3.4:1", "extra", NULL}, "extra"},
		{5, -EINVAL, {"--listen", "localhost:1", NULL}, "ADDRESS:PORT"},
		{6, -EINVAL, {"--listen", "1.2.3.4:0", NULL}, "ADDRESS:PORT"},
		{7, -EINVAL, {"--listen", "1.2.3.4:1", "--workers", "17", NULL}, "0 to 16"},
		{7, -EINVAL, {"--listen", "1.2.3.4:1", "--circuits", "1048577", NULL}, "1048576"},
		{8, -EINVAL, {"--listen", "1.2.3.4:1", "--workers", "-1", NULL}, "0 to 16"},
		{9, -EINVAL, {"--listen", "1.2.3.4:1", "--workers", "2x", NULL}, "0 to 16"},
		{10, -EINVAL, {"--listen", "1.2.3.4:1", "--workers", "", NULL}, "0 to 16"},
		{11, -EINVAL, {"--listen", "1.2.3.4:1", "--io", "tape", NULL}, "uring"},
		{12, -EINVAL, {"--listen", "1.2.3.4:1", "--log-level", "loud", NULL}, "level"},
		{13, -EINVAL, {"--listen", "1.2.3.4:1", "--run-dir", "", NULL}, "empty"},
		{14, -EINVAL, {"--listen", "1.2.3.4:1", "--state-dir", long_dir, NULL}, "long"},
		{15, -ENOENT, {"--config", "/nonexistent/fog.conf", NULL}, "fog.conf"},
		{16, 0, {"--help", NULL}, ""},
		{17, 0, {"--version", "--bogus", NULL}, ""},
	};

	memset(long_dir, 'd', sizeof(long_dir) - 1);
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		struct fog_options o;
		char text[4096];
		int rc = read_with(&o, cases[i].args, text);

		if (rc != cases[i].rc || strstr(text, cases[i].text) == NULL)
			printf("case %u: %d %s\n", cases[i].number, rc, text);
		CU_ASSERT_EQUAL(rc, cases[i].rc);
		CU_ASSERT_PTR_NOT_NULL(strstr(text, cases[i].text));
	}
}

static void test_bad_configuration(void)
{
	struct fog_options o;
	char text[4096];
	char *path = config_write("dataplane: { listen = \"here\"; workers = 99; };\n");

	CU_ASSERT_EQUAL(read_with(&o, (const char *[]){"--config", path, NULL}, text), -EBADMSG);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, path));
	unlink(path);
}

FOG_TEST_MAIN("dataplane/ctl/options", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_bad_configuration))
