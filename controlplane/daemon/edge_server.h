/* SPDX-License-Identifier: BSD-3-Clause */
/* control.sock: the local fog-edge connects here and keeps the connection; one JSON object a line
 * both ways (docs/ARCHITECTURE.md). One edge at a time: a newer connection that says hello replaces
 * the older. What the edge sends is input from another process: malformed lines end its connection.
 * The loop's thread only. */
#ifndef FOG_DAEMON_EDGE_SERVER_H
#define FOG_DAEMON_EDGE_SERVER_H

#include <jansson.h>

#include "controlplane/core/loop.h"
#include "crypto/types.h"

#define FOG_EDGE_LINE_MAX        (64 * 1024)   /* longer: the connection ends */
#define FOG_EDGE_QUEUE_MAX       (1024 * 1024) /* unread by the edge; then it is cut off */
#define FOG_EDGE_REQUESTS_MAX    64            /* unanswered requests of ours; more: -EAGAIN */
#define FOG_EDGE_REQUEST_MS      3000          /* for an answer */
#define FOG_EDGE_HELLO_MS        5000          /* for hello after connecting */
#define FOG_EDGE_CONNECTIONS_MAX 4             /* more are closed at once */
#define FOG_EDGE_VERSION         1

struct fog_edge_server;

struct fog_edge_hooks {
	/* An edge said hello. Its QUIC key may be the one known before. */
	void (*hello)(void *ctx, const u8 quic_pk[32]);
	/* It is gone. */
	void (*gone)(void *ctx);
	/* The body of {"op":"config"}; a new reference, without "op". */
	json_t *(*config)(void *ctx);
	/* Answer a route request: a new reference to {"ok":..} without "op" and "id". */
	json_t *(*route)(void *ctx, const json_t *request);
	/* The mailbox in its hello; NULL: it has none. Before hello(). */
	void (*mailbox)(void *ctx, const u8 *mailbox);
	/* The body of {"op":"mixnet"}; a new reference, or NULL: nothing to tell. */
	json_t *(*mixnet)(void *ctx);
	/* {"op":"suspect"}: a mix that its loops found wanting; borrowed. */
	void (*suspect)(void *ctx, const json_t *m);
	/* {"op":"circuit"}: an event of a circuit; borrowed. */
	void (*circuit)(void *ctx, const json_t *event);
};

/* rc 0 and the edge's answer (borrowed); or -ETIMEDOUT, -ECONNRESET and NULL. */
typedef void (*fog_edge_answer_fn)(void *ctx, int rc, const json_t *answer);

/* 0 or -errno (-EADDRINUSE ..). */
int fog_edge_server_start(struct fog_edge_server **out, struct ev_loop *loop, const char *path,
			  const struct fog_edge_hooks *hooks, void *ctx);
/* Unanswered requests end with -ECONNRESET. NULL is fine. */
void fog_edge_server_stop(struct fog_edge_server *s);

bool fog_edge_server_connected(const struct fog_edge_server *s);
/* Process id of the edge as the kernel tells it; 0 when not connected. */
int fog_edge_server_pid(const struct fog_edge_server *s);
/* Unix ms of the hello; 0 when not connected. */
u64 fog_edge_server_since_ms(const struct fog_edge_server *s);
/* Send the configuration again, after it changed. */
void fog_edge_server_reconfigure(struct fog_edge_server *s);
/* Tell it of the mixnet again. */
void fog_edge_server_mixnet(struct fog_edge_server *s);

/* Ask the edge: {"op":op,"id":..} and the members of `arguments` (taken over; may be NULL). Answers
 * through fn exactly once, never from inside. 0; -ENOTCONN, -EAGAIN, -ENOMEM (then fn is not
 * called). */
int fog_edge_server_request(struct fog_edge_server *s, const char *op, json_t *arguments,
			    fog_edge_answer_fn fn, void *ctx);

#endif
