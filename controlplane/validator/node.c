/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "controlplane/core/log.h"
#include "controlplane/validator/genesis.h"
#include "controlplane/validator/node_private.h"
#include "crypto/sign/sign.h"
#include "crypto/vrf/vrf.h"

#define TICK_MIN_S 0.001

/* The wall clock as it is, not as of this turn of the loop: latencies are below a millisecond. */
u64 fog_node_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (u64)t.tv_sec * 1000 + (u64)t.tv_nsec / 1000000;
}

/* The disk or the application let us down: no vote leaves this host any more. */
void fog_node_fail(struct fog_node *n, const char *format, ...)
{
	va_list args;

	if (n->failed)
		return;
	n->failed = true;
	va_start(args, format);
	vsnprintf(n->why, sizeof(n->why), format, args);
	va_end(args);
	fog_log(FOG_LOG_ERROR, "quorum", "stopped voting reason=\"%s\"", n->why);
}

/* ---- the protocol's pure functions ----------------------------------------------------------- */

static void on_sign(void *context, const void *message, u32 len, u8 signature[64])
{
	struct fog_node *n = context;

	fog_sign(signature, message, len, n->config.id->sign_sk);
}

static int on_verify(void *context, const u8 key[32], const void *message, u32 len,
		     const u8 signature[64])
{
	return fog_sign_verify(signature, message, len, key);
}

static int on_vrf_prove(void *context, const u8 alpha[32], u8 proof[FOG_VRF_SIZE])
{
	struct fog_node *n = context;

	return fog_vrf_prove(FOG_VRF_ELL2, n->config.id->sign_sk, alpha, 32, proof);
}

static int on_vrf_verify(void *context, const u8 key[32], const u8 alpha[32],
			 const u8 proof[FOG_VRF_SIZE], u8 beta[64])
{
	return fog_vrf_verify(FOG_VRF_ELL2, key, alpha, 32, proof, beta);
}

static void proposal_seen(struct fog_node *n, const struct fog_block *b)
{
	u32 i = n->seen_next++ % FOG_ARRAY_COUNT(n->seen);

	memcpy(n->seen[i].hash, b->hash, 32);
	n->seen[i].seen_ns = fog_monotonic_ns();
}

static int on_past_set(void *context, u64 epoch, struct fog_validators *out)
{
	struct fog_node *n = context;
	struct fog_epoch *e = malloc(sizeof(*e));
	int rc = e != NULL ? 0 : -ENOMEM;

	if (rc == 0 && epoch == 1)
		*out = n->genesis;
	else if (rc == 0)
		rc = fog_qlog_epoch_read(n->log, epoch, e);
	if (rc == 0 && epoch != 1)
		*out = e->set;
	free(e);
	return rc;
}

static bool on_accept(void *context, const struct fog_block *b)
{
	struct fog_node *n = context;
	static bool known[FOG_APP_BLOCK_TX_MAX];

	proposal_seen(n, b);
	fog_pool_known(n->pool, b, known);
	return n->app.accept(n->app.context, b->tx, b->header.tx_count, known) == 0;
}

static u32 on_payload(void *context, struct fog_block *const *up, u32 count, u64 time_ms,
		      const struct fog_app_bytes **tx)
{
	static struct fog_app_bytes out[FOG_APP_BLOCK_TX_MAX];
	static bool keep[FOG_APP_BLOCK_TX_MAX];
	struct fog_node *n = context;
	u32 picked = fog_pool_pick(n->pool, up, count, out), kept = 0;

	n->app.select(n->app.context, out, picked, time_ms, keep);
	for (u32 i = 0; i < picked; i++)
		if (keep[i])
			out[kept++] = out[i];
	*tx = out;
	return kept;
}

/* ---- execution ------------------------------------------------------------------------------- */

static void verdict_give(struct fog_node *n, const u8 id[32], int result, const char *why,
			 u64 height)
{
	struct waiter **at = &n->waiters[fog_load_u32(id) % WAITER_BUCKETS];

	while (*at != NULL) {
		struct waiter *w = *at;
		if (memcmp(w->id, id, 32) != 0) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		n->waiter_count--;
		w->fn(w->arg, result, why, height);
		free(w);
	}
}

