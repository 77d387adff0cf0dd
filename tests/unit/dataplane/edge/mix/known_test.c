/* SPDX-License-Identifier: BSD-3-Clause */
/* What is known again, for how long, and what a restart and damaged files do to it. */
#include "dataplane/edge/mix/known.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/fog_test.h"

#define HOUR (3600ull * 1000000000)

static struct fog_known k;
static char dir[64], now_path[96], before_path[96];
static int folder;

static void begin(void)
{
	snprintf(dir, sizeof(dir), "/dev/shm/fog-known-test-XXXXXX");
	CU_ASSERT_FATAL(mkdtemp(dir) != NULL);
	snprintf(now_path, sizeof(now_path), "%s/received", dir);
	snprintf(before_path, sizeof(before_path), "%s/received.before", dir);
	folder = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CU_ASSERT_FATAL(folder >= 0);
	CU_ASSERT_EQUAL_FATAL(fog_known_open(&k, folder), 0);
}

static void again(void)
{
	fog_known_close(&k);
	CU_ASSERT_EQUAL_FATAL(fog_known_open(&k, folder), 0);
}

static void end(void)
{
	fog_known_close(&k);
	close(folder);
	(void)unlink(now_path);
	(void)unlink(before_path);
	CU_ASSERT_EQUAL(rmdir(dir), 0);
}

static const u8 *id_of(u32 n)
{
	static u8 id[FOG_KNOWN_ID] = {1};

	fog_store_u32(id + 8, n);
	return id;
}

static bool known(u32 n)
{
	return fog_known_has(&k, id_of(n));
}

static int add(u32 n, u64 at_ns)
{
	return fog_known_add(&k, id_of(n), at_ns);
}

static void test_life_cycle(void)
{
	begin();
	CU_ASSERT(!known(0));
	for (u32 n = 0; n < 5000; n++) {
		CU_ASSERT_EQUAL(add(n, HOUR), 0);
		CU_ASSERT_EQUAL(add(n, HOUR), 0); /* twice is once */
		if (n % 1000 == 3)
			again();
	}
	again();
	for (u32 n = 0; n < 5000; n++)
		CU_ASSERT(known(n));
	CU_ASSERT(!known(5000));
	CU_ASSERT_EQUAL(k.now.count, 5000);
	CU_ASSERT_EQUAL(k.before.count, 0);
	end();
}

/* By the clock of the messages: for FOG_KNOWN_NS at least, for twice that at most. */
static void test_time(void)
{
	begin();
	CU_ASSERT_EQUAL(add(0, 100 * HOUR), 0);
	CU_ASSERT_EQUAL(add(1, 100 * HOUR + FOG_KNOWN_NS), 0);
	CU_ASSERT_EQUAL(add(2, 99 * HOUR), 0); /* a clock that went back */
	CU_ASSERT_EQUAL(k.before.count, 0);
	CU_ASSERT_EQUAL(add(3, 101 * HOUR + FOG_KNOWN_NS), 0);
	CU_ASSERT(known(0) && known(1) && known(2) && known(3));
	again();
	CU_ASSERT(known(0) && known(1) && known(2) && known(3));
	CU_ASSERT_EQUAL(k.now.begun, 101 * HOUR + FOG_KNOWN_NS);
	CU_ASSERT_EQUAL(add(4, 101 * HOUR + 2 * FOG_KNOWN_NS), 0);
	CU_ASSERT(known(1) && known(4));
	CU_ASSERT_EQUAL(add(5, 102 * HOUR + 2 * FOG_KNOWN_NS), 0);
	CU_ASSERT(!known(0) && !known(1) && !known(2));
	CU_ASSERT(known(3) && known(4) && known(5));
	again();
	CU_ASSERT(!known(1) && known(3) && known(4) && known(5));
	/* A provider that says the end of time. */
	CU_ASSERT_EQUAL(add(6, UINT64_MAX), 0);
	CU_ASSERT_EQUAL(add(7, 200 * HOUR), 0);
	CU_ASSERT(known(5) && known(6) && known(7));
	end();
}

