/* SPDX-License-Identifier: BSD-3-Clause */
/* Life, epochs, events and what is asked of others. */
#include "controlplane/quorum/private.h"

#include <errno.h>

#include "crypto/mem.h"

void *fog_q_alloc(size_t size)
{
	void *p = calloc(1, size);

	FOG_ASSERT(p != NULL);
	return p;
}

/* ---- actions -------------------------------------------------------------------------------- */

void fog_q_act(struct fog_quorum *q, struct fog_quorum_action a)
{
	if (q->action_count == q->action_cap) {
		q->action_cap = FOG_MAX(64u, 2 * q->action_cap);
		q->actions = realloc(q->actions, q->action_cap * sizeof(a));
		FOG_ASSERT(q->actions != NULL);
	}
	q->actions[q->action_count++] = a;
}

void fog_q_send(struct fog_quorum *q, u64 to, u8 type, const void *data, u32 len)
{
	if (to == 0 || !q->started)
		return;
	u8 *p = fog_q_alloc(1 + (size_t)len);
	p[0] = type;
	memcpy(p + 1, data, len);
	fog_q_act(q, (struct fog_quorum_action){
			     .kind = FOG_QUORUM_SEND, .to = to, .data = p, .len = 1 + len});
}

bool fog_quorum_take(struct fog_quorum *q, struct fog_quorum_action *out)
{
	if (q->action_done == q->action_count) {
		q->action_done = q->action_count = 0;
		return false;
	}
	*out = q->actions[q->action_done++];
	return true;
}

void fog_quorum_action_free(struct fog_quorum_action *a)
{
	free(a->data);
	fog_block_unref(a->block);
}

/* ---- epochs --------------------------------------------------------------------------------- */

u64 fog_q_others(const struct fog_quorum *q)
{
	u64 all = fog_validators_all(&q->set);

	return q->self >= 0 ? all & ~(1ull << q->self) : all;
}

u32 fog_q_leader(const struct fog_quorum *q, u64 view)
{
	return q->order[(view - 1) % q->set.count];
}

void fog_q_next_set(const struct fog_quorum *q, u64 height, struct fog_validators *out)
{
	struct fog_app_validator *change = fog_q_alloc((q->change_count + 1) * sizeof(*change));
	char why[FOG_APP_WHY_SIZE];
	u32 n = 0;

	while (n < q->change_count && q->changes[n].height <= height) {
		change[n] = q->changes[n].v;
		n++;
	}
	fog_validators_change(out, &q->set, q->set.epoch + 1, &q->rules, change, n, why);
	free(change);
}

static void past_clear(struct fog_quorum *q)
{
	for (u32 i = 0; i < PAST_VIEWS; i++) {
		fog_q_slot_free(q->past.slots[i]);
		q->past.slots[i] = NULL;
	}
	q->past.set.epoch = 0;
}

/* The last views of the epoch that ends, with the votes in them. */
static void past_keep(struct fog_quorum *q)
{
	past_clear(q);
	q->past.set = q->set;
	for (u64 view = FOG_MAX(q->final_view, 1ull); view < q->final_view + PAST_VIEWS; view++) {
		struct slot **at = &q->slots[view % FOG_QUORUM_SLOTS];
		struct slot **to = &q->past.slots[view % PAST_VIEWS];
		*to = *at;
		*at = NULL;
	}
}

static void epoch_clear(struct fog_quorum *q)
{
	for (u32 i = 0; i < FOG_QUORUM_SLOTS; i++) {
		fog_q_slot_free(q->slots[i]);
		q->slots[i] = NULL;
	}
	while (q->block_count > 0)
		fog_block_unref(q->blocks[--q->block_count]);
}

static int self_find(const struct fog_quorum *q)
{
	return q->config.observe ? -1 : fog_validators_find(&q->set, q->config.node_id);
}

void fog_quorum_rejoin(struct fog_quorum *q)
{
	q->config.observe = false;
	q->self = self_find(q);
}

