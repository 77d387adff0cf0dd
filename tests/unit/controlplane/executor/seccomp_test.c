/* SPDX-License-Identifier: BSD-3-Clause */
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "controlplane/executor/confine.h"
#include "tests/unit/fog_test.h"
#include "tests/unit/controlplane/executor/probe.h"

/* The filter alone, with all our privileges: what fails here fails for no other reason. */
static int in_child(int (*fn)(void), bool inet)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || fog_seccomp_enter(inet) < 0)
			_exit(99);
		_exit(fn());
	}
	if (waitpid(pid, &status, 0) != pid)
		return -1;
	return status;
}

static int forbidden(void)
{
	for (size_t i = 0; i < FOG_ARRAY_COUNT(probes); i++) {
		int got = probe_run(&probes[i]);
		if (got == probes[i].want)
			continue;
		printf("\n  probe %d %s: errno %d, wanted %d\n", probes[i].number, probes[i].name,
		       got, probes[i].want);
		fflush(stdout);
		return probes[i].number;
	}
	return 0;
}

static void test_forbidden(void)
{
	CU_ASSERT_EQUAL(in_child(forbidden, true), 0);
}

/* Privileged enough that the kernel refuses none of the probes for a lack of it. */
static bool all_powerful(void)
{
	static const int needed[] = {2, 16, 17, 18, 19, 21, 22, 25, 34}; /* linux/capability.h */
	unsigned long long have = 0;
	char line[256];

	FILE *f = fopen("/proc/self/status", "re");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		(void)sscanf(line, "CapEff: %llx", &have);
	if (f != NULL)
		fclose(f);
	for (size_t i = 0; i < FOG_ARRAY_COUNT(needed); i++)
		if (!(have >> needed[i] & 1))
			return false;
	return true;
}

/* Without the filter each probe gives something else: the table tests the filter, not the kernel.
 */
static void test_probes_mean_something(void)
{
	if (!all_powerful()) {
		printf(" skip: without all privileges the kernel itself refuses some probes ");
		return;
	}
	for (size_t i = 0; i < FOG_ARRAY_COUNT(probes); i++) {
		int status = -1;
		// A kernel without the feature gives what the filter gives for these.
		if (probes[i].want == ENOSYS || probes[i].want == EAFNOSUPPORT)
			continue;
		pid_t pid = fork();
		if (pid == 0)
			_exit(probe_run(&probes[i]) == probes[i].want);
		CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
		CU_ASSERT_EQUAL(status, 0);
		if (status != 0)
			printf("\n  probe %d %s: refused by the kernel itself\n", probes[i].number,
			       probes[i].name);
	}
}

static void *thread_main(void *arg)
{
	*(int *)arg = 1;
	return NULL;
}

static int ordinary(void)
{
	struct pollfd p;
	pthread_t thread;
	int pair[2], ran = 0, status;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
		return 1;
	p = (struct pollfd){.fd = pair[0], .events = POLLIN};
	if (write(pair[1], "x", 1) != 1 || poll(&p, 1, 0) != 1)
		return 2;
	if (pthread_create(&thread, NULL, thread_main, &ran) != 0 ||
	    pthread_join(thread, NULL) != 0)
		return 3;
	if (ran != 1)
		return 4;
	pid_t pid = fork();
	if (pid == 0)
		_exit(7);
	if (waitpid(pid, &status, 0) != pid || WEXITSTATUS(status) != 7)
		return 5;
	int inet = socket(AF_INET, SOCK_DGRAM, 0);
	if (inet < 0)
		return 6;
	if (ioctl(pair[0], FIONREAD, &ran) < 0)
		return 7;
	// Filters and Landlock may be stacked by the job itself.
	return prctl(PR_GET_SECCOMP) == 2 ? 0 : 8;
}

static void test_life_cycle(void)
{
	CU_ASSERT_EQUAL(in_child(ordinary, true), 0);
}

static int no_inet(void)
{
	if (socket(AF_INET, SOCK_STREAM, 0) >= 0 || errno != EAFNOSUPPORT)
		return 1;
	if (socket(AF_INET6, SOCK_STREAM, 0) >= 0 || errno != EAFNOSUPPORT)
		return 2;
	if (socket(AF_NETLINK, SOCK_RAW, 0) >= 0 || errno != EAFNOSUPPORT)
		return 3;
	return socket(AF_UNIX, SOCK_STREAM, 0) >= 0 ? 0 : 4;
}

static void test_no_inet(void)
{
	CU_ASSERT_EQUAL(in_child(no_inet, false), 0);
}

#ifdef __x86_64__
static int foreign(void)
{
	long ret;

	__asm__ volatile("int $0x80" : "=a"(ret) : "a"(20l /* getpid */) : "memory");
	return 1;
}

static int x32(void)
{
	syscall(SYS_getpid | 0x40000000);
	return 1;
}

/* Another architecture's numbers mean other calls. */
static void test_architecture(void)
{
	int status = in_child(foreign, true);
	CU_ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
	status = in_child(x32, true);
	CU_ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
}
#else
static void test_architecture(void)
{
	printf(" skip: this machine runs one architecture ");
}
#endif

/* Without no_new_privs or privilege the kernel refuses a filter, and we say so. */
static void test_refused(void)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		if (geteuid() == 0 &&
		    (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0))
			_exit(3);
		_exit(fog_seccomp_enter(true) < 0 ? 0 : 1);
	}
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	CU_ASSERT_EQUAL(status, 0);
}

FOG_TEST_MAIN("controlplane/executor/seccomp", FOG_TEST(test_life_cycle), FOG_TEST(test_refused),
	      FOG_TEST(test_forbidden), FOG_TEST(test_probes_mean_something),
	      FOG_TEST(test_no_inet), FOG_TEST(test_architecture))
