/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/zk/frost.h"

#include <sodium.h>

#include <errno.h>

#include "crypto/mem.h"
#include "crypto/sign/sign.h"

#define POINT_SIZE FOG_FROST_POINT_SIZE

/* A group by the library's functions on encodings; they refuse what is no element, and give an
 * error for a result that is the identity, which no honest run has. 0 is success. */
struct group {
	const char *context;
	const char *challenge; /* label of H2; NULL: no prefix at all, as Ed25519 has it */
	int (*valid)(const u8 *p);
	int (*add)(u8 *out, const u8 *a, const u8 *b);
	int (*mul)(u8 *out, const u8 *s, const u8 *p);
	int (*mul_base)(u8 *out, const u8 *s);
};

static int ristretto_valid(const u8 *p)
{
	return crypto_core_ristretto255_is_valid_point(p) == 1 && !fog_is_zero(p, POINT_SIZE);
}

static const struct group groups[] = {
	[FOG_FROST_ED25519] = {"FROST-ED25519-SHA512-v1", NULL, crypto_core_ed25519_is_valid_point,
			       crypto_core_ed25519_add, crypto_scalarmult_ed25519_noclamp,
			       crypto_scalarmult_ed25519_base_noclamp},
	[FOG_FROST_RISTRETTO255] = {"FROST-RISTRETTO255-SHA512-v1", "chal", ristretto_valid,
				    crypto_core_ristretto255_add, crypto_scalarmult_ristretto255,
				    crypto_scalarmult_ristretto255_base},
};

/* What all who take part compute alike from a session. */
struct derived {
	const struct group *g;
	struct fog_scalar rho[FOG_FROST_SIGNERS_MAX];
	struct fog_scalar challenge;
	u8 r[POINT_SIZE];
};

static const struct group *group_get(unsigned suite)
{
	if (suite != FOG_FROST_ED25519 && suite != FOG_FROST_RISTRETTO255)
		return NULL;
	return &groups[suite];
}

static void hash_start(crypto_hash_sha512_state *h, const struct group *g, const char *label)
{
	crypto_hash_sha512_init(h);
	if (label == NULL)
		return;
	crypto_hash_sha512_update(h, (const u8 *)g->context, strlen(g->context));
	crypto_hash_sha512_update(h, (const u8 *)label, strlen(label));
}

static void hash_scalar(crypto_hash_sha512_state *h, struct fog_scalar *out)
{
	u8 wide[FOG_UNIFORM_SIZE];

	crypto_hash_sha512_final(h, wide);
	fog_scalar_reduce(out, wide);
	fog_wipe(wide, sizeof(wide));
}

/* H2, section 4.6. */
static void challenge_hash(const struct group *g, const u8 *r, const u8 *group, const void *msg,
			   size_t len, struct fog_scalar *out)
{
	crypto_hash_sha512_state h;

	hash_start(&h, g, g->challenge);
	crypto_hash_sha512_update(&h, r, POINT_SIZE);
	crypto_hash_sha512_update(&h, group, POINT_SIZE);
	crypto_hash_sha512_update(&h, msg, len);
	hash_scalar(&h, out);
}

/* Section 4.4: the part of the input of all binding factors that is the same. */
static void binding_prefix(const struct group *g, const struct fog_frost_session *s,
			   u8 out[POINT_SIZE + 2 * FOG_UNIFORM_SIZE])
{
	crypto_hash_sha512_state h;
	struct fog_scalar id;

	memcpy(out, s->group, POINT_SIZE);
	hash_start(&h, g, "msg");
	crypto_hash_sha512_update(&h, s->msg, s->msg_len);
	crypto_hash_sha512_final(&h, out + POINT_SIZE);
	hash_start(&h, g, "com");
	for (unsigned i = 0; i < s->count; i++) {
		fog_scalar_from_u64(&id, s->commitment[i].id);
		crypto_hash_sha512_update(&h, id.byte, sizeof(id.byte));
		crypto_hash_sha512_update(&h, s->commitment[i].hiding, POINT_SIZE);
		crypto_hash_sha512_update(&h, s->commitment[i].binding, POINT_SIZE);
	}
	crypto_hash_sha512_final(&h, out + POINT_SIZE + FOG_UNIFORM_SIZE);
}

