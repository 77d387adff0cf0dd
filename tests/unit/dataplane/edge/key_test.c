/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dataplane/edge/key.h"
#include "tests/unit/fog_test.h"

static char folder[] = "/tmp/fog-edge-key-XXXXXX";
static char path[64], why[256];

static void test_life_cycle(void)
{
	u8 first[32], again[32], derived[2][32];
	struct stat st;

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/edge.key", folder);
	CU_ASSERT_EQUAL_FATAL(fog_edge_key_load(first, path, why), 0);
	CU_ASSERT_EQUAL(stat(path, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 07777, 0600);
	CU_ASSERT_EQUAL(st.st_size, FOG_EDGE_KEY_FILE_SIZE);
	CU_ASSERT_EQUAL_FATAL(fog_edge_key_load(again, path, why), 0);
	CU_ASSERT_EQUAL(memcmp(first, again, 32), 0);
	fog_edge_key_derive(derived[0], first, "a");
	fog_edge_key_derive(derived[1], first, "b");
	CU_ASSERT_NOT_EQUAL(memcmp(derived[0], derived[1], 32), 0);
	CU_ASSERT_NOT_EQUAL(memcmp(derived[0], first, 32), 0);
}

static void test_bad_arguments(void)
{
	u8 seed[32];

	chmod(path, 0640);
	CU_ASSERT_EQUAL(fog_edge_key_load(seed, path, why), -EPERM);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "0600"));
	chmod(path, 0600);
	CU_ASSERT_EQUAL(truncate(path, 47), 0);
	CU_ASSERT_EQUAL(fog_edge_key_load(seed, path, why), -EINVAL);
	CU_ASSERT_EQUAL(truncate(path, 0), 0);
	CU_ASSERT_EQUAL(truncate(path, 48), 0); /* no magic */
	CU_ASSERT_EQUAL(fog_edge_key_load(seed, path, why), -EINVAL);
	unlink(path);
	CU_ASSERT_EQUAL(symlink("/etc/passwd", path), 0);
	CU_ASSERT_EQUAL(fog_edge_key_load(seed, path, why), -ELOOP);
	unlink(path);
	CU_ASSERT_EQUAL(mkdir(path, 0700), 0);
	CU_ASSERT_EQUAL(fog_edge_key_load(seed, path, why), -EINVAL);
	rmdir(path);
	rmdir(folder);
	CU_ASSERT_EQUAL(fog_edge_key_load(seed, path, why), -ENOENT);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, path));
}

FOG_TEST_MAIN("dataplane/edge/key", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments))