static void latency_note(struct fog_node *n, const struct fog_block *b)
{
	for (u32 i = 0; i < FOG_ARRAY_COUNT(n->seen); i++)
		if (memcmp(n->seen[i].hash, b->hash, 32) == 0)
			n->latency[n->latency_count++ % LATENCIES] =
				(double)(fog_monotonic_ns() - n->seen[i].seen_ns) / 1e6;
}

static int app_block_fill(const struct fog_node *n, const struct fog_block *b,
			  struct fog_app_block *out, struct fog_app_evidence *evidence,
			  u8 (*voters)[32])
{
	const struct fog_validators *set = fog_quorum_set(n->q);
	const struct fog_header *h = &b->header;

	*out = (struct fog_app_block){.height = h->height,
				      .epoch = h->epoch,
				      .view = h->view,
				      .time_ms = h->time_ms,
				      .last = h->last,
				      .tx = b->tx,
				      .tx_count = h->tx_count,
				      .evidence = evidence,
				      .evidence_count = h->evidence_count,
				      .voters = (const u8(*)[32])voters};
	memcpy(out->hash, b->hash, 32);
	memcpy(out->proposer, set->v[h->proposer].node_id, 32);
	memcpy(out->randomness, h->randomness, 32);
	for (u32 i = 0; i < h->evidence_count; i++) {
		int rc = fog_quorum_offender(n->q, &b->evidence[i], &evidence[i]);
		if (rc != 0)
			return rc;
	}
	for (u64 m = h->voters & fog_validators_all(set); m != 0; m &= m - 1)
		memcpy(voters[out->voter_count++], set->v[__builtin_ctzll(m)].node_id, 32);
	return 0;
}

static void epoch_changed(struct fog_node *n, const struct fog_block *b, const u8 root[32],
			  const u8 *cert, u32 cert_len)
{
	struct fog_epoch *e = calloc(1, sizeof(*e));
	int rc = e != NULL ? 0 : -ENOMEM;

	if (rc == 0) {
		e->last = b->header;
		memcpy(e->root, root, 32);
		if (cert_len != 0)
			(void)fog_certificate_decode(&e->cert, cert, cert_len); /* our own */
		e->set = *fog_quorum_set(n->q);
	}
	if (rc == 0 && !n->replaying)
		rc = fog_qlog_epoch_begin(n->log, e);
	if (rc != 0)
		fog_node_fail(n, "cannot write the epoch: %s", strerror(-rc));
	if (n->replaying) {
		free(n->replayed);
		n->replayed = e;
	} else {
		free(e);
	}
	n->set_changed = true;
	fog_node_observe_check(n);
	if (!n->replaying)
		fog_node_snapshot_begin(n, fog_quorum_set(n->q)->epoch);
}

static void execute(struct fog_node *n, struct fog_block *b, const u8 *cert, u32 cert_len)
{
	static i32 verdict[FOG_APP_BLOCK_TX_MAX];
	static struct fog_app_validator change[FOG_APP_CHANGES_MAX];
	struct fog_app_result r = {.verdict = verdict, .change = change};
	struct fog_app_evidence evidence[FOG_APP_EVIDENCE_MAX];
	struct fog_app_block block;
	u8 voters[FOG_VALIDATORS_MAX][32], id[32];
	u64 epoch = fog_quorum_set(n->q)->epoch;

	if (!fog_quorum_agrees(n->q, &b->header)) {
		fog_node_fail(n, "our state is not what a quorum agreed on at block %llu",
			      (unsigned long long)b->header.height);
		return;
	}
	int rc = app_block_fill(n, b, &block, evidence, voters);
	if (rc == 0)
		rc = n->app.execute(n->app.context, &block, &r);
	if (rc != 0) {
		fog_node_fail(n, "the application cannot execute block %llu: %s",
			      (unsigned long long)b->header.height, strerror(-rc));
		return;
	}
	n->far_ms = 0;
	n->blocks++;
	n->transactions += b->header.tx_count;
	if (n->config.executed != NULL)
		n->config.executed(n->config.executed_context, &block);
	latency_note(n, b);
	fog_quorum_step(n->q,
			&(struct fog_quorum_event){.kind = FOG_QUORUM_EXECUTED,
						   .from = FOG_VALIDATORS_MAX,
						   .height = b->header.height,
						   .root = r.root,
						   .change = change,
						   .count = r.change_count,
						   .rules = &r.rules},
			fog_node_now_ms());
	if (fog_quorum_set(n->q)->epoch != epoch)
		epoch_changed(n, b, r.root, cert, cert_len);
	for (u32 i = 0; i < b->header.tx_count && !n->replaying; i++) {
		fog_pool_id(b->tx[i].data, b->tx[i].len, id);
		fog_pool_remove(n->pool, id);
		verdict_give(n, id, verdict[i], verdict[i] == 0 ? "" : strerror(-verdict[i]),
			     b->header.height);
	}
}

