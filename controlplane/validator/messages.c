/* SPDX-License-Identifier: BSD-3-Clause */
/* What peers and clients send. */
#include <errno.h>

#include "controlplane/core/log.h"
#include "controlplane/validator/node_private.h"
#include "crypto/sign/sign.h"

#define RANGE_AGAIN_MS 500 /* the same range is asked for again after this */

void fog_node_send(struct fog_node *n, u32 peer, u8 type, const void *data, u32 len)
{
	struct fog_net_buffer *b = fog_net_buffer_new(type, data, len);

	if (b != NULL)
		fog_net_send(n->net, peer, b);
	fog_net_buffer_unref(b);
}

/* ---- signatures ------------------------------------------------------------------------------ */

static int verify_local(void *context, const struct fog_vote_check *c, u32 count,
			fog_node_verified_fn *done, void *arg)
{
	static struct fog_sign_item item[FOG_NODE_CHECKS_MAX];
	static int result[FOG_NODE_CHECKS_MAX];
	int rc = 0;

	for (u32 i = 0; i < count; i++)
		item[i] = (struct fog_sign_item){c[i].signature, c[i].key, c[i].message,
						 sizeof(c[i].message)};
	fog_sign_verify_many(item, count, result);
	for (u32 i = 0; i < count; i++)
		if (result[i] != 0)
			rc = -EBADMSG;
	done(arg, rc);
	return 0;
}

const struct fog_node_verifier fog_node_verifier_local = {NULL, "this process", verify_local};

/* Something that waits for its signatures. */
struct job {
	struct alive *alive;
	u32 peer;
	u8 node_id[32];
	struct fog_message message;
	struct fog_sync_range *range; /* or a range of final blocks */
};

static void job_free(struct job *j)
{
	fog_node_alive_unref(j->alive);
	fog_message_free(&j->message);
	if (j->range != NULL)
		fog_sync_range_free(j->range);
	free(j->range);
	free(j);
}

static u32 voter(const struct fog_node *n, const u8 node_id[32])
{
	int at = fog_validators_find(fog_quorum_set(n->q), node_id);

	return at >= 0 ? (u32)at : FOG_VALIDATORS_MAX;
}

static void range_apply(struct fog_node *n, u32 peer, const struct fog_sync_range *r)
{
	u8 hash[32];
	u32 skip = 0;

	if (fog_node_restore_range(n, peer, r))
		return;
	u64 height = fog_quorum_final(n->q, hash)->height;
	while (skip < r->count && r->block[skip]->header.height <= height)
		skip++;
	/* Of another epoch by now, or no child of ours: the next status will ask again. */
	if (skip == r->count || r->cert.epoch != fog_quorum_set(n->q)->epoch ||
	    memcmp(r->block[skip]->header.parent, hash, 32) != 0)
		return;
	n->asked_from = 0;
	fog_node_step(n, &(struct fog_quorum_event){.kind = FOG_QUORUM_CATCHUP,
						    .from = FOG_VALIDATORS_MAX,
						    .block = r->block + skip,
						    .count = r->count - skip,
						    .cert = &r->cert});
}

static void on_verified(void *arg, int result)
{
	struct job *j = arg;
	struct fog_node *n = j->alive->node;

	if (n == NULL) {
		job_free(j);
		return;
	}
	n->pending--;
	if (result != 0) {
		n->checks_failed++;
		fog_log(FOG_LOG_DEBUG, "quorum", "a message with a false signature was dropped");
	} else if (j->range != NULL) {
		range_apply(n, j->peer, j->range);
	} else {
		fog_node_step(n, &(struct fog_quorum_event){.kind = FOG_QUORUM_MESSAGE,
							    .from = voter(n, j->node_id),
							    .message = &j->message});
	}
	job_free(j);
}

/* Takes the job over. */
static void verify(struct fog_node *n, struct job *j, const struct fog_vote_check *c, u32 count)
{
	n->checks += count;
	n->pending++;
	if (count == 0)
		on_verified(j, 0);
	else if (n->config.verifier.verify(n->config.verifier.context, c, count, on_verified, j) !=
		 0)
		verify_local(NULL, c, count, on_verified, j); /* full, or away */
}

static struct job *job_new(struct fog_node *n, u32 peer, const u8 node_id[32])
{
	struct job *j = n->pending < FOG_NODE_PENDING_MAX ? calloc(1, sizeof(*j)) : NULL;

	if (j == NULL)
		return NULL;
	j->alive = n->alive;
	n->alive->references++;
	j->peer = peer;
	memcpy(j->node_id, node_id, 32);
	return j;
}

