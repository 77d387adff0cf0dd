/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/health/metrics.h"
#include "tests/unit/fog_test.h"

static char told[1024];

static void on_sample(void *ctx, const char *name, const char *labels, double value)
{
	size_t used = strlen(told);

	snprintf(told + used, sizeof(told) - used, "%s|%s|%g\n", name, labels, value);
}

static void test_life_cycle(void)
{
	struct fog_metrics m = {.sample = on_sample};
	struct fog_histogram h = {.count = 0};
	char *text = NULL;
	size_t len = 0;

	told[0] = '\0';
	m.out = open_memstream(&text, &len);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m.out);
	fog_metrics_one(&m, "fog_up", "gauge", "is it up", 1);
	fog_metrics_family(&m, "fog_drops_total", "counter", "drops");
	fog_metrics_add(&m, 9007199254740991.0, "worker=\"%u\",reason=\"%s\"", 0, "late");
	fog_metrics_add(&m, 0.25, "worker=\"%u\"", 1);
	fog_histogram_add(&h, 0.002);
	fog_histogram_add(&h, 1000);
	fog_metrics_family(&m, "fog_wait_seconds", "histogram", "wait");
	fog_metrics_histogram(&m, &h, "class=\"B\"");
	fclose(m.out);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(text, "# HELP fog_up is it up\n# TYPE fog_up gauge\nfog_up 1\n"));
	CU_ASSERT_PTR_NOT_NULL(
		strstr(text, "fog_drops_total{worker=\"0\",reason=\"late\"} 9007199254740991\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "fog_drops_total{worker=\"1\"} 0.25\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text,
				      "fog_wait_seconds_bucket{class=\"B\",le=\"0.001\"} 0\n"
				      "fog_wait_seconds_bucket{class=\"B\",le=\"0.0025\"} 1\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "fog_wait_seconds_bucket{class=\"B\",le=\"300\"} 1\n"
					    "fog_wait_seconds_bucket{class=\"B\",le=\"+Inf\"} 2\n"
					    "fog_wait_seconds_sum{class=\"B\"} 1000.002\n"
					    "fog_wait_seconds_count{class=\"B\"} 2\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(told, "fog_up||1\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(told, "fog_wait_seconds_count|class=\"B\"|2\n"));
	free(text);
}

static void test_labels(void)
{
	char out[16];

	CU_ASSERT_STRING_EQUAL(fog_metrics_label("a\"b\\c\nd", out, sizeof(out)),
			       "a\\\"b\\\\c\\nd");
	CU_ASSERT_STRING_EQUAL(fog_metrics_label("0123456789abcdef", out, 8), "012345");
	CU_ASSERT_STRING_EQUAL(fog_metrics_label("", out, sizeof(out)), "");
}

FOG_TEST_MAIN("controlplane/health/metrics", FOG_TEST(test_life_cycle), FOG_TEST(test_labels))