/* Of the last ones so many are always known, and no more than twice as many. */
static void test_full(void)
{
	const u32 few = 3000;

	begin();
	for (u32 n = 0; n < few; n++)
		CU_ASSERT_EQUAL_FATAL(add(n, HOUR), 0);
	k.now.count = FOG_KNOWN_MAX - 1;
	CU_ASSERT_EQUAL(add(few, HOUR), 0);
	CU_ASSERT_EQUAL(k.before.count, 0);
	CU_ASSERT_EQUAL(add(few + 1, HOUR), 0);
	CU_ASSERT_EQUAL(k.before.count, FOG_KNOWN_MAX);
	CU_ASSERT_EQUAL(k.now.count, 1);
	again();
	CU_ASSERT_EQUAL(k.before.count, few + 1);
	for (u32 n = 0; n < few + 2; n++)
		CU_ASSERT_FATAL(known(n));
	CU_ASSERT(!known(few + 2));
	k.now.count = FOG_KNOWN_MAX;
	CU_ASSERT_EQUAL(add(few + 2, HOUR), 0);
	CU_ASSERT(!known(0) && !known(few));
	CU_ASSERT(known(few + 1) && known(few + 2));
	end();
}

static void file_write(const char *path, const void *data, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_EQUAL(write(fd, data, len), (ssize_t)len);
	close(fd);
}

/* Cut short, foreign, empty, a folder: what can be read counts, and what comes is known again. */
static void test_files(void)
{
	begin();
	for (u32 n = 0; n < 10; n++)
		CU_ASSERT_EQUAL(add(n, HOUR), 0);
	CU_ASSERT_EQUAL(truncate(now_path, 16 + 9 * 16 + 5), 0);
	again();
	CU_ASSERT(known(8) && !known(9));
	CU_ASSERT_EQUAL(add(10, HOUR), 0);
	again();
	CU_ASSERT(known(8) && known(10));
	CU_ASSERT_EQUAL(k.now.count, 10);
	for (size_t len = 0; len < 40; len += 13) {
		fog_known_close(&k);
		file_write(now_path, "this is not what we write, never at all", len);
		CU_ASSERT_EQUAL_FATAL(fog_known_open(&k, folder), 0);
		CU_ASSERT(!known(8));
		CU_ASSERT_EQUAL(add(8, HOUR), 0);
		again();
		CU_ASSERT(known(8));
	}
	fog_known_close(&k);
	CU_ASSERT_EQUAL(unlink(now_path), 0);
	CU_ASSERT_EQUAL(mkdir(now_path, 0700), 0);
	CU_ASSERT_EQUAL(fog_known_open(&k, folder), -EISDIR);
	CU_ASSERT_EQUAL(rmdir(now_path), 0);
	CU_ASSERT_EQUAL(symlink("elsewhere", now_path), 0);
	CU_ASSERT_EQUAL(fog_known_open(&k, folder), -ELOOP);
	CU_ASSERT_EQUAL(unlink(now_path), 0);
	CU_ASSERT_EQUAL_FATAL(fog_known_open(&k, folder), 0);
	/* Without a place to write it is known until a restart, and the caller is told. */
	CU_ASSERT_EQUAL(mkdir(now_path, 0700), 0);
	CU_ASSERT_EQUAL(add(1, HOUR), -EISDIR);
	CU_ASSERT(known(1));
	CU_ASSERT_EQUAL(rmdir(now_path), 0);
	CU_ASSERT_EQUAL(add(2, HOUR), 0);
	again();
	CU_ASSERT(!known(1) && known(2));
	end();
}

FOG_TEST_MAIN("dataplane/edge/mix/known", FOG_TEST(test_life_cycle), FOG_TEST(test_time),
	      FOG_TEST(test_full), FOG_TEST(test_files))
