/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/zk/range.h"

#include <errno.h>

#include "crypto/mem.h"
#include "crypto/zk/pedersen.h"
#include "crypto/zk/range_internal.h"

/* All that is secret between the steps of one proof. */
struct secrets {
	struct fog_merlin_rng rng;
	struct fog_scalar a_blinding, s_blinding;
	struct fog_scalar t_1, t_2, t_1_blinding, t_2_blinding;
	struct fog_scalar t_x, t_x_blinding, e_blinding;
};

struct run {
	struct fog_range_prover *w;
	const struct fog_range_gens *gens;
	struct fog_merlin *t;
	const struct fog_range_witness *witness;
	struct secrets secret;
	struct fog_scalar y, z, x;
	u8 *at; /* next byte of the proof */
};

static void point_write(struct run *r, const char *label, const struct fog_ristretto *p)
{
	fog_ristretto_encode(r->at, p);
	fog_merlin_append(r->t, label, r->at, FOG_RISTRETTO_SIZE);
	r->at += FOG_RISTRETTO_SIZE;
}

static void scalar_write(struct run *r, const char *label, const struct fog_scalar *s)
{
	memcpy(r->at, s->byte, FOG_SCALAR_SIZE);
	if (label != NULL)
		fog_merlin_append(r->t, label, r->at, FOG_SCALAR_SIZE);
	r->at += FOG_SCALAR_SIZE;
}

static bool bit_at(const struct fog_range_witness *w, unsigned i)
{
	return w->value[i / w->bits] >> (i % w->bits) & 1;
}

static void secrets_init(struct run *r, const u8 random[FOG_MERLIN_RANDOM_SIZE])
{
	const struct fog_range_witness *w = r->witness;
	struct secrets *s = &r->secret;

	fog_merlin_rng_fork(&s->rng, r->t);
	fog_merlin_rng_key(&s->rng, "v", w->value, w->count * sizeof(*w->value));
	fog_merlin_rng_key(&s->rng, "v_blinding", w->blinding, w->count * sizeof(*w->blinding));
	fog_merlin_rng_finish(&s->rng, random);
	fog_range_random(&s->rng, &s->a_blinding);
	fog_range_random(&s->rng, &s->s_blinding);
	for (unsigned i = 0; i < w->bits * w->count; i++) {
		fog_range_random(&s->rng, &r->w->a[i]);
		fog_range_random(&s->rng, &r->w->b[i]);
	}
}

/* A = a_blinding B_blinding + sum of G_i where the bit is one and of -H_i where it is zero: the
 * vectors a_L of bits and a_R = a_L - 1. */
static void commit_bits(struct run *r, unsigned total)
{
	struct fog_ristretto sum, term, zero;

	fog_ristretto_identity(&zero);
	fog_ristretto_mul(&sum, &r->secret.a_blinding, &r->gens->blinding);
	for (unsigned i = 0; i < total; i++) {
		fog_ristretto_sub(&term, &zero, &r->w->h[i]);
		fog_ristretto_select(&term, bit_at(r->witness, i), &r->w->g[i], &term);
		fog_ristretto_add(&sum, &sum, &term);
	}
	point_write(r, "A", &sum);
	fog_wipe(&sum, sizeof(sum));
	fog_wipe(&term, sizeof(term));
}

/* S = s_blinding B_blinding + <s_L, G> + <s_R, H>, which will mask the bits. */
static void commit_masks(struct run *r, unsigned total)
{
	struct fog_range_prover *w = r->w;
	struct fog_ristretto sum;

	memcpy(w->s, w->a, total * sizeof(*w->s));
	memcpy(w->s + total, w->b, total * sizeof(*w->s));
	memcpy(w->p, w->g, total * sizeof(*w->p));
	memcpy(w->p + total, w->h, total * sizeof(*w->p));
	w->s[2 * total] = r->secret.s_blinding;
	w->p[2 * total] = r->gens->blinding;
	fog_ristretto_msm(&sum, w->s, w->p, 2 * total + 1);
	point_write(r, "S", &sum);
}

/* The constant terms at i of l(X) = a_L - z + s_L X and r(X) = y^i (a_R + z + s_R X) + z^(2+j) 2^k;
 * shifted is z^(2+j) 2^k. */
static void constant_terms(struct run *r, unsigned i, const struct fog_scalar *y,
			   const struct fog_scalar *shifted, struct fog_scalar *l0,
			   struct fog_scalar *r0)
{
	fog_scalar_from_u64(l0, bit_at(r->witness, i));
	fog_scalar_sub(r0, l0, &fog_scalar_one);
	fog_scalar_sub(l0, l0, &r->z);
	fog_scalar_add(r0, r0, &r->z);
	fog_scalar_muladd(r0, r0, y, shifted);
}

/* Goes over all i twice: first for the coefficients t_1 and t_2 of <l(X), r(X)>, then, with x
 * known, to put l(x) into w->a, r(x) into w->b and their product into t_x. */
