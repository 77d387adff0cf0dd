/* SPDX-License-Identifier: BSD-3-Clause */
/* Vaults for real: as who runs the tests, as an unprivileged user, and as one who may not mount. */
#include "controlplane/executor/vault.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "tests/unit/controlplane/executor/run.h"
#include "tests/unit/fog_test.h"

#define NOBODY 65534
#define BYTES  (32u << 20)
#define SECRET "correct horse"

struct one {
	struct fog_vault v;
	struct run r;
	char dir[128];
};

/* A vault with a script in it that has a secret. */
static int one_fill(struct one *o, const char *script)
{
	run_begin(&o->r, script);
	snprintf(o->dir, sizeof(o->dir), "%s/vault", o->r.base);
	if (mkdir(o->dir, 0700) != 0)
		return -errno;
	int rc = fog_vault_open(&o->v, FOG_EXEC_PATH, o->dir, BYTES);
	if (rc != 0)
		return rc;
	snprintf(o->r.spool, sizeof(o->r.spool), "%s", o->v.spool);
	rc = fog_executor_prepare(&o->r.spec, o->r.spool);
	if (rc == 0)
		rc = fog_executor_input_write(o->r.spool, "key", 0, SECRET, strlen(SECRET));
	return rc;
}

static int one_open(struct one *o, const char *script)
{
	int rc = one_fill(o, script);

	return rc == 0 ? fog_vault_start(&o->v) : rc;
}

/* Below the vault's directory as everybody sees it. */
static bool is_seen(const struct one *o)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/" FOG_VAULT_SPOOL "/input/key", o->dir);
	return access(path, F_OK) == 0;
}

/* A directory of a disk goes with all that is in it, by fog-exec's hand. */
static bool is_wiped(const struct one *o)
{
	u64 end = run_now_ms() + RUN_WAIT_MS;

	while (!o->v.in_memory && access(o->dir, F_OK) == 0 && run_now_ms() < end)
		run_sleep_ms(10);
	return o->v.in_memory || access(o->dir, F_OK) != 0;
}

static int one_run(bool *in_memory)
{
	struct one o;
	int rc = one_open(&o, "cat /input/key");

	if (rc != 0 || !run_wait(&o.r, FOG_EXECUTOR_FINISHED))
		return 10;
	*in_memory = o.v.in_memory;
	run_read(&o.r);
	if (o.r.status.result.outcome != FOG_EXECUTOR_EXITED || strcmp(o.r.out, SECRET) != 0)
		return 11;
	if (is_seen(&o) == o.v.in_memory)
		return 12;
	/* On a disk fog-exec stays to wipe it. */
	if (!o.v.in_memory && fog_vault_is_lost(o.v.lifeline))
		return 14;
	fog_vault_close(&o.v);
	fog_vault_close(&o.v);
	if (!is_wiped(&o))
		return 15;
	return fog_tree_remove(AT_FDCWD, o.r.base) == 0 ? 0 : 13;
}

