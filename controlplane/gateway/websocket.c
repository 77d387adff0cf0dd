/* SPDX-License-Identifier: BSD-3-Clause */
/* Clients after the handshake. wslay speaks the protocol; here are sockets, limits and silence. */
#include "controlplane/gateway/websocket.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>
#include <wslay/wslay.h>

#include "controlplane/core/log.h"
#include "controlplane/gateway/gateway_private.h"

#define TURN_BYTES_MAX (64u << 10) /* read from one client before others get their turn */
#define SWEEP_S        5.0
#define MASK_SIZE      4 /* in the header of every frame of a client */

struct fog_websocket {
	struct fog_gateway *gateway;
	struct fog_websocket *prev, *next;
	const struct fog_websocket_handlers *handlers;
	void *ctx, *user;
	struct fog_claims caller;
	struct MHD_UpgradeResponseHandle *urh;
	wslay_event_context_ptr protocol; /* NULL: at rest */
	struct ev_io io;
	char *early; /* came with the handshake, read before the socket */
	size_t early_used, early_len;
	size_t pending_bytes;
	u64 bytes_rx, frames_rx; /* bytes that were given to wslay, and those of frames in them */
	u32 fragments, turn_bytes;
	u64 heard_ms, closing_ms; /* monotonic; closing 0: open */
	u64 dropped;
	bool pinged;
	bool in_message; /* its last frame has not begun */
	bool turning;    /* on_io() is at work */
	bool ending;     /* all was said, waits for the other side's end */
	bool dead;       /* freed when the loop comes by */
};

/* ---- list ----------------------------------------------------------------------------------- */

static void list_append(struct fog_websockets *l, struct fog_websocket *ws)
{
	ws->prev = l->tail;
	ws->next = NULL;
	*(l->tail != NULL ? &l->tail->next : &l->head) = ws;
	l->tail = ws;
}

static void list_remove(struct fog_websockets *l, struct fog_websocket *ws)
{
	*(ws->prev != NULL ? &ws->prev->next : &l->head) = ws->next;
	*(ws->next != NULL ? &ws->next->prev : &l->tail) = ws->prev;
}

static void heard(struct fog_websocket *ws)
{
	ws->heard_ms = fog_monotonic_ms();
	ws->pinged = false;
	list_remove(&ws->gateway->websockets, ws);
	list_append(&ws->gateway->websockets, ws);
}

/* ---- what wslay calls ----------------------------------------------------------------------- */

static ssize_t would_block(wslay_event_context_ptr p, bool really)
{
	wslay_event_set_error(p, really ? WSLAY_ERR_WOULDBLOCK : WSLAY_ERR_CALLBACK_FAILURE);
	return -1;
}

static ssize_t early_take(struct fog_websocket *ws, u8 *buf, size_t len)
{
	size_t n = FOG_MIN(len, ws->early_len - ws->early_used);

	memcpy(buf, ws->early + ws->early_used, n);
	ws->early_used += n;
	if (ws->early_used == ws->early_len) {
		free(ws->early);
		ws->early = NULL;
	}
	return (ssize_t)n;
}

static ssize_t on_recv(wslay_event_context_ptr p, u8 *buf, size_t len, int flags, void *ctx)
{
	struct fog_websocket *ws = ctx;

	if (ws->dead)
		return would_block(p, false);
	if (ws->early == NULL && ws->turn_bytes >= TURN_BYTES_MAX)
		return would_block(p, true);
	ssize_t n = ws->early != NULL ? early_take(ws, buf, len)
				      : recv(ws->io.fd, buf, len, MSG_DONTWAIT);
	if (n <= 0)
		return would_block(p, n < 0 && (errno == EAGAIN || errno == EINTR));
	ws->turn_bytes += (u32)n;
	ws->bytes_rx += (u64)n;
	return n;
}

static ssize_t on_send(wslay_event_context_ptr p, const u8 *data, size_t len, int flags, void *ctx)
{
	struct fog_websocket *ws = ctx;
	ssize_t n = send(ws->io.fd, data, len,
			 MSG_NOSIGNAL | MSG_DONTWAIT | (flags & WSLAY_MSG_MORE ? MSG_MORE : 0));

	return n >= 0 ? n : would_block(p, errno == EAGAIN || errno == EINTR);
}

static void pending_clear(struct fog_websocket *ws)
{
	ws->gateway->websockets.pending_bytes -= ws->pending_bytes;
	ws->pending_bytes = 0;
	ws->fragments = 0;
}

