/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/ctl/listener.h"
#include "tests/unit/fog_test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[64];
static char path[96];

static void folder_make(void)
{
	snprintf(dir, sizeof(dir), "/tmp/fog-listener-XXXXXX");
	if (mkdtemp(dir) == NULL)
		abort();
	snprintf(path, sizeof(path), "%s/dataplane.sock", dir);
}

static int client_connect(void)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	memcpy(un.sun_path, path, strlen(path) + 1);
	if (connect(fd, (struct sockaddr *)&un, sizeof(un)) == 0)
		return fd;
	int rc = -errno;
	close(fd);
	return rc;
}

static void test_life_cycle(void)
{
	struct fog_listener l;
	struct stat st;

	folder_make();
	mode_t old = umask(0);
	CU_ASSERT_EQUAL_FATAL(fog_listener_open(&l, path, 4), 0);
	umask(old);
	CU_ASSERT_EQUAL(stat(path, &st), 0);
	CU_ASSERT(S_ISSOCK(st.st_mode));
	CU_ASSERT_EQUAL(st.st_mode & 07777, 0600);
	CU_ASSERT_EQUAL(fog_listener_accept(&l), -EAGAIN);
	int client = client_connect();
	int server = fog_listener_accept(&l);
	CU_ASSERT(client >= 0 && server >= 0);
	CU_ASSERT_EQUAL(send(client, "x", 1, 0), 1);
	char byte;
	CU_ASSERT_EQUAL(recv(server, &byte, 1, 0), 1);
	close(client);
	close(server);
	fog_listener_close(&l);
	fog_listener_close(&l);
	CU_ASSERT_EQUAL(client_connect(), -ENOENT);
	CU_ASSERT_EQUAL(rmdir(dir), 0);
}

static void test_bad_arguments(void)
{
	struct fog_listener l;
	char too_long[200];

	folder_make();
	memset(too_long, 'a', sizeof(too_long) - 1);
	too_long[sizeof(too_long) - 1] = '\0';
	CU_ASSERT_EQUAL(fog_listener_open(&l, too_long, 4), -ENAMETOOLONG);
	too_long[106] = '\0'; /* fits, but not with its temporary name */
	CU_ASSERT_EQUAL(fog_listener_open(&l, too_long, 4), -ENAMETOOLONG);
	CU_ASSERT_EQUAL(fog_listener_open(&l, "/nonexistent/x/y", 4), -ENOENT);
	fog_listener_close(&l);

	/* A file that is no socket is somebody's, and stays. */
	int fd = open(path, O_CREAT | O_WRONLY, 0600);
	close(fd);
	CU_ASSERT_EQUAL(fog_listener_open(&l, path, 4), -EEXIST);
	CU_ASSERT_EQUAL(access(path, F_OK), 0);
	unlink(path);
	CU_ASSERT_EQUAL(rmdir(dir), 0);
}

static void test_two_owners(void)
{
	struct fog_listener first, second;

	folder_make();
	CU_ASSERT_EQUAL_FATAL(fog_listener_open(&first, path, 4), 0);
	CU_ASSERT_EQUAL(fog_listener_open(&second, path, 4), -EADDRINUSE);
	fog_listener_close(&second);
	int client = client_connect();
	CU_ASSERT(client >= 0);
	close(client);
	fog_listener_close(&first);
	CU_ASSERT_EQUAL(fog_listener_open(&second, path, 4), 0);
	fog_listener_close(&second);
	CU_ASSERT_EQUAL(rmdir(dir), 0);
}

/* kill -9 leaves the socket and the lock file behind: the next start takes both over. */
static void test_stale_socket(void)
{
	struct fog_listener l;
	int pipes[2];
	char byte;

	folder_make();
	CU_ASSERT_EQUAL_FATAL(pipe(pipes), 0);
	pid_t pid = fork();
	if (pid == 0) {
		if (fog_listener_open(&l, path, 4) != 0 || write(pipes[1], "x", 1) != 1)
			_exit(1);
		pause();
		_exit(0);
	}
	CU_ASSERT_EQUAL(read(pipes[0], &byte, 1), 1);
	CU_ASSERT_EQUAL(fog_listener_open(&l, path, 4), -EADDRINUSE);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	CU_ASSERT_EQUAL(client_connect(), -ECONNREFUSED);
	CU_ASSERT_EQUAL_FATAL(fog_listener_open(&l, path, 4), 0);
	int client = client_connect();
	CU_ASSERT(client >= 0);
	close(client);
	fog_listener_close(&l);
	close(pipes[0]);
	close(pipes[1]);
	CU_ASSERT_EQUAL(rmdir(dir), 0);
}

FOG_TEST_MAIN("dataplane/ctl/listener", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_two_owners), FOG_TEST(test_stale_socket))
