/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/controlplane/executor/bundle.h"
#include "tests/unit/fog_test.h"

static struct run r;

/* Prepared with a bundle; argv[0] is its name and the others the container's. */
static void begin_devices(const char *what, const char *arg, const char *const *devices, u32 count)
{
	char path[160];

	run_begin(&r, "");
	r.argv[0] = "bundle.tar";
	r.argv[1] = "/probe";
	r.argv[2] = what;
	r.argv[3] = arg;
	r.spec.argv_count = what == NULL ? 1 : arg == NULL ? 3 : 4;
	r.spec.engine = "oci";
	r.spec.devices = devices;
	r.spec.device_count = count;
	CU_ASSERT_TRUE_FATAL(bundle_make(r.base, BUNDLE_CONFIG, "true"));
	CU_ASSERT_EQUAL_FATAL(fog_executor_prepare(&r.spec, r.spool), 0);
	snprintf(path, sizeof(path), "%s/bundle.tar", r.base);
	CU_ASSERT_TRUE_FATAL(run_input_copy(&r, path, "bundle.tar"));
}

static void begin(const char *what, const char *arg)
{
	begin_devices(what, arg, NULL, 0);
}

static void run(void)
{
	CU_ASSERT_EQUAL_FATAL(fog_executor_start(FOG_EXEC_PATH, r.spool, NULL), 0);
	CU_ASSERT_TRUE_FATAL(run_wait(&r, FOG_EXECUTOR_FINISHED));
	run_read(&r);
}

static void test_life_cycle(void)
{
	begin("save", "/work/kept");
	run();
	CU_ASSERT_TRUE(run_is(&r, FOG_EXECUTOR_EXITED, 0, 0));
	CU_ASSERT_STRING_EQUAL(r.out, "saved 5 errno 0\n");
	CU_ASSERT_STRING_EQUAL(r.status.result.sandbox.machine, "crun container");
	char path[160];
	snprintf(path, sizeof(path), "%s/work/kept", r.spool);
	CU_ASSERT_EQUAL(access(path, R_OK), 0);
	run_end(&r);
	// The bundle's own program.
	begin(NULL, NULL);
	run();
	CU_ASSERT_TRUE(run_is(&r, FOG_EXECUTOR_EXITED, 9, 0));
	run_end(&r);
}

static void test_contained(void)
{
	begin("read", "/etc/shadow");
	run();
	CU_ASSERT_STRING_EQUAL(r.out, "read -1 errno 2\n");
	run_end(&r);
	begin("save", "/probe");
	run();
	CU_ASSERT_PTR_NOT_NULL(strstr(r.out, "saved -1"));
	run_end(&r);
	begin("net", NULL);
	run();
	CU_ASSERT_PTR_NOT_NULL(strstr(r.out, "tcp-out 101\n")); // ENETUNREACH
	run_end(&r);
	begin("bomb", "1000");
	run();
	CU_ASSERT_PTR_NOT_NULL(strstr(r.out, "errno 11\n"));
	run_end(&r);
	begin("eat", "500");
	run();
	CU_ASSERT_EQUAL(r.status.result.outcome, FOG_EXECUTOR_OOM);
	run_end(&r);
}

/* An accelerator is a device file: shown where the spec names it, and only there. */
static void test_devices(void)
{
	static const char *const devices[] = {"/dev/net/tun"};

	if (access(devices[0], R_OK) != 0)
		return; /* no such device to show here */
	for (u32 i = 0; i < 2; i++) {
		begin_devices("read", devices[0], devices, i);
		run();
		CU_ASSERT_STRING_EQUAL(r.out, i == 1 ? "read -1 errno 77\n" : "read -1 errno 2\n");
		run_end(&r);
	}
}

static void test_ends(void)
{
	begin("spin", NULL);
	CU_ASSERT_EQUAL_FATAL(fog_executor_start(FOG_EXEC_PATH, r.spool, NULL), 0);
	run_sleep_ms(300);
	CU_ASSERT_EQUAL(fog_executor_cancel(r.spool), 0);
	CU_ASSERT_TRUE(run_wait(&r, FOG_EXECUTOR_FINISHED));
	CU_ASSERT_EQUAL(r.status.result.outcome, FOG_EXECUTOR_CANCELLED);
	run_end(&r);
	// The monitor killed: the container must not outlive it.
	begin("spin", NULL);
	CU_ASSERT_EQUAL_FATAL(fog_executor_start(FOG_EXEC_PATH, r.spool, NULL), 0);
	CU_ASSERT_TRUE(run_wait(&r, FOG_EXECUTOR_RUNNING));
	run_sleep_ms(300);
	fog_executor_poll(r.spool, &r.status);
	CU_ASSERT_EQUAL(kill(r.status.monitor_pid, SIGKILL), 0);
	CU_ASSERT_TRUE(run_wait(&r, FOG_EXECUTOR_VANISHED));
	run_end(&r);
}

/* What one container leaves in /checkpoint another finds there. */
static void test_leavings(void)
{
	CU_ASSERT_TRUE(run_hands_on(&r, begin, run));
}

static void test_bad_arguments(void)
{
	begin("exit", "0");
	CU_ASSERT_EQUAL(fog_executor_input_write(r.spool, "bundle.tar", 0, "garbage garbage", 15),
			0);
	run();
	CU_ASSERT_TRUE(run_is(&r, FOG_EXECUTOR_FAILED, -1, 0));
	CU_ASSERT_PTR_NOT_NULL(strstr(r.status.result.error, "bundle.tar is not a tar archive"));
	run_end(&r);
	begin("exit", "0");
	r.argv[1] = "/nothing";
	CU_ASSERT_EQUAL_FATAL(fog_executor_prepare(&r.spec, r.spool), 0);
	run();
	CU_ASSERT_TRUE(run_is(&r, FOG_EXECUTOR_FAILED, -1, 0));
	CU_ASSERT_PTR_NOT_NULL(strstr(r.status.result.error, "oci:"));
	run_end(&r);
}

int main(void)
{
	static const struct fog_test tests[] = {
		FOG_TEST(test_life_cycle), FOG_TEST(test_contained), FOG_TEST(test_devices),
		FOG_TEST(test_ends),       FOG_TEST(test_leavings),  FOG_TEST(test_bad_arguments)};

	if (geteuid() != 0) {
		printf("engine oci wants root\n1 passed, 0 failed\n");
		return 0;
	}
	return fog_test_run("controlplane/executor/engine_oci", tests, FOG_ARRAY_COUNT(tests));
}
