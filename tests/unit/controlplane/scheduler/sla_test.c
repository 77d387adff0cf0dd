/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/scheduler/sla.h"
#include "tests/unit/fog_test.h"

static void test_names(void)
{
	for (u32 i = 1; i < FOG_SLA_COUNT; i++)
		CU_ASSERT_EQUAL(fog_sla_class_parse(fog_sla_class_name((enum fog_sla_class)i)), i);
	CU_ASSERT_STRING_EQUAL(fog_sla_class_name(FOG_SLA_S), "S");
	CU_ASSERT_STRING_EQUAL(fog_sla_class_name(FOG_SLA_INVALID), "");
	CU_ASSERT_EQUAL(fog_sla_class_parse("a"), FOG_SLA_A);
	CU_ASSERT_EQUAL(fog_sla_class_parse("S_CLASS"), FOG_SLA_S);
	CU_ASSERT_EQUAL(fog_sla_class_parse("b_class"), FOG_SLA_B);
}

static void test_bad(void)
{
	static const char *const bad[] = {"", "c", "s_", "S_CLASS2", "SS", "s class", "\xff"};

	for (u32 i = 0; i < FOG_ARRAY_COUNT(bad); i++)
		CU_ASSERT_EQUAL(fog_sla_class_parse(bad[i]), FOG_SLA_INVALID);
}

FOG_TEST_MAIN("controlplane/scheduler/sla", FOG_TEST(test_names), FOG_TEST(test_bad))
