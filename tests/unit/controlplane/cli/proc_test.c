/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "controlplane/cli/proc.h"
#include "tests/unit/fog_test.h"

#define RUN(input, output, timeout, ...)                                                      \
	fog_proc_run((const char *const[]){__VA_ARGS__, NULL}, input, output, sizeof(output), \
		     timeout)

static void test_life_cycle(void)
{
	char output[64];

	CU_ASSERT_EQUAL(RUN("", output, 5000, "echo", "hello"), 0);
	CU_ASSERT_STRING_EQUAL(output, "hello\n");
	CU_ASSERT_EQUAL(RUN("b\na\n", output, 5000, "sort"), 0);
	CU_ASSERT_STRING_EQUAL(output, "a\nb\n");
	CU_ASSERT_EQUAL(RUN("", output, 5000, "sh", "-c", "echo bad >&2; exit 3"), 3);
	CU_ASSERT_STRING_EQUAL(output, "bad\n");
	CU_ASSERT_EQUAL(RUN("", output, 5000, "sh", "-c", "kill -9 $$"), 128 + SIGKILL);
}

static void test_bad_arguments(void)
{
	char output[64];

	CU_ASSERT_EQUAL(RUN("", output, 5000, "fog-no-such-program"), 127);
	CU_ASSERT_PTR_NOT_NULL(strstr(output, "No such file"));
	CU_ASSERT_EQUAL(fog_proc_start_ticks(0), 0);
	CU_ASSERT_EQUAL(fog_proc_start_ticks(-1), 0);
	CU_ASSERT_EQUAL(fog_proc_signal(getpid(), 1, 0), -ESRCH);
	CU_ASSERT_EQUAL(fog_proc_signal(getpid(), 0, 0), -ESRCH);
	CU_ASSERT_EQUAL(fog_proc_signal(4194304, 5, 0), -ESRCH);
}

/* More output than room, more input than a pipe holds, a child that does not read, one that hangs.
 */
static void test_limits(void)
{
	char small[8];
	char *input = malloc(300001);

	CU_ASSERT_EQUAL(RUN("", small, 5000, "sh", "-c", "echo 0123456789; yes | head -c 200000"),
			0);
	CU_ASSERT_STRING_EQUAL(small, "0123456");
	memset(input, 'a', 300000);
	input[300000] = '\0';
	CU_ASSERT_EQUAL(RUN(input, small, 5000, "wc", "-c"), 0);
	CU_ASSERT_STRING_EQUAL(small, "300000\n");
	CU_ASSERT_EQUAL(RUN(input, small, 5000, "true"), 0);
	CU_ASSERT_EQUAL(RUN("", small, 100, "sleep", "60"), -ETIMEDOUT);
	CU_ASSERT_EQUAL(RUN("", small, 100, "sh", "-c", "exec >&- 2>&-; sleep 60"), -ETIMEDOUT);
	free(input);
}

static pid_t sleeper(const char *mark)
{
	pid_t pid = fork();

	if (pid == 0) {
		if (mark != NULL)
			putenv((char *)mark);
		execlp("sleep", "sleep", "60", (char *)NULL);
		_exit(127);
	}
	for (int i = 0; i < 2000; i++) {
		char path[64], name[32] = "";
		snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
		FILE *in = fopen(path, "re");
		bool there = in != NULL && fgets(name, sizeof(name), in) != NULL &&
			     strcmp(name, "sleep\n") == 0;
		if (in != NULL)
			fclose(in);
		if (there)
			break;
		usleep(1000);
	}
	return pid;
}

static void test_signal(void)
{
	pid_t pid = sleeper(NULL);
	u64 ticks = fog_proc_start_ticks(pid);
	int status;

	CU_ASSERT(ticks > 0);
	CU_ASSERT_EQUAL(fog_proc_signal(pid, ticks + 1, SIGKILL), -ESRCH);
	CU_ASSERT_EQUAL(waitpid(pid, &status, WNOHANG), 0);
	CU_ASSERT_EQUAL(fog_proc_signal(pid, ticks, SIGTERM), 0);
	siginfo_t info;
	CU_ASSERT_EQUAL(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	CU_ASSERT_EQUAL(fog_proc_start_ticks(pid), 0); /* a zombie is gone */
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	CU_ASSERT_EQUAL(WTERMSIG(status), SIGTERM);
}

static void test_signal_marked(void)
{
	char mark[64], other[64];

	snprintf(mark, sizeof(mark), "FOG_TEST_MARK=a-%d", (int)getpid());
	snprintf(other, sizeof(other), "FOG_TEST_MARK=a-%d0", (int)getpid());
	pid_t a = sleeper(mark), b = sleeper(mark), c = sleeper(other);
	int status;

	CU_ASSERT_EQUAL(fog_proc_signal_marked(mark, SIGKILL), 2);
	CU_ASSERT_EQUAL(waitpid(a, &status, 0), a);
	CU_ASSERT_EQUAL(waitpid(b, &status, 0), b);
	CU_ASSERT_EQUAL(waitpid(c, &status, WNOHANG), 0);
	CU_ASSERT_EQUAL(fog_proc_signal_marked(mark, SIGKILL), 0);
	CU_ASSERT_EQUAL(fog_proc_signal_marked(other, SIGKILL), 1);
	CU_ASSERT_EQUAL(waitpid(c, &status, 0), c);
}

FOG_TEST_MAIN("controlplane/cli/proc", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_limits), FOG_TEST(test_signal), FOG_TEST(test_signal_marked))
