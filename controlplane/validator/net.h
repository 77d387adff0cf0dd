/* SPDX-License-Identifier: BSD-3-Clause */
/* Connections among validators and followers: one Noise channel each (directory/channel.h) on a
 * port of its own, messages of up to FOG_NET_MESSAGE_MAX in fragments, bounded queues.
 *
 *	fragment = flags u8 (1: more follow) | bytes
 *
 * Of two validators the one with the smaller control key connects; a follower connects to all
 * validators. Whoever calls with a key that is no validator's is a follower: he may ask and submit,
 * in FOG_NET_FOLLOWERS_MAX places. A message that finds a queue full is dropped and counted: what
 * matters is sent again by the protocol. The loop's thread only. */
#ifndef FOG_VALIDATOR_NET_H
#define FOG_VALIDATOR_NET_H

#include "controlplane/core/identity.h"
#include "controlplane/core/loop.h"
#include "controlplane/directory/channel.h"
#include "controlplane/quorum/validators.h"

#define FOG_NET_MESSAGE_MAX   (16u * 1024 * 1024)
#define FOG_NET_FRAGMENT      (60u * 1024)
#define FOG_NET_QUEUE_MAX     (64ull * 1024 * 1024) /* bytes to one peer */
#define FOG_NET_MESSAGES_MAX  16384u
#define FOG_NET_FOLLOWERS_MAX 64
#define FOG_NET_RETRY_MS      250 /* between tries to connect; doubles up to .. */
#define FOG_NET_RETRY_MS_MAX  2000

struct fog_net;

struct fog_net_events {
	/* A whole message; valid during the call. peer: place of the sender, for fog_net_send(). */
	void (*message)(void *context, u32 peer, const u8 node_id[32], bool validator,
			const u8 *data, u32 len);
	/* A connection is up. */
	void (*up)(void *context, u32 peer);
	/* It has ended: what was asked for will not come. May be NULL. */
	void (*down)(void *context, u32 peer);
	void *context;
};

/* listen: NULL = only connects. 0 or -errno. `id` is borrowed. */
int fog_net_start(struct fog_net **out, struct ev_loop *loop, const struct fog_identity *id,
		  const struct fog_address *listen, const struct fog_net_events *events);
void fog_net_stop(struct fog_net *n);
/* Who the validators are from now on. Connections to others are closed. */
void fog_net_set(struct fog_net *n, const struct fog_validators *set);

/* Bytes shared by several queues. */
struct fog_net_buffer {
	u32 references, len;
	u8 data[];
};
/* type u8, then data. One reference is the caller's. NULL: no memory. */
struct fog_net_buffer *fog_net_buffer_new(u8 type, const void *data, u32 len);
void fog_net_buffer_unref(struct fog_net_buffer *b);

/* To a place; to a validator. Dropped when there is no connection. */
void fog_net_send(struct fog_net *n, u32 peer, struct fog_net_buffer *b);
void fog_net_send_node(struct fog_net *n, const u8 node_id[32], struct fog_net_buffer *b);
/* To everybody connected; validators_only: not to followers. */
void fog_net_broadcast(struct fog_net *n, struct fog_net_buffer *b, bool validators_only);

struct fog_net_counts {
	u64 messages_rx, messages_tx, bytes_rx, bytes_tx;
	u64 dropped_full, dropped_malformed, connects, refused;
	u32 connected_validators, connected_followers;
};
void fog_net_counts(const struct fog_net *n, struct fog_net_counts *out);

#endif
