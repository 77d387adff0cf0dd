/* SPDX-License-Identifier: BSD-3-Clause */
/* The walls together, from the inside of real jobs. */
#include <arpa/inet.h>
#include <netinet/in.h>

#include "controlplane/executor/confine.h"
#include "controlplane/executor/spec.h"
#include "tests/unit/fog_test.h"
#include "tests/unit/controlplane/executor/probe.h"
#include "tests/unit/controlplane/executor/run.h"

#define NS_NEEDED                                                                                  \
	(FOG_EXECUTOR_NS_MOUNT | FOG_EXECUTOR_NS_PID | FOG_EXECUTOR_NS_NET | FOG_EXECUTOR_NS_IPC | \
	 FOG_EXECUTOR_NS_UTS)

static struct run r;
static bool no_namespaces;

/* A job that is the probe itself. */
static void probe_begin(const char *what, const char *number)
{
	run_begin(&r, NULL);
	r.argv[0] = "/input/probe";
	r.argv[1] = what;
	r.argv[2] = number;
	r.spec.argv_count = number == NULL ? 2 : 3;
	CU_ASSERT_EQUAL_FATAL(fog_executor_prepare(&r.spec, r.spool), 0);
	CU_ASSERT_TRUE_FATAL(run_input_copy(&r, FOG_PROBE_PATH, "probe"));
}

static bool skip(bool missing, const char *what)
{
	if (no_namespaces)
		what = "namespaces";
	if (no_namespaces || missing)
		printf(" skip: the kernel or our rights lack %s ", what);
	return no_namespaces || missing;
}

/* What this machine can do, which decides what the other tests may skip. */
static void test_life_cycle(void)
{
	run_begin(&r, "echo ok");
	CU_ASSERT_EQUAL_FATAL(run_to_end(&r), 0);
	const struct fog_executor_result *x = &r.status.result;
	no_namespaces =
		x->outcome == FOG_EXECUTOR_FAILED && strncmp(x->error, "namespaces: ", 12) == 0;
	if (!skip(false, "")) {
		CU_ASSERT_TRUE(run_is(&r, FOG_EXECUTOR_EXITED, 0, 0));
		CU_ASSERT_EQUAL(x->sandbox.namespaces & NS_NEEDED, NS_NEEDED);
		CU_ASSERT_TRUE(x->sandbox.seccomp);
		CU_ASSERT_TRUE(x->sandbox.no_new_privs);
		CU_ASSERT_EQUAL(x->sandbox.landlock_abi, fog_landlock_abi());
		if (geteuid() == 0)
			CU_ASSERT_TRUE(x->sandbox.uid != 0);
	}
	run_end(&r);
}

static void test_system_calls(void)
{
	if (skip(false, ""))
		return;
	probe_begin("calls", NULL);
	CU_ASSERT_EQUAL_FATAL(run_to_end(&r), 0);
	CU_ASSERT_TRUE(run_is(&r, FOG_EXECUTOR_EXITED, 0, 0));
	char *at = r.out;
	for (size_t i = 0; i < FOG_ARRAY_COUNT(probes); i++) {
		int number = 0, got = -1;
		CU_ASSERT_EQUAL_FATAL(sscanf(at, "%d %d", &number, &got), 2);
		if (number != probes[i].number || got != probes[i].want)
			printf("\n  probe %d %s: errno %d, wanted %d\n", probes[i].number,
			       probes[i].name, got, probes[i].want);
		CU_ASSERT_EQUAL(number, probes[i].number);
		CU_ASSERT_EQUAL(got, probes[i].want);
		at = strchr(at, '\n') + 1;
	}
	run_end(&r);
#ifdef __x86_64__
	probe_begin("foreign", NULL);
	CU_ASSERT_EQUAL_FATAL(run_to_end(&r), 0);
	CU_ASSERT_TRUE(run_is(&r, FOG_EXECUTOR_SIGNALED, -1, SIGSYS));
	run_end(&r);
#endif
}

