/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/abi/attach.h"
#include "tests/unit/fog_test.h"

#include <ctype.h>

static void test_life_cycle(void)
{
	static struct fog_counters c;
	const char *name, *unit, *help;
	unsigned n = 0;

	while (fog_counter_info(n, &name, &unit, &help)) {
		CU_ASSERT(strlen(name) != 0 && strlen(unit) != 0 && strlen(help) != 0);
		CU_ASSERT_EQUAL(fog_counter_read(&c, n), 0);
		n++;
	}
	CU_ASSERT_EQUAL(n, offsetof(struct fog_counters, drops) / 8);

	CU_ASSERT(fog_counter_info(0, &name, NULL, NULL));
	CU_ASSERT_STRING_EQUAL(name, "dgrams_rx");
	atomic_store(&c.dgrams_rx, 7);
	atomic_store(&c.cycles_idle, 9);
	atomic_store(&c.drops[FOG_DROP_PADDING], 11);
	CU_ASSERT_EQUAL(fog_counter_read(&c, 0), 7);
	CU_ASSERT_EQUAL(fog_counter_read(&c, n - 1), 9);
	CU_ASSERT_EQUAL(fog_counter_drop(&c, FOG_DROP_PADDING), 11);
	CU_ASSERT_EQUAL(fog_counter_drop(&c, FOG_DROP_LENGTH), 0);
}

static void test_bad_arguments(void)
{
	static struct fog_counters c;

	CU_ASSERT_FALSE(fog_counter_info(10000, NULL, NULL, NULL));
	CU_ASSERT_EQUAL(fog_counter_read(&c, 10000), 0);
	CU_ASSERT_EQUAL(fog_counter_drop(&c, FOG_DROP_COUNT), 0);
	CU_ASSERT_EQUAL(fog_counter_drop(&c, (enum fog_drop) - 1), 0);
	CU_ASSERT_STRING_EQUAL(fog_drop_name(FOG_DROP_COUNT), "unknown");
	CU_ASSERT_STRING_EQUAL(fog_drop_text((enum fog_drop) - 1), "unknown");
}

static void test_drop_names(void)
{
	CU_ASSERT_STRING_EQUAL(fog_drop_name(FOG_DROP_LINK_AUTH), "link_auth");
	CU_ASSERT_STRING_EQUAL(fog_drop_text(FOG_DROP_LINK_AUTH), "link authentication failed");
	for (unsigned d = 0; d < FOG_DROP_COUNT; d++) {
		const char *name = fog_drop_name(d);

		CU_ASSERT(strlen(name) > 1 && strlen(fog_drop_text(d)) > 4);
		for (const char *p = name; *p != '\0'; p++)
			CU_ASSERT(islower(*p) || isdigit(*p) || *p == '_');
		for (unsigned e = 0; e < d; e++)
			CU_ASSERT_STRING_NOT_EQUAL(name, fog_drop_name(e));
	}
}

FOG_TEST_MAIN("dataplane/abi/abi", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_drop_names))
