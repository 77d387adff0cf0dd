/* SPDX-License-Identifier: BSD-3-Clause */
/* The gateway's own state, and what its files do for each other; private to gateway/. */
#ifndef FOG_GATEWAY_PRIVATE_H
#define FOG_GATEWAY_PRIVATE_H

#include "controlplane/gateway/access.h"
#include "controlplane/gateway/exchange.h"
#include "controlplane/gateway/forwarded.h"
#include "controlplane/gateway/idempotency.h"
#include "controlplane/gateway/limit.h"
#include "controlplane/gateway/openapi.h"
#include "controlplane/gateway/tls.h"
#include "controlplane/gateway/websocket.h"

struct fog_connection;

struct fog_gateway_listener {
	struct fog_gateway_listener *next;
	struct fog_gateway *gateway;
	int fd;       /* ours; the daemon has a copy */
	bool retired; /* replaced: takes no more connections, goes when it has answered */
	u32 open;     /* requests, WebSockets over TLS among them */
	struct MHD_Daemon *daemon;
	struct fog_tls *tls; /* NULL: plain */
	bool trusted;        /* who can connect may do everything */
	struct ev_io io;
	struct ev_timer timer;
	/* Connections that we wait for, by the time since when. */
	struct fog_connection *waiting, *waiting_tail;
	struct ev_timer patience;
};

/* Open WebSockets, those heard least recently first. */
struct fog_websockets {
	struct fog_websocket *head, *tail;
	struct ev_timer timer; /* pings and drops the silent */
	size_t pending_bytes;  /* announced by frames of messages that are not complete */
};

struct fog_gateway {
	struct ev_loop *loop;
	struct fog_gateway_policy policy;
	struct fog_proxies proxies;
	struct fog_limiter *limiter;
	struct fog_routes routes;
	char *openapi; /* the document as text; NULL: routes were added since */
	struct fog_gateway_listener *listeners; /* those retired, too */
	bool restart;                           /* before the loop sleeps */
	int restart_fd;            /* to be the unix socket from then on; -1: the same */
	struct ev_prepare prepare; /* runs MHD before the loop sleeps when it has work */
	bool work;                 /* a response waits that no socket event announces */
	bool stopping;
	u64 run, ids; /* a number of this life, and how many request ids it gave */
	size_t bodies_bytes, answers_bytes;
	u64 head_ms, body_ms; /* FOG_GATEWAY_HEAD_MS and _BODY_MS; tests are less patient */
	struct fog_gateway_counts counts;
	struct fog_exchange *open;
	struct fog_websockets websockets;
	u64 unrouted[6]; /* answers without a route, by the first digit of the status */
};

extern const char fog_gateway_docs[]; /* docs.html */

/* ---- metrics.c ------------------------------------------------------------------------------ */

/* The exchange is answered. */
void fog_gateway_count(struct fog_exchange *x);

/* ---- listener.c ----------------------------------------------------------------------------- */

void fog_listeners_init(struct fog_gateway *gw);
/* All were answered. */
void fog_listeners_stop(struct fog_gateway *gw);

/* ---- gateway.c ------------------------------------------------------------------------------ */

/* MHD_AccessHandlerCallback and MHD_RequestCompletedCallback, the listener as cls. */
enum MHD_Result fog_gateway_handle(void *cls, struct MHD_Connection *connection, const char *url,
				   const char *method, const char *version, const char *upload,
				   size_t *upload_size, void **con_cls);
void fog_gateway_completed(void *cls, struct MHD_Connection *connection, void **con_cls,
			   enum MHD_RequestTerminationCode code);

/* ---- traced.c ------------------------------------------------------------------------------- */

/* The caller's trace, or a new one. */
void fog_traced_begin(struct fog_exchange *x);
/* It is answered: its span. */
void fog_traced_end(const struct fog_exchange *x);

/* ---- gate.c --------------------------------------------------------------------------------- */

/* Find out who calls and what, and whether it may. Refused: the exchange is answered. */
void fog_gate(struct fog_exchange *x, const char *method);
/* Headers for pages of allowed origins. */
void fog_cors_add(const struct fog_exchange *x, struct MHD_Response *r);

/* ---- idempotent.c --------------------------------------------------------------------------- */

/* False: answered, go no further. */
bool fog_idempotent_begin(struct fog_exchange *x);
void fog_idempotent_end(struct fog_exchange *x, unsigned status, const char *type, char *body,
			size_t len);

/* ---- framing.c ------------------------------------------------------------------------------ */

/* True when the head can be understood in two ways: it was answered, and the connection ends. */
bool fog_framing_refuse(struct fog_exchange *x);

/* ---- patience.c ----------------------------------------------------------------------------- */

void fog_patience_start(struct fog_gateway_listener *l);
void fog_patience_stop(struct fog_gateway_listener *l);
/* MHD_NotifyConnectionCallback, the listener as cls. */
void fog_patience_connection(void *cls, struct MHD_Connection *mhd, void **context,
			     enum MHD_ConnectionNotificationCode code);
/* Whose connection it is; NULL when there was no memory to know. */
struct fog_gateway_listener *fog_patience_listener(struct MHD_Connection *mhd);
/* The head of a request is there, then all of it, then it was answered. */
void fog_patience_head_done(struct fog_gateway_listener *l, struct MHD_Connection *mhd);
void fog_patience_request_done(struct fog_gateway_listener *l, struct MHD_Connection *mhd);
void fog_patience_answered(struct fog_gateway_listener *l, struct MHD_Connection *mhd);

/* ---- websocket.c ---------------------------------------------------------------------------- */

/* What the exchange becomes when its handshake is done, on `fd`, which it takes; urh: MHD's handle
 * where it stays with MHD (TLS), else NULL. `early`: bytes that came behind the handshake. 0,
 * -ENOMEM (fd is closed). */
int fog_websocket_start(const struct fog_exchange *x, int fd, struct MHD_UpgradeResponseHandle *urh,
			const char *early, size_t early_len);
void fog_websockets_init(struct fog_gateway *gw);
/* Says goodbye to those that hang on a listener, which is to go. */
void fog_websockets_release(struct fog_gateway *gw);
/* Tells all that the gateway goes away and frees them. */
void fog_websockets_stop(struct fog_gateway *gw);

#endif
