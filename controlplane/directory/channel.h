/* SPDX-License-Identifier: BSD-3-Clause */
/* An authenticated, encrypted message channel between two control planes: Noise IK over TCP, on the
 * loop. The connecting side knows the other's control key; the accepting side learns the caller's,
 * and accepts any: only public, signed data travels here.
 *
 *	frame = length u16 little-endian (1 .. 65535) | that many bytes
 *	first frame each way: Noise message 1, 2 (no payload, prologue FOG_CHANNEL_PROLOGUE)
 *	then: one sealed message a frame, nonce 0, 1, 2 .. per direction
 *
 * A replayed message 1 gets nothing but message 2: the accepting side says nothing before the first
 * sealed message of its caller has come. */
#ifndef FOG_DIRECTORY_CHANNEL_H
#define FOG_DIRECTORY_CHANNEL_H

#include "configs/address.h"
#include "controlplane/core/identity.h"
#include "controlplane/core/loop.h"
#include "crypto/types.h"

#define FOG_CHANNEL_PROLOGUE     "fog control 1"
#define FOG_CHANNEL_MESSAGE_MAX  (65535 - 16)
#define FOG_CHANNEL_QUEUE_MAX    (512 * 1024) /* bytes waiting to be sent; then -EAGAIN */
#define FOG_CHANNEL_HANDSHAKE_MS 5000         /* connect and handshake together */
#define FOG_CHANNEL_IDLE_MS      10000        /* without a byte either way */

struct fog_channel;

/* Callbacks may call any function here, fog_channel_close() included. */
struct fog_channel_events {
	/* The handshake is done: sending may begin. `remote_pk` is proven for the connecting side;
	 * for the accepting side with the first message. */
	void (*ready)(void *ctx, struct fog_channel *ch, const u8 remote_pk[32]);
	/* One message, authenticated; valid during the call. */
	void (*message)(void *ctx, struct fog_channel *ch, const u8 *data, u32 len);
	/* The queue is empty again. May be NULL. */
	void (*drained)(void *ctx, struct fog_channel *ch);
	/* Once; the owner closes. 0: the other side closed; -ETIMEDOUT, -EPROTO (framing), -EBADMSG
	 * (a key or tag is wrong), -ECONNREFUSED .. */
	void (*end)(void *ctx, struct fog_channel *ch, int error);
};

/* Start connecting. `id` is borrowed for the life of the channel. 0 or -errno; what fails later
 * comes through end(). */
int fog_channel_connect(struct fog_channel **out, struct ev_loop *loop,
			const struct fog_address *to, const u8 remote_pk[32],
			const struct fog_identity *id, const struct fog_channel_events *events,
			void *ctx);
/* Take over an accepted, non-blocking TCP socket. 0 or -ENOMEM (the fd stays the caller's). */
int fog_channel_accept(struct fog_channel **out, struct ev_loop *loop, int fd,
		       const struct fog_identity *id, const struct fog_channel_events *events,
		       void *ctx);
/* Close and free; no callback comes after it. NULL is fine. */
void fog_channel_close(struct fog_channel *ch);

/* Seal and queue. 0; -EAGAIN: full; -EMSGSIZE: 0 or more than FOG_CHANNEL_MESSAGE_MAX bytes;
 * -EPIPE: not ready or ended. */
int fog_channel_send(struct fog_channel *ch, const void *data, u32 len);
u32 fog_channel_queued(const struct fog_channel *ch);

#endif
