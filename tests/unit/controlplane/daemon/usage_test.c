/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/daemon/usage.h"

#include "tests/unit/fog_test.h"

#include <time.h>
#include <unistd.h>

#define SIZE (32u << 20)

static void test_life_cycle(void)
{
	u64 memory, before_ms, after_ms;
	volatile u64 work = 0;
	volatile u8 *block = malloc(SIZE);

	CU_ASSERT_EQUAL(fog_process_usage(getpid(), &memory, &before_ms), 0);
	for (u32 i = 0; i < SIZE; i += 4096)
		block[i] = 1;
	clock_t end = clock() + CLOCKS_PER_SEC / 10; /* of processor time */
	while (clock() < end)
		work++;
	u64 more;
	CU_ASSERT_EQUAL(fog_process_usage(getpid(), &more, &after_ms), 0);
	CU_ASSERT(after_ms >= before_ms + 50);
	CU_ASSERT(more > memory + SIZE / 2);
	free((void *)block);
}

static void test_bad_arguments(void)
{
	u64 memory = 7, cpu_ms = 7;

	CU_ASSERT(fog_process_usage(0, &memory, &cpu_ms) < 0);
	CU_ASSERT(fog_process_usage(-1, &memory, &cpu_ms) < 0);
	CU_ASSERT(fog_process_usage(0x7fffffff, &memory, &cpu_ms) < 0);
}

FOG_TEST_MAIN("controlplane/daemon/usage", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments))
