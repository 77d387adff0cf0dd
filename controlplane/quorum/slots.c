/* SPDX-License-Identifier: BSD-3-Clause */
/* Views, the votes in them and the certificates these make. */
#include "controlplane/quorum/private.h"

#include <errno.h>

struct slot *fog_q_slot(const struct fog_quorum *q, u64 view)
{
	struct slot *s = q->slots[view % FOG_QUORUM_SLOTS];

	return s != NULL && s->view == view ? s : NULL;
}

struct slot *fog_q_slot_make(struct fog_quorum *q, u64 view)
{
	struct slot **at = &q->slots[view % FOG_QUORUM_SLOTS];

	if (view == 0 || view < q->final_view || view - q->final_view >= FOG_QUORUM_SLOTS)
		return NULL;
	if (*at == NULL) {
		*at = fog_q_alloc(sizeof(**at));
		(*at)->view = view;
	}
	FOG_ASSERT((*at)->view == view); /* older ones were freed when final_view passed them */
	return *at;
}

void fog_q_slot_free(struct slot *s)
{
	if (s == NULL)
		return;
	for (u32 k = 0; k < FOG_VOTE_KINDS; k++)
		free(s->cert[k]);
	fog_block_unref(s->proposal);
	free(s->proposal_bytes);
	free(s);
}

/* ---- evidence ------------------------------------------------------------------------------- */

static void vote_stored(const struct slot *s, u64 epoch, u8 kind, u32 voter, struct fog_vote *out)
{
	*out = (struct fog_vote){.kind = kind, .voter = (u8)voter, .epoch = epoch, .view = s->view};
	if (kind != FOG_VOTE_NULLIFY)
		memcpy(out->hash, s->hash[kind][voter], 32);
	memcpy(out->signature, s->signature[kind][voter], 64);
}

/* Remember the first offence of a validator in an epoch, for a block of ours. */
static void evidence_check(struct fog_quorum *q, const struct fog_validators *set,
			   const struct slot *s, const struct fog_vote *v)
{
	struct fog_evidence e = {.vote[1] = *v};

	for (u8 k = FOG_VOTE_NOTARIZE; k < FOG_VOTE_KINDS; k++) {
		if ((s->have[k] >> v->voter & 1) == 0)
			continue;
		vote_stored(s, v->epoch, k, v->voter, &e.vote[0]);
		if (!fog_votes_contradict(&e.vote[0], v))
			continue;
		fog_q_evidence_add(q, set, &e);
		return;
	}
}

struct slot *fog_q_past_slot(const struct fog_quorum *q, u64 epoch, u64 view)
{
	struct slot *s = epoch == q->past.set.epoch ? q->past.slots[view % PAST_VIEWS] : NULL;

	return s != NULL && s->view == view ? s : NULL;
}

/* ---- certificates --------------------------------------------------------------------------- */

static void cert_log(struct fog_quorum *q, const struct fog_certificate *c)
{
	u8 *data = fog_q_alloc(FOG_CERTIFICATE_SIZE_MAX);

	fog_q_act(q, (struct fog_quorum_action){.kind = FOG_QUORUM_LOG_CERT,
						.data = data,
						.len = fog_certificate_encode(c, data)});
}

static void cert_new(struct fog_quorum *q, struct slot *s, const struct fog_certificate *c)
{
	s->cert[c->kind] = fog_q_alloc(sizeof(*c));
	*s->cert[c->kind] = *c;
	q->counts.certificates++;
	cert_log(q, c);
	switch (c->kind) {
	case FOG_VOTE_NOTARIZE:
		q->fruitless = 0;
		fog_q_vote(q, FOG_VOTE_FINALIZE, c->view, c->hash, true);
		break;
	case FOG_VOTE_FINALIZE:
		q->fruitless = 0;
		q->want_view = FOG_MAX(q->want_view, c->view);
		break;
	default:
		q->counts.nullified++;
		if (c->view >= q->view)
			q->fruitless++;
	}
}

