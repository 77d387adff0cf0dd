/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/zk/sigma.h"

#include <errno.h>

#include "crypto/mem.h"
#include "crypto/zk/pedersen.h"

typedef void (*msm_fn)(struct fog_ristretto *out, const struct fog_scalar *s,
		       const struct fog_ristretto *p, unsigned count);

void fog_sigma_init(struct fog_sigma *s)
{
	memset(s, 0, sizeof(*s));
}

unsigned fog_sigma_secret(struct fog_sigma *s)
{
	FOG_ASSERT(s->secrets < FOG_SIGMA_SECRETS_MAX);
	return s->secrets++;
}

unsigned fog_sigma_point(struct fog_sigma *s, const struct fog_ristretto *p)
{
	FOG_ASSERT(s->points < FOG_SIGMA_POINTS_MAX);
	s->point[s->points] = *p;
	return s->points++;
}

unsigned fog_sigma_equation(struct fog_sigma *s, unsigned target)
{
	FOG_ASSERT(s->equations < FOG_SIGMA_EQUATIONS_MAX);
	FOG_ASSERT(target < s->points);
	s->target[s->equations] = target;
	return s->equations++;
}

void fog_sigma_term(struct fog_sigma *s, unsigned equation, unsigned secret, unsigned point)
{
	FOG_ASSERT(s->terms < FOG_SIGMA_TERMS_MAX);
	FOG_ASSERT(equation < s->equations);
	FOG_ASSERT(secret < s->secrets);
	FOG_ASSERT(point < s->points);
	s->term[s->terms++] = (struct fog_sigma_term){equation, secret, point};
}

void fog_sigma_schnorr(struct fog_sigma *s, unsigned secret, const struct fog_ristretto *base,
		       const struct fog_ristretto *public)
{
	unsigned equation = fog_sigma_equation(s, fog_sigma_point(s, public));

	fog_sigma_term(s, equation, secret, fog_sigma_point(s, base));
}

void fog_sigma_pedersen(struct fog_sigma *s, unsigned value, unsigned blinding,
			const struct fog_ristretto *commitment)
{
	unsigned equation = fog_sigma_equation(s, fog_sigma_point(s, commitment));
	struct fog_ristretto base, mask;

	fog_pedersen_bases(&base, &mask);
	fog_sigma_term(s, equation, value, fog_sigma_point(s, &base));
	fog_sigma_term(s, equation, blinding, fog_sigma_point(s, &mask));
}

void fog_sigma_dleq(struct fog_sigma *s, unsigned secret, const struct fog_ristretto *a,
		    const struct fog_ristretto *b, const struct fog_ristretto *c,
		    const struct fog_ristretto *d)
{
	fog_sigma_schnorr(s, secret, a, b);
	fog_sigma_schnorr(s, secret, c, d);
}

size_t fog_sigma_proof_len(const struct fog_sigma *branch, unsigned count)
{
	size_t scalars = count;

	if (count == 0 || count > FOG_SIGMA_BRANCHES_MAX)
		return 0;
	for (unsigned i = 0; i < count; i++)
		scalars += branch[i].secrets;
	return FOG_SCALAR_SIZE * scalars;
}

static int statements_check(const struct fog_sigma *branch, unsigned count)
{
	if (count == 0 || count > FOG_SIGMA_BRANCHES_MAX)
		return -EINVAL;
	for (unsigned i = 0; i < count; i++) {
		u32 seen = 0;
		for (unsigned k = 0; k < branch[i].terms; k++) {
			seen |= 1u << branch[i].term[k].equation;
			if (fog_ristretto_is_identity(&branch[i].point[branch[i].term[k].point]))
				return -EINVAL;
		}
		if (branch[i].equations == 0 || seen != (1u << branch[i].equations) - 1)
			return -EINVAL;
	}
	return 0;
}