static void stash(struct fog_node *n, const u8 node_id[32], const u8 *data, u32 len)
{
	u8 *copy = n->stash_count < FOG_NODE_STASH_MAX ? malloc(len) : NULL;

	if (copy == NULL)
		return;
	memcpy(copy, data, len);
	struct stashed *s = &n->stash[n->stash_count++];
	n->stash_epoch = fog_quorum_set(n->q)->epoch;
	s->data = copy;
	s->len = len;
	memcpy(s->node_id, node_id, 32);
}

static void protocol_take(struct fog_node *n, u32 peer, const u8 node_id[32], const u8 *data,
			  u32 len)
{
	static struct fog_vote_check checks[FOG_NODE_CHECKS_MAX];
	struct job *j = job_new(n, peer, node_id);

	if (j == NULL)
		return;
	int count = fog_message_decode(&j->message, data, len);
	if (count == 0)
		count = fog_message_checks(n->q, &j->message, checks, FOG_NODE_CHECKS_MAX);
	if (count == -EAGAIN)
		stash(n, node_id, data, len);
	if (count < 0)
		job_free(j);
	else
		verify(n, j, checks, (u32)count);
}

/* The epoch they were for may have begun. */
void fog_node_stash_run(struct fog_node *n)
{
	struct stashed s[FOG_NODE_STASH_MAX];
	u32 count = n->stash_count;

	if (count == 0 || fog_quorum_set(n->q)->epoch == n->stash_epoch)
		return;
	memcpy(s, n->stash, count * sizeof(s[0]));
	n->stash_count = 0;
	for (u32 i = 0; i < count; i++) {
		protocol_take(n, 0, s[i].node_id, s[i].data, s[i].len);
		free(s[i].data);
	}
}

/* ---- catching up ----------------------------------------------------------------------------- */

static void range_take(struct fog_node *n, u32 peer, const u8 node_id[32], const u8 *data, u32 len)
{
	static struct fog_vote_check checks[FOG_VALIDATORS_MAX];
	struct job *j = job_new(n, peer, node_id);

	if (j == NULL)
		return;
	j->range = calloc(1, sizeof(*j->range));
	int count = j->range != NULL ? fog_sync_range_decode(j->range, data, len) : -ENOMEM;
	/* A snapshot's first blocks are of an epoch whose set was just proven. */
	const struct fog_validators *set = n->restore.on ? &n->restore.set : fog_quorum_set(n->q);
	if (count == 0)
		count = fog_certificate_checks(set, n->chain, &j->range->cert, checks,
					       FOG_VALIDATORS_MAX);
	if (count < 0)
		job_free(j);
	else
		verify(n, j, checks, (u32)count);
}

static struct fog_block *on_block(void *context, u64 height, struct fog_certificate *cert)
{
	struct fog_node *n = context;

	return fog_qlog_read(n->log, height, cert);
}

static void range_give(struct fog_node *n, u32 peer, u64 from)
{
	struct fog_sync_source source = {n, on_block};
	u8 *data;
	u32 len;

	if (fog_sync_range_make(&source, from, &data, &len) != 0) {
		fog_node_send(n, peer, NODE_GONE, NULL, 0);
		return;
	}
	fog_node_send(n, peer, NODE_RANGE, data, len);
	free(data);
}

static void status_take(struct fog_node *n, u32 peer, const u8 node_id[32], const u8 *data, u32 len)
{
	struct fog_sync_status s;
	u8 hash[32], ask[8];
	u64 height = fog_quorum_final(n->q, hash)->height, now_ms = fog_monotonic_ms();

	if (fog_sync_status_decode(&s, data, len) != 0)
		return;
	fog_node_step(
		n, &(struct fog_quorum_event){.kind = FOG_QUORUM_HEARD, .from = voter(n, node_id)});
	if (s.epoch == fog_quorum_set(n->q)->epoch)
		fog_node_step(n, &(struct fog_quorum_event){.kind = FOG_QUORUM_BEHIND,
							    .from = voter(n, node_id),
							    .view = s.view});
	if (s.height <= height || n->restore.on)
		return;
	if (s.first == 0 || s.first > height + 1) {
		/* It may itself come from a snapshot just now, while others have all blocks. */
		if (n->far_ms == 0)
			n->far_ms = now_ms;
		if (now_ms >= n->far_ms + FOG_NODE_FAR_MS)
			fog_node_restore_begin(n, peer, &s);
		return;
	}
	/* One or two blocks are likely to be under way. */
	bool validator = voter(n, n->config.id->node_id) < FOG_VALIDATORS_MAX;
	if (validator && s.epoch == fog_quorum_set(n->q)->epoch && s.height <= height + 2 &&
	    now_ms < n->asked_ms + RANGE_AGAIN_MS)
		return;
	if (n->asked_from == height + 1 && now_ms < n->asked_ms + RANGE_AGAIN_MS)
		return;
	n->asked_ms = now_ms;
	n->asked_from = height + 1;
	fog_store_u64(ask, height + 1);
	fog_node_send(n, peer, NODE_RANGE_ASK, ask, 8);
}

