/* SPDX-License-Identifier: BSD-3-Clause */
/* The gateway's own state; private to gateway/. */
#ifndef FOG_GATEWAY_PRIVATE_H
#define FOG_GATEWAY_PRIVATE_H

#include "controlplane/gateway/exchange.h"
#include "controlplane/gateway/websocket.h"

struct fog_gateway_listener {
	struct fog_gateway *gateway;
	struct MHD_Daemon *daemon;
	struct ev_io io;
	struct ev_timer timer;
};

/* Open WebSockets, those heard least recently first. */
struct fog_websockets {
	struct fog_websocket *head, *tail;
	struct ev_timer timer; /* pings and drops the silent */
	u32 count;
	size_t pending_bytes; /* announced by frames of messages that are not complete */
	u64 dropped;
};

struct fog_gateway {
	struct ev_loop *loop;
	struct fog_routes routes;
	struct fog_gateway_listener listeners[FOG_GATEWAY_LISTENERS_MAX];
	u32 listener_count;
	struct ev_prepare prepare; /* runs MHD before the loop sleeps when it has work */
	bool work;                 /* a response waits that no socket event announces */
	bool stopping;
	struct fog_exchange *open;
	struct fog_websockets websockets;
	struct fog_gateway_counts counts;
};

/* ---- websocket.c ---------------------------------------------------------------------------- */

/* One whose handshake is done, on `fd`, which it takes; urh: MHD's handle where it stays with MHD
 * (TLS), else NULL. `early`: bytes that came behind the handshake. 0, -ENOMEM (fd is closed). */
int fog_websocket_start(struct fog_gateway *gw, int fd, struct MHD_UpgradeResponseHandle *urh,
			const struct fog_websocket_handlers *handlers, void *ctx, const char *early,
			size_t early_len);
void fog_websockets_init(struct fog_gateway *gw);
/* Tells all that the gateway goes away and frees them. */
void fog_websockets_stop(struct fog_gateway *gw);

#endif