/* wslay takes memory for a whole frame when it begins, and some more for each fragment. */
static void on_frame(wslay_event_context_ptr p, const struct wslay_event_on_frame_recv_start_arg *f,
		     void *ctx)
{
	struct fog_websocket *ws = ctx;
	struct fog_websockets *all = &ws->gateway->websockets;

	ws->frames_rx += 2 +
			 (f->payload_length < 126     ? 0
			  : f->payload_length < 65536 ? 2
						      : 8) +
			 MASK_SIZE + f->payload_length;
	if (wslay_is_ctrl_frame(f->opcode))
		return;
	ws->in_message = !f->fin;
	ws->pending_bytes += f->payload_length;
	all->pending_bytes += f->payload_length;
	if (++ws->fragments > FOG_WEBSOCKET_FRAGMENTS_MAX)
		ws->dead = true;
	if (all->pending_bytes > FOG_WEBSOCKET_PENDING_MAX)
		fog_websocket_close(ws, 1013, "too many messages at once");
}

static void on_message(wslay_event_context_ptr p, const struct wslay_event_on_msg_recv_arg *m,
		       void *ctx)
{
	struct fog_websocket *ws = ctx;

	if (wslay_is_ctrl_frame(m->opcode))
		return;
	pending_clear(ws);
	if (ws->dead || ws->closing_ms != 0)
		return;
	if (m->opcode != WSLAY_TEXT_FRAME) {
		fog_websocket_close(ws, 1003, "text only");
		return;
	}
	/* wslay's copy ends with a zero only by luck. */
	char *text = malloc(m->msg_length + 1);
	if (text == NULL) {
		fog_websocket_close(ws, 1013, "no memory");
		return;
	}
	if (m->msg_length != 0)
		memcpy(text, m->msg, m->msg_length);
	text[m->msg_length] = '\0';
	if (ws->handlers->message != NULL)
		ws->handlers->message(ws, text, m->msg_length);
	free(text);
}

static const struct wslay_event_callbacks callbacks = {
	.recv_callback = on_recv,
	.send_callback = on_send,
	.on_frame_recv_start_callback = on_frame,
	.on_msg_recv_callback = on_message,
};

/* ---- rest ----------------------------------------------------------------------------------- */

/* A context of wslay is 9 KB, and most clients only wait: they have one while something of theirs
 * is under way. 0 or -ENOMEM. */
static int wake(struct fog_websocket *ws)
{
	if (ws->protocol != NULL)
		return 0;
	if (wslay_event_context_server_init(&ws->protocol, &callbacks, ws) != 0) {
		ws->protocol = NULL;
		return -ENOMEM;
	}
	wslay_event_config_set_max_recv_msg_length(ws->protocol, FOG_WEBSOCKET_MESSAGE_MAX);
	return 0;
}

static bool want_write(const struct fog_websocket *ws)
{
	return ws->protocol != NULL && wslay_event_want_write(ws->protocol);
}

static bool finished(const struct fog_websocket *ws)
{
	return ws->protocol != NULL && !wslay_event_want_read(ws->protocol) &&
	       !wslay_event_want_write(ws->protocol);
}

/* wslay shows nobody whether it holds the beginning of a frame, so bytes are counted. A frame whose
 * length is not written the shortest way is refused by it. */
static void rest(struct fog_websocket *ws)
{
	if (ws->protocol == NULL || ws->turning || ws->dead || ws->closing_ms != 0 ||
	    ws->bytes_rx != ws->frames_rx || ws->in_message || want_write(ws) || finished(ws))
		return;
	wslay_event_context_free(ws->protocol);
	ws->protocol = NULL;
}

/* ---- life ----------------------------------------------------------------------------------- */

static void client_free(struct fog_websocket *ws)
{
	struct fog_gateway *gw = ws->gateway;

	ev_io_stop(gw->loop, &ws->io);
	ws->dead = true;
	if (ws->handlers->closed != NULL)
		ws->handlers->closed(ws);
	pending_clear(ws);
	list_remove(&gw->websockets, ws);
	gw->counts.websockets--;
	if (ws->protocol != NULL)
		wslay_event_context_free(ws->protocol);
	if (ws->urh != NULL)
		MHD_upgrade_action(ws->urh, MHD_UPGRADE_ACTION_CLOSE);
	else
		close(ws->io.fd);
	gw->work |= ws->urh != NULL;
	free(ws->early);
	free(ws);
}