static u32 status_make(struct fog_node *n, u8 out[FOG_STATUS_SIZE])
{
	struct fog_quorum_status q;
	struct fog_sync_status s = {0};
	u64 last;

	fog_quorum_status(n->q, fog_node_now_ms(), &q);
	s.epoch = q.epoch;
	s.view = q.view;
	fog_qlog_heights(n->log, &s.first, &last);
	s.height = n->failed ? 0 : q.executed;
	s.snapshot = n->offer_height;
	s.pool = fog_pool_count(n->pool);
	fog_sync_status_encode(&s, out);
	return FOG_STATUS_SIZE;
}

void fog_node_status_send(struct fog_node *n)
{
	u8 bytes[FOG_STATUS_SIZE];
	u32 len = status_make(n, bytes);
	struct fog_net_buffer *b = fog_net_buffer_new(NODE_STATUS, bytes, len);

	if (b == NULL)
		return;
	fog_net_broadcast(n->net, b, false);
	fog_net_buffer_unref(b);
}

void fog_node_up(void *context, u32 peer)
{
	struct fog_node *n = context;
	u8 bytes[FOG_STATUS_SIZE];

	if (n->q == NULL)
		return;
	u32 len = status_make(n, bytes);
	fog_node_send(n, peer, NODE_STATUS, bytes, len);
}

void fog_node_down(void *context, u32 peer)
{
	fog_node_restore_lost(context, peer, "its connection ended");
}

/* ---- transactions ---------------------------------------------------------------------------- */

static struct waiter *waiter_add(struct fog_node *n, const u8 id[32], fog_node_verdict_fn *fn,
				 void *arg)
{
	struct waiter *w = n->waiter_count < FOG_NODE_WAITERS_MAX ? calloc(1, sizeof(*w)) : NULL;
	struct waiter **at = &n->waiters[fog_load_u32(id) % WAITER_BUCKETS];

	if (w == NULL)
		return NULL;
	memcpy(w->id, id, 32);
	w->fn = fn;
	w->arg = arg;
	w->since_ms = fog_monotonic_ms();
	w->next = *at;
	*at = w;
	n->waiter_count++;
	return w;
}

int fog_node_submit(struct fog_node *n, const void *tx, u32 len, fog_node_verdict_fn *fn, void *arg)
{
	if (len == 0 || len > FOG_APP_TX_MAX)
		return -EMSGSIZE;
	if (n->failed)
		return -EIO;
	if (n->restore.on)
		return -EINPROGRESS;
	if (n->waiter_count >= FOG_NODE_WAITERS_MAX ||
	    fog_pool_count(n->pool) >= FOG_POOL_COUNT_MAX)
		return -EAGAIN;
	if (n->submitted_count == SUBMIT_BATCH)
		fog_node_submitted_run(n);
	u8 *copy = malloc(len);
	if (copy == NULL)
		return -EAGAIN;
	memcpy(copy, tx, len);
	n->submitted[n->submitted_count++] = (struct submitted){copy, len, fn, arg};
	return 0;
}

/* Tell the validators of what is new here: count, as taken. */
static void txs_send(struct fog_node *n, const struct fog_app_bytes *tx, const bool *fresh,
		     u32 count)
{
	u32 bytes = 0, at = 1;

	for (u32 i = 0; i < count; i++)
		bytes += fresh[i] ? 4 + tx[i].len : 0;
	struct fog_net_buffer *b = bytes != 0 ? malloc(sizeof(*b) + 1 + bytes) : NULL;
	if (b == NULL)
		return;
	b->references = 1;
	b->len = 1 + bytes;
	b->data[0] = NODE_TXS;
	for (u32 i = 0; i < count; i++) {
		if (!fresh[i])
			continue;
		fog_store_u32(b->data + at, tx[i].len);
		memcpy(b->data + at + 4, tx[i].data, tx[i].len);
		at += 4 + tx[i].len;
	}
	fog_net_broadcast(n->net, b, true);
	fog_net_buffer_unref(b);
}

static struct fog_app_bytes batch[FOG_APP_BLOCK_TX_MAX];
static u8 batch_id[FOG_APP_BLOCK_TX_MAX][32];
static int batch_result[FOG_APP_BLOCK_TX_MAX];
static char batch_why[FOG_APP_BLOCK_TX_MAX][FOG_APP_WHY_SIZE];
static bool batch_fresh[FOG_APP_BLOCK_TX_MAX];