/* ---- actions --------------------------------------------------------------------------------- */

static void send_action(struct fog_node *n, const struct fog_quorum_action *a)
{
	const struct fog_validators *set = fog_quorum_set(n->q);
	struct fog_net_buffer *b = fog_net_buffer_new(a->data[0], a->data + 1, a->len - 1);

	if (b == NULL)
		return; /* lost, like on a bad line */
	for (u64 m = a->to & fog_validators_all(set); m != 0; m &= m - 1)
		fog_net_send_node(n->net, set->v[__builtin_ctzll(m)].node_id, b);
	fog_net_buffer_unref(b);
}

static void hold(struct fog_node *n, struct fog_quorum_action *a)
{
	struct held *h = malloc(sizeof(*h));

	FOG_ASSERT(h != NULL);
	h->action = *a;
	h->next = NULL;
	*n->held_tail = h;
	n->held_tail = &h->next;
	a->data = NULL;
	a->block = NULL;
}

static int log_action(struct fog_node *n, const struct fog_quorum_action *a)
{
	switch (a->kind) {
	case FOG_QUORUM_LOG_VOTE:
		n->barrier = true;
		return fog_qlog_append(n->log, FOG_QLOG_VOTE, a->data, a->len);
	case FOG_QUORUM_LOG_CERT:
		return fog_qlog_append(n->log, FOG_QLOG_CERT, a->data, a->len);
	default:
		return fog_qlog_block(n->log, a->block);
	}
}

static void act(struct fog_node *n, struct fog_quorum_action *a)
{
	int rc = 0;

	switch (a->kind) {
	case FOG_QUORUM_SEND:
		if (n->barrier)
			hold(n, a);
		else
			send_action(n, a);
		break;
	case FOG_QUORUM_FINAL:
		if (n->barrier) {
			hold(n, a);
			break;
		}
		rc = fog_qlog_final(n->log, a->block, a->data, a->len);
		if (rc == 0)
			execute(n, a->block, a->data, a->len);
		break;
	default:
		rc = log_action(n, a);
	}
	if (rc != 0)
		fog_node_fail(n, "cannot write the log: %s", strerror(-rc));
}

static void actions_run(struct fog_node *n)
{
	struct fog_quorum_action a;

	while (!n->failed && fog_quorum_take(n->q, &a)) {
		act(n, &a);
		fog_quorum_action_free(&a);
	}
}

void fog_node_step(struct fog_node *n, const struct fog_quorum_event *e)
{
	if (n->failed)
		return;
	fog_quorum_step(n->q, e, fog_node_now_ms());
	actions_run(n);
}

/* Votes are on disk: let out what waits for them. That may lead to more votes. */
static void commit(struct fog_node *n)
{
	while (n->barrier && !n->failed) {
		struct held *h = n->held;
		int rc = fog_qlog_sync(n->log);
		if (rc != 0) {
			fog_node_fail(n, "cannot sync the log: %s", strerror(-rc));
			return;
		}
		n->barrier = false;
		n->held = NULL;
		n->held_tail = &n->held;
		while (h != NULL) {
			struct held *next = h->next;
			act(n, &h->action);
			fog_quorum_action_free(&h->action);
			free(h);
			h = next;
		}
		actions_run(n);
	}
}

void fog_node_pool_changed(struct fog_node *n)
{
	fog_node_step(n, &(struct fog_quorum_event){.kind = FOG_QUORUM_WORK,
						    .from = FOG_VALIDATORS_MAX,
						    .count = fog_pool_count(n->pool)});
}

/* ---- the loop -------------------------------------------------------------------------------- */

