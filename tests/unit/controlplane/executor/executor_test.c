/* SPDX-License-Identifier: BSD-3-Clause */
#include <sys/file.h>

#include "controlplane/executor/monitor.h"
#include "controlplane/executor/result.h"
#include "controlplane/executor/spec.h"
#include "crypto/hash/hash.h"
#include "tests/unit/fog_test.h"
#include "tests/unit/controlplane/executor/run.h"

static struct run r;

static void spec_write(const char *text)
{
	int fd = open(r.spool, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_EQUAL(fog_file_replace(fd, "spec.json", text, strlen(text)), 0);
	close(fd);
}

static void test_life_cycle(void)
{
	u8 digest[32];
	pid_t monitor = 0;

	run_begin(&r, "echo hello; echo oops >&2; echo $GREETING > file; pwd");
	r.env[0] = "GREETING=moin";
	r.spec.env_count = 1;
	CU_ASSERT_EQUAL(fog_executor_poll(r.spool, &r.status), -ENOENT);
	CU_ASSERT_EQUAL_FATAL(fog_executor_prepare(&r.spec, r.spool), 0);
	CU_ASSERT_EQUAL(fog_executor_poll(r.spool, &r.status), 0);
	CU_ASSERT_EQUAL(r.status.state, FOG_EXECUTOR_PENDING);
	CU_ASSERT_EQUAL_FATAL(fog_executor_start(FOG_EXEC_PATH, r.spool, &monitor), 0);
	CU_ASSERT_TRUE(monitor > 1);
	CU_ASSERT_TRUE_FATAL(run_wait(&r, FOG_EXECUTOR_FINISHED));
	run_read(&r);
	CU_ASSERT_TRUE(run_is(&r, FOG_EXECUTOR_EXITED, 0, 0));
	CU_ASSERT_STRING_EQUAL(r.out, "hello\n/work\n");
	CU_ASSERT_STRING_EQUAL(r.err, "oops\n");
	const struct fog_executor_result *x = &r.status.result;
	fog_hash_sha256(digest, r.out, strlen(r.out));
	CU_ASSERT_EQUAL(memcmp(digest, x->stdout_sha256, 32), 0);
	fog_hash_sha256(digest, r.err, strlen(r.err));
	CU_ASSERT_EQUAL(memcmp(digest, x->stderr_sha256, 32), 0);
	CU_ASSERT_EQUAL(x->usage.output_bytes, strlen(r.out) + strlen(r.err));
	CU_ASSERT_FALSE(x->output_truncated);
	CU_ASSERT_TRUE(x->usage.memory_peak_bytes > 0);
	CU_ASSERT_TRUE(x->ended_unix_ms >= x->started_unix_ms);
	CU_ASSERT_STRING_EQUAL(x->error, "");
	int fd = open(r.spool, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int work = openat(fd, "work", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char *text = NULL;
	size_t len;
	CU_ASSERT_EQUAL(fog_file_read(work, "file", 100, &text, &len), 0);
	CU_ASSERT_STRING_EQUAL(text, "moin\n");
	free(text);
	close(work);
	close(fd);
	CU_ASSERT_EQUAL(fog_executor_remove(r.spool), 0);
	CU_ASSERT_EQUAL(fog_executor_remove(r.spool), -ENOENT);
	run_end(&r);
}

static void test_bad_arguments(void)
{
	char error[256];
	char buf[8];
	size_t len = 9;
	pid_t pid;

	run_begin(&r, "true");
	r.spec.job = "../x";
	CU_ASSERT_EQUAL(fog_executor_prepare_explain(&r.spec, r.spool, error, sizeof(error)),
			-EINVAL);
	CU_ASSERT_PTR_EQUAL(strstr(error, "job:"), error);
	CU_ASSERT_EQUAL(access(r.spool, F_OK), -1);
	r.spec.job = "ok";
	CU_ASSERT_EQUAL(fog_executor_prepare(&r.spec, "/no/such/parent/x"), -ENOENT);
	CU_ASSERT_EQUAL(fog_executor_start(FOG_EXEC_PATH, r.spool, &pid), -ENOENT);
	CU_ASSERT_EQUAL(fog_executor_cancel(r.spool), -ENOENT);
	CU_ASSERT_EQUAL_FATAL(fog_executor_prepare(&r.spec, r.spool), 0);
	CU_ASSERT_EQUAL(fog_executor_start("/no/such/program", r.spool, &pid), -ENOENT);
	CU_ASSERT_EQUAL(fog_executor_start("/bin/false", r.spool, &pid), -EIO);
	CU_ASSERT_EQUAL(fog_executor_cancel(r.spool), -ESRCH);
	CU_ASSERT_EQUAL(fog_executor_read_output(r.spool, FOG_EXECUTOR_STDOUT, 0, buf, 8, &len), 0);
	CU_ASSERT_EQUAL(len, 0);
	CU_ASSERT_EQUAL(
		fog_executor_read_output(r.spool, (enum fog_executor_stream)3, 0, buf, 8, &len),
		-EINVAL);
	CU_ASSERT_EQUAL(
		fog_executor_read_output(r.spool, FOG_EXECUTOR_STDOUT, UINT64_MAX, buf, 8, &len),
		-EINVAL);
	CU_ASSERT_EQUAL(fog_executor_input_write(r.spool, "../a", 0, "x", 1), -EINVAL);
	CU_ASSERT_EQUAL(fog_executor_input_write(r.spool, "", 0, "x", 1), -EINVAL);
	CU_ASSERT_EQUAL(fog_executor_input_write(r.spool, "a/b", 0, "x", 1), -EINVAL);
	CU_ASSERT_EQUAL(fog_executor_input_write(r.spool, "a", UINT64_MAX, "x", 1), -EINVAL);
	// Prepared again with another spec before it ever ran.
	r.argv[2] = "echo second";
	CU_ASSERT_EQUAL(run_to_end(&r), 0);
	CU_ASSERT_STRING_EQUAL(r.out, "second\n");
	CU_ASSERT_EQUAL(fog_executor_prepare(&r.spec, r.spool), -EEXIST);
	CU_ASSERT_EQUAL(fog_executor_start(FOG_EXEC_PATH, r.spool, &pid), -EBUSY);
	CU_ASSERT_EQUAL(fog_executor_input_write(r.spool, "a", 0, "x", 1), -EBUSY);
	CU_ASSERT_EQUAL(fog_executor_cancel(r.spool), -ESRCH);
	run_end(&r);
}

static void test_stdin(void)
{
	run_begin(&r, "cat; cat /input/in.txt; echo x >> /input/in.txt || echo kept");
	r.spec.stdin_name = "in.txt";
	CU_ASSERT_EQUAL_FATAL(fog_executor_prepare(&r.spec, r.spool), 0);
	CU_ASSERT_EQUAL(fog_executor_input_write(r.spool, "in.txt", 4, "def\n", 4), 0);
	CU_ASSERT_EQUAL(fog_executor_input_write(r.spool, "in.txt", 0, "abc\n", 4), 0);
	CU_ASSERT_EQUAL(run_to_end(&r), 0);
	CU_ASSERT_STRING_EQUAL(r.out, "abc\ndef\nabc\ndef\nkept\n");
	run_end(&r);
	// A stdin that is not there fails the job before it runs.
	run_begin(&r, "echo ran");
	r.spec.stdin_name = "missing";
	CU_ASSERT_EQUAL(run_to_end(&r), 0);
	CU_ASSERT_TRUE(run_is(&r, FOG_EXECUTOR_FAILED, -1, 0));
	CU_ASSERT_STRING_EQUAL(r.status.result.error, "stdin: No such file or directory");
	CU_ASSERT_STRING_EQUAL(r.out, "");
	run_end(&r);
	// None at all is an empty one.
	run_begin(&r, "cat; echo end");
	CU_ASSERT_EQUAL(run_to_end(&r), 0);
	CU_ASSERT_STRING_EQUAL(r.out, "end\n");
	run_end(&r);
}

static void test_endings(void)
{
	static const struct {
		int number;
		const char *script;
		enum fog_executor_outcome outcome;
		int code;
		int signo;
	} cases[] = {
		{1, "exit 0", FOG_EXECUTOR_EXITED, 0, 0},
		{2, "exit 255", FOG_EXECUTOR_EXITED, 255, 0},
		{3, "kill -SEGV $$", FOG_EXECUTOR_SIGNALED, -1, SIGSEGV},
		{4, "kill -TERM $$", FOG_EXECUTOR_SIGNALED, -1, SIGTERM},
		{5, "kill -KILL $$", FOG_EXECUTOR_SIGNALED, -1, SIGKILL},
		{6, "kill -KILL 1; exit 4", FOG_EXECUTOR_EXITED, 4, 0},
		{7, "sleep 1000 & exit 5", FOG_EXECUTOR_EXITED, 5, 0},
		{8, "(setsid sleep 1000 &) ; exit 6", FOG_EXECUTOR_EXITED, 6, 0},
		{9, "exec /no/such/program", FOG_EXECUTOR_EXITED, 127, 0},
	};

	for (size_t i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		run_begin(&r, cases[i].script);
		CU_ASSERT_EQUAL(run_to_end(&r), 0);
		bool ok = run_is(&r, cases[i].outcome, cases[i].code, cases[i].signo);
		if (!ok)
			printf("\n  case %d\n", cases[i].number);
		CU_ASSERT_TRUE(ok);
		run_end(&r);
	}
}

static void test_argv(void)
{
	run_begin(&r, NULL);
	r.argv[0] = "/no/such/program";
	r.spec.argv_count = 1;
	CU_ASSERT_EQUAL(run_to_end(&r), 0);
	CU_ASSERT_TRUE(run_is(&r, FOG_EXECUTOR_FAILED, -1, 0));
	CU_ASSERT_STRING_EQUAL(r.status.result.error,
			       "exec /no/such/program: No such file or directory");
	run_end(&r);
	// Looked up in the job's own PATH, arguments untouched.
	run_begin(&r, NULL);
	r.argv[0] = "printf";
	r.argv[1] = "[%s]";
	r.argv[2] = "a b";
	r.argv[3] = "*";
	r.argv[4] = "";
	r.spec.argv_count = 5;
	CU_ASSERT_EQUAL(run_to_end(&r), 0);
	CU_ASSERT_STRING_EQUAL(r.out, "[a b][*][]");
	run_end(&r);
	run_begin(&r, NULL);
	r.argv[0] = "printf";
	r.spec.argv_count = 1;
	r.env[0] = "PATH=/nowhere";
	r.spec.env_count = 1;
	CU_ASSERT_EQUAL(run_to_end(&r), 0);
	CU_ASSERT_TRUE(run_is(&r, FOG_EXECUTOR_FAILED, -1, 0));
	run_end(&r);
}

static void test_timeouts(void)
{
	run_begin(&r, "trap '' TERM; sleep 1000");
	r.spec.limits.wall_ms = 300;
	CU_ASSERT_EQUAL(run_to_end(&r), 0);
	CU_ASSERT_TRUE(run_is(&r, FOG_EXECUTOR_TIMEOUT, -1, 0));
	CU_ASSERT_STRING_EQUAL(r.status.result.error, "wall time limit reached");
	CU_ASSERT_TRUE(r.status.result.usage.wall_ms >= 300);
	CU_ASSERT_TRUE(r.status.result.usage.wall_ms < 3000);
	run_end(&r);
	run_begin(&r, "while :; do :; done");
	r.spec.limits.cpu_ms = 300;
	CU_ASSERT_EQUAL(run_to_end(&r), 0);
	if (r.status.result.sandbox.cgroup_version != 0) {
		CU_ASSERT_TRUE(run_is(&r, FOG_EXECUTOR_TIMEOUT, -1, 0));
		CU_ASSERT_STRING_EQUAL(r.status.result.error, "CPU time limit reached");
	}
	CU_ASSERT_TRUE(r.status.result.usage.cpu_user_ms + r.status.result.usage.cpu_system_ms >=
		       300);
	run_end(&r);
}

static void test_cancel(void)
{
	// One that dies of SIGTERM, a shell and its child.
	run_begin(&r, "echo up; sleep 1000; echo survived");
	CU_ASSERT_EQUAL_FATAL(fog_executor_prepare(&r.spec, r.spool), 0);
	CU_ASSERT_EQUAL_FATAL(fog_executor_start(FOG_EXEC_PATH, r.spool, NULL), 0);
	CU_ASSERT_TRUE(run_wait_output(&r, "up\n"));
	u64 begin = run_now_ms();
	CU_ASSERT_EQUAL(fog_executor_cancel(r.spool), 0);
	CU_ASSERT_TRUE(run_wait(&r, FOG_EXECUTOR_FINISHED));
	CU_ASSERT_TRUE(run_now_ms() - begin < FOG_MONITOR_GRACE_MS);
	CU_ASSERT_TRUE(run_is(&r, FOG_EXECUTOR_CANCELLED, -1, SIGTERM));
	run_read(&r);
	CU_ASSERT_STRING_EQUAL(r.out, "up\n");
	run_end(&r);
	// One that cleans up and says so.
	run_begin(&r, "trap 'echo bye; exit 9' TERM; echo up; while :; do sleep 0.05; done");
	CU_ASSERT_EQUAL_FATAL(fog_executor_prepare(&r.spec, r.spool), 0);
	CU_ASSERT_EQUAL_FATAL(fog_executor_start(FOG_EXEC_PATH, r.spool, NULL), 0);
	CU_ASSERT_TRUE(run_wait_output(&r, "up\n"));
	CU_ASSERT_EQUAL(fog_executor_cancel(r.spool), 0);
	CU_ASSERT_EQUAL(fog_executor_cancel(r.spool), 0);
	CU_ASSERT_TRUE(run_wait(&r, FOG_EXECUTOR_FINISHED));
	CU_ASSERT_TRUE(run_is(&r, FOG_EXECUTOR_CANCELLED, 9, 0));
	run_read(&r);
	CU_ASSERT_STRING_EQUAL(r.out, "up\nbye\n");
	run_end(&r);
	// One that will not: SIGKILL after the grace.
	run_begin(&r, "trap '' TERM; echo up; while :; do sleep 1000; done");
	CU_ASSERT_EQUAL_FATAL(fog_executor_prepare(&r.spec, r.spool), 0);
	CU_ASSERT_EQUAL_FATAL(fog_executor_start(FOG_EXEC_PATH, r.spool, NULL), 0);
	CU_ASSERT_TRUE(run_wait_output(&r, "up\n"));
	begin = run_now_ms();
	CU_ASSERT_EQUAL(fog_executor_cancel(r.spool), 0);
	CU_ASSERT_TRUE(run_wait(&r, FOG_EXECUTOR_FINISHED));
	CU_ASSERT_TRUE(run_now_ms() - begin >= FOG_MONITOR_GRACE_MS - 50);
	CU_ASSERT_TRUE(run_is(&r, FOG_EXECUTOR_CANCELLED, -1, 0));
	run_end(&r);
}

static void test_output(void)
{
	char part[16];
	u8 digest[32];
	size_t len;

	run_begin(&r, "yes | head -c 100000; printf abcdef >&2");
	r.spec.limits.output_bytes = 1001;
	CU_ASSERT_EQUAL(run_to_end(&r), 0);
	CU_ASSERT_TRUE(run_is(&r, FOG_EXECUTOR_EXITED, 0, 0));
	CU_ASSERT_EQUAL(strlen(r.out), 1001);
	CU_ASSERT_STRING_EQUAL(r.err, "abcdef");
	CU_ASSERT_TRUE(r.status.result.output_truncated);
	CU_ASSERT_EQUAL(r.status.result.usage.output_bytes, 100006);
	fog_hash_sha256(digest, r.out, 1001);
	CU_ASSERT_EQUAL(memcmp(digest, r.status.result.stdout_sha256, 32), 0);
	CU_ASSERT_EQUAL(fog_executor_read_output(r.spool, FOG_EXECUTOR_STDERR, 2, part, 3, &len),
			0);
	CU_ASSERT_EQUAL(len, 3);
	CU_ASSERT_EQUAL(memcmp(part, "cde", 3), 0);
	CU_ASSERT_EQUAL(fog_executor_read_output(r.spool, FOG_EXECUTOR_STDERR, 6, part, 3, &len),
			0);
	CU_ASSERT_EQUAL(len, 0);
	run_end(&r);
	// Exactly the limit is not truncated; a limit of nothing keeps nothing.
	run_begin(&r, "head -c 1000 /dev/zero");
	r.spec.limits.output_bytes = 1000;
	CU_ASSERT_EQUAL(run_to_end(&r), 0);
	CU_ASSERT_FALSE(r.status.result.output_truncated);
	run_end(&r);
	run_begin(&r, "echo x");
	r.spec.limits.output_bytes = 0;
	CU_ASSERT_EQUAL(run_to_end(&r), 0);
	CU_ASSERT_TRUE(r.status.result.output_truncated);
	CU_ASSERT_STRING_EQUAL(r.out, "");
	run_end(&r);
	// A job that closes its output early, or leaves it to a child, still ends.
	run_begin(&r, "exec >&- 2>&-; sleep 0.1; exit 3");
	CU_ASSERT_EQUAL(run_to_end(&r), 0);
	CU_ASSERT_TRUE(run_is(&r, FOG_EXECUTOR_EXITED, 3, 0));
	run_end(&r);
}

static void test_disk(void)
{
	run_begin(&r, "head -c 3000000 /dev/zero > a; echo $?");
	r.spec.limits.disk_bytes = 1 << 20;
	CU_ASSERT_EQUAL(run_to_end(&r), 0);
	CU_ASSERT_STRING_NOT_EQUAL(r.out, "0\n");
	run_end(&r);
	run_begin(&r, "for i in 1 2 3; do head -c 900000 /dev/urandom > $i; done; sleep 1000");
	r.spec.limits.disk_bytes = 1 << 20;
	CU_ASSERT_EQUAL(run_to_end(&r), 0);
	CU_ASSERT_EQUAL(r.status.result.outcome, FOG_EXECUTOR_FAILED);
	CU_ASSERT_STRING_EQUAL(r.status.result.error,
			       "disk limit: /work holds more than disk_bytes");
	run_end(&r);
	// Over the limit and gone before anyone looked.
	run_begin(&r, "for i in 1 2 3; do head -c 900000 /dev/urandom > $i; done");
	r.spec.limits.disk_bytes = 1 << 20;
	CU_ASSERT_EQUAL(run_to_end(&r), 0);
	CU_ASSERT_EQUAL(r.status.result.outcome, FOG_EXECUTOR_FAILED);
	run_end(&r);
	run_begin(&r, "i=0; while [ $i -lt 70 ]; do mkdir d && cd d; i=$((i+1)); done");
	CU_ASSERT_EQUAL(run_to_end(&r), 0);
	CU_ASSERT_EQUAL(r.status.result.outcome, FOG_EXECUTOR_FAILED);
	run_end(&r);
}

/* A pid that lives in the host's eyes: kill 0 reaches it and it is no zombie. */
static bool alive(pid_t pid)
{
	char path[64];
	char state = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	FILE *f = fopen(path, "re");
	if (f == NULL)
		return false;
	if (fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
		state = 0;
	fclose(f);
	return state != 0 && state != 'Z' && state != 'X';
}

static bool wait_gone(pid_t pid)
{
	for (int i = 0; i < 400 && alive(pid); i++)
		run_sleep_ms(5);
	return !alive(pid);
}

static void state_get(struct fog_executor_monitor *m)
{
	char *text = NULL;
	size_t len;
	int fd = open(r.spool, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	CU_ASSERT_EQUAL_FATAL(fog_file_read(fd, "state.json", 65536, &text, &len), 0);
	CU_ASSERT_EQUAL_FATAL(fog_state_parse(text, len, m), 0);
	free(text);
	close(fd);
}

/* The monitor is killed: so is the job, at once; the spool says VANISHED and can be removed, and no
 * control group stays behind. */
static void test_monitor_killed(void)
{
	static const char *const scripts[] = {
		"echo up; sleep 1000",
		"trap '' TERM HUP INT; echo up; (setsid sleep 1000 &); while :; do sleep 1000; "
		"done",
	};
	struct fog_executor_monitor m;
	pid_t monitor = 0;

	for (size_t i = 0; i < FOG_ARRAY_COUNT(scripts); i++) {
		run_begin(&r, scripts[i]);
		CU_ASSERT_EQUAL_FATAL(fog_executor_prepare(&r.spec, r.spool), 0);
		CU_ASSERT_EQUAL_FATAL(fog_executor_start(FOG_EXEC_PATH, r.spool, &monitor), 0);
		CU_ASSERT_TRUE(run_wait_output(&r, "up\n"));
		CU_ASSERT_TRUE(run_wait(&r, FOG_EXECUTOR_RUNNING));
		CU_ASSERT_EQUAL(r.status.monitor_pid, monitor);
		pid_t init = r.status.pid;
		CU_ASSERT_TRUE_FATAL(init > 1);
		CU_ASSERT_TRUE(alive(init));
		CU_ASSERT_EQUAL(fog_executor_remove(r.spool), -EBUSY);
		state_get(&m);
		CU_ASSERT_EQUAL(kill(monitor, SIGKILL), 0);
		CU_ASSERT_TRUE(wait_gone(monitor));
		CU_ASSERT_TRUE(wait_gone(init));
		CU_ASSERT_TRUE(run_wait(&r, FOG_EXECUTOR_VANISHED));
		CU_ASSERT_TRUE(r.status.started_unix_ms > 0);
		CU_ASSERT_EQUAL(fog_executor_cancel(r.spool), -ESRCH);
		CU_ASSERT_EQUAL(fog_executor_start(FOG_EXEC_PATH, r.spool, NULL), -EBUSY);
		CU_ASSERT_EQUAL(fog_executor_remove(r.spool), 0);
		for (u32 k = 0; k < m.leaves; k++)
			CU_ASSERT_EQUAL(access(m.leaf[k], F_OK), -1);
		run_end(&r);
	}
}

/* The control plane is killed: the job is not, and its successor reads how it ended. */
static void test_starter_killed(void)
{
	run_begin(&r, "echo up; sleep 0.3; echo done");
	CU_ASSERT_EQUAL_FATAL(fog_executor_prepare(&r.spec, r.spool), 0);
	pid_t pid = fork();
	if (pid == 0) {
		if (fog_executor_start(FOG_EXEC_PATH, r.spool, NULL) == 0)
			kill(getpid(), SIGKILL);
		_exit(1);
	}
	int status = 0;
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	CU_ASSERT_TRUE(WIFSIGNALED(status));
	CU_ASSERT_EQUAL(fog_executor_poll(r.spool, &r.status), 0);
	CU_ASSERT_EQUAL(r.status.state, FOG_EXECUTOR_RUNNING);
	CU_ASSERT_TRUE(run_wait(&r, FOG_EXECUTOR_FINISHED));
	run_read(&r);
	CU_ASSERT_STRING_EQUAL(r.out, "up\ndone\n");
	run_end(&r);
}

/* In the foreground, with arguments a person might get wrong. */
static int exec_run(const char *const argv[])
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);
		dup2(null, 1);
		dup2(null, 2);
		execv(FOG_EXEC_PATH, (char *const *)argv);
		_exit(99);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

static void test_command_line(void)
{
	const char *none[] = {"fog-exec", NULL};
	const char *unknown[] = {"fog-exec", "--spool", "/", "--frobnicate", NULL};
	const char *extra[] = {"fog-exec", "--spool", "/tmp", "more", NULL};
	const char *missing[] = {"fog-exec", "--spool", "/no/such/dir", NULL};
	const char *foreign[] = {"fog-exec", "--spool", "/tmp", NULL};
	const char *good[] = {"fog-exec", "--spool", r.spool, NULL};
	const char *version[] = {"fog-exec", "--version", NULL};
	const char *parent[] = {"fog-exec",        "--spool",  r.spool,
				"--cgroup-parent", "/no/such", NULL};

	CU_ASSERT_EQUAL(exec_run(none), 2);
	CU_ASSERT_EQUAL(exec_run(unknown), 2);
	CU_ASSERT_EQUAL(exec_run(extra), 2);
	CU_ASSERT_EQUAL(exec_run(missing), 1);
	CU_ASSERT_EQUAL(exec_run(foreign), 1);
	CU_ASSERT_EQUAL(exec_run(version), 0);
	run_begin(&r, "exit 3");
	CU_ASSERT_EQUAL_FATAL(fog_executor_prepare(&r.spec, r.spool), 0);
	CU_ASSERT_EQUAL(exec_run(good), 0);
	CU_ASSERT_TRUE(run_wait(&r, FOG_EXECUTOR_FINISHED));
	CU_ASSERT_TRUE(run_is(&r, FOG_EXECUTOR_EXITED, 3, 0));
	CU_ASSERT_EQUAL(exec_run(good), 3);
	run_end(&r);
	// No control group is no reason to fail unless the spec says so.
	run_begin(&r, "exit 4");
	CU_ASSERT_EQUAL_FATAL(fog_executor_prepare(&r.spec, r.spool), 0);
	CU_ASSERT_EQUAL(exec_run(parent), 0);
	CU_ASSERT_TRUE(run_wait(&r, FOG_EXECUTOR_FINISHED));
	CU_ASSERT_TRUE(run_is(&r, FOG_EXECUTOR_EXITED, 4, 0));
	CU_ASSERT_EQUAL(r.status.result.sandbox.cgroup_version, 0);
	run_end(&r);
	run_begin(&r, "exit 4");
	r.spec.require = FOG_EXECUTOR_REQUIRE_DEFAULT | FOG_EXECUTOR_REQUIRE_MEMORY;
	CU_ASSERT_EQUAL_FATAL(fog_executor_prepare(&r.spec, r.spool), 0);
	CU_ASSERT_EQUAL(exec_run(parent), 0);
	CU_ASSERT_TRUE(run_wait(&r, FOG_EXECUTOR_FINISHED));
	CU_ASSERT_TRUE(run_is(&r, FOG_EXECUTOR_FAILED, -1, 0));
	CU_ASSERT_STRING_EQUAL(r.status.result.error,
			       "required but not available: memory limit by control group");
	run_end(&r);
}

/* What somebody else's lock and damaged files make of a spool. */
static void test_spool_states(void)
{
	char path[128];

	run_begin(&r, "true");
	CU_ASSERT_EQUAL_FATAL(fog_executor_prepare(&r.spec, r.spool), 0);
	snprintf(path, sizeof(path), "%s/lock", r.spool);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	CU_ASSERT_EQUAL(flock(fd, LOCK_EX), 0);
	CU_ASSERT_EQUAL(fog_executor_poll(r.spool, &r.status), 0);
	CU_ASSERT_EQUAL(r.status.state, FOG_EXECUTOR_RUNNING);
	CU_ASSERT_EQUAL(fog_executor_start(FOG_EXEC_PATH, r.spool, NULL), -EBUSY);
	CU_ASSERT_EQUAL(fog_executor_cancel(r.spool), -ESRCH);
	CU_ASSERT_EQUAL(fog_executor_remove(r.spool), -EBUSY);
	close(fd);
	CU_ASSERT_EQUAL(fog_executor_poll(r.spool, &r.status), 0);
	CU_ASSERT_EQUAL(r.status.state, FOG_EXECUTOR_PENDING);
	int spool = open(r.spool, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CU_ASSERT_EQUAL(fog_file_replace(spool, "state.json", "{", 1), 0);
	CU_ASSERT_EQUAL(fog_executor_poll(r.spool, &r.status), 0);
	CU_ASSERT_EQUAL(r.status.state, FOG_EXECUTOR_VANISHED);
	CU_ASSERT_EQUAL(fog_file_replace(spool, "result.json", "{}", 2), 0);
	CU_ASSERT_EQUAL(fog_executor_poll(r.spool, &r.status), -EBADMSG);
	close(spool);
	run_end(&r);
}

/* A state that names another process by a reused pid must not let us signal it. */
static void test_cancel_reused_pid(void)
{
	struct fog_executor_monitor m = {.running = true, .monitor_start = 1};
	char path[128];
	char *text;

	run_begin(&r, "true");
	CU_ASSERT_EQUAL_FATAL(fog_executor_prepare(&r.spec, r.spool), 0);
	pid_t other = fork();
	if (other == 0) {
		for (;;)
			pause();
	}
	m.monitor_pid = other;
	CU_ASSERT_EQUAL_FATAL(fog_state_emit(&m, &text), 0);
	int spool = open(r.spool, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CU_ASSERT_EQUAL(fog_file_replace(spool, "state.json", text, strlen(text)), 0);
	close(spool);
	free(text);
	snprintf(path, sizeof(path), "%s/lock", r.spool);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	CU_ASSERT_EQUAL(flock(fd, LOCK_EX), 0);
	CU_ASSERT_EQUAL(fog_executor_cancel(r.spool), -ESRCH);
	CU_ASSERT_TRUE(alive(other));
	kill(other, SIGKILL);
	waitpid(other, NULL, 0);
	close(fd);
	run_end(&r);
}

/* Specs that only fog-exec sees, because someone else wrote the file. */
static void test_bad_spec_files(void)
{
	static const struct {
		int number;
		const char *text;
		const char *error;
	} cases[] = {
		{1, "", "spec: line"},
		{2, "{\"job\":\"x\"}", "argv:"},
		{3,
		 "{\"job\":\"x\",\"argv\":[\"/bin/true\"],\"stdin\":\"../spec.json\",\"limits\":{"
		 "\"cpu_cores\":1,\"memory_bytes\":67108864,\"pids\":9,\"wall_ms\":5000,"
		 "\"output_bytes\":5}}",
		 "stdin:"},
		{4,
		 "{\"job\":\"x\",\"argv\":[\"/bin/true\"],\"engine\":\"docker\",\"limits\":{"
		 "\"cpu_cores\":1,\"memory_bytes\":67108864,\"pids\":9,\"wall_ms\":5000,"
		 "\"output_bytes\":5}}",
		 "engine: there is no \"docker\" here"},
	};
	static char big[FOG_EXECUTOR_SPEC_MAX + 2];

	for (size_t i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		run_begin(&r, "true");
		CU_ASSERT_EQUAL_FATAL(fog_executor_prepare(&r.spec, r.spool), 0);
		spec_write(cases[i].text);
		CU_ASSERT_EQUAL(fog_executor_start(FOG_EXEC_PATH, r.spool, NULL), 0);
		CU_ASSERT_TRUE(run_wait(&r, FOG_EXECUTOR_FINISHED));
		CU_ASSERT_TRUE(run_is(&r, FOG_EXECUTOR_FAILED, -1, 0));
		if (strstr(r.status.result.error, cases[i].error) != r.status.result.error)
			printf("\n  case %d: %s\n", cases[i].number, r.status.result.error);
		CU_ASSERT_PTR_EQUAL(strstr(r.status.result.error, cases[i].error),
				    r.status.result.error);
		run_end(&r);
	}
	memset(big, ' ', sizeof(big) - 1);
	run_begin(&r, "true");
	CU_ASSERT_EQUAL_FATAL(fog_executor_prepare(&r.spec, r.spool), 0);
	spec_write(big);
	CU_ASSERT_EQUAL(fog_executor_start(FOG_EXEC_PATH, r.spool, NULL), 0);
	CU_ASSERT_TRUE(run_wait(&r, FOG_EXECUTOR_FINISHED));
	CU_ASSERT_STRING_EQUAL(r.status.result.error, "spec.json: File too large");
	run_end(&r);
}

/* Devices are shown where the spec names them, and only there. */
static void test_devices(void)
{
	static const char *const devices[] = {"/dev/net/tun"}, *const wrong[] = {"/dev/../etc"};

	if (access(devices[0], R_OK) != 0)
		return; /* no such device to show here */
	for (u32 i = 0; i < 2; i++) {
		run_begin(&r, "test -c /dev/net/tun && exec 3<>/dev/net/tun && echo open");
		r.spec.devices = devices;
		r.spec.device_count = i;
		CU_ASSERT_EQUAL(run_to_end(&r), 0);
		CU_ASSERT_STRING_EQUAL(r.out, i == 1 ? "open\n" : "");
		run_end(&r);
	}
	run_begin(&r, "true");
	r.spec.devices = wrong;
	r.spec.device_count = 1;
	CU_ASSERT_EQUAL(fog_executor_prepare(&r.spec, r.spool), -EINVAL);
	run_end(&r);
}

FOG_TEST_MAIN("controlplane/executor/executor", FOG_TEST(test_life_cycle),
	      FOG_TEST(test_bad_arguments), FOG_TEST(test_stdin), FOG_TEST(test_endings),
	      FOG_TEST(test_argv), FOG_TEST(test_timeouts), FOG_TEST(test_cancel),
	      FOG_TEST(test_output), FOG_TEST(test_disk), FOG_TEST(test_monitor_killed),
	      FOG_TEST(test_starter_killed), FOG_TEST(test_command_line),
	      FOG_TEST(test_spool_states), FOG_TEST(test_cancel_reused_pid),
	      FOG_TEST(test_bad_spec_files), FOG_TEST(test_devices))
