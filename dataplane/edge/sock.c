/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/edge/sock.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 128

int fog_sock_line_read(int fd, struct fog_sock_line *l)
{
	for (;;) {
		char c;
		ssize_t n = recv(fd, &c, 1, MSG_DONTWAIT);

		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -errno;
		if (n == 0)
			return -ECONNRESET;
		if (c == '\n')
			return 1;
		if (l->used == FOG_HEADER_LINE_MAX)
			return -EPROTO;
		l->text[l->used++] = c;
	}
}

int fog_sock_line_write(int fd, const char *line, size_t size)
{
	ssize_t n = send(fd, line, size, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0)
		return -errno;
	return (size_t)n == size ? 0 : -EAGAIN;
}

static int address_make(struct sockaddr_un *un, const char *path)
{
	memset(un, 0, sizeof(*un));
	un->sun_family = AF_UNIX;
	if (strlen(path) >= sizeof(un->sun_path))
		return -ENAMETOOLONG;
	memcpy(un->sun_path, path, strlen(path) + 1);
	return 0;
}

int fog_sock_connect(const char *path)
{
	struct sockaddr_un un;
	int rc = address_make(&un, path);

	if (rc != 0)
		return rc;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&un, sizeof(un)) != 0) {
		rc = -errno;
		close(fd);
		return rc;
	}
	return fd;
}

int fog_sock_listen(const char *path)
{
	struct sockaddr_un un;
	int rc = address_make(&un, path);

	if (rc != 0)
		return rc;
	int other = fog_sock_connect(path);
	if (other >= 0 || other == -EAGAIN) {
		if (other >= 0)
			close(other);
		return -EADDRINUSE;
	}
	if (unlink(path) != 0 && errno != ENOENT)
		return -errno;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* Nobody may connect between bind and chmod. */
	mode_t mask = umask(0177);
	rc = bind(fd, (struct sockaddr *)&un, sizeof(un)) == 0 ? 0 : -errno;
	umask(mask);
	if (rc == 0 && listen(fd, BACKLOG) != 0)
		rc = -errno;
	if (rc != 0) {
		close(fd);
		return rc;
	}
	return fd;
}