static bool full(const struct fog_websocket *ws)
{
	return ws->protocol != NULL &&
	       (fog_websocket_queued(ws) >= FOG_WEBSOCKET_QUEUE_MAX / 2 ||
		wslay_event_get_queued_msg_count(ws->protocol) >= FOG_WEBSOCKET_QUEUE_MAX / 256);
}

static void io_update(struct fog_websocket *ws)
{
	int events = (full(ws) ? 0 : EV_READ) | (want_write(ws) ? EV_WRITE : 0);

	if ((ws->io.events & (EV_READ | EV_WRITE)) == events && ev_is_active(&ws->io))
		return;
	ev_io_stop(ws->gateway->loop, &ws->io);
	ev_io_set(&ws->io, ws->io.fd, events);
	if (events != 0)
		ev_io_start(ws->gateway->loop, &ws->io);
}

/* Called from anywhere, so it frees nothing: on_io() does when the loop comes by. */
static void flush(struct fog_websocket *ws)
{
	if (!ws->dead && wslay_event_send(ws->protocol) != 0)
		ws->dead = true;
	if (ws->dead || finished(ws)) {
		ev_feed_event(ws->gateway->loop, &ws->io, EV_CUSTOM);
	} else {
		io_update(ws);
		rest(ws);
	}
}

/* All is said. Closing while the other side still sends would cost it our last words, so we wait
 * for its end, as long as for an answer to a close. */
static void linger(struct fog_websocket *ws)
{
	char bin[4096];
	ssize_t n = 1;

	if (ws->closing_ms == 0)
		ws->closing_ms = fog_monotonic_ms();
	if (!ws->ending) {
		ws->ending = true;
		shutdown(ws->io.fd, SHUT_WR);
		ev_io_stop(ws->gateway->loop, &ws->io);
		ev_io_set(&ws->io, ws->io.fd, EV_READ);
		ev_io_start(ws->gateway->loop, &ws->io);
	}
	for (; n > 0 && ws->turn_bytes < TURN_BYTES_MAX; ws->turn_bytes += (u32)n)
		n = recv(ws->io.fd, bin, sizeof(bin), MSG_DONTWAIT);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		client_free(ws);
}

static void on_io(struct ev_loop *loop, struct ev_io *w, int revents)
{
	struct fog_websocket *ws = w->data;

	ws->turn_bytes = 0;
	ws->turning = true;
	if (!ws->dead && !ws->ending && (revents & EV_READ)) {
		heard(ws);
		ws->dead = wake(ws) != 0;
		if (!ws->dead && wslay_event_recv(ws->protocol) != 0) {
			(void)wslay_event_send(ws->protocol); /* why, as far as it can be said */
			ws->dead = true;
		}
	}
	if (!ws->dead && want_write(ws) && wslay_event_send(ws->protocol) != 0)
		ws->dead = true;
	ws->turning = false;
	if (ws->dead) {
		client_free(ws);
	} else if (finished(ws)) {
		linger(ws);
	} else {
		io_update(ws);
		rest(ws);
		if ((revents & EV_WRITE) && ws->handlers->writable != NULL && !want_write(ws))
			ws->handlers->writable(ws);
	}
}

int fog_websocket_start(const struct fog_exchange *x, int fd, struct MHD_UpgradeResponseHandle *urh,
			const char *early, size_t early_len)
{
	struct fog_gateway *gw = x->gateway;
	struct fog_websocket *ws = calloc(1, sizeof(*ws));

	if (ws != NULL)
		ws->early = early_len != 0 ? malloc(early_len) : NULL;
	if (ws == NULL || (early_len != 0 && ws->early == NULL)) {
		free(ws);
		close(fd);
		return -ENOMEM;
	}
	ws->gateway = gw;
	ws->handlers = x->websocket;
	ws->ctx = x->websocket_ctx;
	ws->caller = x->caller;
	ws->urh = urh;
	ws->early_len = early_len;
	if (early_len != 0)
		memcpy(ws->early, early, early_len);
	ws->heard_ms = fog_monotonic_ms();
	list_append(&gw->websockets, ws);
	gw->counts.websockets++;
	ev_io_init(&ws->io, on_io, fd, EV_READ);
	ws->io.data = ws;
	ev_io_start(gw->loop, &ws->io);
	if (ws->handlers->opened != NULL)
		ws->handlers->opened(ws);
	if (early_len != 0)
		ev_feed_event(gw->loop, &ws->io, EV_READ);
	return 0;
}