/* Scripts that print nothing where the wall holds. */
static const struct {
	int number;
	const char *script;
} walls[] = {
	{1, "cat /etc/shadow"},
	{2, "ls /root"},
	{3, "ls /home"},
	{4, "ls /var"},
	{5, "ls /sys"},
	{6, "cat /proc/1/environ"},
	{7, "cat /proc/1/maps"},
	{8, "ls /proc/1/fd /proc/1/root"},
	{9, "cat /proc/kallsyms"},
	{10, "cat /proc/meminfo"},
	{11, "cat /proc/sys/kernel/hostname"},
	{12, "ls /input/.." /* the sandbox's own root */ " | grep -v -x -E "
	     "'bin|dev|etc|input|lib|lib32|lib64|libx32|proc|sbin|tmp|usr|work'"},
	{13, "ls -d " FOG_EXEC_PATH},
	{14, "ls -d $SPOOL"},
	{15, "ls /dev | grep -v -x -E "
	     "'fd|full|null|random|shm|stderr|stdin|stdout|urandom|zero'"},
	{16, "touch /usr/bin/x && echo wrote"},
	{17, "touch /etc/x && echo wrote"},
	{18, "touch /x && echo wrote"},
	{19, "touch /input/x && echo wrote"},
	{20, "touch /dev/x && echo wrote"},
	{21, "mknod /work/null c 1 3 && echo made"},
	{22, "mknod /tmp/sda b 8 0 && echo made"},
	{23, "rm -f /usr/bin/true; ls /usr/bin/true > /dev/null || echo removed"},
	{24, "find / -xdev -user root -perm -4000 2>/dev/null -exec echo suid {} + | grep "
	     "-v /usr/"},
	{25, "echo 0 > /proc/self/oom_score_adj && echo lowered"},
	{26, "grep -E '^Cap(Inh|Prm|Eff|Bnd|Amb):' /proc/self/status | grep -v "
	     "0000000000000000"},
	{27, "grep '^NoNewPrivs:.*0' /proc/self/status"},
	{28, "grep '^Seccomp:.*[01]$' /proc/self/status"},
	{29, "ls /proc | grep -E '^[0-9]+$' | awk '$1 > 500'"},
	{30, "id -u | grep -v -x 1000"},
	{31, "kill -0 -1 2>/dev/null; kill -STOP 1 && sleep 0.1; ls /proc/2 > /dev/null || "
	     "echo gone"},
	{32, "hostname | grep -v -x fog-job"},
	{33, "head -c 1 /proc/self/cwd/../../spec.json"},
	{34, "ln -s /etc/shadow l; cat l"},
	{35, "ulimit -c | grep -v -x 0"},
	{36, "grep -E '^Cap(Inh|Prm|Eff|Bnd|Amb):' /proc/1/status | grep -v 0000000000000000"},
	{37, "grep '^Seccomp:.*[01]$' /proc/1/status"},
	{38, "grep -v nosuid /proc/self/mountinfo"},
	{39, "awk '$5 !~ /^\\/(work|tmp|proc|dev\\/.*)$/ && $6 !~ /^ro,/' "
	     "/proc/self/mountinfo"},
	{40, "awk '$5 !~ /^\\/dev\\/(null|zero|full|random|urandom)$/ && $6 !~ /nodev/' "
	     "/proc/self/mountinfo"},
};

static void test_files(void)
{
	char env[128];

	if (skip(false, ""))
		return;
	for (size_t i = 0; i < FOG_ARRAY_COUNT(walls); i++) {
		run_begin(&r, walls[i].script);
		snprintf(env, sizeof(env), "SPOOL=%s", r.spool);
		r.env[0] = env;
		r.spec.env_count = 1;
		CU_ASSERT_EQUAL(run_to_end(&r), 0);
		if (r.out[0] != '\0' || r.status.result.outcome != FOG_EXECUTOR_EXITED)
			printf("\n  case %d %s: %s\n", walls[i].number, walls[i].script, r.out);
		CU_ASSERT_EQUAL(r.status.result.outcome, FOG_EXECUTOR_EXITED);
		CU_ASSERT_STRING_EQUAL(r.out, "");
		run_end(&r);
	}
}