static void polynomials(struct run *r, bool evaluate)
{
	unsigned bits = r->witness->bits, total = bits * r->witness->count;
	struct fog_scalar y = fog_scalar_one, zj, shifted = fog_scalar_zero, l0, r0, r1;
	struct secrets *s = &r->secret;
	struct fog_range_prover *w = r->w;

	s->t_x = fog_scalar_zero;
	if (!evaluate)
		s->t_1 = s->t_2 = fog_scalar_zero;
	zj = r->z;
	for (unsigned i = 0; i < total; i++) {
		if (i % bits == 0) {
			fog_scalar_mul(&zj, &zj, &r->z);
			shifted = zj;
		}
		constant_terms(r, i, &y, &shifted, &l0, &r0);
		fog_scalar_mul(&r1, &y, &w->b[i]);
		if (evaluate) {
			fog_scalar_muladd(&w->a[i], &w->a[i], &r->x, &l0);
			fog_scalar_muladd(&w->b[i], &r1, &r->x, &r0);
			fog_scalar_muladd(&s->t_x, &w->a[i], &w->b[i], &s->t_x);
		} else {
			fog_scalar_muladd(&s->t_1, &l0, &r1, &s->t_1);
			fog_scalar_muladd(&s->t_1, &w->a[i], &r0, &s->t_1);
			fog_scalar_muladd(&s->t_2, &w->a[i], &r1, &s->t_2);
		}
		fog_scalar_mul(&y, &y, &r->y);
		fog_scalar_add(&shifted, &shifted, &shifted);
	}
	fog_wipe(&l0, sizeof(l0));
	fog_wipe(&r0, sizeof(r0));
	fog_wipe(&r1, sizeof(r1));
}

static void commit_polynomial(struct run *r)
{
	struct secrets *s = &r->secret;
	struct fog_ristretto point;

	fog_range_random(&s->rng, &s->t_1_blinding);
	fog_range_random(&s->rng, &s->t_2_blinding);
	fog_pedersen_commit(&point, &s->t_1, &s->t_1_blinding);
	point_write(r, "T_1", &point);
	fog_pedersen_commit(&point, &s->t_2, &s->t_2_blinding);
	point_write(r, "T_2", &point);
}

/* t_x_blinding = x t_1_blinding + x^2 t_2_blinding + sum z^(2+j) blinding_j. */
static void open_polynomial(struct run *r)
{
	struct secrets *s = &r->secret;
	struct fog_scalar sum, zj;

	fog_scalar_muladd(&sum, &s->t_2_blinding, &r->x, &s->t_1_blinding);
	fog_scalar_mul(&sum, &sum, &r->x);
	zj = r->z;
	for (unsigned j = 0; j < r->witness->count; j++) {
		fog_scalar_mul(&zj, &zj, &r->z);
		fog_scalar_muladd(&sum, &zj, &r->witness->blinding[j], &sum);
	}
	s->t_x_blinding = sum;
	fog_scalar_muladd(&s->e_blinding, &s->s_blinding, &r->x, &s->a_blinding);
	scalar_write(r, "t_x", &s->t_x);
	scalar_write(r, "t_x_blinding", &s->t_x_blinding);
	scalar_write(r, "e_blinding", &s->e_blinding);
	fog_wipe(&sum, sizeof(sum));
}

/* L or R: <a, G> + <b, H> + <a, b> Q over one half of each. factor is NULL but in the first round,
 * where H_i stands for factor_i H_i. */
static void cross_term(struct run *r, const char *label, const struct fog_scalar *a,
		       const struct fog_scalar *b, const struct fog_ristretto *g,
		       const struct fog_ristretto *h, const struct fog_scalar *factor,
		       const struct fog_ristretto *q, unsigned half)
{
	struct fog_range_prover *w = r->w;
	struct fog_ristretto sum;

	w->s[2 * half] = fog_scalar_zero;
	for (unsigned i = 0; i < half; i++) {
		fog_scalar_muladd(&w->s[2 * half], &a[i], &b[i], &w->s[2 * half]);
		w->s[i] = a[i];
		if (factor != NULL)
			fog_scalar_mul(&w->s[half + i], &b[i], &factor[i]);
		else
			w->s[half + i] = b[i];
	}
	memcpy(w->p, g, half * sizeof(*g));
	memcpy(w->p + half, h, half * sizeof(*h));
	w->p[2 * half] = *q;
	fog_ristretto_msm(&sum, w->s, w->p, 2 * half + 1);
	point_write(r, label, &sum);
}

static void fold_scalar(struct fog_scalar *low, const struct fog_scalar *high,
			const struct fog_scalar *left, const struct fog_scalar *right)
{
	struct fog_scalar product;

	fog_scalar_mul(&product, high, right);
	fog_scalar_muladd(low, low, left, &product);
	fog_wipe(&product, sizeof(product));
}

/* Halves the vectors: a = u a_low + 1/u a_high, G = 1/u G_low + u G_high, b and H the other way
 * round. */
