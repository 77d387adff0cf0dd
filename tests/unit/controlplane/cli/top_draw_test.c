/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/cli/top.h"
#include "tests/unit/fog_test.h"

static const char *const names[] = {"alpha", "beta"};

static json_t *host(const char *name)
{
	json_t *a = json_loads("{\"monotonic_ns\":1,\"traffic\":[{}]}", 0, NULL);
	json_t *b = json_loads(
		"{\"monotonic_ns\":1000000001,\"state\":\"up\",\"traffic\":[{\"counters\":"
		"{\"dgrams_rx\":1234567,\"dgrams_tx\":1000,\"cycles_rx\":5000000,"
		"\"ticks\":10000000},\"drops\":{\"LENGTH\":3,\"CIRCUIT\":2000}}]}",
		0, NULL);
	json_object_set_new(b, "name", json_string(name));
	json_t *r = fog_top_rates(a, b);
	CU_ASSERT_PTR_NOT_NULL_FATAL(r);
	json_decref(a);
	json_decref(b);
	return r;
}

/* The picture, and that it keeps to the terminal. */
static char *drawn(const struct fog_top_view *v)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	fog_top_draw(f, v);
	fclose(f);
	u32 lines = 0;
	for (const char *p = text; *p != '\0'; lines++) {
		size_t n = strcspn(p, "\n");
		CU_ASSERT(n <= v->width);
		p += n + (p[n] != '\0');
	}
	CU_ASSERT(lines <= v->height);
	return text;
}

static void test_life_cycle(void)
{
	json_t *hosts = json_pack("[o, n]", host("alpha"));
	struct fog_top_view v = {
		.hosts = hosts, .names = names, .width = 80, .height = 24, .interval_ms = 1000};
	char *text = drawn(&v);

	CU_ASSERT_PTR_NOT_NULL(strstr(text, "alpha"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "50%"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "1.23M"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "beta       does not answer"));
	free(text);
	v.detail = true;
	text = drawn(&v);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "CIRCUIT"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "outside the ciphers"));
	free(text);
	v.selected = 1;
	text = drawn(&v);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "does not answer"));
	free(text);
	json_decref(hosts);
}

/* Any size of terminal, and nothing to show. */
static void test_sizes(void)
{
	json_t *hosts =
		json_pack("[o, o]", host("alpha"), host("a name much longer than a column"));

	for (u32 width = 1; width < 300; width += 13)
		for (u32 height = 1; height < 40; height += 3)
			for (u32 detail = 0; detail < 2; detail++) {
				struct fog_top_view v = {.hosts = hosts,
							 .names = names,
							 .detail = detail,
							 .width = width,
							 .height = height,
							 .interval_ms = 200};
				free(drawn(&v));
			}
	json_decref(hosts);
	hosts = json_array();
	struct fog_top_view v = {
		.hosts = hosts, .names = names, .width = 80, .height = 24, .interval_ms = 1000};
	char *text = drawn(&v);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "no hosts"));
	free(text);
	json_decref(hosts);
}

FOG_TEST_MAIN("controlplane/cli/top_draw", FOG_TEST(test_life_cycle), FOG_TEST(test_sizes))
