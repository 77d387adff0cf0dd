/* SPDX-License-Identifier: BSD-3-Clause */
/* Between the files of a node: node.c (life, disk, execution), messages.c (peers), state.c
 * (snapshots), view.c (for people and light clients). */
#ifndef FOG_VALIDATOR_NODE_PRIVATE_H
#define FOG_VALIDATOR_NODE_PRIVATE_H

#include "controlplane/quorum/sync.h"
#include "controlplane/validator/disk.h"
#include "controlplane/validator/node.h"
#include "controlplane/validator/pool.h"

/* Messages of nodes, after those of the protocol. */
enum node_message {
	NODE_TXS = FOG_MESSAGE_OWNERS, /* len u32, bytes each */
	NODE_STATUS,
	NODE_RANGE_ASK, /* height u64 */
	NODE_RANGE,
	NODE_EPOCHS_ASK,   /* epoch u64: facts of this one and some after it */
	NODE_EPOCHS,       /* len u32, facts each */
	NODE_SNAPSHOT_ASK, /* epoch u64 */
	NODE_SNAPSHOT,     /* epoch u64, height u64, chunks u32, root 32, digest 32 */
	NODE_CHUNK_ASK,    /* epoch u64, chunk u32 */
	NODE_CHUNK,        /* epoch u64, chunk u32, bytes */
	NODE_GONE,         /* what was asked for is not here, or not any more */
};

#define LATENCIES    1024 /* of the last blocks, for the figures */
#define SUBMIT_BATCH 1024 /* transactions checked together */

struct held { /* waits for the log */
	struct fog_quorum_action action;
	struct held *next;
};

struct waiter {
	u8 id[32];
	fog_node_verdict_fn *fn;
	void *arg;
	u64 since_ms;
	struct waiter *next;
};

#define WAITER_BUCKETS 16384

struct stashed {
	u8 *data;
	u32 len;
	u8 node_id[32];
};

struct submitted {
	u8 *data;
	u32 len;
	fog_node_verdict_fn *fn;
	void *arg;
};

/* Outlives the node while checks of signatures are under way. */
struct alive {
	u32 references;
	struct fog_node *node; /* NULL: it is gone */
};

/* Fetching a snapshot. */
struct restore {
	bool on;
	u32 peer;
	u64 asked_ms, height, epoch; /* of what is on offer */
	struct fog_epoch *e;         /* facts of that epoch, proven */
	bool root_known;
	struct fog_app_snapshot meta;
	u32 chunk;
	struct fog_validators set; /* of the last epoch proven */
};

struct fog_node {
	struct fog_node_config config;
	struct ev_loop *loop;
	char dir[3900];
	u8 chain[32];
	u8 genesis_root[32];
	struct fog_validators genesis;
	struct fog_quorum *q;
	struct fog_qlog *log;
	struct fog_net *net;
	struct fog_pool *pool;
	struct fog_application app;
	bool observing; /* also a file in `dir`; see observe.c */
	u64 started_ms; /* monotonic */
	struct ev_prepare prepare;
	struct ev_timer tick, status;
	bool replaying, failed, set_changed;
	char why[FOG_NODE_WHY_SIZE]; /* why it failed */

	/* A last block was replayed, but maybe not the begin of the epoch after it. */
	struct fog_epoch *replayed;
	u64 marker;

	bool barrier; /* a vote is in the log that is not synced */
	struct held *held, **held_tail;

	u32 submitted_count;
	struct submitted submitted[SUBMIT_BATCH];
	struct waiter *waiters[WAITER_BUCKETS];
	u32 waiter_count;

	u32 pending; /* checks under way */
	struct alive *alive;
	struct stashed stash[FOG_NODE_STASH_MAX];
	u32 stash_count;
	u64 stash_epoch; /* in which they came */
	u64 asked_ms;    /* last range */
	u64 asked_from;  /* its first height */
	u64 far_ms;      /* since when a peer is ahead that has not our next block; 0 = none is */
	u64 pushed_ms, rechecked_ms;

	/* Snapshot being written, and the one on offer. */
	int snapshot_fd;
	struct fog_app_snapshot snapshot;
	u64 snapshot_epoch, offer_epoch, offer_height;
	u32 snapshot_chunk;
	struct ev_timer snapshot_timer;
	struct restore restore;

	u64 transactions, blocks, checks, checks_failed;
	u32 latency_count;
	double latency[LATENCIES];
	struct {
		u8 hash[32];
		u64 seen_ns;
	} seen[64]; /* proposals, for the figures */
	u32 seen_next;
};

/* node.c */
void fog_node_fail(struct fog_node *n, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void fog_node_step(struct fog_node *n, const struct fog_quorum_event *e);
u64 fog_node_now_ms(void);
/* A core at the begin of `epoch`, fed with what the log holds since. */
int fog_node_core_start(struct fog_node *n, u64 epoch, char why[FOG_NODE_WHY_SIZE]);
void fog_node_pool_changed(struct fog_node *n);

/* observe.c */
/* Before the log is opened, and after. 0 or -errno. */
int fog_node_observe_start(struct fog_node *n);
int fog_node_observe_log(struct fog_node *n);
/* An epoch has begun: may it vote again? */
void fog_node_observe_check(struct fog_node *n);

/* messages.c */
void fog_node_message(void *context, u32 peer, const u8 node_id[32], bool validator, const u8 *data,
		      u32 len);
void fog_node_up(void *context, u32 peer);
void fog_node_down(void *context, u32 peer);
void fog_node_stash_run(struct fog_node *n);
void fog_node_status_send(struct fog_node *n);
void fog_node_send(struct fog_node *n, u32 peer, u8 type, const void *data, u32 len);
void fog_node_submitted_run(struct fog_node *n);
void fog_node_alive_unref(struct alive *a);

/* state.c */
void fog_node_snapshot_begin(struct fog_node *n, u64 epoch);
int fog_node_snapshot_load(struct fog_node *n, u64 *epoch, char why[FOG_NODE_WHY_SIZE]);
void fog_node_state_message(struct fog_node *n, u32 peer, const u8 *data, u32 len);
/* The peer that a snapshot is fetched from will not give it; nothing when it is another one. */
void fog_node_restore_lost(struct fog_node *n, u32 peer, const char *what);
/* This peer is too far ahead to tell us block by block. */
void fog_node_restore_begin(struct fog_node *n, u32 peer, const struct fog_sync_status *s);
/* A checked range that begins where the snapshot being fetched ends: its root. */
void fog_node_restore_check(struct fog_node *n); /* now and then: time-outs */
bool fog_node_restore_range(struct fog_node *n, u32 peer, const struct fog_sync_range *r);

#endif
