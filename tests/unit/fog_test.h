/* SPDX-License-Identifier: BSD-3-Clause */
/* One CUnit suite per test program. Usage:
 *
 *	static void test_life_cycle(void) { CU_ASSERT_EQUAL(1 + 1, 2); }
 *	FOG_TEST_MAIN("crypto/cell/uiv", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments))
 *
 * Exit status 0 when every assertion held; the last line is "N passed, N failed" (tests, not
 * assertions). FOG_TEST_ONLY=name runs one test. */
#ifndef FOG_TEST_H
#define FOG_TEST_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <CUnit/Basic.h>
#include <CUnit/CUnit.h>

struct fog_test {
	const char *name;
	CU_TestFunc fn;
};

#define FOG_TEST(fn)    \
	{               \
#fn, fn \
	}

static int fog_test_run(const char *suite_name, const struct fog_test *tests, unsigned count)
{
	const char *only = getenv("FOG_TEST_ONLY");

	if (CU_initialize_registry() != CUE_SUCCESS)
		return 2;
	CU_pSuite suite = CU_add_suite(suite_name, NULL, NULL);
	if (suite == NULL)
		return 2;
	for (unsigned i = 0; i < count; i++) {
		if (only != NULL && strcmp(only, tests[i].name) != 0)
			continue;
		if (CU_add_test(suite, tests[i].name, tests[i].fn) == NULL)
			return 2;
	}
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	unsigned run = CU_get_number_of_tests_run();
	unsigned failed = CU_get_number_of_tests_failed();
	unsigned failed_asserts = CU_get_number_of_failures();
	CU_cleanup_registry();
	printf("\n%u passed, %u failed\n", run - failed, failed);
	return failed != 0 || failed_asserts != 0 || run == 0;
}

#define FOG_TEST_MAIN(suite, ...)                                                    \
	int main(void)                                                               \
	{                                                                            \
		static const struct fog_test tests[] = {__VA_ARGS__};                \
		return fog_test_run(suite, tests, sizeof(tests) / sizeof(tests[0])); \
	}

#endif