static void epoch_begin(struct fog_quorum *q, const struct fog_validators *set,
			const struct fog_header *base, const u8 hash[32])
{
	epoch_clear(q);
	if (set != &q->set)
		q->set = *set;
	q->self = self_find(q);
	q->base = q->final = *base;
	memcpy(q->base_hash, hash, 32);
	memcpy(q->final_hash, hash, 32);
	q->final_view = q->want_view = 0;
	q->view = 0;
	q->fruitless = 0;
	fog_q_evidence_age(q);
	/* Who leads is drawn anew: nobody could arrange his keys for it. */
	fog_validators_order(&q->set, base->randomness, q->order);
	for (u32 i = 0; i < FOG_VALIDATORS_MAX; i++)
		q->heard_ms[i] = q->now_ms;
	fog_q_enter(q, 1);
}

static void epoch_end(struct fog_quorum *q)
{
	struct fog_validators *next = fog_q_alloc(sizeof(*next));
	u8 hash[32];

	fog_q_next_set(q, q->final.height, next);
	if (memcmp(next->hash, q->final.next, 32) != 0) {
		q->diverged = true;
	} else {
		q->change_count = 0;
		q->rules.profile = 0;
		struct fog_header base = q->final;
		memcpy(hash, q->final_hash, 32);
		past_keep(q);
		epoch_begin(q, next, &base, hash);
	}
	free(next);
}

void fog_quorum_tune(struct fog_quorum *q, u32 view_ms, u32 idle_ms)
{
	q->config.view_ms = view_ms != 0 ? view_ms : FOG_QUORUM_VIEW_MS;
	q->config.idle_ms = idle_ms != 0 ? idle_ms : FOG_QUORUM_IDLE_MS;
}

int fog_quorum_new(struct fog_quorum **out, const struct fog_quorum_config *config,
		   const struct fog_validators *set)
{
	struct fog_quorum *q = calloc(1, sizeof(*q));
	struct fog_header base = {.time_ms = config->genesis_ms};

	if (q == NULL)
		return -ENOMEM;
	q->config = *config;
	fog_quorum_tune(q, config->view_ms, config->idle_ms);
	if (q->config.skew_ms == 0)
		q->config.skew_ms = FOG_QUORUM_SKEW_MS;
	memcpy(base.chain, config->chain, 32);
	memcpy(base.randomness, config->chain, 32);
	memcpy(q->roots[0], config->genesis_root, 32);
	epoch_begin(q, set, &base, config->chain);
	*out = q;
	return 0;
}

void fog_quorum_begin(struct fog_quorum *q, const struct fog_validators *set,
		      const struct fog_header *last, const u8 root[32])
{
	u8 hash[32];

	fog_header_hash(last, hash);
	q->executed = last->height;
	q->change_count = 0;
	q->rules.profile = 0;
	memcpy(q->roots[last->height % QUORUM_ROOTS], root, 32);
	past_clear(q);
	epoch_begin(q, set, last, hash);
}

void fog_quorum_free(struct fog_quorum *q)
{
	struct fog_quorum_action a;

	if (q == NULL)
		return;
	while (fog_quorum_take(q, &a))
		fog_quorum_action_free(&a);
	epoch_clear(q);
	past_clear(q);
	free(q->actions);
	free(q);
}

/* ---- recovery ------------------------------------------------------------------------------- */

void fog_quorum_recover_vote(struct fog_quorum *q, const struct fog_vote *v)
{
	struct slot *s = v->epoch == q->set.epoch && v->voter == q->self
				 ? fog_q_slot_make(q, v->view)
				 : NULL;

	if (s == NULL)
		return;
	s->sent[v->kind] = true;
	if (v->kind != FOG_VOTE_NULLIFY)
		memcpy(s->own, v->hash, 32);
	fog_q_vote_take(q, v);
	q->view = FOG_MAX(q->view, v->view);
}

