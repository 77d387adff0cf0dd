/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/core/process.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/fog_test.h"

static void test_life_cycle(void)
{
	struct fog_process_usage before, after;

	CU_ASSERT_EQUAL_FATAL(fog_process_usage((int)getpid(), &before), 0);
	CU_ASSERT_EQUAL(before.threads, 1);
	CU_ASSERT(before.resident_bytes > 100000 && before.resident_bytes <= before.virtual_bytes);
	CU_ASSERT(before.start_time_seconds <= (double)time(NULL) + 1);
	CU_ASSERT(before.start_time_seconds > (double)time(NULL) - 600);
	CU_ASSERT_EQUAL_FATAL(fog_process_usage((int)getpid(), &after), 0);
	CU_ASSERT(after.cpu_seconds >= before.cpu_seconds);
}

#define SIZE (32u << 20)

static void test_it_grows(void)
{
	struct fog_process_usage before, after;
	volatile u64 work = 0;
	volatile u8 *block = malloc(SIZE);

	CU_ASSERT_EQUAL(fog_process_usage((int)getpid(), &before), 0);
	for (u32 i = 0; i < SIZE; i += 4096)
		block[i] = 1;
	clock_t end = clock() + CLOCKS_PER_SEC / 10; /* of processor time */
	while (clock() < end)
		work++;
	CU_ASSERT_EQUAL(fog_process_usage((int)getpid(), &after), 0);
	CU_ASSERT(after.cpu_seconds >= before.cpu_seconds + 0.05);
	CU_ASSERT(after.resident_bytes > before.resident_bytes + SIZE / 2);
	free((void *)block);
}

static void test_no_such_process(void)
{
	struct fog_process_usage usage;

	CU_ASSERT_EQUAL(fog_process_usage(-1, &usage), -ENOENT);
	CU_ASSERT(fog_process_usage(0, &usage) < 0);
	CU_ASSERT(fog_process_usage(0x7fffffff, &usage) < 0);
}

static void test_fds(void)
{
	u64 before, after, max;

	fog_process_fds(&before, &max);
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	fog_process_fds(&after, &max);
	CU_ASSERT_EQUAL(after, before + 1);
	CU_ASSERT(max >= after);
	close(fd);
}

static void test_free_ratio(void)
{
	double ratio = -1;

	CU_ASSERT_EQUAL(fog_process_free_ratio("/", &ratio), 0);
	CU_ASSERT(ratio >= 0 && ratio <= 1);
	CU_ASSERT_EQUAL(fog_process_free_ratio("/no/such/folder", &ratio), -ENOENT);
}

FOG_TEST_MAIN("controlplane/core/process", FOG_TEST(test_life_cycle), FOG_TEST(test_it_grows),
	      FOG_TEST(test_no_such_process), FOG_TEST(test_fds), FOG_TEST(test_free_ratio))
