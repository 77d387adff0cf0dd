/* SPDX-License-Identifier: BSD-3-Clause */
/* Blocks: proposing, judging, making final. */
#include "controlplane/quorum/private.h"

#include <errno.h>

#include "crypto/hash/hash.h"
#include "crypto/mem.h"

#define FETCH_AGAIN_MS 200

struct fog_block *fog_q_block_find(const struct fog_quorum *q, const u8 hash[32])
{
	for (u32 i = 0; i < q->block_count; i++)
		if (memcmp(q->blocks[i]->hash, hash, 32) == 0)
			return q->blocks[i];
	return NULL;
}

static void block_drop(struct fog_quorum *q, u32 i)
{
	fog_block_unref(q->blocks[i]);
	q->blocks[i] = q->blocks[--q->block_count];
}

void fog_q_block_keep(struct fog_quorum *q, struct fog_block *b, bool log)
{
	u32 oldest = 0;

	if (fog_q_block_find(q, b->hash) != NULL)
		return;
	if (q->block_count == FOG_QUORUM_BLOCKS_MAX) {
		for (u32 i = 1; i < q->block_count; i++)
			if (q->blocks[i]->header.view < q->blocks[oldest]->header.view)
				oldest = i;
		block_drop(q, oldest);
	}
	q->blocks[q->block_count++] = fog_block_ref(b);
	if (log)
		fog_q_act(q, (struct fog_quorum_action){.kind = FOG_QUORUM_LOG_BLOCK,
							.block = fog_block_ref(b)});
}

void fog_q_fetch(struct fog_quorum *q, const u8 hash[32], u64 mask)
{
	if (memcmp(q->fetch, hash, 32) == 0 && q->now_ms < q->fetch_ms + FETCH_AGAIN_MS)
		return;
	memcpy(q->fetch, hash, 32);
	q->fetch_ms = q->now_ms;
	fog_q_send(q, mask & fog_q_others(q), FOG_MESSAGE_FETCH, hash, 32);
}

/* ---- parents -------------------------------------------------------------------------------- */

struct parent {
	u64 view; /* of its certificate; 0 = base of the epoch */
	const struct fog_header *header;
	u8 hash[32];
	const struct fog_certificate *cert; /* NULL = base */
};

static const struct fog_certificate *slot_parent(const struct slot *s)
{
	if (s == NULL)
		return NULL;
	return s->cert[FOG_VOTE_FINALIZE] != NULL ? s->cert[FOG_VOTE_FINALIZE]
						  : s->cert[FOG_VOTE_NOTARIZE];
}

/* Header of a block of the chain that is not below the final one; NULL: not here. */
static const struct fog_header *header_find(const struct fog_quorum *q, const u8 hash[32])
{
	if (memcmp(hash, q->final_hash, 32) == 0)
		return &q->final;
	const struct fog_block *b = fog_q_block_find(q, hash);
	return b != NULL ? &b->header : NULL;
}

/* What a proposal of `view` builds on: the last notarized view with nothing but given up ones in
 * between. 0; -EAGAIN: not known yet; -ENOENT: its block is missing (*out has the certificate). */
static int parent_find(const struct fog_quorum *q, u64 view, struct parent *out)
{
	memset(out, 0, sizeof(*out));
	for (u64 v = view - 1; v > 0 && v >= q->final_view; v--) {
		const struct slot *s = fog_q_slot(q, v);
		out->cert = slot_parent(s);
		if (out->cert != NULL) {
			out->view = v;
			memcpy(out->hash, out->cert->hash, 32);
			out->header = header_find(q, out->hash);
			return out->header != NULL ? 0 : -ENOENT;
		}
		if (s == NULL || s->cert[FOG_VOTE_NULLIFY] == NULL)
			return -EAGAIN;
	}
	if (q->final_view != 0)
		return -EAGAIN;
	out->header = &q->base;
	memcpy(out->hash, q->base_hash, 32);
	return 0;
}

/* Unfinal ancestors from `hash` down to the final block. Returns the count, or -ENOENT with *gap
 * the hash of the one that is missing. */