/* Everything about the statements, so that none can be exchanged for another afterwards. */
static void statements_append(struct fog_merlin *t, const struct fog_sigma *branch, unsigned count)
{
	u8 text[FOG_RISTRETTO_SIZE];

	fog_merlin_append(t, "dom-sep", "fog sigma v1", 12);
	fog_merlin_append_u64(t, "branches", count);
	for (unsigned i = 0; i < count; i++) {
		const struct fog_sigma *s = &branch[i];
		fog_merlin_append_u64(t, "secrets", s->secrets);
		fog_merlin_append_u64(t, "points", s->points);
		for (unsigned k = 0; k < s->points; k++) {
			fog_ristretto_encode(text, &s->point[k]);
			fog_merlin_append(t, "point", text, sizeof(text));
		}
		fog_merlin_append(t, "targets", s->target, s->equations);
		fog_merlin_append(t, "terms", s->term, s->terms * sizeof(*s->term));
	}
}

/* Per equation: the sum of response * point, less challenge * target. What the verifier computes,
 * and the simulator; with challenge zero and the nonces for responses it is the honest prover's. */
static void commitments_append(struct fog_merlin *t, const struct fog_sigma *s,
			       const struct fog_scalar *challenge,
			       const struct fog_scalar *response, msm_fn msm)
{
	struct fog_scalar scalar[FOG_SIGMA_TERMS_MAX + 1];
	struct fog_ristretto point[FOG_SIGMA_TERMS_MAX + 1], sum;
	u8 text[FOG_RISTRETTO_SIZE];

	for (unsigned e = 0; e < s->equations; e++) {
		unsigned count = 1;
		fog_scalar_neg(&scalar[0], challenge);
		point[0] = s->point[s->target[e]];
		for (unsigned k = 0; k < s->terms; k++) {
			if (s->term[k].equation != e)
				continue;
			scalar[count] = response[s->term[k].secret];
			point[count] = s->point[s->term[k].point];
			count++;
		}
		msm(&sum, scalar, point, count);
		fog_ristretto_encode(text, &sum);
		fog_merlin_append(t, "commitment", text, sizeof(text));
	}
	fog_wipe(scalar, sizeof(scalar));
}

static void challenge_draw(struct fog_merlin *t, struct fog_scalar *out)
{
	u8 wide[FOG_UNIFORM_SIZE];

	fog_merlin_challenge(t, "challenge", wide, sizeof(wide));
	fog_scalar_reduce(out, wide);
}

static void random_draw(struct fog_merlin_rng *rng, struct fog_scalar *out)
{
	u8 wide[FOG_UNIFORM_SIZE];

	fog_merlin_rng_bytes(rng, wide, sizeof(wide));
	fog_scalar_reduce(out, wide);
	fog_wipe(wide, sizeof(wide));
}

static bool same_index(unsigned a, unsigned b)
{
	u32 differ = a ^ b;

	return 1 & ((differ - 1) >> 31); /* no branch: which statement is true is a secret */
}

struct sigma_run {
	struct fog_scalar challenge[FOG_SIGMA_BRANCHES_MAX];
	struct fog_scalar response[FOG_SIGMA_BRANCHES_MAX][FOG_SIGMA_SECRETS_MAX];
};

/* Nonces and, for every branch but the known one, a challenge of the prover's own choice. */
static void nonces_draw(struct sigma_run *r, struct fog_merlin *t, const struct fog_sigma *branch,
			unsigned count, unsigned known, const struct fog_scalar *witness,
			const u8 random[FOG_MERLIN_RANDOM_SIZE])
{
	struct fog_merlin_rng rng;

	fog_merlin_rng_fork(&rng, t);
	fog_merlin_rng_key(&rng, "known", &known, sizeof(known));
	fog_merlin_rng_key(&rng, "witness", witness, FOG_SIGMA_SECRETS_MAX * sizeof(*witness));
	fog_merlin_rng_finish(&rng, random);
	for (unsigned i = 0; i < count; i++) {
		random_draw(&rng, &r->challenge[i]);
		fog_scalar_select(&r->challenge[i], same_index(i, known), &fog_scalar_zero,
				  &r->challenge[i]);
		for (unsigned k = 0; k < branch[i].secrets; k++)
			random_draw(&rng, &r->response[i][k]);
	}
	fog_merlin_rng_wipe(&rng);
}

