/* SPDX-License-Identifier: BSD-3-Clause */
#include "configs/service.h"

#include "crypto/types.h"
#include "tests/unit/fog_test.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* abstract: the '@' form of systemd */
static void life_cycle(bool abstract)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	char path[64], got[64];

	snprintf(path, sizeof(path), "%sfog-notify-%d", abstract ? "@" : "/tmp/", getpid());
	memcpy(un.sun_path, path, strlen(path));
	if (abstract)
		un.sun_path[0] = '\0';
	int listener = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	CU_ASSERT_EQUAL_FATAL(
		bind(listener, (struct sockaddr *)&un,
		     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path))),
		0);
	setenv("NOTIFY_SOCKET", path, 1);
	int fd = fog_service_open();
	CU_ASSERT(fd >= 0);
	CU_ASSERT_EQUAL(fog_service_tell(fd, "READY=1"), 0);
	CU_ASSERT_EQUAL(recv(listener, got, sizeof(got), 0), 7);
	CU_ASSERT_EQUAL(memcmp(got, "READY=1", 7), 0);
	close(listener);
	CU_ASSERT_EQUAL(fog_service_tell(fd, "STOPPING=1"), -ECONNREFUSED);
	close(fd);
	if (!abstract)
		unlink(path);
}

static void test_life_cycle(void)
{
	life_cycle(false);
	life_cycle(true);
}

static void test_bad_arguments(void)
{
	char path[200];

	unsetenv("NOTIFY_SOCKET");
	CU_ASSERT_EQUAL(fog_service_open(), -ENOENT);
	CU_ASSERT_EQUAL(fog_service_tell(-1, "READY=1"), 0);
	setenv("NOTIFY_SOCKET", "", 1);
	CU_ASSERT_EQUAL(fog_service_open(), -ENOENT);
	setenv("NOTIFY_SOCKET", "relative", 1);
	CU_ASSERT_EQUAL(fog_service_open(), -EINVAL);
	memset(path, '/', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	setenv("NOTIFY_SOCKET", path, 1);
	CU_ASSERT_EQUAL(fog_service_open(), -EINVAL);
	setenv("NOTIFY_SOCKET", "/nonexistent/socket", 1);
	CU_ASSERT_EQUAL(fog_service_open(), -ENOENT);
}

static void test_watchdog(void)
{
	char pid[16];

	unsetenv("WATCHDOG_PID");
	unsetenv("WATCHDOG_USEC");
	CU_ASSERT_EQUAL(fog_service_watchdog_ms(), 0);
	setenv("WATCHDOG_USEC", "30000000", 1);
	CU_ASSERT_EQUAL(fog_service_watchdog_ms(), 15000);
	setenv("WATCHDOG_PID", "1", 1); /* meant for another */
	CU_ASSERT_EQUAL(fog_service_watchdog_ms(), 0);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("WATCHDOG_PID", pid, 1);
	CU_ASSERT_EQUAL(fog_service_watchdog_ms(), 15000);
	setenv("WATCHDOG_USEC", "99999999999999999999999", 1);
	CU_ASSERT_EQUAL(fog_service_watchdog_ms(), 0);
	setenv("WATCHDOG_USEC", "never", 1);
	CU_ASSERT_EQUAL(fog_service_watchdog_ms(), 0);
}

/* In a child, whose descriptors 3 and 4 are ours to set. */
static int sockets_child(void)
{
	int pair[2];
	char pid[16];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
		return 1;
	int a = fcntl(pair[0], F_DUPFD, 10), b = fcntl(pair[1], F_DUPFD, 10);
	if (dup2(a, 3) != 3 || dup2(b, 4) != 4)
		return 2;
	unsetenv("LISTEN_PID");
	setenv("LISTEN_FDS", "2", 1);
	setenv("LISTEN_FDNAMES", "other:api", 1);
	if (fog_service_socket("api") != -ENOENT)
		return 3;
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("LISTEN_PID", pid, 1);
	if (fog_service_socket("api") != 4 || fog_service_socket("other") != 3)
		return 4;
	if ((fcntl(4, F_GETFL) & O_NONBLOCK) == 0 || (fcntl(4, F_GETFD) & FD_CLOEXEC) == 0)
		return 5;
	if (fog_service_socket("ap") != -ENOENT || fog_service_socket("") != -ENOENT)
		return 6;
	setenv("LISTEN_FDS", "1", 1); /* the second name has no socket */
	if (fog_service_socket("api") != -ENOENT)
		return 7;
	setenv("LISTEN_PID", "1", 1);
	return fog_service_socket("other") == -ENOENT ? 0 : 8;
}

static void test_sockets(void)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(sockets_child());
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	CU_ASSERT_EQUAL(status, 0);
}

FOG_TEST_MAIN("configs/service", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_watchdog), FOG_TEST(test_sockets))