/* out = hiding + rho * binding. */
static int share_commitment(const struct group *g, const struct fog_frost_commitment *c,
			    const struct fog_scalar *rho, u8 out[POINT_SIZE])
{
	u8 bound[POINT_SIZE];

	if (g->mul(bound, rho->byte, c->binding) != 0)
		return -EBADMSG;
	return g->add(out, c->hiding, bound) == 0 ? 0 : -EBADMSG;
}

static int session_check(const struct group *g, const struct fog_frost_session *s)
{
	if (g == NULL || s->count == 0 || s->count > FOG_FROST_SIGNERS_MAX)
		return -EINVAL;
	for (unsigned i = 0; i < s->count; i++)
		if (s->commitment[i].id <= (i == 0 ? 0 : s->commitment[i - 1].id))
			return -EINVAL;
	for (unsigned i = 0; i < s->count; i++)
		if (!g->valid(s->commitment[i].hiding) || !g->valid(s->commitment[i].binding))
			return -EBADMSG;
	return g->valid(s->group) ? 0 : -EINVAL;
}

static int session_derive(struct derived *d, const struct fog_frost_session *s)
{
	u8 prefix[POINT_SIZE + 2 * FOG_UNIFORM_SIZE], part[POINT_SIZE];
	crypto_hash_sha512_state h;
	struct fog_scalar id;

	d->g = group_get(s->suite);
	int rc = session_check(d->g, s);
	if (rc != 0)
		return rc;
	binding_prefix(d->g, s, prefix);
	for (unsigned i = 0; i < s->count; i++) {
		fog_scalar_from_u64(&id, s->commitment[i].id);
		hash_start(&h, d->g, "rho");
		crypto_hash_sha512_update(&h, prefix, sizeof(prefix));
		crypto_hash_sha512_update(&h, id.byte, sizeof(id.byte));
		hash_scalar(&h, &d->rho[i]);
		if (share_commitment(d->g, &s->commitment[i], &d->rho[i], part) != 0)
			return -EBADMSG;
		if (i == 0)
			memcpy(d->r, part, sizeof(part));
		else if (d->g->add(d->r, d->r, part) != 0)
			return -EBADMSG;
	}
	challenge_hash(d->g, d->r, s->group, s->msg, s->msg_len, &d->challenge);
	return 0;
}

/* Lagrange's coefficient of commitment[at], section 4.2: the product of id_j / (id_j - id). */
static void interpolate(const struct fog_frost_session *s, unsigned at, struct fog_scalar *out)
{
	struct fog_scalar top = fog_scalar_one, bottom = fog_scalar_one, id, other;

	fog_scalar_from_u64(&id, s->commitment[at].id);
	for (unsigned j = 0; j < s->count; j++) {
		if (j == at)
			continue;
		fog_scalar_from_u64(&other, s->commitment[j].id);
		fog_scalar_mul(&top, &top, &other);
		fog_scalar_sub(&other, &other, &id);
		fog_scalar_mul(&bottom, &bottom, &other);
	}
	fog_scalar_invert(&bottom, &bottom);
	fog_scalar_mul(out, &top, &bottom);
}

/* The index of `id`, or s->count. */
static unsigned signer_find(const struct fog_frost_session *s, u16 id)
{
	unsigned i = 0;

	while (i < s->count && s->commitment[i].id != id)
		i++;
	return i;
}

