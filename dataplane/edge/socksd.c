/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/edge/socksd.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "configs/address.h"
#include "dataplane/ctl/log.h"
#include "dataplane/edge/edge.h"
#include "dataplane/edge/splice.h"

#define BACKLOG 128

struct fog_socks_client {
	struct fog_edge *edge;
	int fd;
	struct ev_io io;
	struct ev_timer timer;
	struct fog_socks socks;
	struct fog_opening *opening;
	struct fog_socks_client *next, *prev;
};

static const enum fog_socks_code reply_codes[] = {
	[FOG_OPEN_OK] = FOG_SOCKS_OK,
	[FOG_OPEN_REFUSED] = FOG_SOCKS_REFUSED,
	[FOG_OPEN_UNREACHABLE] = FOG_SOCKS_HOST_UNREACHABLE,
	[FOG_OPEN_TIMEOUT] = FOG_SOCKS_TTL,
	[FOG_OPEN_POLICY] = FOG_SOCKS_FORBIDDEN,
	[FOG_OPEN_RESOLVE] = FOG_SOCKS_HOST_UNREACHABLE,
	[FOG_OPEN_NO_ROUTE] = FOG_SOCKS_NET_UNREACHABLE,
	[FOG_OPEN_RESOURCE] = FOG_SOCKS_FAILURE,
	[FOG_OPEN_PROTOCOL] = FOG_SOCKS_FAILURE,
};

/* Out of the list; its socket stays. */
static void client_free(struct fog_socks_client *c)
{
	struct fog_socksd *d = &c->edge->socksd;

	ev_io_stop(c->edge->loop, &c->io);
	ev_timer_stop(c->edge->loop, &c->timer);
	if (c->opening != NULL)
		fog_opening_cancel(c->opening);
	if (c->prev != NULL)
		c->prev->next = c->next;
	else
		d->clients = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	d->clients_count--;
	if (d->fd >= 0 && !c->edge->stopping)
		ev_io_start(c->edge->loop, &d->io);
	free(c);
}

static void client_drop(struct fog_socks_client *c)
{
	int fd = c->fd;

	client_free(c);
	close(fd);
}

/* A few bytes into a socket that has sent us its request: they fit, or it is gone. */
static bool client_send(struct fog_socks_client *c, const u8 *data, size_t size)
{
	return size == 0 || send(c->fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)size;
}

static void client_opened(struct fog_opening *o, enum fog_open_code code, const char *error,
			  struct fog_stream *stream)
{
	struct fog_socks_client *c = o->user;
	struct fog_edge *e = c->edge;
	u8 reply[FOG_SOCKS_REPLY_SIZE];
	int fd = c->fd;

	c->opening = NULL;
	fog_socks_reply(reply_codes[code], reply);
	bool sent = client_send(c, reply, sizeof(reply));
	if (code != FOG_OPEN_OK) {
		client_drop(c);
		return;
	}
	client_free(c);
	if (!sent) {
		fog_stream_release(stream, FOG_CODE_CANCELLED);
		close(fd);
		return;
	}
	(void)fog_splice(e->loop, stream, fd);
}

static void client_open(struct fog_socks_client *c)
{
	struct fog_stream_header header = {.service = FOG_SERVICE_TCP, .port = c->socks.port};
	u8 reply[FOG_SOCKS_REPLY_SIZE];

	memcpy(header.host, c->socks.host, sizeof(header.host));
	ev_io_stop(c->edge->loop, &c->io);
	ev_timer_stop(c->edge->loop, &c->timer);
	c->opening = fog_opening_start(c->edge, &header, client_opened, c);
	if (c->opening != NULL)
		return;
	fog_socks_reply(FOG_SOCKS_FAILURE, reply);
	(void)client_send(c, reply, sizeof(reply));
	client_drop(c);
}

static void on_client_timer(struct ev_loop *loop, struct ev_timer *w, int events)
{
	client_drop(w->data);
}