void fog_q_cert_take(struct fog_quorum *q, const struct fog_certificate *c)
{
	struct slot *s = c->epoch == q->set.epoch ? fog_q_slot_make(q, c->view) : NULL;

	if (s == NULL || s->cert[c->kind] != NULL)
		return;
	cert_new(q, s, c);
	fog_q_commit(q);
	if (c->epoch == q->set.epoch && c->view >= q->view)
		fog_q_enter(q, c->view + 1);
}

/* Do the votes of this kind for `hash` make a certificate? */
static void tally(struct fog_quorum *q, struct slot *s, u8 kind, const u8 hash[32])
{
	struct fog_certificate c;
	u64 mask = 0;

	if (s->cert[kind] != NULL)
		return;
	for (u64 m = s->have[kind]; m != 0; m &= m - 1) {
		u32 i = (u32)__builtin_ctzll(m);
		if (memcmp(s->hash[kind][i], hash, 32) == 0)
			mask |= 1ull << i;
	}
	if (!fog_validators_quorum(&q->set, mask))
		return;
	c.kind = kind;
	c.epoch = q->set.epoch;
	c.view = s->view;
	c.mask = mask;
	memcpy(c.hash, hash, 32);
	for (u64 m = mask; m != 0; m &= m - 1) {
		u32 i = (u32)__builtin_ctzll(m);
		memcpy(c.signature[i], s->signature[kind][i], 64);
	}
	fog_q_cert_take(q, &c);
}

/* ---- votes ---------------------------------------------------------------------------------- */

void fog_q_vote_take(struct fog_quorum *q, const struct fog_vote *v)
{
	bool now = v->epoch == q->set.epoch;
	const struct fog_validators *set = now ? &q->set : &q->past.set;
	struct slot *s = now ? fog_q_slot_make(q, v->view) : fog_q_past_slot(q, v->epoch, v->view);

	if (s == NULL || v->voter >= set->count)
		return;
	q->counts.votes++;
	evidence_check(q, set, s, v);
	if (s->have[v->kind] >> v->voter & 1)
		return;
	s->have[v->kind] |= 1ull << v->voter;
	memcpy(s->hash[v->kind][v->voter], v->hash, 32);
	memcpy(s->signature[v->kind][v->voter], v->signature, 64);
	if (now)
		tally(q, s, v->kind, v->hash);
}

/* What an honest validator never does. */
static bool vote_allowed(const struct slot *s, u8 kind)
{
	switch (kind) {
	case FOG_VOTE_NOTARIZE:
		return !s->sent[FOG_VOTE_NOTARIZE] && !s->sent[FOG_VOTE_NULLIFY];
	case FOG_VOTE_NULLIFY:
		return !s->sent[FOG_VOTE_NULLIFY] && !s->sent[FOG_VOTE_FINALIZE];
	default:
		return !s->sent[FOG_VOTE_NULLIFY] && !s->sent[FOG_VOTE_FINALIZE];
	}
}

bool fog_q_vote(struct fog_quorum *q, u8 kind, u64 view, const u8 hash[32], bool send)
{
	struct slot *s = fog_q_slot_make(q, view);
	u8 signed_bytes[FOG_VOTE_SIGNED_SIZE], bytes[FOG_VOTE_SIZE];
	struct fog_vote v = {.kind = kind, .epoch = q->set.epoch, .view = view};

	if (!q->started || q->self < 0 || q->diverged || s == NULL || !vote_allowed(s, kind))
		return false;
	v.voter = (u8)q->self;
	if (kind != FOG_VOTE_NULLIFY) {
		memcpy(v.hash, hash, 32);
		memcpy(s->own, hash, 32);
	}
	fog_vote_signed(&v, q->config.chain, signed_bytes);
	q->config.host.sign(q->config.host.context, signed_bytes, sizeof(signed_bytes),
			    v.signature);
	s->sent[kind] = true;
	fog_vote_encode(&v, bytes);
	u8 *data = fog_q_alloc(FOG_VOTE_SIZE);
	memcpy(data, bytes, FOG_VOTE_SIZE);
	fog_q_act(q, (struct fog_quorum_action){
			     .kind = FOG_QUORUM_LOG_VOTE, .data = data, .len = FOG_VOTE_SIZE});
	if (send)
		fog_q_send(q, fog_q_others(q), FOG_MESSAGE_VOTE, bytes, FOG_VOTE_SIZE);
	fog_q_vote_take(q, &v);
	return true;
}

