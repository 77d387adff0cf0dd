/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/cpu.h"

#include "tests/unit/crypto/vectors.h"

#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

/* Result of fog_crypto_init() in a fresh process with FOG_CPU set; when it is 0 and `expect` is not
 * NULL, also that this path is in use (else 200). */
static int init_with(const char *value, const char *expect)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (value != NULL)
			setenv("FOG_CPU", value, 1);
		else
			unsetenv("FOG_CPU");
		int rc = fog_crypto_init();
		if (rc == 0 && expect != NULL && strcmp(fog_crypto_cpu(), expect) != 0)
			_exit(200);
		_exit(-rc);
	}
	CU_ASSERT_FATAL(pid > 0);
	CU_ASSERT_FATAL(waitpid(pid, &status, 0) == pid);
	CU_ASSERT_FATAL(WIFEXITED(status));
	return -WEXITSTATUS(status);
}

static void test_life_cycle(void)
{
	unsigned count = 0;

	CU_ASSERT_STRING_EQUAL(fog_crypto_cpu(), "portable");
	while (fog_crypto_path(count) != NULL)
		count++;
	CU_ASSERT_EQUAL(count, FOG_CRYPTO_PATHS_MAX);
	for (unsigned i = 0; i < count; i++) {
		const char *name = fog_crypto_path(i);
		int rc = fog_crypto_select(name);
		CU_ASSERT(rc == 0 || rc == -ENOTSUP);
		if (rc == 0)
			CU_ASSERT_STRING_EQUAL(fog_crypto_cpu(), name);
		CU_ASSERT_EQUAL(init_with(name, name), rc);
	}
	CU_ASSERT_EQUAL(fog_crypto_select("portable"), 0);
	CU_ASSERT_EQUAL(init_with(NULL, NULL), 0);
	CU_ASSERT_EQUAL(init_with("", NULL), 0);
}

static void test_bad_arguments(void)
{
	CU_ASSERT_EQUAL(init_with("sse9", NULL), -EINVAL);
	CU_ASSERT_EQUAL(init_with("AESNI", NULL), -EINVAL);
	CU_ASSERT_EQUAL(fog_crypto_select(""), -EINVAL);
	CU_ASSERT_STRING_EQUAL(fog_crypto_cpu(), "portable");
	CU_ASSERT_PTR_NULL(fog_crypto_path(FOG_CRYPTO_PATHS_MAX));
}

/* A second call changes nothing, not even a path selected by hand. */
static void test_twice(void)
{
	CU_ASSERT_EQUAL(fog_crypto_init(), 0);
	CU_ASSERT_EQUAL(fog_crypto_select("portable"), 0);
	CU_ASSERT_EQUAL(fog_crypto_init(), 0);
	CU_ASSERT_STRING_EQUAL(fog_crypto_cpu(), "portable");
}

FOG_TEST_MAIN("crypto/cpu", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_twice))