static int ancestors(const struct fog_quorum *q, const u8 hash[32], struct fog_block **out, u32 max,
		     u8 gap[32])
{
	u32 n = 0;

	memcpy(gap, hash, 32);
	while (memcmp(gap, q->final_hash, 32) != 0) {
		struct fog_block *b = fog_q_block_find(q, gap);
		if (b == NULL || n == max || b->header.height <= q->final.height)
			return -ENOENT;
		out[n++] = b;
		memcpy(gap, b->header.parent, 32);
	}
	return (int)n;
}

/* ---- rules both sides follow ----------------------------------------------------------------- */

static void alpha_make(const struct fog_quorum *q, const struct fog_header *parent, u8 out[32])
{
	u8 bytes[64];

	memcpy(bytes, q->config.chain, 32);
	memcpy(bytes + 32, parent->randomness, 32);
	fog_hash_sha256(out, bytes, sizeof(bytes));
}

static void randomness_make(const struct fog_header *parent, const u8 beta[64], u8 out[32])
{
	u8 bytes[96];

	memcpy(bytes, parent->randomness, 32);
	memcpy(bytes + 32, beta, 64);
	fog_hash_sha256(out, bytes, sizeof(bytes));
}

static bool is_last(const struct fog_quorum *q, u64 time_ms)
{
	return time_ms >= q->base.time_ms + q->set.rules.epoch_ms;
}

static void next_hash(const struct fog_quorum *q, const struct fog_header *h, u8 out[32])
{
	struct fog_validators *next = fog_q_alloc(sizeof(*next));

	memset(out, 0, 32);
	if (h->last) {
		fog_q_next_set(q, h->state_height, next);
		memcpy(out, next->hash, 32);
	}
	free(next);
}

/* ---- proposing ------------------------------------------------------------------------------ */

/* May a leader propose now, on these unfinal ancestors, and is there a reason to? */
static bool proposal_due(const struct fog_quorum *q, struct fog_block *const *up, u32 count)
{
	struct fog_evidence evidence[FOG_APP_EVIDENCE_MAX];
	u32 bodies = 0;

	/* Its transactions still count as waiting; who is alone would propose them without end. */
	if (count == 0 && q->executed != q->final.height)
		return false;
	for (u32 i = 0; i < count; i++)
		bodies += up[i]->header.tx_count != 0;
	if (count != 0 && up[0]->header.height - q->executed >= FOG_QUORUM_DEPTH_MAX / 2)
		return false;
	if (q->now_ms >= fog_q_empty_deadline(q))
		return true;
	if (is_last(q, q->now_ms) && q->work != 0)
		return q->executed == q->final.height;
	return (q->work != 0 && bodies < FOG_QUORUM_BODIES_MAX) ||
	       fog_q_evidence_pick(q, up, count, evidence) != 0;
}

static struct fog_block *block_build(struct fog_quorum *q, const struct parent *p,
				     struct fog_block **up, u32 count)
{
	struct fog_header h = {.epoch = q->set.epoch,
			       .height = p->header->height + 1,
			       .view = q->view,
			       .proposer = (u8)q->self};
	struct fog_evidence evidence[FOG_APP_EVIDENCE_MAX];
	const struct fog_app_bytes *tx = NULL;
	u8 alpha[32], beta[64];
	u32 bodies = 0, n = 0;

	memcpy(h.chain, q->config.chain, 32);
	memcpy(h.parent, p->hash, 32);
	memcpy(h.validators, q->set.hash, 32);
	h.time_ms = FOG_MAX(q->now_ms, p->header->time_ms + 1);
	h.last = is_last(q, h.time_ms);
	h.voters = p->cert != NULL ? p->cert->mask : 0;
	h.state_height = q->executed;
	memcpy(h.state_root, q->roots[q->executed % QUORUM_ROOTS], 32);
	next_hash(q, &h, h.next);
	alpha_make(q, p->header, alpha);
	if (q->config.host.vrf_prove(q->config.host.context, alpha, h.vrf) != 0 ||
	    q->config.host.vrf_verify(q->config.host.context, q->set.v[q->self].node_id, alpha,
				      h.vrf, beta) != 0)
		return NULL;
	randomness_make(p->header, beta, h.randomness);
	for (u32 i = 0; i < count; i++)
		bodies += up[i]->header.tx_count != 0;
	if (h.last && q->executed != p->header->height)
		return NULL; /* its state is about to be known */
	if (h.last) /* carries nothing, so that the next set is known from its parent's state */
		return fog_block_make(&h, NULL, 0, NULL, 0);
	if (q->work != 0 && bodies < FOG_QUORUM_BODIES_MAX)
		n = q->config.host.payload(q->config.host.context, up, count, h.time_ms, &tx);
	/* Nothing to do after all: the idle deadline will come. */
	if (n == 0 && q->now_ms < fog_q_empty_deadline(q) &&
	    fog_q_evidence_pick(q, up, count, evidence) == 0)
		return NULL;
	return fog_block_make(&h, tx, n, evidence, fog_q_evidence_pick(q, up, count, evidence));
}

