/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/table/arena.h"

#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/fog_test.h"

static void test_life_cycle(void)
{
	struct fog_arena a = {0};

	for (u32 i = 0; i < 10; i++) {
		u8 *p = fog_arena_alloc(&a, 1000 * (i + 1));
		CU_ASSERT_PTR_NOT_NULL_FATAL(p);
		CU_ASSERT_EQUAL((uintptr_t)p % 4096, 0);
		for (u32 k = 0; k < 1000 * (i + 1); k++)
			CU_ASSERT_EQUAL_FATAL(p[k], 0);
		memset(p, 0xaa, 1000 * (i + 1));
	}
	fog_arena_seal(&a);
	fog_arena_free(&a);
	CU_ASSERT_EQUAL(a.count, 0);
}

static void test_bad_arguments(void)
{
	struct fog_arena a = {0};

	/* Out of address space, and out of places to remember chunks. */
	CU_ASSERT_PTR_NULL(fog_arena_alloc(&a, (size_t)1 << 62));
	for (u32 i = 0; i < FOG_ARENA_CHUNKS_MAX; i++)
		CU_ASSERT_PTR_NOT_NULL(fog_arena_alloc(&a, 1));
	CU_ASSERT_PTR_NULL(fog_arena_alloc(&a, 1));
	fog_arena_free(&a);
}

static void test_sealed(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		struct fog_arena a = {0};
		(void)!freopen("/dev/null", "w", stderr);
		fog_arena_seal(&a);
		(void)fog_arena_alloc(&a, 1);
		_exit(0);
	}
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	CU_ASSERT_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) != 0);
}

FOG_TEST_MAIN("dataplane/table/arena", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_sealed))