void fog_quorum_recover_cert(struct fog_quorum *q, const struct fog_certificate *c)
{
	struct slot *s = c->epoch == q->set.epoch ? fog_q_slot_make(q, c->view) : NULL;

	if (s == NULL || s->cert[c->kind] != NULL)
		return;
	s->cert[c->kind] = fog_q_alloc(sizeof(*c));
	*s->cert[c->kind] = *c;
	if (c->kind == FOG_VOTE_FINALIZE)
		q->want_view = FOG_MAX(q->want_view, c->view);
	q->view = FOG_MAX(q->view, c->view + 1);
}

void fog_quorum_recover_block(struct fog_quorum *q, struct fog_block *b)
{
	if (b->header.epoch == q->set.epoch && b->header.height > q->final.height)
		fog_q_block_keep(q, b, false);
}

static void blocks_forget(struct fog_quorum *q)
{
	for (u32 i = 0; i < q->block_count;)
		if (q->blocks[i]->header.height <= q->final.height) {
			fog_block_unref(q->blocks[i]);
			q->blocks[i] = q->blocks[--q->block_count];
		} else {
			i++;
		}
}

/* The slot of what is final, with the certificate the next proposal is built on. */
static void final_cert_keep(struct fog_quorum *q, const struct fog_certificate *c)
{
	struct slot *s = fog_q_slot_make(q, c->view);

	if (s == NULL || s->cert[FOG_VOTE_FINALIZE] != NULL)
		return;
	s->cert[FOG_VOTE_FINALIZE] = fog_q_alloc(sizeof(*c));
	*s->cert[FOG_VOTE_FINALIZE] = *c;
}

void fog_quorum_recover_final(struct fog_quorum *q, struct fog_block *b,
			      const struct fog_certificate *cert)
{
	if (b->header.epoch != q->set.epoch || b->header.height != q->final.height + 1)
		return;
	fog_q_final(q, b, cert != NULL ? cert->view : 0, NULL, false);
	if (cert != NULL) {
		final_cert_keep(q, cert);
		q->view = FOG_MAX(q->view, cert->view + 1);
	}
	if (q->want_view <= q->final_view)
		q->want_view = 0;
	blocks_forget(q);
}

/* ---- time ----------------------------------------------------------------------------------- */

static bool tip_final(const struct fog_quorum *q)
{
	for (u64 v = q->view - 1; v > q->final_view; v--) {
		const struct slot *s = fog_q_slot(q, v);
		if (s != NULL && s->cert[FOG_VOTE_NOTARIZE] != NULL)
			return false;
	}
	return q->want_view == 0;
}

bool fog_q_has_work(const struct fog_quorum *q)
{
	return q->work != 0 || !tip_final(q) || q->fruitless != 0;
}

u64 fog_q_empty_deadline(const struct fog_quorum *q)
{
	bool idle = tip_final(q) && q->fruitless == 0;

	return q->view_since_ms + (idle ? q->config.idle_ms : FOG_QUORUM_TIP_MS);
}

/* When we give the view up. */
static u64 nullify_deadline(const struct fog_quorum *q)
{
	u64 shift = FOG_MIN(q->fruitless / q->set.count, 16ull);
	u64 wait = FOG_MIN((u64)q->config.view_ms << shift, (u64)FOG_QUORUM_VIEW_MS_MAX);
	u32 leader = fog_q_leader(q, q->view);
	bool silent =
		(int)leader != q->self && q->heard_ms[leader] + FOG_QUORUM_HEARD_MS < q->now_ms;

	if (!fog_q_has_work(q))
		return q->view_since_ms + q->config.idle_ms + (silent ? 0 : wait);
	u64 since = tip_final(q) && q->fruitless == 0 ? FOG_MAX(q->view_since_ms, q->work_since_ms)
						      : q->view_since_ms;
	return silent ? since : since + wait;
}

static bool given_up(const struct fog_quorum *q)
{
	const struct slot *s = fog_q_slot(q, q->view);

	return s != NULL && (s->sent[FOG_VOTE_NULLIFY] || s->sent[FOG_VOTE_FINALIZE]);
}

