/* SPDX-License-Identifier: BSD-3-Clause */
/* Four validators with real keys, and what they sign: for unit tests and the fuzz target's corpus.
 */
#ifndef FOG_TEST_QUORUM_SAMPLES_H
#define FOG_TEST_QUORUM_SAMPLES_H

#include <stdlib.h>

#include "controlplane/quorum/light.h"
#include "crypto/sign/sign.h"

#define SAMPLE_MEMBERS 4
#define SAMPLE_QUORUM  7u /* three of four */

static const u8 sample_chain[32] = {7, 7, 7};

/* The key of the member whose id this is. */
static inline void sample_key(const u8 node_id[32], u8 sk[64])
{
	for (u8 i = 1; i <= SAMPLE_MEMBERS; i++) {
		u8 pk[32], seed[32] = {i};
		fog_sign_keypair(pk, sk, seed);
		if (memcmp(pk, node_id, 32) == 0)
			return;
	}
	abort();
}

static inline void sample_set(struct fog_validators *s, u64 epoch)
{
	char why[FOG_APP_WHY_SIZE];
	u8 sk[64];

	memset(s, 0, sizeof(*s));
	s->epoch = epoch;
	s->rules.profile = FOG_PROFILE_NONE;
	s->count = SAMPLE_MEMBERS;
	for (u8 i = 0; i < SAMPLE_MEMBERS; i++) {
		u8 seed[32] = {(u8)(i + 1)};
		fog_sign_keypair(s->v[i].node_id, sk, seed);
		s->v[i].weight = 10;
		s->v[i].as = i + 1u;
		snprintf(s->v[i].operator_name, sizeof(s->v[i].operator_name), "op%u", i);
	}
	if (fog_validators_finish(s, why) != 0)
		abort();
}

static inline void sample_ballot(const struct fog_validators *s, struct fog_vote *v, u8 kind,
				 u8 voter, u64 view, const u8 hash[32])
{
	u8 message[FOG_VOTE_SIGNED_SIZE], sk[64];

	*v = (struct fog_vote){.kind = kind, .voter = voter, .epoch = s->epoch, .view = view};
	memcpy(v->hash, hash, 32);
	fog_vote_signed(v, sample_chain, message);
	sample_key(s->v[voter].node_id, sk);
	fog_sign(v->signature, message, sizeof(message), sk);
}

static inline void sample_certificate(const struct fog_validators *s, struct fog_certificate *c,
				      u8 kind, u64 mask, u64 view, const u8 hash[32])
{
	struct fog_vote v;

	memset(c, 0, sizeof(*c));
	c->kind = kind;
	c->epoch = s->epoch;
	c->view = view;
	c->mask = mask;
	memcpy(c->hash, hash, 32);
	for (u64 m = mask; m != 0; m &= m - 1) {
		u8 i = (u8)__builtin_ctzll(m);
		sample_ballot(s, &v, kind, i, view, hash);
		memcpy(c->signature[i], v.signature, 64);
	}
}

static inline void sample_header(const struct fog_validators *s, struct fog_header *h, u64 height)
{
	memset(h, 0, sizeof(*h));
	memcpy(h->chain, sample_chain, 32);
	memcpy(h->validators, s->hash, 32);
	h->epoch = s->epoch;
	h->height = h->view = height;
	h->time_ms = 1000 * height;
	h->voters = SAMPLE_QUORUM;
}

/* A block with two transactions, and evidence against member 1. */
static inline struct fog_block *sample_block(const struct fog_validators *s, u64 height)
{
	static const u8 a[32] = {1}, b[32] = {2};
	const struct fog_app_bytes tx[] = {{(const u8 *)"first", 5}, {(const u8 *)"two", 3}};
	struct fog_evidence evidence;
	struct fog_header h;

	sample_header(s, &h, height);
	sample_ballot(s, &evidence.vote[0], FOG_VOTE_NOTARIZE, 1, 3, a);
	sample_ballot(s, &evidence.vote[1], FOG_VOTE_NOTARIZE, 1, 3, b);
	return fog_block_make(&h, tx, 2, &evidence, 1);
}

/* How epoch 2 followed, the same members voting. */
static inline void sample_epoch(const struct fog_validators *s, struct fog_epoch *e)
{
	u8 hash[32];

	sample_set(&e->set, s->epoch + 1);
	sample_header(s, &e->last, 9);
	e->last.last = 1;
	memcpy(e->last.next, e->set.hash, 32);
	memset(e->root, 5, 32);
	fog_header_hash(&e->last, hash);
	sample_certificate(s, &e->cert, FOG_VOTE_FINALIZE, SAMPLE_QUORUM, 9, hash);
}

#endif
