/* SPDX-License-Identifier: BSD-3-Clause */
/* For tests: a good proof of each kind. */
#ifndef FOG_TEST_PROOFS_SAMPLES_H
#define FOG_TEST_PROOFS_SAMPLES_H

#include "controlplane/proofs/proof.h"
#include "crypto/merkle/merkle.h"
#include "crypto/random/random.h"
#include "crypto/sign/sign.h"
#include "crypto/zk/pedersen.h"

#define SAMPLE_NOW_S    1790000000ull
#define SAMPLE_AUDITORS 3

struct samples {
	struct fog_rng rng;
	u8 pk[32], sk[64];
	u8 auditor_sk[SAMPLE_AUDITORS][64];
	struct fog_roster_member roster[SAMPLE_AUDITORS];
	struct fog_proof_policy policy;
};

static void samples_open(struct samples *s)
{
	u8 seed[32];

	memset(s, 0, sizeof(*s));
	fog_rng_init_u64(&s->rng, 5);
	fog_rng_bytes(&s->rng, seed, sizeof(seed));
	fog_sign_keypair(s->pk, s->sk, seed);
	for (unsigned i = 0; i < SAMPLE_AUDITORS; i++) {
		fog_rng_bytes(&s->rng, seed, sizeof(seed));
		fog_sign_keypair(s->roster[i].key, s->auditor_sk[i], seed);
		s->roster[i].weight = 33 + i; /* 33 + 34 + 35 */
	}
	s->policy = (struct fog_proof_policy){
		.now_s = SAMPLE_NOW_S, .roster = s->roster, .roster_count = SAMPLE_AUDITORS};
}

static void sample_vote(struct samples *s, struct fog_proof_audit *a, unsigned i, bool right)
{
	struct fog_proof_vote *v = &a->vote[a->votes++];
	u8 text[FOG_PROOF_TEXT_MAX];

	memcpy(v->auditor, s->roster[i].key, 32);
	v->right = right;
	fog_sign(v->signature, text, fog_proof_vote_text(a, right, text), s->auditor_sk[i]);
}

static void sample_sla(struct samples *s, struct fog_proof_sla *x)
{
	u8 wide[64], text[FOG_PROOF_TEXT_MAX];
	struct fog_ristretto commitment;
	struct fog_scalar value, blinding;

	fog_rng_bytes(&s->rng, x->service, 32);
	fog_rng_bytes(&s->rng, x->measurements, 32);
	memcpy(x->measurer, s->roster[0].key, 32);
	x->from_s = SAMPLE_NOW_S - 3600;
	x->to_s = SAMPLE_NOW_S;
	x->samples = 1000;
	x->within = 960;
	x->permille = 950;
	x->limit_us = 400000;
	fog_rng_bytes(&s->rng, wide, sizeof(wide));
	fog_scalar_reduce(&blinding, wide);
	fog_scalar_from_u64(&value, 123456);
	fog_pedersen_commit(&commitment, &value, &blinding);
	fog_ristretto_encode(x->commitment, &commitment);
	fog_sign(x->measured, text, fog_proof_measurement_text(x, text), s->auditor_sk[0]);
	if (fog_proof_sla_prove(x, 123456, blinding.byte) != 0)
		abort();
}

static void sample_log(struct samples *s, struct fog_proof *p)
{
	u8 leaf[7][32];
	unsigned count;

	fog_rng_bytes(&s->rng, leaf, sizeof(leaf));
	if (p->kind == FOG_PROOF_BATCH) {
		fog_merkle_root(p->batch.root, (const u8(*)[32])leaf, 7);
		fog_merkle_root(p->batch.old_root, (const u8(*)[32])leaf, 3);
		p->batch.size = 7;
		p->batch.old_size = 3;
		if (fog_merkle_consistency((const u8(*)[32])leaf, 3, 7, p->batch.path.hash,
					   FOG_PROOF_PATH_MAX, &count) != 0)
			abort();
		p->batch.path.count = count;
		return;
	}
	fog_merkle_root(p->inclusion.root, (const u8(*)[32])leaf, 7);
	p->inclusion.size = 7;
	p->inclusion.index = 4;
	memcpy(p->inclusion.leaf, leaf[4], 32);
	if (fog_merkle_proof((const u8(*)[32])leaf, 7, 4, p->inclusion.path.hash,
			     FOG_PROOF_PATH_MAX, &count) != 0)
		abort();
	p->inclusion.path.count = count;
}

static void sample_make(struct samples *s, u32 kind, struct fog_proof *p)
{
	memset(p, 0, sizeof(*p));
	p->kind = kind;
	fog_rng_bytes(&s->rng, p->id, sizeof(p->id));
	p->issued_s = SAMPLE_NOW_S - 60;
	if (kind == FOG_PROOF_EXECUTION) {
		struct fog_proof_execution *e = &p->execution;

		fog_rng_bytes(&s->rng, e, offsetof(struct fog_proof_execution, attestation_kind));
		e->attestation_kind = 1;
		e->exit_code = -1;
		e->cpu_us = 1500000;
		e->wall_us = 2000000;
		e->started_ms = SAMPLE_NOW_S * 1000 - 5000;
		e->ended_ms = SAMPLE_NOW_S * 1000 - 3000;
	} else if (kind == FOG_PROOF_AUDIT) {
		fog_rng_bytes(&s->rng, p->audit.subject, 32);
		fog_proof_roster_digest(s->roster, SAMPLE_AUDITORS, p->audit.roster);
		p->audit.round = 9;
		sample_vote(s, &p->audit, 1, true);
		sample_vote(s, &p->audit, 0, false);
		sample_vote(s, &p->audit, 2, true); /* 69 of 102 */
	} else if (kind == FOG_PROOF_SLA) {
		sample_sla(s, &p->sla);
	} else {
		sample_log(s, p);
	}
	if (fog_proof_sign(p, s->sk) != 0)
		abort();
}

#endif
