/* SPDX-License-Identifier: BSD-3-Clause */
#include "configs/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "tests/unit/fog_place.h"
#include "tests/unit/fog_test.h"

static char dir[] = "/tmp/fog-file-test-XXXXXX", path[64];

static void test_life_cycle(void)
{
	struct stat st;
	char buf[8];

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/key", dir);
	CU_ASSERT_EQUAL(fog_file_create(path, "secret", 6), 0);
	CU_ASSERT_EQUAL(stat(path, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode, S_IFREG | 0600);
	CU_ASSERT_EQUAL(st.st_nlink, 1); /* nothing is left beside it */
	int fd = open(path, O_RDWR | O_CLOEXEC);
	CU_ASSERT_EQUAL(fog_file_read_all(fd, buf, 6), 0);
	CU_ASSERT_EQUAL(memcmp(buf, "secret", 6), 0);
	CU_ASSERT_EQUAL(fog_file_read_all(fd, buf, 1), -ENODATA);
	CU_ASSERT_EQUAL(fog_file_write_all(fd, "more", 4), 0);
	CU_ASSERT_EQUAL(lseek(fd, 4, SEEK_SET), 4);
	CU_ASSERT_EQUAL(fog_file_read_all(fd, buf, 6), 0);
	CU_ASSERT_EQUAL(memcmp(buf, "etmore", 6), 0);
	close(fd);
}

static void test_bad_arguments(void)
{
	static char longest[5000];
	char buf[8];

	CU_ASSERT_EQUAL(fog_file_create(path, "other", 5), -EEXIST);
	CU_ASSERT_EQUAL(fog_file_create("/nowhere/at/all", "x", 1), -ENOENT);
	memset(longest, 'a', sizeof(longest) - 1);
	CU_ASSERT_EQUAL(fog_file_create(longest, "x", 1), -ENAMETOOLONG);
	CU_ASSERT_EQUAL(fog_file_read_all(-1, buf, 1), -EBADF);
	CU_ASSERT_EQUAL(fog_file_write_all(-1, buf, 1), -EBADF);
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	CU_ASSERT_EQUAL(fog_file_write_all(fd, buf, 1), -ENOSPC);
	close(fd);
}

static void test_dir_sync(void)
{
	CU_ASSERT_EQUAL(fog_dir_sync("."), 0);
	CU_ASSERT_EQUAL(fog_dir_sync("/nowhere/at/all"), -ENOENT);
	CU_ASSERT_EQUAL(fog_dir_sync("/etc/passwd"), -ENOTDIR);
	CU_ASSERT_EQUAL(fog_dir_sync(""), -ENOENT);
	CU_ASSERT_EQUAL(fog_dir_sync_of("here"), 0);
	CU_ASSERT_EQUAL(fog_dir_sync_of("/here"), 0);
	CU_ASSERT_EQUAL(fog_dir_sync_of(path), 0);
	CU_ASSERT_EQUAL(fog_dir_sync_of("/nowhere/x"), -ENOENT);
	CU_ASSERT_EQUAL(fog_test_tree_remove(dir), 0);
}

FOG_TEST_MAIN("configs/file", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_dir_sync))