u64 fog_quorum_deadline(const struct fog_quorum *q)
{
	u64 at = q->resend_ms;

	if (!given_up(q) && q->self >= 0)
		at = FOG_MIN(at, nullify_deadline(q));
	if ((int)fog_q_leader(q, q->view) == q->self && fog_q_empty_deadline(q) > q->now_ms)
		at = FOG_MIN(at, fog_q_empty_deadline(q));
	return FOG_MAX(at, q->now_ms + 1);
}

static void on_tick(struct fog_quorum *q)
{
	fog_q_commit(q);
	fog_q_propose(q);
	fog_q_consider(q);
	if (!given_up(q) && q->now_ms >= nullify_deadline(q))
		fog_q_vote(q, FOG_VOTE_NULLIFY, q->view, NULL, true);
	if (q->now_ms >= q->resend_ms) {
		q->resend_ms = q->now_ms + FOG_QUORUM_RESEND_MS;
		if (fog_q_has_work(q) || given_up(q))
			fog_q_resend(q, fog_q_others(q));
	}
}

/* ---- events --------------------------------------------------------------------------------- */

static void on_message(struct fog_quorum *q, u32 from, const struct fog_message *m)
{
	struct fog_block *b;

	switch (m->type) {
	case FOG_MESSAGE_VOTE:
		fog_q_vote_take(q, &m->vote);
		break;
	case FOG_MESSAGE_PROPOSAL:
		fog_q_proposal_take(q, m);
		break;
	case FOG_MESSAGE_CERT:
		for (u32 i = 0; i < m->cert_count; i++)
			fog_q_cert_take(q, &m->cert[i]);
		break;
	case FOG_MESSAGE_FETCH:
		b = fog_q_block_find(q, m->hash);
		if (b != NULL && from < q->set.count)
			fog_q_send(q, 1ull << from, FOG_MESSAGE_BLOCK, b->bytes, b->len);
		break;
	case FOG_MESSAGE_BLOCK:
		if (memcmp(m->block->hash, q->fetch, 32) != 0)
			break; /* not asked for */
		memset(q->fetch, 0, 32);
		fog_q_block_keep(q, m->block, true);
		fog_q_commit(q);
		fog_q_propose(q);
		fog_q_consider(q);
	}
}

static void on_executed(struct fog_quorum *q, const struct fog_quorum_event *e)
{
	FOG_ASSERT(e->height == q->executed + 1);
	q->executed = e->height;
	memcpy(q->roots[e->height % QUORUM_ROOTS], e->root, 32);
	bool end = q->final.last && q->final.height == e->height;
	for (u32 i = 0; !end && i < e->count && q->change_count < FOG_QUORUM_CHANGES_MAX; i++) {
		q->changes[q->change_count].height = e->height;
		q->changes[q->change_count++].v = e->change[i];
	}
	if (!end && e->rules != NULL)
		q->rules = *e->rules;
	if (end)
		epoch_end(q);
	if (!q->started)
		return;
	fog_q_consider(q);
	fog_q_propose(q);
}

/* Any number of blocks: they are final already, whatever we know of the views in between. */
static void on_catchup(struct fog_quorum *q, const struct fog_quorum_event *e)
{
	const struct fog_certificate *c = e->cert;

	if (c->epoch != q->set.epoch || c->view <= q->final_view)
		return;
	for (u32 i = 0; i < e->count; i++) {
		struct fog_block *b = e->block[i];
		bool end = i + 1 == e->count;
		if (b->header.height != q->final.height + 1 ||
		    memcmp(b->header.parent, q->final_hash, 32) != 0)
			continue;
		fog_q_act(q, (struct fog_quorum_action){.kind = FOG_QUORUM_LOG_BLOCK,
							.block = fog_block_ref(b)});
		fog_q_final(q, b, end ? c->view : 0, end ? c : NULL, true);
	}
	if (memcmp(q->final_hash, c->hash, 32) != 0)
		return;
	final_cert_keep(q, c);
	if (q->want_view <= q->final_view)
		q->want_view = 0;
	q->fruitless = 0;
	blocks_forget(q);
	fog_q_enter(q, c->view + 1);
}

