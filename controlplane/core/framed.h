/* SPDX-License-Identifier: BSD-3-Clause */
/* The job channel over a stream socket: framed, non-blocking, bounded. Used on jobs.sock (inbound)
 * and edge.sock (outbound), where the byte stream leads through a circuit to a control plane far
 * away; its bytes are a peer's bytes. The loop's thread only.
 *
 *	frame = length u32 (of the payload, little-endian) | type u8 | payload
 *	type 1 JSON: at most 256 KiB; type 2 data: 1 byte to 64 KiB, belongs to the last JSON frame
 *
 * Anything else ends the stream with -EPROTO. */
#ifndef FOG_CORE_FRAMED_H
#define FOG_CORE_FRAMED_H

#include <jansson.h>

#include "controlplane/core/loop.h"
#include "crypto/types.h"

#define FOG_FRAMED_HEADER_SIZE 5
#define FOG_FRAMED_JSON_MAX    (256 * 1024)
#define FOG_FRAMED_DATA_MAX    (64 * 1024)
#define FOG_FRAMED_QUEUE_MAX   (1024 * 1024) /* bytes waiting to be sent; then -EAGAIN */
#define FOG_FRAMED_LINE_MAX    1024          /* the opening line of edge.sock and jobs.sock */
#define FOG_FRAMED_OPENING_MAX 64            /* connections of an acceptor without a full line */
#define FOG_FRAMED_ACCEPT_MS   5000          /* for the opening line */

enum fog_framed_type {
	FOG_FRAMED_JSON = 1,
	FOG_FRAMED_DATA = 2,
};

struct fog_framed;

/* Callbacks may call any function here, fog_framed_close() included. */
struct fog_framed_events {
	/* One whole frame; the payload is valid during the call. JSON frames come checked for size
	 * only. Required. */
	void (*frame)(void *ctx, struct fog_framed *s, enum fog_framed_type type, const u8 *payload,
		      u32 len);
	/* The queue is below its half again after -EAGAIN. May be NULL. */
	void (*drain)(void *ctx, struct fog_framed *s);
	/* Once. error 0: the peer sends no more (half-closed); sending may go on. error < 0: broken
	 * (-EPROTO framing, -ETIMEDOUT idle, -ECONNRESET ..). The owner closes in both cases, now
	 * or later. Required. */
	void (*end)(void *ctx, struct fog_framed *s, int error);
};

/* Take over a connected stream socket. 0 or -ENOMEM (then the fd stays the caller's). */
int fog_framed_new(struct fog_framed **out, struct ev_loop *loop, int fd,
		   const struct fog_framed_events *events, void *ctx);
/* Close and free; no callback comes after it. What is queued is lost: see fog_framed_finish(). NULL
 * is fine. */
void fog_framed_close(struct fog_framed *s);

/* Queue one frame. 0; -EAGAIN: full, wait for drain(); -EMSGSIZE: over the type's limit; -EPIPE:
 * after finish or end(error < 0). */
int fog_framed_send(struct fog_framed *s, enum fog_framed_type type, const void *payload, u32 len);
/* The same for a JSON value; it is only read. -EINVAL when it cannot be written as text. */
int fog_framed_send_json(struct fog_framed *s, const json_t *value);
/* Half-close after the queue is sent. */
void fog_framed_finish(struct fog_framed *s);
/* Stop (true) and resume reading: back-pressure to the peer. */
void fog_framed_pause(struct fog_framed *s, bool paused);
/* End with -ETIMEDOUT after this long without a byte received or sent; 0 = never (the default). */
void fog_framed_set_idle(struct fog_framed *s, u32 idle_ms);
u32 fog_framed_queued(const struct fog_framed *s);

/* ---- outbound: one stream to a service of a host, through the local fog-edge ---------------- */

struct fog_opening;

/* rc 0: `fd` is the stream, now the callee's (give it to fog_framed_new()); `answer` is the edge's
 * line with "path" and "circuit". rc < 0: fd is -1 and `error` says why: -EHOSTUNREACH no path can
 * be chosen, -ECONNREFUSED the edge or the far end refused, -ENOENT/-ECONNREFUSED no edge is
 * running, -ETIMEDOUT, -EPROTO. The opening is gone when this is called. */
typedef void (*fog_opened_fn)(void *ctx, int rc, int fd, const char *error, const json_t *answer);

/* Ask the edge at `edge_sock` for a stream to `service` of host `target` (64 hex digits). Always
 * answers through `fn`, later, also when the edge is away. 0, or -ENOMEM (then fn is not called).
 */
int fog_opening_start(struct fog_opening **out, struct ev_loop *loop, const char *edge_sock,
		      const char *service, const char *target, u32 timeout_ms, fog_opened_fn fn,
		      void *ctx);
/* The same with a request of the caller's, without "op": takes it over. {"service":"tcp","host",
 * "port"} through an exit; {"service":"circuit","target"}: only a circuit, which is kept, and `fd`
 * is at its end; "hops" and "fresh" (a circuit for this stream alone) as docs/ARCHITECTURE.md says.
 */
int fog_opening_ask(struct fog_opening **out, struct ev_loop *loop, const char *edge_sock,
		    json_t *request, u32 timeout_ms, fog_opened_fn fn, void *ctx);
/* Give up; fn is not called. */
void fog_opening_cancel(struct fog_opening *o);

/* ---- inbound: jobs.sock --------------------------------------------------------------------- */

struct fog_acceptor;

struct fog_acceptor_events {
	/* May another stream come in? 0, or -errno: the opener is told `error` (128 bytes). */
	int (*admit)(void *ctx, char error[128]);
	/* A stream, answered with {"ok":true}; the fd is now the callee's. */
	void (*accepted)(void *ctx, int fd);
};

/* Listen at `path` for streams to `service`. 0 or -errno. */
int fog_acceptor_start(struct fog_acceptor **out, struct ev_loop *loop, const char *path,
		       const char *service, const struct fog_acceptor_events *events, void *ctx);
void fog_acceptor_stop(struct fog_acceptor *a);

#endif
