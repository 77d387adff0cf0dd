/* SPDX-License-Identifier: BSD-3-Clause */
/* Clients of a gateway under test. They run in a thread of their own: they block, the gateway's
 * loop must not. */
#ifndef FOG_TEST_GATEWAY_CLIENTS_H
#define FOG_TEST_GATEWAY_CLIENTS_H

#include <curl/curl.h>
#include <ev.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "tests/unit/fog_test.h"

#define CLIENT_WAIT_S 20 /* for anything that must come */

struct client_thread {
	struct ev_loop *loop;
	struct ev_async done;
	void (*client)(void);
};

static inline void client_on_done(struct ev_loop *loop, struct ev_async *w, int revents)
{
	ev_break(loop, EVBREAK_ALL);
}

static inline void *client_run(void *thread)
{
	struct client_thread *t = (struct client_thread *)thread;

	t->client();
	ev_async_send(t->loop, &t->done);
	return NULL;
}

/* Runs the loop until `client`, in its thread, returns. */
static inline void clients_serve(struct ev_loop *loop, void (*client)(void))
{
	struct client_thread t = {.loop = loop, .client = client};
	pthread_t thread;

	ev_async_init(&t.done, client_on_done);
	ev_async_start(loop, &t.done);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, client_run, &t), 0);
	ev_run(loop, 0);
	pthread_join(thread, NULL);
	ev_async_stop(loop, &t.done);
}

/* ---- raw ------------------------------------------------------------------------------------ */

static inline int client_dial(const char *path)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	struct timeval wait = {.tv_sec = CLIENT_WAIT_S};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	CU_ASSERT_EQUAL_FATAL(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	return fd;
}

/* The gateway may refuse the rest: what it says is looked at. */
static inline void client_put(int fd, const void *data, size_t len)
{
	for (size_t used = 0; used < len;) {
		ssize_t n = send(fd, (const char *)data + used, len - used, MSG_NOSIGNAL);
		if (n <= 0)
			return;
		used += (size_t)n;
	}
}

/* ---- libcurl -------------------------------------------------------------------------------- */

struct reply {
	long status;
	char body[16384];
	size_t used;
	char headers[4096];
	CURLcode rc;
};

static inline size_t client_on_body(char *p, size_t size, size_t n, void *ctx)
{
	struct reply *r = (struct reply *)ctx;

	n *= size;
	if (r->used + n < sizeof(r->body)) {
		memcpy(r->body + r->used, p, n);
		r->used += n;
	}
	return n;
}

static inline size_t client_on_header(char *p, size_t size, size_t n, void *ctx)
{
	struct reply *r = (struct reply *)ctx;
	size_t used = strlen(r->headers);

	snprintf(r->headers + used, sizeof(r->headers) - used, "%.*s", (int)(size * n), p);
	return size * n;
}

/* A handle that fills r; the caller sets the rest, and gives it to client_perform(). */
static inline CURL *client_new(struct reply *r, const char *method, const char *url)
{
	CURL *curl = curl_easy_init();

	memset(r, 0, sizeof(*r));
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)CLIENT_WAIT_S);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, client_on_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, r);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, client_on_header);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, r);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
	return curl;
}

static inline void client_perform(CURL *curl, struct curl_slist *headers, struct reply *r)
{
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	r->rc = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &r->status);
	curl_slist_free_all(headers);
	curl_easy_cleanup(curl);
}

#endif
