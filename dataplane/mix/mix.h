/* SPDX-License-Identifier: BSD-3-Clause */
/* The mix of one host: takes Sphinx packets from the workers, unwraps them in lanes, refuses what
 * was seen before, holds each for its time and hands it back to the worker of the link it leaves
 *by. One thread ("fog-mix"), or called inline by fog_dp_poll(). Time and randomness are parameters.
 *
 *	worker --request ring--> epoch? seen? unwrap, mark, log --> wheel or pool --> link author
 *	worker <--result ring--  SEND, COVER, DELIVER, WANTED  <----------------------------+
 *
 * Author of a link. With an interval in the policy, one schedule, constant or Poisson, decides when
 * a cell leaves by a link; at its time goes the oldest message that waits, or cover. Nothing that
 * happens inside, load shed included, changes that schedule. Without an interval messages leave
 * when they are due.
 *
 * Everything dropped is counted by reason (dataplane/abi/drops.def). No allocation after init. */
#ifndef FOG_MIX_MIX_H
#define FOG_MIX_MIX_H

#include "crypto/random/random.h"
#include "crypto/sphinx/sphinx.h"
#include "dataplane/abi/abi.h"
#include "dataplane/mix/log.h"
#include "dataplane/mix/tags.h"
#include "dataplane/mix/wheel.h"

/* Slots of each ring between a worker and the mix. Full towards the mix: MIX_SHED. Full towards a
 * worker: what is due waits. */
#define FOG_MIX_RING_COUNT 1024
/* Messages waiting for their link's author. More: MIX_SHED, the newest goes. */
#define FOG_MIX_QUEUE_MAX    4096
#define FOG_MIX_HELD_DEFAULT (1u << 14)
#define FOG_MIX_TAGS_DEFAULT (1u << 18)
/* An author further behind than this (a suspended machine) does not catch up. */
#define FOG_MIX_BEHIND_NS 1000000000ull

enum fog_mix_type {
	FOG_MIX_INVALID = 0,
	/* requests */
	FOG_MIX_PACKET = 1,    /* epoch, body: from a neighbour */
	FOG_MIX_SUBMIT = 2,    /* epoch, id = first hop, body: from the local edge */
	FOG_MIX_NEIGHBOUR = 3, /* link, id; flag = present */
	FOG_MIX_POLICY = 4,    /* policy */
	/* results */
	FOG_MIX_SEND = 5,  /* link, epoch, body */
	FOG_MIX_COVER = 6, /* link */
	FOG_MIX_DELIVER =
		7,          /* id = recipient, surb, flag = FOG_MIX_FLAG_*, body: tag and payload */
	FOG_MIX_WANTED = 8, /* id: a packet wants to go where we have no link */
};

#define FOG_MIX_FLAG_RECIPIENT 1u
#define FOG_MIX_FLAG_SURB      2u

enum fog_mix_mode {
	FOG_MIX_CONTINUOUS = 0, /* each message waits as long as its sender chose */
	FOG_MIX_THRESHOLD = 1,  /* all leave when so many wait, or the interval is over */
	FOG_MIX_POOL = 2,       /* at each interval all but pool_min leave, chosen at random */
};

struct fog_mix_policy {
	u8 node_id[32];
	u64 epoch;  /* current; keys exist for oldest .. epoch + 1, all others are erased */
	u64 oldest; /* epoch - 1 in the grace time, else epoch */
	u32 mode;   /* enum fog_mix_mode */
	u32 threshold;
	u32 pool_min;
	u32 interval_ms;
	u32 link_interval_us; /* mean time between cells of a link; 0 = no padding */
	u32 link_poisson;     /* 1: exponential, 0: constant */
};

struct fog_mix_msg {
	u8 type;
	u8 flag;
	u16 pad;
	u32 link;
	u64 epoch;
	u64 at_ns; /* PACKET, SUBMIT: when it came; SEND, COVER: when it left the mix */
	u8 id[32];
	u8 surb[FOG_SPHINX_SURB_ID];
	union {
		u8 body[FOG_BODY_SIZE];
		struct fog_mix_policy policy;
	};
};

struct fog_mix_lane {
	struct fog_ring_head head;
	struct fog_ring_tail tail;
	struct fog_mix_msg slots[FOG_MIX_RING_COUNT];
};