/* Has this process ended, or is it a zombie that init has not looked at? */
static bool is_gone(pid_t pid)
{
	char path[64], state = 'X';

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	FILE *f = fopen(path, "re");
	if (f == NULL)
		return true;
	if (fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
		state = 'X';
	fclose(f);
	return state == 'Z' || state == 'X';
}

static bool wait_gone(pid_t pid)
{
	u64 end = run_now_ms() + RUN_WAIT_MS;

	while (!is_gone(pid) && run_now_ms() < end)
		run_sleep_ms(10);
	return is_gone(pid);
}

static int one_lost(void)
{
	struct one o;

	if (one_open(&o, "echo up; sleep 1000") != 0 || !run_wait_output(&o.r, "up") ||
	    fog_executor_poll(o.r.spool, &o.r.status) != 0)
		return 20;
	pid_t monitor = o.r.status.monitor_pid, job = o.r.status.pid;
	if (o.r.status.state != FOG_EXECUTOR_RUNNING || monitor <= 0 || job <= 0)
		return 21;
	fog_vault_close(&o.v);
	if (!wait_gone(monitor) || !wait_gone(job))
		return 22;
	if (!is_wiped(&o))
		return 23;
	return fog_tree_remove(AT_FDCWD, o.r.base) == 0 ? 0 : 24;
}

/* Given up before it runs. */
static int one_given_up(void)
{
	struct one o;

	if (one_fill(&o, "true") != 0)
		return 50;
	fog_vault_close(&o.v);
	if (!is_wiped(&o))
		return 51;
	return fog_tree_remove(AT_FDCWD, o.r.base) == 0 ? 0 : 52;
}

/* Exit status of fn in a process of its own: as that user, and without the right to unshare. */
static int as(uid_t uid, bool bound, int (*fn)(void))
{
	struct sock_filter rules[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_unshare, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = {FOG_ARRAY_COUNT(rules), rules};
	int status = -1;

	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		if (geteuid() == 0 && uid != 0 &&
		    (setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(uid, uid, uid) < 0))
			_exit(1);
		/* Changing users made us nobody's to look at. */
		(void)prctl(PR_SET_DUMPABLE, 1);
		if (bound && (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
			      prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0))
			_exit(2);
		_exit(fn());
	}
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* In a process of its own. */
static int may_mount(void)
{
	return unshare(geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWUSER | CLONE_NEWNS) == 0 ? 0 : 1;
}

static int run_in_memory(void)
{
	bool in_memory = false;
	int rc = one_run(&in_memory);

	return rc != 0 ? rc : in_memory ? 0 : 30;
}

static int run_on_disk(void)
{
	bool in_memory = true;
	int rc = one_run(&in_memory);

	return rc != 0 ? rc : in_memory ? 31 : 0;
}

/* In memory wherever the kernel lets this user mount. */
static void run_as(uid_t uid)
{
	bool may = as(uid, false, may_mount) == 0;

	if (!may)
		printf("\n  user %u may not mount here: on disk ", (unsigned)uid);
	CU_ASSERT_EQUAL(as(uid, false, may ? run_in_memory : run_on_disk), 0);
}

static void test_life_cycle(void)
{
	run_as(geteuid());
	CU_ASSERT_EQUAL(as(geteuid(), false, one_lost), 0);
}

static void test_bad_arguments(void)
{
	struct fog_vault v;

	CU_ASSERT_EQUAL(fog_vault_open(&v, "/nonexistent", "/tmp", BYTES), -ENOENT);
	CU_ASSERT_TRUE(v.lifeline == -1 && v.dir_fd == -1);
	CU_ASSERT_EQUAL(fog_vault_open(&v, "/bin/true", "/tmp", BYTES), -EIO);
	CU_ASSERT_EQUAL(fog_vault_open(&v, FOG_EXEC_PATH, "/nonexistent", BYTES), -EIO);
	fog_vault_close(&v);
}

/* In a user namespace. */
static void test_unprivileged(void)
{
	run_as(NOBODY);
	CU_ASSERT_EQUAL(as(NOBODY, false, one_lost), 0);
}

/* Without memory of its own: on the disk, and wiped from there. */
static void test_without_mounts(void)
{
	CU_ASSERT_EQUAL(as(NOBODY, true, run_on_disk), 0);
	CU_ASSERT_EQUAL(as(NOBODY, true, one_lost), 0);
	CU_ASSERT_EQUAL(as(NOBODY, true, one_given_up), 0);
}

static int fd_up; /* tells the monitor's and the job's pid */

static int starter(void)
{
	struct one o;
	pid_t pids[2];

	if (one_open(&o, "echo up; sleep 1000") != 0 || !run_wait_output(&o.r, "up") ||
	    fog_executor_poll(o.r.spool, &o.r.status) != 0)
		return 40;
	pids[0] = o.r.status.monitor_pid;
	pids[1] = o.r.status.pid;
	if (write(fd_up, pids, sizeof(pids)) != sizeof(pids))
		return 41;
	kill(getpid(), SIGKILL);
	return 42;
}

/* The starter is killed: nothing of it is left. */
static void test_killed_starter(void)
{
	pid_t pids[2] = {0, 0};
	int pair[2];

	CU_ASSERT_EQUAL_FATAL(pipe2(pair, O_CLOEXEC), 0);
	fd_up = pair[1];
	CU_ASSERT_EQUAL(as(geteuid(), false, starter), -1);
	CU_ASSERT_EQUAL_FATAL(read(pair[0], pids, sizeof(pids)), sizeof(pids));
	CU_ASSERT_TRUE(pids[0] > 1 && pids[1] > 1);
	CU_ASSERT_TRUE(wait_gone(pids[0]) && wait_gone(pids[1]));
	close(pair[0]);
	close(pair[1]);
}

static int file_make(int dir, const char *name, off_t at)
{
	int fd = openat(dir, name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_EQUAL(pwrite(fd, "secret", 6, at), 6);
	return fd;
}

static bool is_zero(int fd, off_t at)
{
	char text[6] = "";

	return pread(fd, text, 6, at) == 6 && memcmp(text, "\0\0\0\0\0\0", 6) == 0;
}

/* Of any depth and mode, with holes of any size, and nothing that a link points to. */
static void test_wipe(void)
{
	char base[] = "/tmp/fog-vault-test.XXXXXX";
	const off_t far = 1ll << 38;
	struct stat st;

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(base));
	int dir = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CU_ASSERT_EQUAL(mkdirat(dir, "input", 0700), 0);
	CU_ASSERT_EQUAL(mkdirat(dir, "work", 0700), 0);
	CU_ASSERT_EQUAL(mkdirat(dir, "work/a", 0700), 0);
	CU_ASSERT_EQUAL(mkdirat(dir, "work/a/b", 0700), 0);
	CU_ASSERT_EQUAL(symlinkat("/etc/passwd", dir, "input/link"), 0);
	int out = file_make(dir, "stdout", 0), deep = file_make(dir, "work/a/b/key", far);
	CU_ASSERT_EQUAL(fchmod(deep, 0), 0);
	CU_ASSERT_EQUAL(fchmodat(dir, "work/a", 0, 0), 0);
	fog_vault_wipe(dir);
	CU_ASSERT_TRUE(is_zero(out, 0) && is_zero(deep, far));
	CU_ASSERT_TRUE(fstat(deep, &st) == 0 && st.st_blocks < 1024);
	CU_ASSERT_NOT_EQUAL(faccessat(dir, "input", F_OK, 0), 0);
	CU_ASSERT_NOT_EQUAL(faccessat(dir, "work", F_OK, 0), 0);
	CU_ASSERT_EQUAL(access("/etc/passwd", R_OK), 0);
	close(out);
	close(deep);
	close(dir);
	fog_vault_erase(base);
	CU_ASSERT_NOT_EQUAL(access(base, F_OK), 0);
	fog_vault_erase(base);
}

FOG_TEST_MAIN("controlplane/executor/vault", FOG_TEST(test_life_cycle),
	      FOG_TEST(test_bad_arguments), FOG_TEST(test_unprivileged),
	      FOG_TEST(test_without_mounts), FOG_TEST(test_killed_starter), FOG_TEST(test_wipe))