/* The known branch takes what the others leave of the challenge, and answers it. */
static void responses_finish(struct sigma_run *r, const struct fog_scalar *whole,
			     const struct fog_sigma *branch, unsigned count, unsigned known,
			     const struct fog_scalar *witness)
{
	struct fog_scalar rest = *whole, answer;

	for (unsigned i = 0; i < count; i++)
		fog_scalar_sub(&rest, &rest, &r->challenge[i]);
	for (unsigned i = 0; i < count; i++) {
		bool mine = same_index(i, known);
		fog_scalar_select(&r->challenge[i], mine, &rest, &r->challenge[i]);
		for (unsigned k = 0; k < branch[i].secrets; k++) {
			fog_scalar_muladd(&answer, &rest, &witness[k], &r->response[i][k]);
			fog_scalar_select(&r->response[i][k], mine, &answer, &r->response[i][k]);
		}
	}
	fog_wipe(&answer, sizeof(answer));
}

int fog_sigma_prove(struct fog_merlin *t, const struct fog_sigma *branch, unsigned count,
		    unsigned known, const struct fog_scalar witness[FOG_SIGMA_SECRETS_MAX],
		    const u8 random[FOG_MERLIN_RANDOM_SIZE], u8 *proof, size_t proof_cap,
		    size_t *proof_len)
{
	struct sigma_run r;
	struct fog_scalar whole;
	u8 *at = proof;

	*proof_len = 0;
	int rc = statements_check(branch, count);
	if (rc != 0 || known >= count)
		return -EINVAL;
	if (proof_cap < fog_sigma_proof_len(branch, count))
		return -ENOSPC;
	statements_append(t, branch, count);
	nonces_draw(&r, t, branch, count, known, witness, random);
	for (unsigned i = 0; i < count; i++)
		commitments_append(t, &branch[i], &r.challenge[i], r.response[i],
				   fog_ristretto_msm);
	challenge_draw(t, &whole);
	responses_finish(&r, &whole, branch, count, known, witness);
	for (unsigned i = 0; i < count; i++, at += FOG_SCALAR_SIZE)
		memcpy(at, r.challenge[i].byte, FOG_SCALAR_SIZE);
	for (unsigned i = 0; i < count; i++)
		for (unsigned k = 0; k < branch[i].secrets; k++, at += FOG_SCALAR_SIZE)
			memcpy(at, r.response[i][k].byte, FOG_SCALAR_SIZE);
	*proof_len = at - proof;
	fog_wipe(&r, sizeof(r));
	return 0;
}

int fog_sigma_verify(struct fog_merlin *t, const struct fog_sigma *branch, unsigned count,
		     const u8 *proof, size_t proof_len)
{
	struct sigma_run r;
	struct fog_scalar whole, sum = fog_scalar_zero;
	const u8 *at = proof;

	int rc = statements_check(branch, count);
	if (rc != 0)
		return rc;
	if (proof_len != fog_sigma_proof_len(branch, count))
		return -EBADMSG;
	for (unsigned i = 0; i < count && rc == 0; i++, at += FOG_SCALAR_SIZE) {
		rc = fog_scalar_decode(&r.challenge[i], at);
		fog_scalar_add(&sum, &sum, &r.challenge[i]);
	}
	for (unsigned i = 0; i < count && rc == 0; i++)
		for (unsigned k = 0; k < branch[i].secrets && rc == 0; k++, at += FOG_SCALAR_SIZE)
			rc = fog_scalar_decode(&r.response[i][k], at);
	if (rc != 0)
		return rc;
	statements_append(t, branch, count);
	for (unsigned i = 0; i < count; i++)
		commitments_append(t, &branch[i], &r.challenge[i], r.response[i],
				   fog_ristretto_msm_vartime);
	challenge_draw(t, &whole);
	return fog_scalar_equal(&whole, &sum) ? 0 : -EBADMSG;
}
