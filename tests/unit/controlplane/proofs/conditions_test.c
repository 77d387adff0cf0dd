/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/proofs/conditions.h"

#include "crypto/cpu.h"
#include "tests/unit/fog_test.h"

#include <errno.h>

static char out[FOG_PREDICATE_TEXT_MAX], why[FOG_PREDICATE_WHY];

static int write(const char *type, const char *conditions)
{
	json_t *list = json_loads(conditions, JSON_DECODE_ANY, NULL);
	int rc = fog_conditions_predicate(type, list, out, why);

	json_decref(list);
	return rc;
}

static void test_life_cycle(void)
{
	static const struct {
		const char *type, *conditions, *predicate;
	} cases[] = {
		{"range_proof", "[{\"attribute\":\"age\",\"operator\":\">=\",\"value\":18}]",
		 "age >= 18"},
		{"RANGE_PROOF", "[{\"field\":\"age\",\"min\":18,\"max\":65}]", "age in 18..65"},
		{"range_proof", "[{\"attribute\":\"age\",\"min\":18}]", "age >= 18"},
		{"range_proof", "[{\"attribute\":\"age\",\"max\":18}]", "age <= 18"},
		{"set_membership", "[{\"attribute\":\"c\",\"in\":[\"de\",\"f\\\"r\\\\\"]}]",
		 "c in {\"de\", \"f\\\"r\\\\\"}"},
		{"set_membership",
		 "[{\"attribute\":\"c\",\"not_in\":[1]},{\"attribute\":\"d\",\"operator\":\"==\","
		 "\"value\":true}]",
		 "c not in {1} and d == true"},
		{"predicate",
		 "[{\"predicate\":\"a == 1 or b == 2\"},{\"attribute\":\"a\",\"max\":3}]",
		 "(a == 1 or b == 2) and a <= 3"},
		{"network_policy", "[]", "network_policy()"},
		{"network_policy", "[{\"ports\":\"system\",\"max_services\":3}]",
		 "network_policy(ports = system, max_services = 3)"},
		{"Model_Hash",
		 "[{\"allowed\":[\"a\"]},{\"max_bytes\":9},{\"attribute\":\"x\",\"min\":1}]",
		 "model_hash(allowed = {\"a\"}, max_bytes = 9) and x >= 1"},
		{"network_policy", "[{\"ports\":{\"min\":1,\"max\":80}}]",
		 "network_policy(ports = 1..80)"},
	};
	struct fog_predicate *p = malloc(sizeof(*p));

	CU_ASSERT_EQUAL_FATAL(fog_crypto_init(), 0);
	for (u32 i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		CU_ASSERT_EQUAL(write(cases[i].type, cases[i].conditions), 0);
		CU_ASSERT_STRING_EQUAL(out, cases[i].predicate);
		CU_ASSERT_EQUAL(fog_predicate_compile(p, out, why), 0);
		if (why[0] != '\0')
			printf("%u: %s\n", i, why);
	}
	free(p);
}

static void test_bad_arguments(void)
{
	static const struct {
		const char *type, *conditions, *why;
	} cases[] = {
		{"", "[]", "predicate_type"},
		{"astrology", "[]", "predicate_type"},
		{"range_proof", "{}", "a list"},
		{"range_proof", "[]", "one condition or more"},
		{"range_proof", "[1]", "condition 0: wants an object"},
		{"range_proof", "[{}]", "condition 0: wants an object"},
		{"range_proof", "[{\"attribute\":\"a\"}]", "condition 0: wants operator"},
		{"range_proof", "[{\"attribute\":\"a or b\",\"min\":1}]", "condition 0: a name"},
		{"range_proof", "[{\"attribute\":\"a\",\"min\":-1}]", "condition 0: values"},
		{"range_proof", "[{\"attribute\":\"a\",\"min\":1.5}]", "condition 0: values"},
		{"range_proof", "[{\"attribute\":\"a\",\"operator\":\"like\",\"value\":1}]",
		 "wants operator"},
		{"set_membership",
		 "[{\"attribute\":\"a\",\"min\":1},{\"attribute\":\"a\",\"in\":[]}]",
		 "condition 1: a set"},
		{"set_membership", "[{\"attribute\":\"a\",\"in\":[[]]}]", "condition 0: values"},
		{"mime_type", "[{\"allowed) or (x\":1}]", "condition 0: a name"},
	};

	for (u32 i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		CU_ASSERT_EQUAL(write(cases[i].type, cases[i].conditions), -EINVAL);
		CU_ASSERT_PTR_NOT_NULL(strstr(why, cases[i].why));
		if (strstr(why, cases[i].why) == NULL)
			printf("%u: %s\n", i, why);
	}
}

/* Too long for the language, too many for the list. */
static void test_limits(void)
{
	json_t *list = json_array();
	char name[FOG_PREDICATE_NAME_MAX];

	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	for (u32 i = 0; i < FOG_CONDITIONS_MAX; i++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "attribute", name,
						      "operator", "==", "value", name));
	CU_ASSERT_EQUAL(fog_conditions_predicate("predicate", list, out, why), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "4095 bytes"));
	json_array_append_new(list, json_object());
	CU_ASSERT_EQUAL(fog_conditions_predicate("predicate", list, out, why), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "at most 32"));
	json_decref(list);
}

FOG_TEST_MAIN("controlplane/proofs/conditions", FOG_TEST(test_life_cycle),
	      FOG_TEST(test_bad_arguments), FOG_TEST(test_limits))