static void tick_schedule(struct fog_node *n)
{
	u64 now_ms = fog_node_now_ms(), at = fog_quorum_deadline(n->q);
	double wait = at > now_ms ? (double)(at - now_ms) / 1000.0 : TICK_MIN_S;

	ev_timer_stop(n->loop, &n->tick);
	/* libev counts from the start of this turn. */
	ev_timer_set(&n->tick, wait + (ev_time() - ev_now(n->loop)), 0.0);
	ev_timer_start(n->loop, &n->tick);
}

/* Before the loop sleeps: what came in this turn is made durable and answered together. */
static void on_prepare(struct ev_loop *loop, struct ev_prepare *w, int revents)
{
	struct fog_node *n = w->data;

	fog_node_submitted_run(n);
	commit(n);
	fog_node_stash_run(n);
	commit(n);
	if (n->set_changed) {
		n->set_changed = false;
		fog_net_set(n->net, fog_quorum_set(n->q));
	}
	tick_schedule(n);
}

static void on_tick(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	fog_node_step(w->data, &(struct fog_quorum_event){.kind = FOG_QUORUM_TICK,
							  .from = FOG_VALIDATORS_MAX});
}

static void pool_recheck(struct fog_node *n)
{
	static struct fog_app_bytes tx[FOG_APP_BLOCK_TX_MAX];
	static int result[FOG_APP_BLOCK_TX_MAX];
	static char why[FOG_APP_BLOCK_TX_MAX][FOG_APP_WHY_SIZE];
	static u8 ids[FOG_APP_BLOCK_TX_MAX][32];
	u32 count = FOG_MIN(fog_pool_pick(n->pool, NULL, 0, tx), (u32)SUBMIT_BATCH);

	n->app.check(n->app.context, tx, count, true, fog_node_now_ms(), result, why);
	for (u32 i = 0; i < count; i++)
		fog_pool_id(tx[i].data, tx[i].len, ids[i]);
	for (u32 i = 0; i < count; i++)
		if (result[i] != 0 && result[i] != -EAGAIN) {
			fog_pool_remove(n->pool, ids[i]);
			verdict_give(n, ids[i], result[i], why[i], 0);
		}
}

static void waiters_expire(struct fog_node *n, u64 now_ms)
{
	for (u32 i = 0; i < WAITER_BUCKETS && n->waiter_count != 0; i++)
		for (struct waiter **at = &n->waiters[i]; *at != NULL;) {
			struct waiter *w = *at;
			if (w->since_ms + FOG_NODE_WAIT_MS > now_ms) {
				at = &w->next;
				continue;
			}
			*at = w->next;
			n->waiter_count--;
			w->fn(w->arg, -ETIMEDOUT, "not final yet; it may still be", 0);
			free(w);
		}
}

static void on_status(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	struct fog_node *n = w->data;
	u64 now_ms = fog_monotonic_ms();

	fog_node_status_send(n);
	fog_node_restore_check(n);
	fog_node_observe_check(n); /* the clock may have come to what looked too far ahead */
	waiters_expire(n, now_ms);
	if (now_ms < n->rechecked_ms + FOG_NODE_RECHECK_MS)
		return;
	n->rechecked_ms = now_ms;
	fog_pool_expire(n->pool, now_ms);
	pool_recheck(n);
	fog_node_pool_changed(n);
}

/* ---- start ----------------------------------------------------------------------------------- */

static int replay_final(struct fog_node *n, const u8 *data, u32 len)
{
	struct fog_block *b = fog_quorum_block(n->q, data + 8);
	struct fog_certificate cert;

	if (len < 40 || b == NULL)
		return -EUCLEAN;
	if (len > 40 && fog_certificate_decode(&cert, data + 40, len - 40) != (int)len - 40)
		return -EUCLEAN;
	fog_block_ref(b);
	fog_quorum_recover_final(n->q, b, len > 40 ? &cert : NULL);
	execute(n, b, data + 40, len - 40);
	fog_block_unref(b);
	return n->failed ? -EUCLEAN : 0;
}

