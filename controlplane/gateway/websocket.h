/* SPDX-License-Identifier: BSD-3-Clause */
/* WebSockets (RFC 6455) of the gateway, on wslay. A route answers with one instead of a body, so
 * that tokens, scopes and limits are those of any other route:
 *
 *	static int fog_ws_get(struct fog_exchange *x)
 *	{
 *		return fog_exchange_websocket(x, &handlers, host);
 *	}
 *	{"GET", "/ws/fog", fog_ws_get, FOG_DESCRIBE("Live events", .status = 101)},
 *
 * Each client has a bounded queue of what is to be sent. A message that finds it full is dropped
 * and counted; a client whose queue is half full is not read from until it has caught up. Pings are
 * answered by the gateway, which also pings who is silent and drops who stays so. The loop's thread
 * only. */
#ifndef FOG_GATEWAY_WEBSOCKET_H
#define FOG_GATEWAY_WEBSOCKET_H

#include "controlplane/gateway/gateway.h"

#define FOG_WEBSOCKET_MESSAGE_MAX   (4u << 20) /* bytes of a message from a client; larger: 1009 */
#define FOG_WEBSOCKET_FRAGMENTS_MAX 1024       /* of a message from a client; more: dropped */
#define FOG_WEBSOCKET_QUEUE_MAX     (256u << 10) /* bytes that wait for a client */
#define FOG_WEBSOCKET_PENDING_MAX   (64u << 20)  /* half received messages of all clients; 1013 */
#define FOG_WEBSOCKET_PING_S        30           /* of silence, then a ping */
#define FOG_WEBSOCKET_SILENCE_S     75           /* then it is dropped */
#define FOG_WEBSOCKET_CLOSE_S       5            /* for the other side to answer a close */

struct fog_websocket;

struct fog_websocket_handlers {
	/* Each may be NULL. In any of them the client may be sent to and closed. */
	void (*opened)(struct fog_websocket *ws);
	/* A whole text message: valid UTF-8, `text` ends with a zero not counted in `len`. Binary
	 * ones are refused (1003). */
	void (*message)(struct fog_websocket *ws, const char *text, size_t len);
	void (*writable)(struct fog_websocket *ws); /* all that waited was sent */
	void (*closed)(struct fog_websocket *ws);   /* the last call; ws is freed after it */
};

/* Answer a GET by becoming a WebSocket. A request that is no handshake gets 426 or 400; 503 when
 * there are as many as the gateway takes. `handlers` must outlive the gateway. Returns 0. */
int fog_exchange_websocket(struct fog_exchange *x, const struct fog_websocket_handlers *handlers,
			   void *ctx);

void *fog_websocket_ctx(const struct fog_websocket *ws);
/* As fog_exchange_owns() and fog_exchange_scope(), of the request it came from. */
bool fog_websocket_owns(const struct fog_websocket *ws, const char *owner);
enum fog_scope fog_websocket_scope(const struct fog_websocket *ws);
/* A pointer of the user's own for each client. */
void fog_websocket_set_user(struct fog_websocket *ws, void *user);
void *fog_websocket_user(const struct fog_websocket *ws);

/* Queue a text message; sent at once as far as the socket takes it. Copied. 0; -ENOBUFS: the queue
 * is full, dropped; -EPIPE: it is closing; -ENOMEM. Cost without a queue: one copy, one send(). */
int fog_websocket_send(struct fog_websocket *ws, const char *text, size_t len);
/* The same of a JSON value, which it takes over; NULL: -ENOMEM. */
int fog_websocket_send_json(struct fog_websocket *ws, json_t *value);
/* Bytes that wait, and messages that were dropped since it was opened. */
size_t fog_websocket_queued(const struct fog_websocket *ws);
u64 fog_websocket_dropped(const struct fog_websocket *ws);
/* Say goodbye: 1000 done, 1001 going away, 1008 policy, 1011 our fault, 1013 try again later .. The
 * `closed` handler comes later. */
void fog_websocket_close(struct fog_websocket *ws, unsigned code, const char *reason);

#endif