int fog_frost_deal(enum fog_frost_suite suite, const struct fog_scalar *coefficient,
		   unsigned threshold, unsigned count, struct fog_frost_share *share,
		   u8 (*vss)[FOG_FROST_POINT_SIZE])
{
	const struct group *g = group_get(suite);
	struct fog_scalar id, sum;
	int rc = 0;

	if (g == NULL || threshold < 2 || threshold > count || count > FOG_FROST_SIGNERS_MAX)
		return -EINVAL;
	for (unsigned k = 0; k < threshold; k++)
		if (g->mul_base(vss[k], coefficient[k].byte) != 0)
			return -EINVAL;
	for (unsigned i = 0; i < count && rc == 0; i++) {
		fog_scalar_from_u64(&id, i + 1);
		sum = coefficient[threshold - 1];
		for (unsigned k = threshold - 1; k > 0; k--)
			fog_scalar_muladd(&sum, &sum, &id, &coefficient[k - 1]);
		share[i] = (struct fog_frost_share){
			.suite = suite, .id = i + 1, .threshold = threshold, .secret = sum};
		memcpy(share[i].group, vss[0], POINT_SIZE);
		if (g->mul_base(share[i].public, sum.byte) != 0)
			rc = -EINVAL;
	}
	fog_wipe(&sum, sizeof(sum));
	return rc;
}

int fog_frost_share_verify(const struct fog_frost_share *share,
			   const u8 (*vss)[FOG_FROST_POINT_SIZE])
{
	const struct group *g = group_get(share->suite);
	u8 sum[POINT_SIZE], own[POINT_SIZE];
	struct fog_scalar id;

	if (g == NULL || share->id == 0 || share->threshold < 2 ||
	    share->threshold > FOG_FROST_SIGNERS_MAX)
		return -EINVAL;
	for (unsigned k = 0; k < share->threshold; k++)
		if (!g->valid(vss[k]))
			return -EBADMSG;
	fog_scalar_from_u64(&id, share->id);
	memcpy(sum, vss[share->threshold - 1], POINT_SIZE);
	for (unsigned k = share->threshold - 1; k > 0; k--)
		if (g->mul(sum, id.byte, sum) != 0 || g->add(sum, sum, vss[k - 1]) != 0)
			return -EBADMSG;
	if (g->mul_base(own, share->secret.byte) != 0)
		return -EBADMSG;
	if (!fog_equal(own, sum, POINT_SIZE) || !fog_equal(own, share->public, POINT_SIZE))
		return -EBADMSG;
	return fog_equal(share->group, vss[0], POINT_SIZE) ? 0 : -EBADMSG;
}

/* Section 4.1. */
static void nonce_make(const struct group *g, const u8 random[32], const struct fog_scalar *secret,
		       struct fog_scalar *nonce, u8 commitment[POINT_SIZE])
{
	crypto_hash_sha512_state h;

	hash_start(&h, g, "nonce");
	crypto_hash_sha512_update(&h, random, 32);
	crypto_hash_sha512_update(&h, secret->byte, sizeof(secret->byte));
	hash_scalar(&h, nonce);
	fog_wipe(&h, sizeof(h));
	int rc = g->mul_base(commitment, nonce->byte);
	FOG_ASSERT(rc == 0); /* a hash that is zero modulo L */
}

void fog_frost_commit(const struct fog_frost_share *share, const u8 random[FOG_FROST_RANDOM_SIZE],
		      struct fog_frost_nonces *nonces, struct fog_frost_commitment *commitment)
{
	const struct group *g = group_get(share->suite);

	FOG_ASSERT(g != NULL);
	commitment->id = share->id;
	nonce_make(g, random, &share->secret, &nonces->hiding, commitment->hiding);
	nonce_make(g, random + 32, &share->secret, &nonces->binding, commitment->binding);
}

static bool nonces_fit(const struct group *g, const struct fog_frost_nonces *n,
		       const struct fog_frost_commitment *c)
{
	u8 hiding[POINT_SIZE], binding[POINT_SIZE];

	return g->mul_base(hiding, n->hiding.byte) == 0 &&
	       g->mul_base(binding, n->binding.byte) == 0 &&
	       fog_equal(hiding, c->hiding, POINT_SIZE) &&
	       fog_equal(binding, c->binding, POINT_SIZE);
}

