/* SPDX-License-Identifier: BSD-3-Clause */
/* Real machines, by software emulation where there is no KVM: some seconds each. */
#include "tests/unit/controlplane/executor/run.h"
#include "tests/unit/fog_test.h"

#define BOOT_WAITS 6 /* times RUN_WAIT_MS, on a loaded machine */

static struct run r;

static void begin(const char *what, const char *arg)
{
	run_begin(&r, "");
	r.argv[0] = "/input/probe";
	r.argv[1] = what;
	r.argv[2] = arg;
	r.spec.argv_count = arg == NULL ? 2 : 3;
	r.spec.engine = "microvm";
	r.spec.limits.memory_bytes = 256ull << 20;
	r.spec.limits.wall_ms = 100000;
	CU_ASSERT_EQUAL_FATAL(fog_executor_prepare(&r.spec, r.spool), 0);
	CU_ASSERT_TRUE_FATAL(run_input_copy(&r, FOG_PROBE_STATIC, "probe"));
}

static void run(void)
{
	bool ended = false;

	CU_ASSERT_EQUAL_FATAL(fog_executor_start(FOG_EXEC_PATH, r.spool, NULL), 0);
	for (int i = 0; i < BOOT_WAITS && !ended; i++)
		ended = run_wait(&r, FOG_EXECUTOR_FINISHED);
	CU_ASSERT_TRUE_FATAL(ended);
	run_read(&r);
}

static void test_life_cycle(void)
{
	char path[160];

	begin("cat", NULL);
	run_end(&r);
	begin("cat", NULL);
	r.spec.stdin_name = "text";
	CU_ASSERT_EQUAL_FATAL(fog_executor_prepare(&r.spec, r.spool), 0);
	CU_ASSERT_EQUAL(fog_executor_input_write(r.spool, "text", 0, "over the wire\n", 14), 0);
	run();
	CU_ASSERT_TRUE(run_is(&r, FOG_EXECUTOR_EXITED, 0, 0));
	CU_ASSERT_STRING_EQUAL(r.out, "over the wire\n");
	CU_ASSERT_STRING_EQUAL(r.err, "end\n");
	CU_ASSERT_PTR_EQUAL(strstr(r.status.result.sandbox.machine, "qemu microvm, "),
			    r.status.result.sandbox.machine);
	snprintf(path, sizeof(path), "%s/work/work.tar", r.spool);
	CU_ASSERT_EQUAL(access(path, R_OK), 0);
	run_end(&r);
}

static void test_endings(void)
{
	begin("exit", "42");
	run();
	CU_ASSERT_TRUE(run_is(&r, FOG_EXECUTOR_EXITED, 42, 0));
	run_end(&r);
	begin("spin", NULL);
	r.spec.limits.wall_ms = 1500;
	CU_ASSERT_EQUAL_FATAL(fog_executor_prepare(&r.spec, r.spool), 0);
	run();
	CU_ASSERT_EQUAL(r.status.result.outcome, FOG_EXECUTOR_TIMEOUT);
	run_end(&r);
}

/* What one machine leaves in /checkpoint another finds there. */
static void test_leavings(void)
{
	CU_ASSERT_TRUE(run_hands_on(&r, begin, run));
}

static void test_bad_arguments(void)
{
	begin("exit", "0");
	r.spec.limits.memory_bytes = 64ull << 20;
	CU_ASSERT_EQUAL_FATAL(fog_executor_prepare(&r.spec, r.spool), 0);
	run();
	CU_ASSERT_STRING_EQUAL(r.status.result.error,
			       "microvm: needs a memory limit of at least 192 MiB");
	run_end(&r);
	begin("exit", "0");
	r.spec.limits.pids = 4;
	CU_ASSERT_EQUAL_FATAL(fog_executor_prepare(&r.spec, r.spool), 0);
	run();
	CU_ASSERT_STRING_EQUAL(r.status.result.error,
			       "microvm: needs a limit of at least 16 processes");
	run_end(&r);
	begin("exit", "0");
	r.argv[0] = "/input/none";
	CU_ASSERT_EQUAL_FATAL(fog_executor_prepare(&r.spec, r.spool), 0);
	run();
	CU_ASSERT_TRUE(run_is(&r, FOG_EXECUTOR_FAILED, -1, 0));
	CU_ASSERT_STRING_EQUAL(r.status.result.error,
			       "microvm: exec /input/none: No such file or directory");
	run_end(&r);
}

FOG_TEST_MAIN("controlplane/executor/engine_microvm", FOG_TEST(test_life_cycle),
	      FOG_TEST(test_endings), FOG_TEST(test_leavings), FOG_TEST(test_bad_arguments))