static int on_replay(void *context, u8 kind, const u8 *data, u32 len)
{
	struct fog_node *n = context;
	struct fog_vote v;
	struct fog_certificate c;
	struct fog_block *b;
	int rc;

	switch (kind) {
	case FOG_QLOG_VOTE:
		if (len != FOG_VOTE_SIZE || fog_vote_decode(&v, data) != 0)
			return -EUCLEAN;
		fog_quorum_recover_vote(n->q, &v);
		return 0;
	case FOG_QLOG_CERT:
		if (fog_certificate_decode(&c, data, len) != (int)len)
			return -EUCLEAN;
		fog_quorum_recover_cert(n->q, &c);
		return 0;
	case FOG_QLOG_BLOCK:
		rc = fog_block_decode(&b, data, len);
		if (rc == 0) {
			fog_quorum_recover_block(n->q, b);
			fog_block_unref(b);
		}
		return rc == -EBADMSG ? -EUCLEAN : rc;
	case FOG_QLOG_FINAL:
		return replay_final(n, data, len);
	case FOG_QLOG_EPOCH:
		n->marker = len == 8 ? fog_load_u64(data) : 0;
		/* Further on lies what came after a snapshot that is not here any more. */
		return n->marker == fog_quorum_set(n->q)->epoch ? 0 : 1;
	default:
		return -EUCLEAN;
	}
}

/* It died between a last block and the begin of the next epoch. */
static int marker_restore(struct fog_node *n)
{
	int rc = 0;

	if (n->replayed != NULL && n->replayed->set.epoch > n->marker)
		rc = fog_qlog_epoch_begin(n->log, n->replayed);
	free(n->replayed);
	n->replayed = NULL;
	return rc;
}

int fog_node_core_start(struct fog_node *n, u64 epoch, char why[FOG_NODE_WHY_SIZE])
{
	struct fog_quorum_config c = {
		.genesis_ms = n->config.genesis_ms,
		.view_ms = n->config.view_ms,
		.idle_ms = n->config.idle_ms,
		.skew_ms = n->config.skew_ms,
		.observe = n->observing,
		.host = {n, on_sign, on_verify, on_vrf_prove, on_vrf_verify, on_accept, on_past_set,
			 on_payload},
	};
	struct fog_epoch *e = calloc(1, sizeof(*e));
	int rc = e != NULL ? 0 : -ENOMEM;

	memcpy(c.chain, n->chain, 32);
	memcpy(c.node_id, n->config.id->node_id, 32);
	memcpy(c.genesis_root, n->genesis_root, 32);
	fog_quorum_free(n->q);
	n->q = NULL;
	if (rc == 0)
		rc = fog_quorum_new(&n->q, &c, &n->genesis);
	if (rc == 0 && epoch > 1)
		rc = fog_qlog_epoch_read(n->log, epoch, e);
	if (rc == 0 && epoch > 1)
		fog_quorum_begin(n->q, &e->set, &e->last, e->root);
	free(e);
	n->replaying = true;
	if (rc == 0)
		rc = FOG_MIN(fog_qlog_replay(n->log, epoch, on_replay, n), 0);
	n->replaying = false;
	if (rc == 0)
		rc = marker_restore(n);
	if (rc != 0) {
		snprintf(why, FOG_NODE_WHY_SIZE, "cannot replay the quorum log: %.180s",
			 n->failed ? n->why : strerror(-rc));
		return rc;
	}
	n->set_changed = true;
	fog_node_observe_check(n);
	fog_node_step(n, &(struct fog_quorum_event){.kind = FOG_QUORUM_START,
						    .from = FOG_VALIDATORS_MAX});
	return 0;
}

static void chain_make(struct fog_node *n)
{
	u64 height;

	n->app.info(n->app.context, &height, n->genesis_root);
	FOG_ASSERT(height == 0);
	fog_genesis_chain(&n->genesis, n->config.genesis_ms, n->genesis_root, n->chain);
}

static void timers_start(struct fog_node *n)
{
	ev_prepare_init(&n->prepare, on_prepare);
	ev_init(&n->tick, on_tick);
	ev_timer_init(&n->status, on_status, FOG_NODE_STATUS_MS / 1000.0,
		      FOG_NODE_STATUS_MS / 1000.0);
	n->prepare.data = n->tick.data = n->status.data = n;
	ev_prepare_start(n->loop, &n->prepare);
	ev_timer_start(n->loop, &n->status);
}