int fog_frost_sign(const struct fog_frost_share *share, struct fog_frost_nonces *nonces,
		   const struct fog_frost_session *s, struct fog_scalar *out)
{
	struct fog_scalar weight;
	struct derived d;
	int rc = -EINVAL;

	*out = fog_scalar_zero;
	if (share->suite != s->suite || !fog_equal(share->group, s->group, POINT_SIZE) ||
	    s->count < share->threshold)
		goto out;
	rc = session_derive(&d, s);
	if (rc != 0)
		goto out;
	unsigned at = signer_find(s, share->id);
	rc = -EBADMSG;
	if (at == s->count || !nonces_fit(d.g, nonces, &s->commitment[at]))
		goto out;
	interpolate(s, at, &weight);
	fog_scalar_mul(&weight, &weight, &d.challenge);
	fog_scalar_mul(out, &weight, &share->secret);
	fog_scalar_muladd(out, &nonces->binding, &d.rho[at], out);
	fog_scalar_add(out, &nonces->hiding, out);
	rc = 0;
out:
	fog_wipe(nonces, sizeof(*nonces));
	return rc;
}

/* z * B = hiding + rho * binding + challenge * weight * public. */
int fog_frost_share_check(const struct fog_frost_session *s, u16 id,
			  const u8 public[FOG_FROST_POINT_SIZE], const struct fog_scalar *z)
{
	u8 left[POINT_SIZE], right[POINT_SIZE], term[POINT_SIZE];
	struct fog_scalar weight;
	struct derived d;

	int rc = session_derive(&d, s);
	if (rc != 0)
		return rc;
	unsigned at = signer_find(s, id);
	if (at == s->count)
		return -EINVAL;
	interpolate(s, at, &weight);
	fog_scalar_mul(&weight, &weight, &d.challenge);
	if (!d.g->valid(public) || d.g->mul_base(left, z->byte) != 0 ||
	    share_commitment(d.g, &s->commitment[at], &d.rho[at], right) != 0 ||
	    d.g->mul(term, weight.byte, public) != 0 || d.g->add(right, right, term) != 0)
		return -EBADMSG;
	return fog_equal(left, right, POINT_SIZE) ? 0 : -EBADMSG;
}

int fog_frost_aggregate(const struct fog_frost_session *s, const struct fog_scalar *z,
			u8 sig[FOG_FROST_SIZE])
{
	struct fog_scalar sum = fog_scalar_zero;
	struct derived d;

	int rc = session_derive(&d, s);
	if (rc != 0)
		return rc;
	for (unsigned i = 0; i < s->count; i++)
		fog_scalar_add(&sum, &sum, &z[i]);
	memcpy(sig, d.r, POINT_SIZE);
	memcpy(sig + POINT_SIZE, sum.byte, FOG_SCALAR_SIZE);
	return fog_frost_verify(s->suite, s->group, s->msg, s->msg_len, sig);
}

int fog_frost_verify(enum fog_frost_suite suite, const u8 group[FOG_FROST_POINT_SIZE],
		     const void *msg, size_t msg_len, const u8 sig[FOG_FROST_SIZE])
{
	const struct group *g = group_get(suite);
	u8 left[POINT_SIZE], right[POINT_SIZE];
	struct fog_scalar z, c;

	if (g == NULL)
		return -EINVAL;
	if (suite == FOG_FROST_ED25519)
		return fog_sign_verify(sig, msg, msg_len, group);
	if (fog_scalar_decode(&z, sig + POINT_SIZE) != 0 || !g->valid(sig) || !g->valid(group))
		return -EBADMSG;
	challenge_hash(g, sig, group, msg, msg_len, &c);
	if (g->mul_base(left, z.byte) != 0 || g->mul(right, c.byte, group) != 0 ||
	    g->add(right, right, sig) != 0)
		return -EBADMSG;
	return fog_equal(left, right, POINT_SIZE) ? 0 : -EBADMSG;
}