/* What a job is meant to have. */
static void test_files_allowed(void)
{
	static const struct {
		int number;
		const char *script;
	} cases[] = {
		{1, "echo a > /work/a && cat /work/a"},
		{2, "echo a > /tmp/a && cat /tmp/a"},
		{3, "echo a > /dev/shm/a && cat /dev/shm/a"},
		{4, "head -c 1 /dev/zero | tr '\\0' a && echo > /dev/null"},
		{5, "head -c 8 /dev/urandom | wc -c | grep -q 8 && echo a"},
		{6, "cp /bin/echo /work/e && /work/e a"},
		{7, "mkdir -p x/y && mv x z && rmdir z/y z && echo a"},
		{8, "cat < /proc/self/comm > /dev/null && echo a"},
		{9, "mkfifo f && (echo a > f &) && cat f"},
		{10, "awk 'BEGIN { print \"a\" }'"},
		{11,
		 "[ \"$HOME\" = /work ] && [ \"$TMPDIR\" = /tmp ] && ls / > /dev/null && echo a"},
		{12, "echo b > /dev/stderr; echo a > /dev/stdout"},
	};

	if (skip(false, ""))
		return;
	for (size_t i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		run_begin(&r, cases[i].script);
		CU_ASSERT_EQUAL(run_to_end(&r), 0);
		bool ok = run_is(&r, FOG_EXECUTOR_EXITED, 0, 0) && r.out[0] == 'a';
		if (!ok)
			printf("\n  case %d %s: %s %s\n", cases[i].number, cases[i].script, r.out,
			       r.err);
		CU_ASSERT_TRUE(ok);
		run_end(&r);
	}
}

static int probe_errno(const char *what)
{
	const char *at = strstr(r.out, what);
	int got = -1;

	if (at != NULL)
		(void)sscanf(at + strlen(what), " %d", &got);
	return got;
}

