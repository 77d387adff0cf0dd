/* SPDX-License-Identifier: BSD-3-Clause */
/* On a real cluster of one machine: munged, slurmctld and slurmd of our own, on loopback. */
#include "tests/unit/controlplane/executor/run.h"
#include "tests/unit/controlplane/executor/shell.h"
#include "tests/unit/fog_test.h"

#define UP_TRIES 100

static struct run r;
static char cluster[64];

static int command(const char *fmt, const char *arg)
{
	char line[512];

	snprintf(line, sizeof(line), fmt, arg);
	return shell_run(NULL, line, NULL, 0);
}

static bool cluster_up(void)
{
	snprintf(cluster, sizeof(cluster), "/tmp/fog-slurm-test.XXXXXX");
	if (mkdtemp(cluster) == NULL || command(FOG_SLURM_UP " up %s", cluster) != 0)
		return false;
	char conf[96];
	snprintf(conf, sizeof(conf), "%s/slurm.conf", cluster);
	setenv("SLURM_CONF", conf, 1);
	for (int i = 0; i < UP_TRIES; i++) {
		if (shell_run(NULL, "timeout 5 srun --quiet --immediate=3 true", NULL, 0) == 0)
			return true;
		run_sleep_ms(100);
	}
	return false;
}

static void begin(const char *script)
{
	run_begin(&r, script);
	r.spec.engine = "slurm";
	CU_ASSERT_EQUAL_FATAL(fog_executor_prepare(&r.spec, r.spool), 0);
}

static void run(void)
{
	CU_ASSERT_EQUAL_FATAL(fog_executor_start(FOG_EXEC_PATH, r.spool, NULL), 0);
	CU_ASSERT_TRUE_FATAL(run_wait(&r, FOG_EXECUTOR_FINISHED));
	run_read(&r);
}

static void test_life_cycle(void)
{
	char path[160];

	begin("echo out; echo err >&2; cat /input/a > kept; exit 4");
	CU_ASSERT_EQUAL(fog_executor_input_write(r.spool, "a", 0, "data", 4), 0);
	run();
	CU_ASSERT_TRUE(run_is(&r, FOG_EXECUTOR_EXITED, 4, 0));
	CU_ASSERT_STRING_EQUAL(r.out, "out\n");
	CU_ASSERT_STRING_EQUAL(r.err, "err\n");
	CU_ASSERT_STRING_EQUAL(r.status.result.sandbox.machine, "slurm node");
	CU_ASSERT_TRUE(r.status.result.sandbox.seccomp);
	CU_ASSERT_TRUE(r.status.result.usage.memory_peak_bytes > 0);
	snprintf(path, sizeof(path), "%s/work/kept", r.spool);
	CU_ASSERT_EQUAL(access(path, R_OK), 0);
	run_end(&r);
}

static void test_endings(void)
{
	begin("kill -9 $$");
	run();
	CU_ASSERT_TRUE(run_is(&r, FOG_EXECUTOR_SIGNALED, -1, 9));
	run_end(&r);
	begin("sleep 30");
	r.spec.limits.wall_ms = 500;
	CU_ASSERT_EQUAL_FATAL(fog_executor_prepare(&r.spec, r.spool), 0);
	run();
	CU_ASSERT_EQUAL(r.status.result.outcome, FOG_EXECUTOR_TIMEOUT);
	run_end(&r);
	begin("echo begun; sleep 30");
	CU_ASSERT_EQUAL_FATAL(fog_executor_start(FOG_EXEC_PATH, r.spool, NULL), 0);
	CU_ASSERT_TRUE(run_wait_output(&r, "begun"));
	CU_ASSERT_EQUAL(fog_executor_cancel(r.spool), 0);
	CU_ASSERT_TRUE(run_wait(&r, FOG_EXECUTOR_FINISHED));
	CU_ASSERT_EQUAL(r.status.result.outcome, FOG_EXECUTOR_CANCELLED);
	run_end(&r);
}

/* The node's fog-exec takes what the job leaves, while it runs and at the end. */
static void test_leavings(void)
{
	struct fog_executor_kept k;
	struct run first;
	u64 end;

	begin("echo one > /checkpoint/n; touch /checkpoint/.complete; echo ready; "
	      "while [ -e /checkpoint/.complete ]; do sleep 0.1; done; echo taken; "
	      "trap 'echo two > /checkpoint/n; exit 85' TERM; while :; do sleep 0.1; done");
	run_leaves(&r);
	CU_ASSERT_EQUAL_FATAL(fog_executor_prepare(&r.spec, r.spool), 0);
	CU_ASSERT_EQUAL_FATAL(fog_executor_start(FOG_EXEC_PATH, r.spool, NULL), 0);
	CU_ASSERT_TRUE(run_wait_output(&r, "taken"));
	CU_ASSERT_EQUAL(fog_executor_kept(r.spool, &k), 0);
	CU_ASSERT_EQUAL(k.number, 1);
	end = run_now_ms() + RUN_WAIT_MS;
	CU_ASSERT_EQUAL(fog_executor_cancel(r.spool), 0);
	while (!run_wait(&r, FOG_EXECUTOR_FINISHED) && run_now_ms() < end)
		;
	CU_ASSERT_EQUAL(r.status.result.outcome, FOG_EXECUTOR_CANCELLED);
	first = r;
	begin("cat /checkpoint/n; echo x > result");
	run_leaves(&r);
	CU_ASSERT_TRUE_FATAL(run_goes_on(&first, &r));
	run();
	CU_ASSERT_STRING_EQUAL(r.out, "two\n");
	CU_ASSERT_TRUE(run_left(&r, 2));
	run_end(&first);
	run_end(&r);
}

static void test_bad_arguments(void)
{
	begin("true");
	r.argv[0] = "nosuchprogram";
	CU_ASSERT_EQUAL_FATAL(fog_executor_prepare(&r.spec, r.spool), 0);
	run();
	CU_ASSERT_TRUE(run_is(&r, FOG_EXECUTOR_FAILED, -1, 0));
	CU_ASSERT_STRING_EQUAL(r.status.result.error,
			       "exec nosuchprogram: No such file or directory");
	run_end(&r);
	// More than the cluster has.
	begin("true");
	r.spec.limits.cpu_cores = 4000;
	CU_ASSERT_EQUAL_FATAL(fog_executor_prepare(&r.spec, r.spool), 0);
	run();
	CU_ASSERT_TRUE(run_is(&r, FOG_EXECUTOR_FAILED, -1, 0));
	CU_ASSERT_STRING_EQUAL(r.status.result.error, "slurm: the cluster did not run the job");
	run_end(&r);
}

int main(void)
{
	static const struct fog_test tests[] = {FOG_TEST(test_life_cycle), FOG_TEST(test_endings),
						FOG_TEST(test_leavings),
						FOG_TEST(test_bad_arguments)};
	int ret = 1;

	if (geteuid() != 0) {
		printf("a cluster of our own wants root\n1 passed, 0 failed\n");
		return 0;
	}
	if (cluster_up())
		ret = fog_test_run("controlplane/executor/engine_slurm", tests,
				   FOG_ARRAY_COUNT(tests));
	else
		printf("the cluster did not come up\n0 passed, 1 failed\n");
	(void)command(FOG_SLURM_UP " down %s", cluster);
	return ret;
}
