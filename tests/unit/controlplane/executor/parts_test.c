/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/executor/parts.h"

#include <errno.h>
#include <unistd.h>

#include "tests/unit/fog_test.h"

static char path[FOG_PARTS_MAX][FOG_PART_SIZE];

/* What is told is there, twice the same. */
static void check(const char *engine, int most)
{
	char again[FOG_PARTS_MAX][FOG_PART_SIZE];
	int count = fog_executor_parts(engine, path);

	CU_ASSERT_TRUE(count == -ENOENT || count == most);
	CU_ASSERT_EQUAL(fog_executor_parts(engine, again), count);
	for (int i = 0; i < count; i++) {
		CU_ASSERT_EQUAL(access(path[i], F_OK), 0);
		CU_ASSERT_STRING_EQUAL(path[i], again[i]);
	}
}

static void test_life_cycle(void)
{
	check("oci", 1);
	check("microvm", FOG_PARTS_MAX);
}

static void test_bad_arguments(void)
{
	CU_ASSERT_EQUAL(fog_executor_parts("native", path), 0);
	CU_ASSERT_EQUAL(fog_executor_parts("wasm", path), 0);
	CU_ASSERT_EQUAL(fog_executor_parts("", path), 0);
}

FOG_TEST_MAIN("controlplane/executor/parts", FOG_TEST(test_life_cycle),
	      FOG_TEST(test_bad_arguments))
