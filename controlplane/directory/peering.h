/* SPDX-License-Identifier: BSD-3-Clause */
/* Exchanging the directory with other control planes: listens on control.listen, and every interval
 * meets one random host (bootstrap peers included). When something new was learnt, or our own
 * descriptor changed, the next meeting comes sooner. The loop's thread only.
 *
 * Other questions than gossip travel as talks over connections of the same kind: the first message
 * of the caller begins with {"talk": and tells what it is about; all messages are JSON objects. */
#ifndef FOG_DIRECTORY_PEERING_H
#define FOG_DIRECTORY_PEERING_H

#include "configs/config.h"
#include "controlplane/directory/channel.h"
#include "controlplane/directory/directory.h"
#include "controlplane/directory/gossip.h"

#define FOG_PEERING_INBOUND_MAX   64    /* more are closed at once */
#define FOG_PEERING_OUTBOUND_MAX  8     /* at once; a meeting that finds none free is left out */
#define FOG_PEERING_TALKS_MAX     16    /* of ours at once; more: -EAGAIN */
#define FOG_PEERING_SESSION_MS    60000 /* whole exchange */
#define FOG_PEERING_SOURCE_MAX    1024  /* source networks (/32, /64) whose rate is watched */
#define FOG_PEERING_SOURCE_RATE   5     /* connections a second from one source network .. */
#define FOG_PEERING_SOURCE_BURST  30    /* .. after a burst of this */
#define FOG_PEERING_BOOTSTRAP_MAX FOG_CONFIG_LIST_MAX
#define FOG_PEERING_NEWS_MS       300  /* to the next meeting after something new was learnt */
#define FOG_PEERING_LONELY_MS     1000 /* between tries while no other host is known */

struct fog_peering;

struct fog_peering_counts {
	u64 inbound, outbound;          /* exchanges begun */
	u64 finished, failed;           /* exchanges ended well or not */
	u64 refused_rate, refused_full; /* connections closed at once */
	u64 descriptors_rx, descriptors_tx;
};

/* Listens and starts meeting. `id` and `dir` are borrowed. peers: entries of control.peers, already
 * checked. 0 or -errno (-EADDRINUSE ..). */
int fog_peering_start(struct fog_peering **out, struct ev_loop *loop, struct fog_directory *dir,
		      const struct fog_identity *id, const struct fog_address *listen,
		      const struct fog_config_list *peers, u32 interval_ms);
void fog_peering_set_interval(struct fog_peering *p, u32 interval_ms); /* from the next meeting */
void fog_peering_stop(struct fog_peering *p);

/* Our own descriptor (or anything) changed: tell the bootstrap peers and a few others now. */
void fog_peering_announce(struct fog_peering *p);
const struct fog_peering_counts *fog_peering_counts(const struct fog_peering *p);

/* ---- talks ---------------------------------------------------------------------------------- */

struct fog_talk;

struct fog_talk_events {
	/* A message; the object is borrowed for the call. */
	void (*message)(void *ctx, struct fog_talk *t, const json_t *m);
	/* Once, unless we closed it: the talk is no more. why: a sentence. */
	void (*end)(void *ctx, const char *why);
};

/* Connect and say `first` ({"talk": ..}, taken over). 0; -EAGAIN: too many; -errno. */
int fog_peering_talk(struct fog_peering *p, const struct fog_address *address, const u8 pk[32],
		     json_t *first, const struct fog_talk_events *events, void *ctx,
		     struct fog_talk **out);
/* Who answers talks of others. begin() sees the first message and sets events and ctx; false: the
 * talk is none of ours. */
struct fog_talk_server {
	bool (*begin)(void *server, struct fog_talk *t, const json_t *first,
		      const struct fog_talk_events **events, void **ctx);
	void *server;
};
void fog_peering_serve(struct fog_peering *p, const struct fog_talk_server *server);
/* Takes over m. 0 or -errno: the talk goes on, or ends through end(). */
int fog_talk_send(struct fog_talk *t, json_t *m);
/* What was sent still goes out. No callback comes after it. */
void fog_talk_close(struct fog_talk *t);
/* The control key that the other side has proven. */
const u8 *fog_talk_peer(const struct fog_talk *t);

#endif