/* Check batch[0 .. count) and put what is good into the pool. */
static void batch_add(struct fog_node *n, u32 count)
{
	n->app.check(n->app.context, batch, count, false, fog_node_now_ms(), batch_result,
		     batch_why);
	for (u32 i = 0; i < count; i++) {
		batch_fresh[i] = false;
		if (batch_result[i] != 0)
			continue;
		int rc = fog_pool_add(n->pool, batch_id[i], batch[i].data, batch[i].len,
				      fog_monotonic_ms());
		batch_fresh[i] = rc == 0;
		/* Waiting already: both callers hear of it. */
		batch_result[i] = rc == -EEXIST ? 0 : rc;
		if (batch_result[i] != 0)
			snprintf(batch_why[i], FOG_APP_WHY_SIZE, "too many are waiting");
	}
}

void fog_node_submitted_run(struct fog_node *n)
{
	u32 count = n->submitted_count;
	static struct submitted s[SUBMIT_BATCH];

	if (count == 0)
		return;
	memcpy(s, n->submitted, count * sizeof(s[0]));
	n->submitted_count = 0;
	for (u32 i = 0; i < count; i++) {
		batch[i] = (struct fog_app_bytes){s[i].data, s[i].len};
		fog_pool_id(s[i].data, s[i].len, batch_id[i]);
	}
	batch_add(n, count);
	txs_send(n, batch, batch_fresh, count);
	for (u32 i = 0; i < count; i++) {
		if (s[i].fn != NULL && batch_result[i] != 0)
			s[i].fn(s[i].arg, batch_result[i], batch_why[i], 0);
		else if (s[i].fn != NULL && waiter_add(n, batch_id[i], s[i].fn, s[i].arg) == NULL)
			s[i].fn(s[i].arg, -ETIMEDOUT, "nobody can wait for it any more", 0);
		free(s[i].data);
	}
	fog_node_pool_changed(n);
}

void fog_node_forget(struct fog_node *n, const void *arg)
{
	for (u32 i = 0; i < n->submitted_count; i++)
		if (n->submitted[i].arg == arg)
			n->submitted[i].fn = NULL;
	for (u32 i = 0; i < WAITER_BUCKETS && n->waiter_count != 0; i++)
		for (struct waiter **at = &n->waiters[i]; *at != NULL;) {
			struct waiter *w = *at;
			if (w->arg != arg) {
				at = &w->next;
				continue;
			}
			*at = w->next;
			n->waiter_count--;
			free(w);
		}
}

static void txs_take(struct fog_node *n, const u8 *data, u32 len)
{
	u32 count = 0;

	for (u32 at = 0; len - at >= 4 && count < FOG_APP_BLOCK_TX_MAX;) {
		u32 size = fog_load_u32(data + at);
		at += 4;
		if (size == 0 || size > FOG_APP_TX_MAX || size > len - at)
			break; /* the rest is of no use */
		fog_pool_id(data + at, size, batch_id[count]);
		if (!fog_pool_has(n->pool, batch_id[count]))
			batch[count++] = (struct fog_app_bytes){data + at, size};
		at += size;
	}
	if (count == 0)
		return;
	batch_add(n, count);
	fog_node_pool_changed(n);
}

/* ---- all messages ---------------------------------------------------------------------------- */

void fog_node_message(void *context, u32 peer, const u8 node_id[32], bool validator, const u8 *data,
		      u32 len)
{
	struct fog_node *n = context;

	if (len == 0 || n->failed || n->q == NULL)
		return;
	switch (data[0]) {
	case NODE_TXS:
		txs_take(n, data + 1, len - 1);
		break;
	case NODE_STATUS:
		status_take(n, peer, node_id, data + 1, len - 1);
		break;
	case NODE_RANGE_ASK:
		if (len == 9)
			range_give(n, peer, fog_load_u64(data + 1));
		break;
	case NODE_RANGE:
		range_take(n, peer, node_id, data + 1, len - 1);
		break;
	case NODE_EPOCHS_ASK:
	case NODE_EPOCHS:
	case NODE_SNAPSHOT_ASK:
	case NODE_SNAPSHOT:
	case NODE_CHUNK_ASK:
	case NODE_CHUNK:
	case NODE_GONE:
		fog_node_state_message(n, peer, data, len);
		break;
	default:
		/* Followers vote on nothing. */
		if (validator && data[0] < FOG_MESSAGE_OWNERS)
			protocol_take(n, peer, node_id, data, len);
	}
}