/* Reads byte by byte where the request may end, so that what follows stays in the socket. */
static void on_client_io(struct ev_loop *loop, struct ev_io *w, int events)
{
	struct fog_socks_client *c = w->data;
	u8 out[FOG_SOCKS_REPLY_SIZE];

	for (;;) {
		size_t taken, out_size;
		u8 byte;
		ssize_t n = recv(c->fd, &byte, 1, MSG_DONTWAIT);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			client_drop(c);
			return;
		}
		enum fog_socks_state state =
			fog_socks_feed(&c->socks, &byte, 1, &taken, out, &out_size);
		if (!client_send(c, out, out_size) || state == FOG_SOCKS_FAILED) {
			client_drop(c);
			return;
		}
		if (state == FOG_SOCKS_READY) {
			client_open(c);
			return;
		}
	}
}

static void client_new(struct fog_socksd *d, int fd)
{
	struct fog_socks_client *c = calloc(1, sizeof(*c));
	int one = 1;

	if (c == NULL) {
		close(fd);
		return;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	c->edge = d->edge;
	c->fd = fd;
	c->next = d->clients;
	if (c->next != NULL)
		c->next->prev = c;
	d->clients = c;
	d->clients_count++;
	ev_io_init(&c->io, on_client_io, fd, EV_READ);
	ev_timer_init(&c->timer, on_client_timer, FOG_SOCKSD_HANDSHAKE_S, 0.);
	c->io.data = c->timer.data = c;
	ev_io_start(d->edge->loop, &c->io);
	ev_timer_start(d->edge->loop, &c->timer);
	if (d->clients_count >= FOG_SOCKSD_CLIENTS_MAX)
		ev_io_stop(d->edge->loop, &d->io);
}

static void on_pause(struct ev_loop *loop, struct ev_timer *w, int events)
{
	struct fog_socksd *d = w->data;

	if (d->fd >= 0)
		ev_io_start(loop, &d->io);
}

static void on_accept(struct ev_loop *loop, struct ev_io *w, int events)
{
	struct fog_socksd *d = w->data;
	int fd = accept4(d->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0) {
		client_new(d, fd);
	} else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) {
		ev_io_stop(loop, &d->io);
		ev_timer_set(&d->pause, 0.5, 0.);
		ev_timer_start(loop, &d->pause);
	}
}

static int socket_listen(const struct fog_address *a)
{
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(a->port)};
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(a->port)};
	static const u8 mapped[12] = {[10] = 0xff, [11] = 0xff};
	bool four = memcmp(a->ip, mapped, sizeof(mapped)) == 0;
	int one = 1;

	memcpy(&v6.sin6_addr, a->ip, 16);
	memcpy(&v4.sin_addr, a->ip + 12, 4);
	int fd = socket(four ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, four ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6,
		 four ? sizeof(v4) : sizeof(v6)) != 0 ||
	    listen(fd, BACKLOG) != 0) {
		int rc = -errno;

		close(fd);
		return rc;
	}
	return fd;
}

int fog_socksd_listen(struct fog_socksd *d, const char *address)
{
	struct fog_address a;
	int fd = -1;

	if (d->fd >= 0 && strcmp(address, d->address) == 0)
		return 0;
	if (address[0] != '\0') {
		fd = fog_address_parse(address, &a) == 0 ? socket_listen(&a) : -EINVAL;
		if (fd < 0) {
			fog_dplog(FOG_DPLOG_ERROR, FOG_EDGE_PART, "SOCKS on %s: %s", address,
				  strerror(-fd));
			return fd;
		}
	}
	fog_socksd_stop(d);
	if (fd < 0)
		return 0;
	d->fd = fd;
	snprintf(d->address, sizeof(d->address), "%s", address);
	ev_io_set(&d->io, fd, EV_READ);
	ev_io_start(d->edge->loop, &d->io);
	fog_dplog(FOG_DPLOG_INFO, FOG_EDGE_PART, "SOCKS5 on %s", address);
	return 0;
}

void fog_socksd_init(struct fog_socksd *d, struct fog_edge *e)
{
	d->edge = e;
	d->fd = -1;
	ev_init(&d->io, on_accept);
	ev_init(&d->pause, on_pause);
	d->io.data = d->pause.data = d;
}

void fog_socksd_stop(struct fog_socksd *d)
{
	if (d->edge == NULL || d->fd < 0)
		return;
	ev_io_stop(d->edge->loop, &d->io);
	ev_timer_stop(d->edge->loop, &d->pause);
	close(d->fd);
	d->fd = -1;
}

void fog_socksd_free(struct fog_socksd *d)
{
	fog_socksd_stop(d);
	while (d->clients != NULL)
		client_drop(d->clients);
}
