/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages of the protocol: bytes, and the signatures in them. */
#include <errno.h>

#include "controlplane/quorum/private.h"

static int proposal_decode(struct fog_message *m, const u8 *data, u32 len)
{
	u32 at = FOG_VOTE_SIZE + 2;

	if (len < at || fog_vote_decode(&m->vote, data) != 0)
		return -EBADMSG;
	u32 certs = fog_load_u16(data + FOG_VOTE_SIZE);
	if (certs > FOG_MESSAGE_CERTS_MAX || m->vote.kind != FOG_VOTE_NOTARIZE ||
	    certs > len / FOG_CERTIFICATE_SIZE_MIN)
		return -EBADMSG;
	m->cert = calloc(certs + 1, sizeof(*m->cert));
	if (m->cert == NULL)
		return -ENOMEM;
	for (; m->cert_count < certs; m->cert_count++) {
		int n = fog_certificate_decode(&m->cert[m->cert_count], data + at, len - at);
		if (n < 0)
			return n;
		at += (u32)n;
	}
	return fog_block_decode(&m->block, data + at, len - at);
}

int fog_message_decode(struct fog_message *m, const u8 *data, u32 len)
{
	memset(m, 0, sizeof(*m));
	if (len < 1)
		return -EBADMSG;
	m->type = data[0];
	data++;
	len--;
	switch (m->type) {
	case FOG_MESSAGE_VOTE:
		return len == FOG_VOTE_SIZE ? fog_vote_decode(&m->vote, data) : -EBADMSG;
	case FOG_MESSAGE_PROPOSAL:
		return proposal_decode(m, data, len);
	case FOG_MESSAGE_CERT:
		m->cert = calloc(1, sizeof(*m->cert));
		if (m->cert == NULL)
			return -ENOMEM;
		m->cert_count = 1;
		return fog_certificate_decode(m->cert, data, len) == (int)len ? 0 : -EBADMSG;
	case FOG_MESSAGE_FETCH:
		if (len != 32)
			return -EBADMSG;
		memcpy(m->hash, data, 32);
		return 0;
	case FOG_MESSAGE_BLOCK:
		return fog_block_decode(&m->block, data, len);
	default:
		return -EBADMSG;
	}
}

void fog_message_free(struct fog_message *m)
{
	free(m->cert);
	fog_block_unref(m->block);
	memset(m, 0, sizeof(*m));
}

/* ---- signatures ----------------------------------------------------------------------------- */

static void check_make(const struct fog_validators *s, const u8 chain[32], const struct fog_vote *v,
		       struct fog_vote_check *out)
{
	out->key = s->v[v->voter].node_id;
	memcpy(out->signature, v->signature, 64);
	fog_vote_signed(v, chain, out->message);
}

int fog_certificate_checks(const struct fog_validators *s, const u8 chain[32],
			   const struct fog_certificate *c, struct fog_vote_check *out, u32 max)
{
	struct fog_vote v;
	u32 n = 0;

	if (c->epoch != s->epoch || (c->mask & ~fog_validators_all(s)) != 0 ||
	    !fog_validators_quorum(s, c->mask))
		return -EBADMSG;
	if ((u32)__builtin_popcountll(c->mask) > max)
		return -ENOSPC;
	for (u64 m = c->mask; m != 0; m &= m - 1) {
		fog_certificate_vote(c, (u32)__builtin_ctzll(m), &v);
		check_make(s, chain, &v, &out[n++]);
	}
	return (int)n;
}

/* The very vote is here already, signature and all. */
static bool vote_known(const struct slot *s, const struct fog_vote *v)
{
	return s != NULL && (s->have[v->kind] >> v->voter & 1) != 0 &&
	       (v->kind == FOG_VOTE_NULLIFY ||
		memcmp(s->hash[v->kind][v->voter], v->hash, 32) == 0) &&
	       memcmp(s->signature[v->kind][v->voter], v->signature, 64) == 0;
}

static int vote_checks(const struct fog_quorum *q, const struct fog_vote *v,
		       struct fog_vote_check *out, u32 max)
{
	if (v->voter >= q->set.count)
		return -EBADMSG;
	if (v->view < q->final_view || v->view - q->final_view >= FOG_QUORUM_SLOTS ||
	    v->view > q->view + FOG_PROPOSAL_GAP_MAX)
		return -ESTALE;
	if (vote_known(fog_q_slot(q, v->view), v))
		return 0;
	if (max == 0)
		return -ENOSPC;
	check_make(&q->set, q->config.chain, v, out);
	return 1;
}

/* A vote that comes too late to count may still contradict another one. */
static int past_vote_checks(const struct fog_quorum *q, const struct fog_vote *v,
			    struct fog_vote_check *out, u32 max)
{
	const struct slot *s = fog_q_past_slot(q, v->epoch, v->view);

	if (s == NULL || v->voter >= q->past.set.count || vote_known(s, v))
		return -ESTALE;
	if (max == 0)
		return -ENOSPC;
	check_make(&q->past.set, q->config.chain, v, out);
	return 1;
}

static int cert_checks(const struct fog_quorum *q, const struct fog_certificate *c,
		       struct fog_vote_check *out, u32 max)
{
	struct fog_vote v;
	u32 n = 0;

	if (c->epoch != q->set.epoch)
		return c->epoch == q->set.epoch + 1 ? -EAGAIN : -ESTALE;
	if (c->view < q->final_view)
		return 0; /* changes nothing */
	if ((c->mask & ~fog_validators_all(&q->set)) != 0 ||
	    !fog_validators_quorum(&q->set, c->mask))
		return -EBADMSG;
	for (u64 m = c->mask; m != 0; m &= m - 1) {
		fog_certificate_vote(c, (u32)__builtin_ctzll(m), &v);
		if (vote_known(fog_q_slot(q, v.view), &v))
			continue;
		if (n == max)
			return -ENOSPC;
		check_make(&q->set, q->config.chain, &v, &out[n++]);
	}
	return (int)n;
}

static int certs_checks(const struct fog_quorum *q, const struct fog_message *m,
			struct fog_vote_check *out, u32 max)
{
	u32 n = 0;

	for (u32 i = 0; i < m->cert_count; i++) {
		int rc = cert_checks(q, &m->cert[i], out + n, max - n);
		if (rc < 0)
			return rc;
		n += (u32)rc;
	}
	return (int)n;
}

int fog_message_checks(const struct fog_quorum *q, const struct fog_message *m,
		       struct fog_vote_check *out, u32 max)
{
	int n = 0, rc;

	if (m->type == FOG_MESSAGE_VOTE && m->vote.epoch < q->set.epoch)
		return past_vote_checks(q, &m->vote, out, max);
	if (m->type == FOG_MESSAGE_VOTE || m->type == FOG_MESSAGE_PROPOSAL) {
		if (m->vote.epoch != q->set.epoch)
			return m->vote.epoch == q->set.epoch + 1 ? -EAGAIN : -ESTALE;
		n = vote_checks(q, &m->vote, out, max);
		if (n < 0)
			return n;
	}
	if (m->type == FOG_MESSAGE_PROPOSAL && m->vote.voter != fog_q_leader(q, m->vote.view))
		return -EBADMSG;
	rc = certs_checks(q, m, out + n, max - (u32)n);
	return rc < 0 ? rc : n + rc;
}
