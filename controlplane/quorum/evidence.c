/* SPDX-License-Identifier: BSD-3-Clause */
/* Evidence of validators that signed two things of which an honest one signs at most one: kept
 * until it is in a final block, of this epoch or of earlier ones. */
#include "controlplane/quorum/private.h"

#include <errno.h>

/* this_epoch: only what blocks of this epoch say, as everybody knows that alike. */
bool fog_q_punished(const struct fog_quorum *q, u64 epoch, u32 voter, bool this_epoch)
{
	for (u32 i = 0; i < q->punished_count; i++)
		if (q->punished[i].epoch == epoch && q->punished[i].voter == voter &&
		    (!this_epoch || q->punished[i].in == q->set.epoch))
			return true;
	return false;
}

void fog_q_evidence_add(struct fog_quorum *q, const struct fog_validators *set,
			const struct fog_evidence *e)
{
	const struct fog_vote *v = &e->vote[0];

	if (q->evidence_count == FOG_VALIDATORS_MAX ||
	    memcmp(set->v[v->voter].node_id, q->config.node_id, 32) == 0 ||
	    fog_q_punished(q, v->epoch, v->voter, false))
		return;
	for (u32 i = 0; i < q->evidence_count; i++)
		if (q->evidence[i].vote[0].voter == v->voter &&
		    q->evidence[i].vote[0].epoch == v->epoch)
			return;
	q->evidence[q->evidence_count++] = *e;
	q->counts.equivocations++;
}

static bool same_offence(const struct fog_evidence *x, const struct fog_evidence *y)
{
	return x->vote[0].epoch == y->vote[0].epoch && x->vote[0].voter == y->vote[0].voter;
}

static bool listed(const struct fog_evidence *list, u32 count, const struct fog_evidence *e)
{
	for (u32 i = 0; i < count; i++)
		if (same_offence(&list[i], e))
			return true;
	return false;
}

/* Does a final block of this epoch or one of these ancestors have it? */
static bool told(const struct fog_quorum *q, struct fog_block *const *up, u32 count,
		 const struct fog_evidence *e)
{
	for (u32 i = 0; i < count; i++)
		if (listed(up[i]->evidence, up[i]->header.evidence_count, e))
			return true;
	return fog_q_punished(q, e->vote[0].epoch, e->vote[0].voter, true);
}

/* How many more this epoch may have. */
static u32 room(const struct fog_quorum *q, struct fog_block *const *up, u32 count)
{
	u32 used = 0;

	for (u32 i = 0; i < q->punished_count; i++)
		used += q->punished[i].in == q->set.epoch;
	for (u32 i = 0; i < count; i++)
		used += up[i]->header.evidence_count;
	return FOG_QUORUM_EVIDENCE_MAX - FOG_MIN(used, (u32)FOG_QUORUM_EVIDENCE_MAX);
}

u32 fog_q_evidence_pick(const struct fog_quorum *q, struct fog_block *const *up, u32 count,
			struct fog_evidence out[FOG_APP_EVIDENCE_MAX])
{
	u32 n = 0, most = FOG_MIN((u32)FOG_APP_EVIDENCE_MAX, room(q, up, count));

	for (u32 i = 0; i < q->evidence_count && n < most; i++)
		if (!told(q, up, count, &q->evidence[i]))
			out[n++] = q->evidence[i];
	return n;
}

/* *set is one of ours, or *space, filled. */
static int set_of(const struct fog_quorum *q, u64 epoch, struct fog_validators *space,
		  const struct fog_validators **set)
{
	*set = epoch == q->set.epoch ? &q->set : epoch == q->past.set.epoch ? &q->past.set : space;
	return *set == space ? q->config.host.past_set(q->config.host.context, epoch, space) : 0;
}

static bool proven(const struct fog_quorum *q, const struct fog_evidence *e,
		   struct fog_validators *space)
{
	const struct fog_vote *v = &e->vote[0];
	const struct fog_validators *set;
	u8 bytes[FOG_VOTE_SIGNED_SIZE];

	if (!fog_votes_contradict(&e->vote[0], &e->vote[1]) || v->epoch > q->set.epoch ||
	    q->set.epoch - v->epoch > FOG_QUORUM_EVIDENCE_EPOCHS ||
	    set_of(q, v->epoch, space, &set) != 0 || v->voter >= set->count)
		return false;
	for (u32 k = 0; k < 2; k++) {
		fog_vote_signed(&e->vote[k], q->config.chain, bytes);
		if (q->config.host.verify(q->config.host.context, set->v[v->voter].node_id, bytes,
					  sizeof(bytes), e->vote[k].signature) != 0)
			return false;
	}
	return true;
}

bool fog_q_evidence_good(const struct fog_quorum *q, const struct fog_block *b,
			 struct fog_block *const *up, u32 count)
{
	bool good = b->header.evidence_count <= room(q, up, count);

	if (b->header.evidence_count == 0)
		return true;
	struct fog_validators *space = fog_q_alloc(sizeof(*space));
	for (u32 i = 0; good && i < b->header.evidence_count; i++)
		good = !listed(b->evidence, i, &b->evidence[i]) &&
		       !told(q, up, count, &b->evidence[i]) && proven(q, &b->evidence[i], space);
	free(space);
	return good;
}

void fog_q_evidence_final(struct fog_quorum *q, const struct fog_block *b)
{
	for (u32 i = 0; i < b->header.evidence_count; i++) {
		const struct fog_vote *v = &b->evidence[i].vote[0];
		if (q->punished_count < FOG_ARRAY_COUNT(q->punished))
			q->punished[q->punished_count++] =
				(struct punished){v->epoch, b->header.epoch, v->voter};
		for (u32 k = 0; k < q->evidence_count; k++)
			if (same_offence(&q->evidence[k], &b->evidence[i]))
				q->evidence[k--] = q->evidence[--q->evidence_count];
	}
}

void fog_q_evidence_age(struct fog_quorum *q)
{
	for (u32 i = 0; i < q->punished_count; i++)
		if (q->punished[i].in + 1 < q->set.epoch)
			q->punished[i--] = q->punished[--q->punished_count];
	for (u32 i = 0; i < q->evidence_count; i++)
		if (q->set.epoch - q->evidence[i].vote[0].epoch > FOG_QUORUM_EVIDENCE_EPOCHS)
			q->evidence[i--] = q->evidence[--q->evidence_count];
}

int fog_quorum_offender(const struct fog_quorum *q, const struct fog_evidence *e,
			struct fog_app_evidence *out)
{
	const struct fog_vote *v = &e->vote[0];
	struct fog_validators *space = fog_q_alloc(sizeof(*space));
	const struct fog_validators *set;
	int rc = set_of(q, v->epoch, space, &set);

	if (rc == 0 && v->voter >= set->count)
		rc = -EUCLEAN; /* no quorum signs such a block */
	if (rc == 0) {
		memcpy(out->node_id, set->v[v->voter].node_id, 32);
		out->epoch = v->epoch;
		out->view = v->view;
		out->weight = set->weight[v->voter];
	}
	free(space);
	return rc;
}
