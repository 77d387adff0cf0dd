/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "controlplane/executor/confine.h"
#include "controlplane/executor/file.h"
#include "tests/unit/fog_test.h"

static char base[64];

static bool skip(u32 abi)
{
	if (fog_landlock_abi() >= abi)
		return false;
	printf(" skip: the kernel has Landlock ABI %u, this needs %u ", fog_landlock_abi(), abi);
	return true;
}

/* Run fn in a child that can give up its rights; its result is the number of the first check that
 * failed, 0 if none did. */
static int in_child(int (*fn)(void))
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? 99 : fn());
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return 98;
	return WEXITSTATUS(status);
}

static int enter(bool tcp)
{
	char path[128];
	u32 abi;

	snprintf(path, sizeof(path), "%s/read", base);
	struct fog_landlock_rule rules[] = {
		{open(path, O_PATH | O_CLOEXEC), FOG_LANDLOCK_READ},
		{-1, FOG_LANDLOCK_WRITE},
		{open("/dev/null", O_PATH | O_CLOEXEC), FOG_LANDLOCK_DEVICE},
	};
	snprintf(path, sizeof(path), "%s/write", base);
	rules[1].fd = open(path, O_PATH | O_CLOEXEC);
	int ret = fog_landlock_enter(rules, FOG_ARRAY_COUNT(rules), tcp, &abi);
	return ret == 0 && abi == fog_landlock_abi() ? 0 : 97;
}

static int try_open(const char *name, int flags)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", base, name);
	int fd = open(path, flags | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static int files(void)
{
	if (enter(false) != 0)
		return 1;
	if (try_open("read/f", O_RDONLY) != 0)
		return 2;
	if (try_open("read/f", O_WRONLY) != EACCES)
		return 3;
	if (try_open("read/new", O_WRONLY | O_CREAT) != EACCES)
		return 4;
	if (try_open("write/new", O_RDWR | O_CREAT | O_TRUNC) != 0)
		return 5;
	if (try_open("other/f", O_RDONLY) != EACCES)
		return 6;
	if (try_open("other", O_RDONLY | O_DIRECTORY) != EACCES)
		return 7;
	if (open("/dev/null", O_RDWR | O_CLOEXEC) < 0)
		return 8;
	if (open("/dev/zero", O_RDONLY | O_CLOEXEC) >= 0)
		return 9;
	return 0;
}

static int tcp_bind(void)
{
	struct sockaddr_in sin = {.sin_family = AF_INET};

	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return bind(fd, (struct sockaddr *)&sin, sizeof(sin)) < 0 ? errno : 0;
}

static int tcp_denied(void)
{
	return enter(false) != 0 ? 1 : tcp_bind() == EACCES ? 0 : 2;
}

static int tcp_allowed(void)
{
	return enter(true) != 0 ? 1 : tcp_bind() == 0 ? 0 : 2;
}

static int signal_parent(void)
{
	if (enter(false) != 0)
		return 1;
	return kill(getppid(), 0) < 0 && errno == EPERM ? 0 : 2;
}

static void test_life_cycle(void)
{
	if (!skip(1))
		CU_ASSERT_EQUAL(in_child(files), 0);
}

static int bad_rule(void)
{
	struct fog_landlock_rule rule = {-1, FOG_LANDLOCK_READ};
	u32 abi = 5;

	return fog_landlock_enter(&rule, 1, false, &abi) == -EBADF && abi == 0 ? 0 : 1;
}

static void test_bad_arguments(void)
{
	if (!skip(1))
		CU_ASSERT_EQUAL(in_child(bad_rule), 0);
}

static void test_tcp(void)
{
	if (skip(4))
		return;
	CU_ASSERT_EQUAL(in_child(tcp_denied), 0);
	CU_ASSERT_EQUAL(in_child(tcp_allowed), 0);
}

static void test_signal(void)
{
	if (!skip(6))
		CU_ASSERT_EQUAL(in_child(signal_parent), 0);
}

static void setup(void)
{
	static const char *const names[] = {"read", "write", "other"};
	char path[128];

	snprintf(base, sizeof(base), "/tmp/fog-landlock-test.XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(base));
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", base, names[i]);
		CU_ASSERT_EQUAL(mkdir(path, 0700), 0);
		int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		CU_ASSERT_EQUAL(fog_file_replace(fd, "f", "x", 1), 0);
		close(fd);
	}
}

static void test_clean_up(void)
{
	CU_ASSERT_EQUAL(fog_tree_remove(AT_FDCWD, base), 0);
}

FOG_TEST_MAIN("controlplane/executor/landlock", FOG_TEST(setup), FOG_TEST(test_life_cycle),
	      FOG_TEST(test_bad_arguments), FOG_TEST(test_tcp), FOG_TEST(test_signal),
	      FOG_TEST(test_clean_up))
