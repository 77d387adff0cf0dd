/* SPDX-License-Identifier: BSD-3-Clause */
/* A link and its sessions, as its worker holds them.
 *
 *	          START out (retry with backoff)
 *	  +--------------------------------------+
 *	  |                                      v
 *	DOWN --RESPONSE (initiator) or first DATA on NEXT (responder)--> UP
 *	  ^                                                              |
 *	  +------------- silence longer than link_dead_ms ---------------+
 *
 * Three sessions: CURRENT sends and receives, PREVIOUS only receives what is under way, NEXT waits
 * as responder for the first datagram that proves the initiator has the keys. */
#ifndef FOG_TABLE_LINK_H
#define FOG_TABLE_LINK_H

#include "crypto/gcm/gcm.h"
#include "crypto/noise/noise.h"
#include "crypto/replay.h"
#include "dataplane/table/map.h"
#include "dataplane/worker/dp.h"
#include "dataplane/worker/limits.h"

enum fog_session_slot {
	FOG_SESSION_CURRENT = 0,
	FOG_SESSION_PREVIOUS = 1,
	FOG_SESSION_NEXT = 2,
	FOG_SESSION_COUNT = 3,
};

struct fog_session {
	struct fog_gcm_key recv;
	struct fog_gcm_key send;
	u32 local;  /* index the peer names us by; random, never 0 while live */
	u32 remote; /* index we name the peer's side by */
	bool live;
	bool initiator;
	u64 counter; /* next to send */
	u64 received;
	u64 rekey_ns;  /* time to ask for a new one */
	u64 expire_ns; /* refused from here */
	u64 peer_boot_id;
	struct fog_address from; /* where the handshake came from */
	struct fog_replay replay;
};

/* Measurements of a link since it came up, see worker/probe.c. */
struct fog_link_probe {
	bool told;    /* LINK_RTT was sent */
	u16 rx_cells; /* of the neighbour's train, after the first arrival */
	u32 pings;    /* since the last LINK_RTT */
	u32 pongs;    /* answered in time, of those */
	u64 rtt_min_ns;
	u64 rtt_sum_ns;
	u64 train_ns; /* next train */
	u64 train_id; /* ours under way; 0 = none */
	u64 rx_id;
	u64 rx_first_ns;
};

struct fog_link {
	u32 id; /* 0 = slot not in use */
	bool up;
	bool losing;  /* circuits of before are being closed; no new ones until that is done */
	u32 active;   /* place in the worker's list of links in use */
	bool smaller; /* our key is smaller: we open the link and choose circuit ids without bit 31
		       */
	u8 node_id[FOG_NODE_ID_SIZE];
	u8 pk[FOG_NOISE_KEY_SIZE];
	struct fog_address configured;
	struct fog_address address; /* where the neighbour was last seen in a handshake */
	u64 generation;
	u64 peer_boot_id; /* 0 = not known */
	struct fog_session session[FOG_SESSION_COUNT];

	u32 halves;       /* list of circuit halves named by this link */
	u64 rx_ns;        /* last authenticated datagram */
	u64 ping_ns;      /* next keepalive */
	u64 handshake_ns; /* next START */
	u64 started_ns;   /* last START */
	u64 backoff_ns;
	u64 rtt_ns; /* last measured by a ping */
	u64 ping_echo;
	u64 ping_sent_ns;
	struct fog_link_probe probe;

	u64 create_tokens; /* thousandths of a CREATE */
	u64 create_ns;     /* last refill */
};

static inline u32 fog_link_side_bit(const struct fog_link *l)
{
	return l->smaller ? 0 : FOG_CIRCUIT_ID_HIGH;
}

/* The session whose index the peer used, or NULL. */
static inline struct fog_session *fog_link_session(struct fog_link *l, u32 local)
{
	for (unsigned i = 0; i < FOG_SESSION_COUNT; i++)
		if (l->session[i].live && l->session[i].local == local)
			return &l->session[i];
	return NULL;
}

/* Expand the two keys a Noise handshake gave: of each, 16 bytes key, 12 bytes iv, 4 not used. */
void fog_session_set_keys(struct fog_session *s, const u8 send[FOG_NOISE_KEY_SIZE],
			  const u8 recv[FOG_NOISE_KEY_SIZE]);
/* A cell to be sealed under `send` or opened under `recv`: dgram holds the link header, with the
 * counter to use; in and out as in gcm.h. Field by field, as copies of small structs stall. */
static inline void fog_session_job(struct fog_gcm_job *job, const struct fog_gcm_key *key,
				   const u8 *dgram, u64 counter, const u8 *in, u8 *out)
{
	job->key = key;
	job->ad = dgram;
	job->in = in;
	job->out = out;
	job->counter = counter;
	job->ad_len = FOG_LINK_HEADER_SIZE;
	job->len = FOG_CELL_SIZE;
}

/* Install keys in a slot, forgetting what was there. `index` maps local indices to link ids. */
int fog_session_install(struct fog_link *l, enum fog_session_slot slot, struct fog_map *index,
			const struct fog_session *s);
/* Forget a session, wiping its keys. */
void fog_session_drop(struct fog_link *l, enum fog_session_slot slot, struct fog_map *index);
/* CURRENT becomes PREVIOUS, `from` becomes CURRENT. */
void fog_session_promote(struct fog_link *l, enum fog_session_slot from, struct fog_map *index);

/* Take one token of a CREATE at the given rate; true when granted. rate 0 = no limit. */
bool fog_link_take_create(struct fog_link *l, u64 now_ns, u32 per_second, u32 burst);

#endif