static void on_start(struct fog_quorum *q)
{
	q->started = true;
	q->view_since_ms = q->now_ms;
	q->resend_ms = q->now_ms; /* our part of what was going on */
	for (u32 i = 0; i < FOG_VALIDATORS_MAX; i++)
		q->heard_ms[i] = q->now_ms;
	fog_q_commit(q);
	on_tick(q);
}

static void on_work(struct fog_quorum *q, u32 count)
{
	if (q->work == 0 && count != 0)
		q->work_since_ms = q->now_ms;
	q->work = count;
	fog_q_propose(q);
}

void fog_quorum_step(struct fog_quorum *q, const struct fog_quorum_event *e, u64 now_ms)
{
	q->now_ms = FOG_MAX(q->now_ms, now_ms); /* a clock set back only makes us wait */
	if (e->from < FOG_VALIDATORS_MAX &&
	    (e->kind == FOG_QUORUM_MESSAGE || e->kind == FOG_QUORUM_HEARD))
		q->heard_ms[e->from] = q->now_ms;
	switch (e->kind) {
	case FOG_QUORUM_START:
		on_start(q);
		break;
	case FOG_QUORUM_MESSAGE:
		on_message(q, e->from, e->message);
		break;
	case FOG_QUORUM_TICK:
		on_tick(q);
		break;
	case FOG_QUORUM_WORK:
		on_work(q, e->count);
		break;
	case FOG_QUORUM_EXECUTED:
		on_executed(q, e);
		break;
	case FOG_QUORUM_CATCHUP:
		on_catchup(q, e);
		break;
	case FOG_QUORUM_BEHIND:
		if (e->from < q->set.count && e->view < q->view)
			fog_q_resend(q, 1ull << e->from);
		break;
	case FOG_QUORUM_HEARD:
		break;
	}
}

/* ---- views for people ----------------------------------------------------------------------- */

void fog_quorum_status(const struct fog_quorum *q, u64 now_ms, struct fog_quorum_status *out)
{
	memset(out, 0, sizeof(*out));
	out->epoch = q->set.epoch;
	out->view = q->view;
	out->height = q->final.height;
	out->executed = q->executed;
	out->self = q->self;
	out->observes = q->config.observe;
	out->epoch_began_ms = q->base.time_ms;
	out->leader = fog_q_leader(q, q->view);
	out->view_since_ms = q->view_since_ms;
	out->diverged = q->diverged;
	memcpy(out->randomness, q->final.randomness, 32);
	memcpy(out->epoch_seed, q->base.randomness, 32);
	for (u32 i = 0; i < q->set.count; i++)
		if ((int)i == q->self || q->heard_ms[i] + FOG_QUORUM_HEARD_MS >= now_ms)
			out->heard |= 1ull << i;
	out->quorum = fog_validators_quorum(&q->set, out->heard);
	fog_validators_explain(&q->set, out->heard, out->why, sizeof(out->why));
}

const struct fog_quorum_counts *fog_quorum_counts(const struct fog_quorum *q)
{
	return &q->counts;
}

const struct fog_validators *fog_quorum_set(const struct fog_quorum *q)
{
	return &q->set;
}

const struct fog_header *fog_quorum_final(const struct fog_quorum *q, u8 hash[32])
{
	memcpy(hash, q->final_hash, 32);
	return &q->final;
}

struct fog_block *fog_quorum_block(const struct fog_quorum *q, const u8 hash[32])
{
	return fog_q_block_find(q, hash);
}

bool fog_quorum_agrees(struct fog_quorum *q, const struct fog_header *h)
{
	if (h->state_height > q->executed || q->executed - h->state_height >= QUORUM_ROOTS)
		q->diverged = true; /* no honest quorum signs such a header */
	else if (memcmp(h->state_root, q->roots[h->state_height % QUORUM_ROOTS], 32) != 0)
		q->diverged = true;
	return !q->diverged;
}