/* The message: our vote, the parent's certificate, those of the views given up, the block. */
static void proposal_send(struct fog_quorum *q, struct slot *s, const struct parent *p,
			  const struct fog_block *b)
{
	u32 certs = (p->cert != NULL) + (u32)(s->view - p->view - 1);
	u8 *bytes = fog_q_alloc(FOG_VOTE_SIZE + 2 + certs * FOG_CERTIFICATE_SIZE_MAX + b->len);
	u8 *at = bytes + FOG_VOTE_SIZE + 2;
	struct fog_vote v = {.kind = FOG_VOTE_NOTARIZE,
			     .voter = (u8)q->self,
			     .epoch = q->set.epoch,
			     .view = s->view};

	memcpy(v.hash, b->hash, 32);
	memcpy(v.signature, s->signature[FOG_VOTE_NOTARIZE][q->self], 64);
	fog_vote_encode(&v, bytes);
	fog_store_u16(bytes + FOG_VOTE_SIZE, (u16)certs);
	if (p->cert != NULL)
		at += fog_certificate_encode(p->cert, at);
	for (u64 view = p->view + 1; view < s->view; view++)
		at += fog_certificate_encode(fog_q_slot(q, view)->cert[FOG_VOTE_NULLIFY], at);
	memcpy(at, b->bytes, b->len);
	free(s->proposal_bytes);
	s->proposal_bytes = bytes;
	s->proposal_len = (u32)(at - bytes) + b->len;
	fog_q_send(q, fog_q_others(q), FOG_MESSAGE_PROPOSAL, bytes, s->proposal_len);
}

void fog_q_propose(struct fog_quorum *q)
{
	struct fog_block *up[FOG_QUORUM_DEPTH_MAX], *b;
	struct parent p;
	struct slot *s = fog_q_slot_make(q, q->view);
	u8 gap[32];

	if (q->self < 0 || s == NULL || s->sent[FOG_VOTE_NOTARIZE] || s->sent[FOG_VOTE_NULLIFY] ||
	    (int)fog_q_leader(q, q->view) != q->self || q->diverged)
		return;
	int rc = parent_find(q, q->view, &p);
	if (rc == -EAGAIN || q->view - p.view > FOG_PROPOSAL_GAP_MAX)
		return;
	int count = ancestors(q, p.hash, up, FOG_QUORUM_DEPTH_MAX, gap);
	if (count < 0) {
		fog_q_fetch(q, gap, p.cert != NULL ? p.cert->mask : 0);
		return;
	}
	bool last = p.view != 0 && p.header->last;
	if (last && count == 0)
		return; /* the epoch is over */
	bool drain = count > 0 && is_last(q, FOG_MAX(q->now_ms, p.header->time_ms + 1));
	if (last || drain || count >= FOG_QUORUM_DEPTH_MAX / 2) {
		/* Nothing follows the last block of an epoch, and a long unfinal chain, and an
		 * epoch that is to end, become final first: the same block is proposed again. */
		b = fog_block_ref(up[0]);
	} else {
		if (!proposal_due(q, up, (u32)count))
			return;
		b = block_build(q, &p, up, (u32)count);
	}
	if (b == NULL)
		return;
	q->counts.proposals++;
	fog_block_unref(s->proposal); /* of another process with our key */
	s->proposal = b;
	fog_q_block_keep(q, b, true);
	u64 view = q->view;
	fog_q_vote(q, FOG_VOTE_NOTARIZE, view, b->hash, false);
	/* A committee of one has gone on meanwhile, and the slot may be gone. */
	if (q->set.count > 1 && q->view == view)
		proposal_send(q, s, &p, b);
}

