/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/ctl/notify.h"

#include "crypto/types.h"
#include "tests/unit/fog_test.h"

#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
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
	int fd = fog_notify_open();
	CU_ASSERT(fd >= 0);
	CU_ASSERT_EQUAL(fog_notify_send(fd, "READY=1"), 0);
	CU_ASSERT_EQUAL(recv(listener, got, sizeof(got), 0), 7);
	CU_ASSERT_EQUAL(memcmp(got, "READY=1", 7), 0);
	close(listener);
	CU_ASSERT_EQUAL(fog_notify_send(fd, "STOPPING=1"), -ECONNREFUSED);
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
	CU_ASSERT_EQUAL(fog_notify_open(), -ENOENT);
	CU_ASSERT_EQUAL(fog_notify_send(-1, "READY=1"), 0);
	setenv("NOTIFY_SOCKET", "", 1);
	CU_ASSERT_EQUAL(fog_notify_open(), -ENOENT);
	setenv("NOTIFY_SOCKET", "relative", 1);
	CU_ASSERT_EQUAL(fog_notify_open(), -EINVAL);
	memset(path, '/', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	setenv("NOTIFY_SOCKET", path, 1);
	CU_ASSERT_EQUAL(fog_notify_open(), -EINVAL);
	setenv("NOTIFY_SOCKET", "/nonexistent/socket", 1);
	CU_ASSERT_EQUAL(fog_notify_open(), -ENOENT);
}

FOG_TEST_MAIN("dataplane/ctl/notify", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments))
