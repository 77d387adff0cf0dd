/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/core/dir.h"
#include "tests/unit/fog_test.h"

#include <errno.h>

static void test_sync(void)
{
	CU_ASSERT_EQUAL(fog_dir_sync("."), 0);
	CU_ASSERT_EQUAL(fog_dir_sync("/tmp"), 0);
}

static void test_bad(void)
{
	CU_ASSERT_EQUAL(fog_dir_sync("/nowhere/at/all"), -ENOENT);
	CU_ASSERT_EQUAL(fog_dir_sync("/etc/passwd"), -ENOTDIR);
	CU_ASSERT_EQUAL(fog_dir_sync(""), -ENOENT);
}

FOG_TEST_MAIN("controlplane/core/dir", FOG_TEST(test_sync), FOG_TEST(test_bad))
