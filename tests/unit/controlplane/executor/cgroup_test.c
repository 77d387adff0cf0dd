/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "controlplane/executor/cgroup.h"
#include "tests/unit/fog_test.h"

static const struct fog_executor_limits limits = {
	.cpu_cores = 0.5, .memory_bytes = 32 << 20, .pids = 4, .wall_ms = 1000};

static bool skip(const struct fog_cgroup *g)
{
	if (g->version != 0)
		return false;
	printf(" skip: no control group can be made here ");
	return true;
}

static void test_life_cycle(void)
{
	struct fog_executor_usage usage = {0};
	struct fog_cgroup g;

	fog_cgroup_create(&g, NULL, "life", &limits);
	if (skip(&g))
		return;
	CU_ASSERT_TRUE(g.leaves >= 1);
	for (u32 i = 0; i < g.leaves; i++)
		CU_ASSERT_EQUAL(access(g.leaf[i], F_OK), 0);
	pid_t pid = fork();
	if (pid == 0) {
		static volatile char touched[8 << 20];
		raise(SIGSTOP);
		for (size_t i = 0; i < sizeof(touched); i += 4096)
			touched[i] = 1;
		for (volatile u64 i = 0; i < 50000000; i++)
			;
		_exit(touched[4096] == 1 ? 0 : 1);
	}
	int status = -1;
	CU_ASSERT_EQUAL(waitpid(pid, &status, WUNTRACED), pid);
	CU_ASSERT_EQUAL(fog_cgroup_attach(&g, pid), 0);
	kill(pid, SIGCONT);
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	CU_ASSERT_EQUAL(status, 0);
	fog_cgroup_usage(&g, &usage);
	if (g.cpuacct >= 0)
		CU_ASSERT_TRUE(usage.cpu_user_ms + usage.cpu_system_ms > 0);
	if (g.limits & FOG_EXECUTOR_CGROUP_MEMORY)
		CU_ASSERT_TRUE(usage.memory_peak_bytes >= 8 << 20);
	CU_ASSERT_EQUAL(fog_cgroup_oom_count(&g), 0);
	struct fog_cgroup gone = g;
	fog_cgroup_remove(&g);
	CU_ASSERT_EQUAL(g.version, 0);
	for (u32 i = 0; i < gone.leaves; i++)
		CU_ASSERT_EQUAL(access(gone.leaf[i], F_OK), -1);
	fog_cgroup_remove(&g);
}

static void test_bad_arguments(void)
{
	struct fog_cgroup g;

	fog_cgroup_create(&g, "/no/such/parent", "bad", &limits);
	CU_ASSERT_EQUAL(g.version, 0);
	CU_ASSERT_EQUAL(g.leaves, 0);
	CU_ASSERT_EQUAL(g.limits, 0);
	CU_ASSERT_EQUAL(fog_cgroup_attach(&g, getpid()), 0);
	CU_ASSERT_EQUAL(fog_cgroup_oom_count(&g), 0);
	struct fog_executor_usage usage = {.memory_peak_bytes = 9};
	fog_cgroup_usage(&g, &usage);
	CU_ASSERT_EQUAL(usage.memory_peak_bytes, 9);
	fog_cgroup_create(&g, NULL, "pid", &limits);
	if (g.version != 0)
		CU_ASSERT_TRUE(fog_cgroup_attach(&g, 0x7ffffffe) < 0);
	fog_cgroup_remove(&g);
}

/* Removing kills what is still inside. */
static void test_remove_kills(void)
{
	struct fog_cgroup g;

	fog_cgroup_create(&g, NULL, "kill", &limits);
	if (skip(&g))
		return;
	pid_t pid = fork();
	if (pid == 0) {
		for (;;)
			pause();
	}
	CU_ASSERT_EQUAL(fog_cgroup_attach(&g, pid), 0);
	struct fog_cgroup gone = g;
	fog_cgroup_remove(&g);
	int status = -1;
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	CU_ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	for (u32 i = 0; i < gone.leaves; i++)
		CU_ASSERT_EQUAL(access(gone.leaf[i], F_OK), -1);
}

FOG_TEST_MAIN("controlplane/executor/cgroup", FOG_TEST(test_life_cycle),
	      FOG_TEST(test_bad_arguments), FOG_TEST(test_remove_kills))
