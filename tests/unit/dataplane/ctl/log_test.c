/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/ctl/log.h"
#include "tests/unit/fog_test.h"

#include <fcntl.h>
#include <unistd.h>

/* What one call writes to stderr. */
#define CAPTURE(out, call)                                    \
	do {                                                  \
		int pipes_[2], saved_ = dup(2);               \
		ssize_t n_;                                   \
		if (pipe2(pipes_, O_NONBLOCK) != 0)           \
			abort();                              \
		dup2(pipes_[1], 2);                           \
		call;                                         \
		dup2(saved_, 2);                              \
		n_ = read(pipes_[0], (out), sizeof(out) - 1); \
		(out)[n_ > 0 ? n_ : 0] = '\0';                \
		close(pipes_[0]);                             \
		close(pipes_[1]);                             \
		close(saved_);                                \
	} while (0)

static void test_life_cycle(void)
{
	char out[2048];

	unsetenv("JOURNAL_STREAM");
	CAPTURE(out, fog_dplog(FOG_DPLOG_NOTICE, "ctl", "number %d", 7));
	CU_ASSERT_PTR_NOT_NULL(strstr(out, "Z notice ctl: number 7\n"));
	CU_ASSERT_EQUAL(out[4], '-');
	setenv("JOURNAL_STREAM", "8:1", 1);
	CAPTURE(out, fog_dplog(FOG_DPLOG_WARNING, "ctl", "x"));
	CU_ASSERT_STRING_EQUAL(out, "<4>warning ctl: x\n");
	unsetenv("JOURNAL_STREAM");
}

static void test_bad_arguments(void)
{
	char out[2048], text[1500];

	CAPTURE(out, fog_dplog(0, "ctl", "x"));
	CU_ASSERT_STRING_EQUAL(out, "");
	CAPTURE(out, fog_dplog(FOG_DPLOG_DEBUG + 1, "ctl", "x"));
	CU_ASSERT_STRING_EQUAL(out, "");
	CU_ASSERT_EQUAL(fog_dplog_level_parse("loud"), 0);
	CU_ASSERT_EQUAL(fog_dplog_level_parse("error"), FOG_DPLOG_ERROR);
	CU_ASSERT_EQUAL(fog_dplog_level_parse("debug"), FOG_DPLOG_DEBUG);
	/* Forged records and endless ones. */
	CAPTURE(out, fog_dplog(FOG_DPLOG_ERROR, "ctl", "%s", "a\nb\x1b[31m\x7f"));
	CU_ASSERT_PTR_NOT_NULL(strstr(out, "error ctl: a?b?[31m?\n"));
	memset(text, 'y', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	CAPTURE(out, fog_dplog(FOG_DPLOG_ERROR, "ctl", "%s", text));
	CU_ASSERT_EQUAL(strlen(out), FOG_DPLOG_LINE_MAX);
	CU_ASSERT_EQUAL(out[FOG_DPLOG_LINE_MAX - 1], '\n');
}

static void test_levels(void)
{
	char out[2048];

	CAPTURE(out, fog_dplog(FOG_DPLOG_DEBUG, "ctl", "x"));
	CU_ASSERT_STRING_EQUAL(out, "");
	fog_dplog_set_level(FOG_DPLOG_DEBUG);
	CAPTURE(out, fog_dplog(FOG_DPLOG_DEBUG, "ctl", "x"));
	CU_ASSERT_STRING_NOT_EQUAL(out, "");
	fog_dplog_set_level(FOG_DPLOG_ERROR);
	CAPTURE(out, fog_dplog(FOG_DPLOG_WARNING, "ctl", "x"));
	CU_ASSERT_STRING_EQUAL(out, "");
	fog_dplog_set_level(99);
	CAPTURE(out, fog_dplog(FOG_DPLOG_ERROR, "ctl", "x"));
	CU_ASSERT_STRING_NOT_EQUAL(out, "");
	fog_dplog_set_level(FOG_DPLOG_INFO);
}

FOG_TEST_MAIN("dataplane/ctl/log", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_levels))