/* ---- views ---------------------------------------------------------------------------------- */

/* A leader nobody has heard for a while costs a round trip instead of a time-out. Only a vote to
 * give up: whoever has heard it may think otherwise. */
static bool leader_silent(const struct fog_quorum *q)
{
	u32 leader = fog_q_leader(q, q->view);

	return (int)leader != q->self && q->heard_ms[leader] + FOG_QUORUM_HEARD_MS < q->now_ms;
}

void fog_q_enter(struct fog_quorum *q, u64 view)
{
	if (view <= q->view)
		return;
	q->view = view;
	q->view_since_ms = q->now_ms;
	q->resend_ms = q->now_ms + FOG_QUORUM_RESEND_MS;
	if (!q->started)
		return;
	fog_q_propose(q);
	fog_q_consider(q);
	if (q->view == view && leader_silent(q) && fog_q_has_work(q))
		fog_q_vote(q, FOG_VOTE_NULLIFY, view, NULL, true);
}

static void vote_resend(struct fog_quorum *q, const struct slot *s, u8 kind, u64 to)
{
	struct fog_vote v;
	u8 bytes[FOG_VOTE_SIZE];

	if (q->self < 0 || (s->have[kind] >> q->self & 1) == 0)
		return;
	vote_stored(s, q->set.epoch, kind, (u32)q->self, &v);
	fog_vote_encode(&v, bytes);
	fog_q_send(q, to, FOG_MESSAGE_VOTE, bytes, sizeof(bytes));
}

static void cert_resend(struct fog_quorum *q, const struct slot *s, u8 kind, u64 to)
{
	u8 bytes[FOG_CERTIFICATE_SIZE_MAX];

	if (s->cert[kind] != NULL)
		fog_q_send(q, to, FOG_MESSAGE_CERT, bytes,
			   fog_certificate_encode(s->cert[kind], bytes));
}

/* What may have been lost: our part of this view, of every unfinal one that could still become
 * final, and what let us into this view. */
void fog_q_resend(struct fog_quorum *q, u64 to)
{
	struct slot *s;
	u64 from = q->view > 8 ? q->view - 8 : 1;

	if (to == 0)
		return;
	for (u64 view = FOG_MAX(from, q->final_view); view <= q->view; view++) {
		s = fog_q_slot(q, view);
		if (s == NULL)
			continue;
		if (view + 1 == q->view && s->cert[FOG_VOTE_NOTARIZE] != NULL)
			cert_resend(q, s, FOG_VOTE_NOTARIZE, to);
		else if (view + 1 == q->view)
			cert_resend(q, s, FOG_VOTE_NULLIFY, to);
		if (s->cert[FOG_VOTE_FINALIZE] != NULL)
			cert_resend(q, s, FOG_VOTE_FINALIZE, to);
		else
			vote_resend(q, s, FOG_VOTE_FINALIZE, to);
	}
	s = fog_q_slot(q, q->view);
	if (s == NULL)
		return;
	if (s->proposal_bytes != NULL)
		fog_q_send(q, to, FOG_MESSAGE_PROPOSAL, s->proposal_bytes, s->proposal_len);
	vote_resend(q, s, FOG_VOTE_NOTARIZE, to);
	vote_resend(q, s, FOG_VOTE_NULLIFY, to);
}
