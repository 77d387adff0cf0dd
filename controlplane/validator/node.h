/* SPDX-License-Identifier: BSD-3-Clause */
/* One validator or follower: protocol (controlplane/quorum), log, connections, pool and application
 * on one loop. A validator is whoever's node id is in the set of the present epoch; everybody else
 * with the same genesis follows: executes what is final and passes transactions on.
 *
 * At the end of each turn of the loop the log is synced once if a vote is waiting, and only then
 * are votes sent and blocks executed. The loop's thread only. */
#ifndef FOG_VALIDATOR_NODE_H
#define FOG_VALIDATOR_NODE_H

#include <jansson.h>

#include "controlplane/core/identity.h"
#include "controlplane/core/loop.h"
#include "controlplane/quorum/quorum.h"
#include "controlplane/validator/net.h"
#include "configs/address.h"

#define FOG_NODE_WHY_SIZE    256
#define FOG_NODE_WAITERS_MAX 65536 /* clients waiting for a verdict; more: -EAGAIN */
#define FOG_NODE_WAIT_MS     30000 /* then a waiting client is told -ETIMEDOUT */
#define FOG_NODE_STATUS_MS   250   /* between two statuses to all peers */
#define FOG_NODE_PENDING_MAX 4096  /* messages whose signatures are being checked */
#define FOG_NODE_STASH_MAX   256   /* messages of the next epoch, kept until it begins */
#define FOG_NODE_CHECKS_MAX  4096  /* signatures of one message */
#define FOG_NODE_RECHECK_MS  1000  /* the pool's oldest are checked again */
#define FOG_NODE_PUSH_MS     20    /* followers learn of new heights so often at most */
#define FOG_NODE_FAR_MS      1000  /* then a snapshot, if nobody has our next block */

struct fog_node;

/* Checks signatures, all of them or none: done(arg, 0 or -EBADMSG), now or later. 0 or -EAGAIN. */
typedef void fog_node_verified_fn(void *arg, int result);
struct fog_node_verifier {
	void *context;
	const char *name; /* "data plane", "this process" */
	int (*verify)(void *context, const struct fog_vote_check *check, u32 count,
		      fog_node_verified_fn *done, void *arg);
};
/* In this process, at once, in batches. */
extern const struct fog_node_verifier fog_node_verifier_local;

struct fog_node_config {
	struct ev_loop *loop;
	const struct fog_identity *id;        /* borrowed */
	const char *dir;                      /* of the log; made when absent */
	const struct fog_address *listen;     /* NULL: does not accept connections */
	const struct fog_validators *genesis; /* epoch 1 */
	u64 genesis_ms;
	u32 view_ms, idle_ms; /* 0 = default */
	u32 skew_ms;          /* 0 = FOG_QUORUM_SKEW_MS; tests have less time */
	/* A file that is there as long as this key has voted for nothing (FOG_IDENTITY_NEW), NULL =
	 * there is none. Removed once the log stands. Without log and file the log was lost: the
	 * node observes until it is certain not to contradict itself (docs/design/quorum.md). */
	const char *key_new;
	u64 log_keep; /* bytes of final blocks kept for peers; 0 = FOG_QLOG_KEEP */
	struct fog_application app;
	/* Told of each block once it is executed, also of those executed again after a start; may
	 * be NULL. */
	void (*executed)(void *context, const struct fog_app_block *block);
	void *executed_context;
	struct fog_node_verifier verifier; /* verify NULL: local */
};

/* Reads the log, restores the state, connects. 0 or -errno with `why`. */
int fog_node_start(struct fog_node **out, const struct fog_node_config *config,
		   char why[FOG_NODE_WHY_SIZE]);
void fog_node_stop(struct fog_node *n);

/* The verdict of a transaction: result 0: executed at `height`; -errno: refused, `why` in words;
 * -ETIMEDOUT: not known yet, it may still come; -ECANCELED: the node stops. Called exactly once,
 * later. */
typedef void fog_node_verdict_fn(void *arg, int result, const char *why, u64 height);
/* Give a transaction to the fog; fn may be NULL. 0, -EMSGSIZE, -EAGAIN (pool or
 * waiters full), -EINPROGRESS (a snapshot is being fetched), -EIO (this node has failed). */
int fog_node_submit(struct fog_node *n, const void *tx, u32 len, fog_node_verdict_fn *fn,
		    void *arg);
/* Forget all waiting calls with this arg. */
void fog_node_forget(struct fog_node *n, const void *arg);

/* view_ms and idle_ms from now on; 0 = default. */
void fog_node_tune(struct fog_node *n, u32 view_ms, u32 idle_ms);

/* Ask the application; see there. */
int fog_node_query(struct fog_node *n, const char *path, struct fog_app_bytes data, u8 **answer,
		   u32 *answer_len, u8 **proof, u32 *proof_len, u64 *height, u8 root[32]);
/* What a light client needs to believe a state root: how the epochs followed from `epoch` (1 =
 * genesis, whose set it knows) and a final header whose state_root is that root, with a certificate
 * for it or a descendant. {"chain","epochs":[..],"headers":[..],"certificate"} in hex; see
 * quorum/light.h. NULL when that root is in no final header yet. */
json_t *fog_node_proof_json(struct fog_node *n, u64 state_height, u64 epoch);

void fog_node_status(const struct fog_node *n, struct fog_quorum_status *out);
/* Why this node has stopped voting for good; NULL: it has not. */
const char *fog_node_failed(const struct fog_node *n);
const struct fog_validators *fog_node_set(const struct fog_node *n);
const u8 *fog_node_chain(const struct fog_node *n);
/* Everything for people: docs/API.md, GET /v1/quorum. */
json_t *fog_node_json(struct fog_node *n);
/* Operations of the last minute for GET /v1/fog/quorum/status: share of views that were not given
 * up, and the mean time from proposal to finality as this node saw it. */
struct fog_node_figures {
	u64 blocks, transactions, syncs, log_bytes;
	double commit_ms_mean, commit_ms_p50, commit_ms_p99, success_rate;
	u64 verify_checks, verify_failed;
	u64 pool;
};
void fog_node_figures(const struct fog_node *n, struct fog_node_figures *out);

#endif