static void fold(struct fog_range_prover *w, const struct fog_scalar *u,
		 const struct fog_scalar *factor, unsigned half)
{
	struct fog_scalar *left = w->s, *right = w->s + half, inverse;

	fog_scalar_invert(&inverse, u);
	for (unsigned i = 0; i < half; i++) {
		fold_scalar(&w->a[i], &w->a[half + i], u, &inverse);
		fold_scalar(&w->b[i], &w->b[half + i], &inverse, u);
		left[i] = inverse;
		right[i] = *u;
	}
	fog_ristretto_combine(w->g, w->g + half, left, right, half);
	for (unsigned i = 0; i < half; i++) {
		left[i] = *u;
		right[i] = inverse;
		if (factor != NULL) {
			fog_scalar_mul(&left[i], u, &factor[i]);
			fog_scalar_mul(&right[i], &inverse, &factor[half + i]);
		}
	}
	fog_ristretto_combine(w->h, w->h + half, left, right, half);
}

/* The inner-product argument, section 3 of the paper: that a and b have the product t_x, in a
 * logarithm of their length. */
static void inner_product(struct run *r, unsigned total)
{
	struct fog_range_prover *w = r->w;
	struct fog_scalar challenge, y_inv;
	struct fog_scalar *factor = w->factor;
	struct fog_ristretto q;

	fog_range_challenge(r->t, "w", &challenge);
	fog_ristretto_mul_base(&q, &challenge);
	fog_scalar_invert(&y_inv, &r->y);
	factor[0] = fog_scalar_one;
	for (unsigned i = 1; i < total; i++)
		fog_scalar_mul(&factor[i], &factor[i - 1], &y_inv);
	fog_merlin_append(r->t, "dom-sep", "ipp v1", 6);
	fog_merlin_append_u64(r->t, "n", total);
	for (unsigned half = total / 2; half > 0; half /= 2) {
		cross_term(r, "L", w->a, w->b + half, w->g + half, w->h, factor, &q, half);
		cross_term(r, "R", w->a + half, w->b, w->g, w->h + half,
			   factor != NULL ? factor + half : NULL, &q, half);
		fog_range_challenge(r->t, "u", &challenge);
		fold(w, &challenge, factor, half);
		factor = NULL;
	}
	scalar_write(r, NULL, &w->a[0]);
	scalar_write(r, NULL, &w->b[0]);
}

static int witness_check(const struct fog_range_witness *w)
{
	u64 above = 0;

	if (fog_range_proof_len(w->bits, w->count) == 0)
		return -EINVAL;
	for (unsigned j = 0; j < w->count; j++)
		above |= w->value[j] >> (w->bits - 1) >> 1;
	return above != 0 ? -ERANGE : 0; /* only whether the call was right */
}

static void commit_values(struct run *r, u8 (*commitment)[FOG_RISTRETTO_SIZE])
{
	const struct fog_range_witness *w = r->witness;
	struct fog_ristretto point;
	struct fog_scalar value;

	for (unsigned j = 0; j < w->count; j++) {
		fog_scalar_from_u64(&value, w->value[j]);
		fog_pedersen_commit(&point, &value, &w->blinding[j]);
		fog_ristretto_encode(commitment[j], &point);
		fog_merlin_append(r->t, "V", commitment[j], FOG_RISTRETTO_SIZE);
		memcpy(r->w->g + j * w->bits, r->gens->g[j], w->bits * sizeof(*r->w->g));
		memcpy(r->w->h + j * w->bits, r->gens->h[j], w->bits * sizeof(*r->w->h));
	}
	fog_wipe(&value, sizeof(value));
}

int fog_range_prove(struct fog_range_prover *w, const struct fog_range_gens *gens,
		    struct fog_merlin *t, const struct fog_range_witness *witness,
		    const u8 random[FOG_MERLIN_RANDOM_SIZE], u8 (*commitment)[FOG_RISTRETTO_SIZE],
		    u8 *proof, size_t proof_cap, size_t *proof_len)
{
	struct run r = {.w = w, .gens = gens, .t = t, .witness = witness, .at = proof};
	unsigned total = witness->bits * witness->count;

	*proof_len = 0;
	int rc = witness_check(witness);
	if (rc != 0)
		return rc;
	if (proof_cap < fog_range_proof_len(witness->bits, witness->count))
		return -ENOSPC;
	fog_range_domain(t, witness->bits, witness->count);
	commit_values(&r, commitment);
	secrets_init(&r, random);
	commit_bits(&r, total);
	commit_masks(&r, total);
	fog_range_challenge(t, "y", &r.y);
	fog_range_challenge(t, "z", &r.z);
	polynomials(&r, false);
	commit_polynomial(&r);
	fog_range_challenge(t, "x", &r.x);
	polynomials(&r, true);
	open_polynomial(&r);
	inner_product(&r, total);
	*proof_len = r.at - proof;
	fog_wipe(&r.secret, sizeof(r.secret));
	fog_wipe(w, sizeof(*w));
	return 0;
}