/* ---- judging -------------------------------------------------------------------------------- */

static bool beacon_good(const struct fog_quorum *q, const struct fog_header *h,
			const struct fog_header *parent)
{
	u8 alpha[32], beta[64], randomness[32];

	alpha_make(q, parent, alpha);
	if (q->config.host.vrf_verify(q->config.host.context, q->set.v[h->proposer].node_id, alpha,
				      h->vrf, beta) != 0)
		return false;
	randomness_make(parent, beta, randomness);
	return memcmp(randomness, h->randomness, 32) == 0;
}

/* What the header alone, its parent and the proof say. 0, -EAGAIN: we are behind; -EBADMSG. */
static int header_judge(const struct fog_quorum *q, const struct fog_header *h,
			const struct parent *p)
{
	u8 next[32];

	if (memcmp(h->chain, q->config.chain, 32) != 0 || h->epoch != q->set.epoch ||
	    h->view != q->view || h->proposer != fog_q_leader(q, q->view) ||
	    memcmp(h->parent, p->hash, 32) != 0 || h->height != p->header->height + 1 ||
	    memcmp(h->validators, q->set.hash, 32) != 0 || h->time_ms <= p->header->time_ms ||
	    h->last != is_last(q, h->time_ms) || p->header->state_height > h->state_height ||
	    h->state_height >= h->height || h->state_height < q->base.height ||
	    h->height - h->state_height > FOG_QUORUM_DEPTH_MAX)
		return -EBADMSG;
	if (h->last &&
	    (h->state_height != h->height - 1 || h->tx_count != 0 || h->evidence_count != 0))
		return -EBADMSG;
	/* A proposer may have seen more or fewer signatures; it must show which. */
	if (p->cert == NULL ? h->voters != 0 : !fog_validators_quorum(&q->set, h->voters))
		return -EBADMSG;
	if (h->time_ms > q->now_ms + q->config.skew_ms || h->state_height > q->executed)
		return -EAGAIN;
	if (q->executed - h->state_height >= QUORUM_ROOTS ||
	    memcmp(h->state_root, q->roots[h->state_height % QUORUM_ROOTS], 32) != 0)
		return -EBADMSG;
	next_hash(q, h, next);
	return memcmp(next, h->next, 32) == 0 ? 0 : -EBADMSG;
}

/* Is the proposal of this view worth our vote? 0, -EAGAIN, -EBADMSG. */
static int judge(struct fog_quorum *q, const struct slot *s)
{
	struct fog_block *up[FOG_QUORUM_DEPTH_MAX];
	struct parent p;
	u8 gap[32];
	int rc = parent_find(q, s->view, &p);

	if (rc == -EAGAIN)
		return rc;
	int count = ancestors(q, p.hash, up, FOG_QUORUM_DEPTH_MAX, gap);
	if (count < 0) {
		fog_q_fetch(q, gap, fog_q_others(q));
		return -EAGAIN;
	}
	if (count > 0 && memcmp(p.hash, s->proposal->hash, 32) == 0)
		return 0; /* proposed again */
	if (p.view != 0 && p.header->last)
		return -EBADMSG;
	rc = header_judge(q, &s->proposal->header, &p);
	if (rc != 0)
		return rc;
	if (!fog_q_evidence_good(q, s->proposal, up, (u32)count) ||
	    !beacon_good(q, &s->proposal->header, p.header) ||
	    !q->config.host.accept(q->config.host.context, s->proposal))
		return -EBADMSG;
	return 0;
}

void fog_q_consider(struct fog_quorum *q)
{
	struct slot *s = fog_q_slot(q, q->view);

	if (s == NULL || s->proposal == NULL || q->self < 0 || s->sent[FOG_VOTE_NOTARIZE] ||
	    s->sent[FOG_VOTE_NULLIFY] || s->cert[FOG_VOTE_NOTARIZE] != NULL)
		return;
	int rc = judge(q, s);
	if (rc == 0) {
		fog_q_block_keep(q, s->proposal, true);
		fog_q_vote(q, FOG_VOTE_NOTARIZE, s->view, s->proposal->hash, true);
	} else if (rc == -EBADMSG) {
		q->counts.refused++;
		fog_q_vote(q, FOG_VOTE_NULLIFY, s->view, NULL, true);
	}
}