static void test_network(void)
{
	struct sockaddr_in sin = {.sin_family = AF_INET};
	socklen_t len = sizeof(sin);
	char script[256];

	if (skip(false, ""))
		return;
	probe_begin("net", NULL);
	CU_ASSERT_EQUAL_FATAL(run_to_end(&r), 0);
	CU_ASSERT_EQUAL(probe_errno("udp-out"), ENETUNREACH);
	CU_ASSERT_EQUAL(probe_errno("udp-loopback"), ENETUNREACH);
	CU_ASSERT_NOT_EQUAL(probe_errno("tcp-out"), 0);
	CU_ASSERT_NOT_EQUAL(probe_errno("tcp-loopback"), 0);
	if (fog_landlock_abi() >= 4)
		CU_ASSERT_EQUAL(probe_errno("tcp-bind"), EACCES);
	run_end(&r);
	// Asked for: a loopback of its own, nothing further.
	run_begin(&r, NULL);
	r.argv[0] = "/input/probe";
	r.argv[1] = "net";
	r.spec.argv_count = 2;
	r.spec.network = true;
	CU_ASSERT_EQUAL_FATAL(fog_executor_prepare(&r.spec, r.spool), 0);
	CU_ASSERT_TRUE(run_input_copy(&r, FOG_PROBE_PATH, "probe"));
	CU_ASSERT_EQUAL_FATAL(run_to_end(&r), 0);
	CU_ASSERT_EQUAL(probe_errno("udp-out"), ENETUNREACH);
	CU_ASSERT_EQUAL(probe_errno("udp-loopback"), 0);
	CU_ASSERT_EQUAL(probe_errno("tcp-out"), ENETUNREACH);
	CU_ASSERT_EQUAL(probe_errno("tcp-loopback"), ECONNREFUSED);
	CU_ASSERT_EQUAL(probe_errno("tcp-bind"), 0);
	run_end(&r);
	// A listener on the host's loopback is not on the job's.
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CU_ASSERT_EQUAL_FATAL(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	CU_ASSERT_EQUAL_FATAL(listen(fd, 1), 0);
	CU_ASSERT_EQUAL_FATAL(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	snprintf(script, sizeof(script),
		 "exec bash -c 'echo > /dev/tcp/127.0.0.1/%d && echo reached'",
		 ntohs(sin.sin_port));
	run_begin(&r, script);
	r.spec.network = true;
	CU_ASSERT_EQUAL_FATAL(run_to_end(&r), 0);
	CU_ASSERT_STRING_EQUAL(r.out, "");
	CU_ASSERT_PTR_NOT_NULL(strstr(r.err, "refused"));
	run_end(&r);
	close(fd);
}

static void test_memory(void)
{
	if (skip(false, ""))
		return;
	probe_begin("eat", "200");
	CU_ASSERT_EQUAL_FATAL(run_to_end(&r), 0);
	const struct fog_executor_result *x = &r.status.result;
	if (x->sandbox.cgroup_limits & FOG_EXECUTOR_CGROUP_MEMORY) {
		CU_ASSERT_EQUAL(x->outcome, FOG_EXECUTOR_OOM);
		CU_ASSERT_STRING_EQUAL(r.out, "");
		CU_ASSERT_TRUE(x->usage.memory_peak_bytes > 60 << 20);
		// The kernel may charge a little more for work that it cannot refuse.
		CU_ASSERT_TRUE(x->usage.memory_peak_bytes <= 65 << 20);
	} else {
		CU_ASSERT_TRUE(run_is(&r, FOG_EXECUTOR_EXITED, 0, 0));
		CU_ASSERT_PTR_EQUAL(strstr(r.out, "refused at "), r.out);
	}
	run_end(&r);
	probe_begin("eat", "32");
	CU_ASSERT_EQUAL_FATAL(run_to_end(&r), 0);
	CU_ASSERT_STRING_EQUAL(r.out, "ate 32\n");
	run_end(&r);
	// The private file systems count, and are bounded by themselves.
	run_begin(&r, "head -c 100000000 /dev/zero > /tmp/x; echo $?");
	CU_ASSERT_EQUAL_FATAL(run_to_end(&r), 0);
	CU_ASSERT_STRING_NOT_EQUAL(r.out, "0\n");
	run_end(&r);
	// A child that dies of it makes the whole job suspect.
	run_begin(&r, "/input/probe eat 200; echo survived; sleep 1000");
	CU_ASSERT_EQUAL_FATAL(fog_executor_prepare(&r.spec, r.spool), 0);
	CU_ASSERT_TRUE(run_input_copy(&r, FOG_PROBE_PATH, "probe"));
	if (x->sandbox.cgroup_limits & FOG_EXECUTOR_CGROUP_MEMORY) {
		CU_ASSERT_EQUAL_FATAL(run_to_end(&r), 0);
		CU_ASSERT_EQUAL(x->outcome, FOG_EXECUTOR_OOM);
	}
	run_end(&r);
}

static void test_fork_bomb(void)
{
	int got = 0, err = 0;

	if (skip(false, ""))
		return;
	probe_begin("bomb", "1000");
	CU_ASSERT_EQUAL_FATAL(run_to_end(&r), 0);
	CU_ASSERT_EQUAL(sscanf(r.out, "forked %d errno %d", &got, &err), 2);
	// The probe itself is one of the 32.
	CU_ASSERT_EQUAL(got, 31);
	CU_ASSERT_EQUAL(err, EAGAIN);
	CU_ASSERT_TRUE(run_is(&r, FOG_EXECUTOR_EXITED, 0, 0));
	run_end(&r);
}

static void test_cpu(void)
{
	if (skip(false, ""))
		return;
	run_begin(&r, "while :; do :; done");
	r.spec.limits.cpu_cores = 0.2;
	r.spec.limits.wall_ms = 1500;
	CU_ASSERT_EQUAL_FATAL(run_to_end(&r), 0);
	const struct fog_executor_result *x = &r.status.result;
	u64 used = x->usage.cpu_user_ms + x->usage.cpu_system_ms;
	if (!skip(!(x->sandbox.cgroup_limits & FOG_EXECUTOR_CGROUP_CPU), "a CPU controller")) {
		CU_ASSERT_TRUE(used <= 600);
		if (used > 600)
			printf("\n  used %llu ms\n", (unsigned long long)used);
	}
	run_end(&r);
}

/* Everything again without privileges, as far as the kernel lets an ordinary user. */
static int unprivileged(void)
{
	int bad = 0;

	run_begin(&r,
		  "id -u; cat /etc/shadow; touch /usr/x; touch /input/x; touch a && echo wrote; "
		  "echo 1 2>/dev/null >> /proc/self/fd/0 && echo reopened");
	r.spec.stdin_name = "in";
	if (fog_executor_prepare(&r.spec, r.spool) < 0 ||
	    fog_executor_input_write(r.spool, "in", 0, "x", 1) < 0 || run_to_end(&r) < 0)
		bad = 1;
	const struct fog_executor_result *x = &r.status.result;
	if (bad == 0 && x->outcome == FOG_EXECUTOR_FAILED &&
	    strncmp(x->error, "namespaces: ", 12) == 0) {
		printf(" skip: no user namespaces without privileges (%s) ", x->error);
		fflush(stdout);
	} else if (bad == 0) {
		if (strcmp(r.out, "1000\nwrote\n") != 0)
			bad = 2;
		else if ((x->sandbox.namespaces & (NS_NEEDED | FOG_EXECUTOR_NS_USER)) !=
			 (NS_NEEDED | FOG_EXECUTOR_NS_USER))
			bad = 3;
		else if (x->sandbox.uid != geteuid())
			bad = 4;
	}
	if (bad != 0)
		printf("\n  check %d: %s\n  out: %s\n  err: %s\n", bad, x->error, r.out, r.err);
	run_end(&r);
	fflush(stdout);
	return bad;
}

static void test_unprivileged(void)
{
	int status = -1;

	if (geteuid() != 0) {
		CU_ASSERT_EQUAL(unprivileged(), 0);
		return;
	}
	pid_t pid = fork();
	if (pid == 0) {
		if (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0)
			_exit(90);
		if (access(FOG_EXEC_PATH, X_OK) < 0) {
			printf(" skip: another user cannot reach the program built here ");
			fflush(stdout);
			_exit(0);
		}
		_exit(unprivileged());
	}
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	CU_ASSERT_EQUAL(status, 0);
}

/* Two jobs at once do not see each other, and have different users on the host. */
static void test_two_jobs(void)
{
	struct run *other = malloc(sizeof(*other));

	CU_ASSERT_PTR_NOT_NULL_FATAL(other);
	if (skip(false, "")) {
		free(other);
		return;
	}
	run_begin(other,
		  "echo mine > /tmp/secret; echo mine > /dev/shm/secret; echo up; sleep 1000");
	CU_ASSERT_EQUAL(fog_executor_prepare(&other->spec, other->spool), 0);
	CU_ASSERT_EQUAL(fog_executor_start(FOG_EXEC_PATH, other->spool, NULL), 0);
	CU_ASSERT_TRUE(run_wait_output(other, "up\n"));
	run_begin(&r, "ls /tmp /dev/shm | grep secret; grep -l sleep /proc/[0-9]*/comm; echo end");
	CU_ASSERT_EQUAL(run_to_end(&r), 0);
	CU_ASSERT_STRING_EQUAL(r.out, "end\n");
	CU_ASSERT_EQUAL(fog_executor_cancel(other->spool), 0);
	CU_ASSERT_TRUE(run_wait(other, FOG_EXECUTOR_FINISHED));
	if (geteuid() == 0)
		CU_ASSERT_NOT_EQUAL(r.status.result.sandbox.uid, other->status.result.sandbox.uid);
	run_end(other);
	run_end(&r);
	free(other);
}

FOG_TEST_MAIN("controlplane/executor/inside", FOG_TEST(test_life_cycle),
	      FOG_TEST(test_system_calls), FOG_TEST(test_files), FOG_TEST(test_files_allowed),
	      FOG_TEST(test_network), FOG_TEST(test_memory), FOG_TEST(test_fork_bomb),
	      FOG_TEST(test_cpu), FOG_TEST(test_unprivileged), FOG_TEST(test_two_jobs))
