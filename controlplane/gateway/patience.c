/* SPDX-License-Identifier: BSD-3-Clause */
/* How long a client may take to send a request. MHD drops who is silent; who sends a byte now and
 * then to hold its place (slow-loris) is dropped here. */
#include <sys/socket.h>

#include "controlplane/core/log.h"
#include "controlplane/gateway/gateway_private.h"

#define LOOK_S 1.0

/* One connection, in the list of its listener in the order of `since_ms`. */
struct fog_connection {
	struct fog_connection *prev, *next;
	struct fog_gateway_listener *listener;
	struct MHD_Connection *mhd;
	u64 since_ms; /* monotonic: connected, or answered last; 0: not waiting for the client */
	u64 patience_ms;
};

static void list_remove(struct fog_gateway_listener *l, struct fog_connection *c)
{
	if (c->since_ms == 0)
		return;
	*(c->prev != NULL ? &c->prev->next : &l->waiting) = c->next;
	*(c->next != NULL ? &c->next->prev : &l->waiting_tail) = c->prev;
	c->since_ms = 0;
}

static void list_append(struct fog_gateway_listener *l, struct fog_connection *c, u64 patience_ms)
{
	list_remove(l, c);
	c->since_ms = fog_monotonic_ms();
	c->patience_ms = patience_ms;
	c->prev = l->waiting_tail;
	c->next = NULL;
	*(c->prev != NULL ? &c->prev->next : &l->waiting) = c;
	l->waiting_tail = c;
}

static struct fog_connection *connection_of(struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info != NULL ? info->socket_context : NULL;
}

struct fog_gateway_listener *fog_patience_listener(struct MHD_Connection *mhd)
{
	struct fog_connection *c = connection_of(mhd);

	return c != NULL ? c->listener : NULL;
}

void fog_patience_connection(void *cls, struct MHD_Connection *mhd, void **context,
			     enum MHD_ConnectionNotificationCode code)
{
	struct fog_gateway_listener *l = cls;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		struct fog_connection *c = calloc(1, sizeof(*c));
		*context = c;
		if (c == NULL)
			return;
		c->listener = l;
		c->mhd = mhd;
		list_append(l, c, l->gateway->head_ms);
	} else if (*context != NULL) {
		list_remove(l, *context);
		free(*context);
		*context = NULL;
	}
}

void fog_patience_head_done(struct fog_gateway_listener *l, struct MHD_Connection *mhd)
{
	struct fog_connection *c = connection_of(mhd);

	if (c != NULL)
		list_append(l, c, l->gateway->body_ms);
}

void fog_patience_request_done(struct fog_gateway_listener *l, struct MHD_Connection *mhd)
{
	struct fog_connection *c = connection_of(mhd);

	if (c != NULL)
		list_remove(l, c);
}

void fog_patience_answered(struct fog_gateway_listener *l, struct MHD_Connection *mhd)
{
	struct fog_connection *c = connection_of(mhd);

	if (c != NULL)
		list_append(l, c, l->gateway->head_ms);
}

/* MHD sees the end of the stream and cleans up. On TLS the word cannot be said. */
static void drop(struct fog_gateway_listener *l, struct fog_connection *c)
{
	static const char words[] = "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n"
				    "Content-Length: 0\r\n\r\n";
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(c->mhd, MHD_CONNECTION_INFO_CONNECTION_FD);

	list_remove(l, c);
	if (info == NULL)
		return;
	if (l->tls == NULL)
		(void)!send(info->connect_fd, words, sizeof(words) - 1,
			    MSG_NOSIGNAL | MSG_DONTWAIT);
	shutdown(info->connect_fd, SHUT_RDWR);
	l->gateway->counts.impatient++;
}

static void on_look(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	struct fog_gateway_listener *l = w->data;
	u64 now = fog_monotonic_ms();

	for (struct fog_connection *c = l->waiting, *next; c != NULL; c = next) {
		next = c->next;
		if (now - c->since_ms >= c->patience_ms)
			drop(l, c);
		else if (now - c->since_ms < FOG_MIN(l->gateway->head_ms, l->gateway->body_ms))
			return; /* those behind it wait since later */
	}
}

void fog_patience_start(struct fog_gateway_listener *l)
{
	ev_timer_init(&l->patience, on_look, LOOK_S, LOOK_S);
	l->patience.data = l;
	ev_timer_start(l->gateway->loop, &l->patience);
}

void fog_patience_stop(struct fog_gateway_listener *l)
{
	ev_timer_stop(l->gateway->loop, &l->patience);
}
