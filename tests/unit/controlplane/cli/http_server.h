/* SPDX-License-Identifier: BSD-3-Clause */
/* A small HTTP server on a unix socket for tests of the client: a thread that answers each request
 * from a table and keeps the last request it saw. */
#ifndef FOG_TEST_HTTP_SERVER_H
#define FOG_TEST_HTTP_SERVER_H

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "crypto/types.h"

#define HTTP_REQUEST_MAX (1u << 20)

struct http_answer {
	const char *request; /* "GET /v1/status": matched against the start of the request */
	const char *answer;  /* whole answer as sent; NULL = say nothing; "" = close */
	size_t fill;         /* then so many bytes */
};

struct http_server {
	char path[100];
	const struct http_answer *answers;
	size_t count;
	int fd;
	pthread_t thread;
	_Atomic bool stop;
	char request[HTTP_REQUEST_MAX]; /* last one, whole */
	unsigned requests;
};

static inline void http_send(int fd, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t n = send(fd, data, size, MSG_NOSIGNAL);
		if (n <= 0)
			return;
		data += n;
		size -= (size_t)n;
	}
}

static inline bool http_complete(const char *request, size_t used)
{
	const char *end = strstr(request, "\r\n\r\n");
	const char *length = strcasestr(request, "\r\nContent-Length:");

	if (end == NULL)
		return false;
	size_t body = length != NULL && length < end ? strtoul(length + 17, NULL, 10) : 0;
	return used >= (size_t)(end + 4 - request) + body;
}

static inline void http_serve(struct http_server *s, int fd)
{
	size_t used = 0;

	memset(s->request, 0, sizeof(s->request));
	while (!s->stop && !http_complete(s->request, used)) {
		struct pollfd p = {fd, POLLIN, 0};
		if (poll(&p, 1, 20) <= 0)
			continue;
		ssize_t n = recv(fd, s->request + used, sizeof(s->request) - 1 - used, 0);
		if (n <= 0)
			return;
		used += (size_t)n;
	}
	s->requests++;
	for (size_t i = 0; i < s->count; i++) {
		const struct http_answer *a = &s->answers[i];
		static char fill[65536] = "x";

		if (strncmp(s->request, a->request, strlen(a->request)) != 0)
			continue;
		while (a->answer == NULL && !s->stop)
			usleep(1000);
		if (a->answer != NULL)
			http_send(fd, a->answer, strlen(a->answer));
		for (size_t left = a->fill; left > 0 && !s->stop;) {
			size_t n = FOG_MIN(left, sizeof(fill));
			http_send(fd, fill, n);
			left -= n;
		}
		return;
	}
	const char *none = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
	http_send(fd, none, strlen(none));
}

static inline void *http_loop(void *arg)
{
	struct http_server *s = arg;

	while (!s->stop) {
		struct pollfd p = {s->fd, POLLIN, 0};
		if (poll(&p, 1, 20) <= 0)
			continue;
		int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0)
			continue;
		http_serve(s, fd);
		close(fd);
	}
	return NULL;
}

/* Listen on a fresh path, which is s->path. */
static inline int http_start(struct http_server *s, const struct http_answer *answers, size_t count)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	memset(s, 0, sizeof(*s));
	s->answers = answers;
	s->count = count;
	snprintf(s->path, sizeof(s->path), "/tmp/fog-http-%d-%p.sock", (int)getpid(), (void *)s);
	memcpy(a.sun_path, s->path, strlen(s->path) + 1);
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	unlink(s->path);
	if (s->fd < 0 || bind(s->fd, (struct sockaddr *)&a, sizeof(a)) != 0 ||
	    listen(s->fd, 8) != 0)
		return -errno;
	return -pthread_create(&s->thread, NULL, http_loop, s);
}

static inline void http_stop(struct http_server *s)
{
	s->stop = true;
	pthread_join(s->thread, NULL);
	close(s->fd);
	unlink(s->path);
}

#endif
