/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/core/log.h"
#include "controlplane/core/trace.h"
#include "tests/unit/fog_test.h"

static char text[256 * 1024];
static FILE *out;

static void start(enum fog_log_level level)
{
	memset(text, 0, sizeof(text));
	out = fmemopen(text, sizeof(text) - 1, "w");
	fog_log_set_file(out);
	fog_log_set_level(level);
	unsetenv("JOURNAL_STREAM");
}

static void stop(void)
{
	fog_log_set_file(NULL);
	fclose(out);
}

static void test_life_cycle(void)
{
	start(FOG_LOG_INFO);
	fog_log(FOG_LOG_INFO, "core", "started count=%d", 3);
	fog_log(FOG_LOG_DEBUG, "core", "hidden");
	fog_log(FOG_LOG_ERROR, "core", "broken");
	stop();
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "Z info core: started count=3\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "Z error core: broken\n"));
	CU_ASSERT_PTR_NULL(strstr(text, "hidden"));
}

static void test_names(void)
{
	for (unsigned l = FOG_LOG_ERROR; l <= FOG_LOG_DEBUG; l++)
		CU_ASSERT_EQUAL(fog_log_level_parse(fog_log_level_name(l)), l);
	CU_ASSERT_EQUAL(fog_log_level_parse("loud"), 0);
	CU_ASSERT_EQUAL(fog_log_level_parse(""), 0);
}

/* While a trace is entered, and also behind a text that is too long. */
static void test_trace(void)
{
	static const char parent[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
	char longer[4 * FOG_LOG_LINE_MAX];
	struct fog_trace t;

	memset(longer, 'x', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	CU_ASSERT_EQUAL(fog_trace_parse(parent, &t), 0);
	start(FOG_LOG_INFO);
	fog_log_set_json(true);
	fog_trace_enter(&t);
	fog_log(FOG_LOG_INFO, "core", "inside count=%d", 3);
	fog_log(FOG_LOG_INFO, "core", "long %s", longer);
	fog_trace_enter(NULL);
	fog_log(FOG_LOG_INFO, "core", "outside");
	fog_log_set_json(false);
	stop();
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"message\":\"inside\",\"count\":\"3\",\"trace_id\":"
					    "\"4bf92f3577b34da6a3ce929d0e0e4736\","
					    "\"span_id\":\"00f067aa0ba902b7\"}\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "xxx\",\"trace_id\":"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"message\":\"outside\"}\n"));
}

/* A peer's text must not start a record of its own, nor be longer than a record. */
static void test_hostile_text(void)
{
	char longer[4 * FOG_LOG_LINE_MAX];

	memset(longer, 'x', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	start(FOG_LOG_INFO);
	fog_log(FOG_LOG_INFO, "p2p", "name=\"%s\"",
		"a\n2025-01-01T00:00:00Z error core: forged\r\033[2J");
	fog_log(FOG_LOG_INFO, "p2p", "name=\"%s\"", longer);
	stop();
	unsigned lines = 0;
	for (char *p = text; *p != '\0'; p++)
		lines += *p == '\n';
	CU_ASSERT_EQUAL(lines, 2);
	CU_ASSERT_PTR_NULL(strchr(text, '\033'));
	CU_ASSERT(strlen(text) < 2 * FOG_LOG_LINE_MAX);
}

static void test_rate(void)
{
	start(FOG_LOG_DEBUG);
	for (int i = 0; i < 5 * FOG_LOG_RATE_MAX; i++)
		fog_log(FOG_LOG_INFO, "p2p", "noise");
	fog_log(FOG_LOG_WARNING, "core", "still heard");
	stop();
	unsigned lines = 0;
	for (char *p = text; (p = strstr(p, "noise")) != NULL; p++)
		lines++;
	/* The tests before took a few of this second; another second may begin in between. */
	CU_ASSERT(lines >= FOG_LOG_RATE_MAX - 10);
	CU_ASSERT(lines <= 2 * FOG_LOG_RATE_MAX);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "still heard"));
}

static void test_journal(void)
{
	start(FOG_LOG_INFO);
	setenv("JOURNAL_STREAM", "1:2", 1);
	fog_log(FOG_LOG_WARNING, "core", "x");
	unsetenv("JOURNAL_STREAM");
	stop();
	CU_ASSERT_STRING_EQUAL(text, "<4>core: x\n");
}

FOG_TEST_MAIN("controlplane/core/log", FOG_TEST(test_life_cycle), FOG_TEST(test_names),
	      FOG_TEST(test_trace), FOG_TEST(test_hostile_text), FOG_TEST(test_rate),
	      FOG_TEST(test_journal))