struct fog_mix_epoch {
	u64 epoch; /* 0 = not live */
	u8 secret[32];
	u8 public_key[32];
	struct fog_mix_tags tags;
};

struct fog_mix_link {
	bool present;
	bool active; /* in the list of authors */
	u8 node_id[32];
	u64 next_ns;
	u32 first, last; /* queue, by held index */
	u32 count;
};

/* All are written by the mix's thread, read by worker 0 for the counters. */
struct fog_mix_counts {
	_Atomic u64 received, submitted, forwarded, delivered, cover, held, batches, unwrapped;
	_Atomic u64 drops[FOG_DROP_COUNT];
};

struct fog_mixnet {
	struct fog_sphinx_geometry geometry;
	u32 workers;
	struct fog_ring request[FOG_WORKERS_MAX];
	struct fog_ring result[FOG_WORKERS_MAX];
	struct fog_mix_policy policy;
	struct fog_mix_epoch epoch[FOG_MIX_LOGS]; /* epoch e in e % FOG_MIX_LOGS */
	struct fog_mix_log log;
	struct fog_mix_wheel *wheel;
	struct fog_mix_link *links; /* by link id */
	u16 *by_id;                 /* open addressing: link ids by node id */
	u16 authors[FOG_LINKS_MAX];
	u32 author_count;
	u32 *pool;
	u32 pool_count;
	u64 pool_ns;
	u8 wanted[32]; /* the last one asked for, not to ask at every packet */
	u64 wanted_ns;
	struct fog_rng rng;
	struct fog_mix_keys *keys; /* in the data region */
	struct fog_mix_counts counts;
	/* the batch in hand */
	struct fog_sphinx_job job[FOG_SPHINX_BATCH_MAX];
	u32 held[FOG_SPHINX_BATCH_MAX];
	u64 arrived[FOG_SPHINX_BATCH_MAX];
	u64 job_epoch[FOG_SPHINX_BATCH_MAX];
	u32 jobs;
};

struct fog_mix_config {
	u32 workers;
	u32 held;        /* messages at most; 0 = FOG_MIX_HELD_DEFAULT */
	u32 tags;        /* packets of an epoch at most; 0 = FOG_MIX_TAGS_DEFAULT */
	const char *dir; /* of the epoch files; NULL = none */
	const u8 *rng_seed;
	struct fog_mix_keys *keys;
	struct fog_mix_lane *request[FOG_WORKERS_MAX];
	struct fog_mix_lane *result[FOG_WORKERS_MAX];
};

struct fog_arena;

/* Reads back the epochs on file. 0, -ENOMEM or -errno of the files. */
int fog_mix_init(struct fog_mixnet *m, struct fog_arena *a, const struct fog_mix_config *config);
void fog_mix_wipe(struct fog_mixnet *m);
/* Take at most one batch of requests, release what is due. Returns the amount of work. */
unsigned fog_mix_poll(struct fog_mixnet *m, u64 now_ns);
/* When fog_mix_poll() has something to do by itself; UINT64_MAX: never. */
u64 fog_mix_next(const struct fog_mixnet *m);

/* Between the files of the mix. */
void fog_mix_drop(struct fog_mixnet *m, enum fog_drop d);
void fog_mix_count(_Atomic u64 *counter, u64 n);
/* epoch.c: keys and tags as the policy says. */
void fog_mix_epochs_load(struct fog_mixnet *m);
void fog_mix_epochs_turn(struct fog_mixnet *m);
struct fog_mix_epoch *fog_mix_epoch_find(struct fog_mixnet *m, u64 epoch);
/* author.c: what leaves. A held message that is due; takes it. */
void fog_mix_release(struct fog_mixnet *m, u32 held, u64 now_ns);
unsigned fog_mix_authors(struct fog_mixnet *m, u64 now_ns);
u64 fog_mix_authors_next(const struct fog_mixnet *m);
void fog_mix_neighbour(struct fog_mixnet *m, const struct fog_mix_msg *r, u64 now_ns);
u32 fog_mix_link_of(const struct fog_mixnet *m, const u8 node_id[32]); /* 0 = none */
/* Room for a result of the worker of a link: zeroed header, then publish. NULL when full. */
struct fog_mix_msg *fog_mix_result(struct fog_mixnet *m, u32 worker);
void fog_mix_publish(struct fog_mixnet *m, u32 worker);

#endif
