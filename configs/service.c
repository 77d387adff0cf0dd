/* SPDX-License-Identifier: BSD-3-Clause */
#include "configs/service.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define SOCKETS_FIRST 3 /* SD_LISTEN_FDS_START */

int fog_service_open(void)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	const char *path = getenv("NOTIFY_SOCKET");

	if (path == NULL || path[0] == '\0')
		return -ENOENT;
	size_t len = strlen(path);
	if ((path[0] != '/' && path[0] != '@') || len >= sizeof(un.sun_path))
		return -EINVAL;
	memcpy(un.sun_path, path, len);
	if (path[0] == '@')
		un.sun_path[0] = '\0'; /* the abstract namespace */
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	if (connect(fd, (struct sockaddr *)&un, size) != 0) {
		int rc = -errno;

		close(fd);
		return rc;
	}
	return fd;
}

int fog_service_tell(int fd, const char *state)
{
	if (fd < 0)
		return 0;
	return send(fd, state, strlen(state), MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* A whole number of the environment that is meant for this process; 0: none. */
static u64 number_for_us(const char *name, const char *pid_name)
{
	const char *text = getenv(name), *pid = getenv(pid_name);

	if (text == NULL || (pid != NULL && strtoll(pid, NULL, 10) != getpid()))
		return 0;
	errno = 0;
	u64 value = strtoull(text, NULL, 10);
	return errno == 0 ? value : 0;
}

u32 fog_service_watchdog_ms(void)
{
	u64 us = number_for_us("WATCHDOG_USEC", "WATCHDOG_PID");

	return us == 0 ? 0 : (u32)FOG_MAX(FOG_MIN(us / 2000, (u64)UINT32_MAX), (u64)1);
}

/* Names are listed in the order of the sockets, with colons between. */
int fog_service_socket(const char *name)
{
	const char *names = getenv("LISTEN_FDNAMES");
	u64 count = number_for_us("LISTEN_FDS", "LISTEN_PID");
	size_t len = strlen(name);

	if (getenv("LISTEN_PID") == NULL)
		return -ENOENT;
	for (u64 i = 0; names != NULL && i < count; i++) {
		size_t n = strcspn(names, ":");
		int fd = SOCKETS_FIRST + (int)i;
		if (n == len && memcmp(names, name, len) == 0)
			return fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 &&
					       fcntl(fd, F_SETFL, O_NONBLOCK) == 0
				       ? fd
				       : -errno;
		names += n + (names[n] == ':');
	}
	return -ENOENT;
}