/* The voters in the header are those of the parent's certificate as it came along. */
static bool voters_shown(const struct fog_message *m)
{
	const struct fog_header *h = &m->block->header;

	if (h->view != m->vote.view)
		return true; /* proposed again */
	for (u32 i = 0; i < m->cert_count; i++)
		if (memcmp(m->cert[i].hash, h->parent, 32) == 0)
			return m->cert[i].mask == h->voters;
	return h->voters == 0;
}

/* A checked proposal. Its certificates bring us into its view. */
void fog_q_proposal_take(struct fog_quorum *q, const struct fog_message *m)
{
	u64 view = m->vote.view, epoch = m->vote.epoch;

	for (u32 i = 0; i < m->cert_count; i++)
		fog_q_cert_take(q, &m->cert[i]);
	fog_q_vote_take(q, &m->vote);
	/* A certificate may have ended the epoch or made this view old. */
	struct slot *s =
		epoch == q->set.epoch && view >= q->final_view ? fog_q_slot_make(q, view) : NULL;
	if (s == NULL || m->vote.voter != fog_q_leader(q, view) ||
	    memcmp(m->vote.hash, m->block->hash, 32) != 0 || !voters_shown(m))
		return;
	if (s->proposal == NULL)
		s->proposal = fog_block_ref(m->block);
	if (view == q->view)
		fog_q_consider(q);
	/* Notarized or final by the votes of others before it came. */
	const struct fog_certificate *c = slot_parent(fog_q_slot(q, view));
	if (c != NULL && memcmp(c->hash, m->block->hash, 32) == 0) {
		fog_q_block_keep(q, m->block, true);
		fog_q_commit(q);
		fog_q_propose(q);
	}
}

/* ---- finality ------------------------------------------------------------------------------- */

void fog_q_final(struct fog_quorum *q, struct fog_block *b, u64 view,
		 const struct fog_certificate *cert, bool act)
{
	struct fog_quorum_action a = {.kind = FOG_QUORUM_FINAL};

	q->final = b->header;
	memcpy(q->final_hash, b->hash, 32);
	fog_q_evidence_final(q, b);
	q->counts.finalized++;
	if (act) {
		a.block = fog_block_ref(b);
		if (cert != NULL) {
			a.data = fog_q_alloc(FOG_CERTIFICATE_SIZE_MAX);
			a.len = fog_certificate_encode(cert, a.data);
		}
		fog_q_act(q, a);
	}
	if (view <= q->final_view)
		return;
	for (u64 v = FOG_MAX(q->final_view, 1ull); v < view; v++) {
		struct slot **at = &q->slots[v % FOG_QUORUM_SLOTS];
		if (*at != NULL && (*at)->view < view) {
			fog_q_slot_free(*at);
			*at = NULL;
		}
		if (v - q->final_view >= FOG_QUORUM_SLOTS)
			break;
	}
	q->final_view = view;
}

static void blocks_prune(struct fog_quorum *q)
{
	for (u32 i = 0; i < q->block_count;)
		if (q->blocks[i]->header.height <= q->final.height)
			block_drop(q, i);
		else
			i++;
}

/* Make final what a certificate has made final, once all its blocks are here. */
void fog_q_commit(struct fog_quorum *q)
{
	struct fog_block *up[FOG_QUORUM_DEPTH_MAX + 1];
	const struct slot *s = q->want_view != 0 ? fog_q_slot(q, q->want_view) : NULL;
	u8 gap[32];

	if (s == NULL || s->cert[FOG_VOTE_FINALIZE] == NULL)
		return;
	struct fog_certificate *c = s->cert[FOG_VOTE_FINALIZE];
	int count = ancestors(q, c->hash, up, FOG_ARRAY_COUNT(up), gap);
	if (count < 0) {
		fog_q_fetch(q, gap, c->mask);
		return;
	}
	q->want_view = 0;
	for (int i = count - 1; i >= 0; i--)
		fog_q_final(q, up[i], i == 0 ? c->view : 0, i == 0 ? c : NULL, true);
	blocks_prune(q);
}