static int start(struct fog_node *n, char why[FOG_NODE_WHY_SIZE])
{
	struct fog_net_events events = {fog_node_message, fog_node_up, fog_node_down, n};
	u64 epoch = 1;
	int rc;

	if (mkdir(n->dir, 0700) != 0 && errno != EEXIST) {
		snprintf(why, FOG_NODE_WHY_SIZE, "%.160s: %s", n->dir, strerror(errno));
		return -errno;
	}
	chain_make(n);
	n->alive = calloc(1, sizeof(*n->alive));
	if (n->alive == NULL)
		return -ENOMEM;
	*n->alive = (struct alive){1, n};
	rc = fog_pool_new(&n->pool);
	if (rc == 0)
		rc = fog_node_observe_start(n);
	if (rc == 0)
		rc = fog_qlog_open(&n->log, n->dir, why);
	if (rc == 0)
		rc = fog_node_observe_log(n);
	if (rc == 0)
		rc = fog_net_start(&n->net, n->loop, n->config.id, n->config.listen, &events);
	if (rc != 0 && why[0] == '\0')
		snprintf(why, FOG_NODE_WHY_SIZE, "quorum: %s", strerror(-rc));
	if (rc == 0)
		rc = fog_node_snapshot_load(n, &epoch, why);
	if (rc == 0)
		rc = fog_node_core_start(n, epoch, why);
	if (rc == 0)
		timers_start(n);
	return rc;
}

int fog_node_start(struct fog_node **out, const struct fog_node_config *config,
		   char why[FOG_NODE_WHY_SIZE])
{
	struct fog_node *n = calloc(1, sizeof(*n));

	why[0] = '\0';
	if (n == NULL || strlen(config->dir) >= sizeof(n->dir)) {
		free(n);
		snprintf(why, FOG_NODE_WHY_SIZE, "no memory, or the path is too long");
		return -ENOMEM;
	}
	n->config = *config;
	n->config.listen = config->listen;
	n->loop = config->loop;
	n->app = config->app;
	n->genesis = *config->genesis;
	n->held_tail = &n->held;
	n->snapshot_fd = -1;
	if (n->config.verifier.verify == NULL)
		n->config.verifier = fog_node_verifier_local;
	snprintf(n->dir, sizeof(n->dir), "%s", config->dir);
	int rc = start(n, why);
	if (rc != 0) {
		fog_node_stop(n);
		return rc;
	}
	*out = n;
	return 0;
}

void fog_node_tune(struct fog_node *n, u32 view_ms, u32 idle_ms)
{
	n->config.view_ms = view_ms;
	n->config.idle_ms = idle_ms;
	fog_quorum_tune(n->q, view_ms, idle_ms);
}

void fog_node_alive_unref(struct alive *a)
{
	if (a != NULL && --a->references == 0)
		free(a);
}

void fog_node_stop(struct fog_node *n)
{
	if (n == NULL)
		return;
	ev_prepare_stop(n->loop, &n->prepare);
	ev_timer_stop(n->loop, &n->tick);
	ev_timer_stop(n->loop, &n->status);
	ev_timer_stop(n->loop, &n->snapshot_timer);
	if (n->alive != NULL)
		n->alive->node = NULL;
	fog_node_alive_unref(n->alive);
	while (n->held != NULL) {
		struct held *next = n->held->next;
		fog_quorum_action_free(&n->held->action);
		free(n->held);
		n->held = next;
	}
	for (u32 i = 0; i < WAITER_BUCKETS; i++)
		while (n->waiters[i] != NULL) {
			struct waiter *w = n->waiters[i];
			n->waiters[i] = w->next;
			w->fn(w->arg, -ECANCELED, "the control plane stops", 0);
			free(w);
		}
	while (n->submitted_count > 0) {
		struct submitted *s = &n->submitted[--n->submitted_count];
		if (s->fn != NULL)
			s->fn(s->arg, -ECANCELED, "the control plane stops", 0);
		free(s->data);
	}
	while (n->stash_count > 0)
		free(n->stash[--n->stash_count].data);
	if (n->snapshot_fd >= 0)
		close(n->snapshot_fd);
	free(n->restore.e);
	fog_net_stop(n->net);
	if (n->log != NULL && fog_qlog_sync(n->log) != 0)
		fog_log(FOG_LOG_WARNING, "quorum", "the log's tail is not on disk");
	fog_qlog_close(n->log);
	fog_pool_free(n->pool);
	fog_quorum_free(n->q);
	free(n);
}