/* ---- silence -------------------------------------------------------------------------------- */

static void ping(struct fog_websocket *ws)
{
	const struct wslay_event_msg m = {.opcode = WSLAY_PING};

	ws->pinged = true;
	if (wake(ws) == 0 && wslay_event_queue_msg(ws->protocol, &m) == 0)
		flush(ws);
}

static void on_sweep(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	struct fog_gateway *gw = w->data;
	u64 now = fog_monotonic_ms();

	for (struct fog_websocket *ws = gw->websockets.head, *next; ws != NULL; ws = next) {
		next = ws->next;
		u64 silent_ms = now - ws->heard_ms;
		if (silent_ms > FOG_WEBSOCKET_SILENCE_S * 1000 ||
		    (ws->closing_ms != 0 && now - ws->closing_ms > FOG_WEBSOCKET_CLOSE_S * 1000))
			client_free(ws);
		else if (silent_ms > FOG_WEBSOCKET_PING_S * 1000 && !ws->pinged)
			ping(ws);
	}
}

void fog_websockets_init(struct fog_gateway *gw)
{
	ev_timer_init(&gw->websockets.timer, on_sweep, SWEEP_S, SWEEP_S);
	gw->websockets.timer.data = gw;
	ev_timer_start(gw->loop, &gw->websockets.timer);
}

void fog_websockets_release(struct fog_gateway *gw)
{
	for (struct fog_websocket *ws = gw->websockets.head; ws != NULL; ws = ws->next)
		if (ws->urh != NULL)
			fog_websocket_close(ws, 1001, "the gateway is restarted");
}

void fog_websockets_stop(struct fog_gateway *gw)
{
	ev_timer_stop(gw->loop, &gw->websockets.timer);
	while (gw->websockets.head != NULL) {
		struct fog_websocket *ws = gw->websockets.head;
		fog_websocket_close(ws, 1001, "the control plane is stopping");
		client_free(ws);
	}
}

/* ---- for handlers --------------------------------------------------------------------------- */

void *fog_websocket_ctx(const struct fog_websocket *ws)
{
	return ws->ctx;
}

bool fog_websocket_owns(const struct fog_websocket *ws, const char *owner)
{
	return fog_claims_own(&ws->caller, owner);
}

enum fog_scope fog_websocket_scope(const struct fog_websocket *ws)
{
	return ws->caller.scope;
}

void fog_websocket_set_user(struct fog_websocket *ws, void *user)
{
	ws->user = user;
}

void *fog_websocket_user(const struct fog_websocket *ws)
{
	return ws->user;
}

size_t fog_websocket_queued(const struct fog_websocket *ws)
{
	return ws->protocol != NULL ? wslay_event_get_queued_msg_length(ws->protocol) : 0;
}

u64 fog_websocket_dropped(const struct fog_websocket *ws)
{
	return ws->dropped;
}

int fog_websocket_send(struct fog_websocket *ws, const char *text, size_t len)
{
	const struct wslay_event_msg m = {WSLAY_TEXT_FRAME, (const u8 *)text, len};

	if (ws->dead || ws->closing_ms != 0)
		return -EPIPE;
	if (fog_websocket_queued(ws) + len > FOG_WEBSOCKET_QUEUE_MAX) {
		ws->dropped++;
		ws->gateway->counts.websockets_dropped++;
		return -ENOBUFS;
	}
	if (wake(ws) != 0)
		return -ENOMEM;
	int rc = wslay_event_queue_msg(ws->protocol, &m);
	if (rc != 0)
		return rc == WSLAY_ERR_NOMEM ? -ENOMEM : -EPIPE;
	flush(ws);
	return 0;
}

int fog_websocket_send_json(struct fog_websocket *ws, json_t *value)
{
	char *text =
		value != NULL ? json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(15)) : NULL;
	int rc = text != NULL ? fog_websocket_send(ws, text, strlen(text)) : -ENOMEM;

	json_decref(value);
	free(text);
	return rc;
}

void fog_websocket_close(struct fog_websocket *ws, unsigned code, const char *reason)
{
	if (ws->dead || ws->closing_ms != 0)
		return;
	ws->closing_ms = fog_monotonic_ms();
	if (wake(ws) != 0 || wslay_event_queue_close(ws->protocol, (u16)code, (const u8 *)reason,
						     strlen(reason)) != 0)
		ws->dead = true;
	flush(ws);
}
