/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/zk/range.h"

#include <errno.h>

#include "crypto/curve/msm.h"
#include "crypto/mem.h"
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
	fog_range_random(&s->rng, &s->a_blinding, 1);
	fog_range_random(&s->rng, &s->s_blinding, 1);
	for (unsigned j = 0; j < w->count; j++) {
		fog_range_random(&s->rng, r->w->a + j * w->bits, w->bits);
		fog_range_random(&s->rng, r->w->b + j * w->bits, w->bits);
	}
}

/* value B + blinding B_blinding; no value counts as zero. */
static void commit(const struct run *r, struct fog_ristretto *out, const struct fog_scalar *value,
		   const struct fog_scalar *blinding)
{
	const struct fog_known_table *const table[2] = {&r->gens->blinding_known,
							&r->gens->base_known};
	struct fog_sc s[2] = {*fog_scalar_words(blinding)};

	if (value != NULL)
		s[1] = *fog_scalar_words(value);
	fog_secret_known_sum(&out->point, table, s, value != NULL ? 2 : 1);
	fog_wipe(s, sizeof(s));
}

static void niels_select(struct fog_ge_niels *r, const struct fog_ge_niels *a, u8 picked)
{
	fe_select(&r->ypx, &a->ypx, picked);
	fe_select(&r->ymx, &a->ymx, picked);
	fe_select(&r->t2d, &a->t2d, picked);
}

/* A = a_blinding B_blinding + sum of G_i where the bit is one and of -H_i where it is zero: the
 * vectors a_L of bits and a_R = a_L - 1. */
static void commit_bits(struct run *r, unsigned total)
{
	unsigned bits = r->witness->bits;
	struct fog_ristretto sum;
	struct fog_ge_niels term;

	commit(r, &sum, NULL, &r->secret.a_blinding);
	for (unsigned i = 0; i < total; i++) {
		term = r->gens->h[i / bits][i % bits];
		fog_ge_niels_negate(&term, 1);
		niels_select(&term, &r->gens->g[i / bits][i % bits], bit_at(r->witness, i));
		fog_ge_add_niels(&sum.point, &sum.point, &term);
	}
	point_write(r, "A", &sum);
	fog_wipe(&sum, sizeof(sum));
	fog_wipe(&term, sizeof(term));
}

/* Adds the masks of a further party, whose generators have no tables. */
static void party_masks_add(struct run *r, struct fog_ristretto *sum, unsigned party)
{
	const struct fog_ge_niels *list[2] = {r->gens->g[party], r->gens->h[party]};
	const struct fog_scalar *mask[2] = {r->w->a, r->w->b};
	struct fog_ristretto point[FOG_RANGE_BITS_MAX], part;
	unsigned bits = r->witness->bits;

	for (unsigned side = 0; side < 2; side++) {
		for (unsigned i = 0; i < bits; i++)
			fog_ge_ext_from_niels(&point[i].point, &list[side][i]);
		fog_ristretto_msm(&part, mask[side] + party * bits, point, bits);
		fog_ristretto_add(sum, sum, &part);
	}
	fog_wipe(&part, sizeof(part));
}

/* S = s_blinding B_blinding + <s_L, G> + <s_R, H>, which will mask the bits. */
static void commit_masks(struct run *r)
{
	struct fog_fixed_term term[FOG_STRAUS_FIXED_MAX];
	unsigned bits = r->witness->bits, n = 0;
	const struct fog_range_prover *w = r->w;
	struct fog_ristretto sum;

	term[n++] = (struct fog_fixed_term){&r->gens->blinding_fixed,
					    *fog_scalar_words(&r->secret.s_blinding)};
	for (unsigned i = 0; i < bits; i++) {
		term[n++] =
			(struct fog_fixed_term){&r->gens->g_fixed[i], *fog_scalar_words(&w->a[i])};
		term[n++] =
			(struct fog_fixed_term){&r->gens->h_fixed[i], *fog_scalar_words(&w->b[i])};
	}
	fog_secret_fixed_sum(&sum.point, term, n);
	for (unsigned j = 1; j < r->witness->count; j++)
		party_masks_add(r, &sum, j);
	point_write(r, "S", &sum);
	fog_wipe(term, sizeof(term));
	fog_wipe(&sum, sizeof(sum));
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

	fog_range_random(&s->rng, &s->t_1_blinding, 1);
	fog_range_random(&s->rng, &s->t_2_blinding, 1);
	commit(r, &point, &s->t_1, &s->t_1_blinding);
	point_write(r, "T_1", &point);
	commit(r, &point, &s->t_2, &s->t_2_blinding);
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

/* The inner-product argument, section 3 of the paper: that a and b have the product t_x, in a
 * logarithm of their length. All of it is public, the vectors too: without it they would be sent as
 * they are (section 4.2), for s_L and s_R hide the bits in them. So it may take variable time.
 *
 * Generators are not folded: g_factor[i] and h_factor[i] tell how often G_i and H_i, of the first
 * round, are in the generator that they have become part of, and L and R are sums over those of the
 * first round, which have tables. In a round with vectors of 2 * half, G_i is in that at place i
 * modulo 2 * half. */
struct inner {
	struct fog_range_prover *w;
	const struct fog_range_gens *gens;
	struct fog_scalar base[2]; /* of B in L and R */
	unsigned bits, total, terms[2];
	unsigned count[2];
};

/* Adds s * f times generator i of G or H to L (0) or R (1). */
static void inner_term(struct inner *n, unsigned side, bool is_h, unsigned i,
		       const struct fog_scalar *s, const struct fog_scalar *f)
{
	struct fog_range_prover *w = n->w;
	struct fog_scalar product;

	fog_scalar_mul(&product, s, f);
	if (i < n->bits) {
		w->fixed[side][n->terms[side]++] =
			(struct fog_fixed_term){is_h ? &n->gens->h_fixed[i] : &n->gens->g_fixed[i],
						*fog_scalar_words(&product)};
		return;
	}
	w->s[side][n->count[side]] = product;
	w->p[side][n->count[side]++] =
		is_h ? n->gens->h[i / n->bits][i % n->bits] : n->gens->g[i / n->bits][i % n->bits];
}

/* L = <a_low, G_high> + <b_high, H_low> + <a_low, b_high> Q and R with low and high exchanged,
 * where Q = q B. */
static void inner_sums(struct inner *n, struct fog_ristretto out[2], const struct fog_scalar *q,
		       unsigned half)
{
	struct fog_range_prover *w = n->w;
	struct fog_straus s = {.sums = 2, .fixed = {w->fixed[0], w->fixed[1]}};
	struct fog_ge_ext sum[2], part;

	n->base[0] = n->base[1] = fog_scalar_zero;
	for (unsigned i = 0; i < half; i++) {
		fog_scalar_muladd(&n->base[0], &w->a[i], &w->b[half + i], &n->base[0]);
		fog_scalar_muladd(&n->base[1], &w->a[half + i], &w->b[i], &n->base[1]);
	}
	for (unsigned side = 0; side < 2; side++) {
		fog_scalar_mul(&n->base[side], &n->base[side], q);
		w->fixed[side][0] = (struct fog_fixed_term){&n->gens->base_fixed,
							    *fog_scalar_words(&n->base[side])};
		n->terms[side] = 1;
		n->count[side] = 0;
	}
	for (unsigned i = 0; i < n->total; i++) {
		unsigned at = i % (2 * half);
		bool high = at >= half;
		unsigned other = high ? at - half : at + half;
		inner_term(n, high ? 0 : 1, false, i, &w->a[other], &w->g_factor[i]);
		inner_term(n, high ? 1 : 0, true, i, &w->b[other], &w->h_factor[i]);
	}
	s.terms[0] = n->terms[0];
	s.terms[1] = n->terms[1];
	fog_straus_sum(sum, &s, w->scratch);
	for (unsigned side = 0; side < 2; side++) {
		FOG_ASSERT(fog_msm_scratch_size(n->count[side]) <= sizeof(w->scratch));
		fog_msm(&part, w->p[side], fog_scalar_words(w->s[side]), n->count[side],
			w->scratch);
		fog_ge_add(&out[side].point, &sum[side], &part);
	}
}

/* Halves the vectors: a = u a_low + 1/u a_high, G = 1/u G_low + u G_high, b and H the other way
 * round. */
static void inner_fold(struct inner *n, const struct fog_scalar *u, unsigned half)
{
	struct fog_range_prover *w = n->w;
	struct fog_scalar inverse, t;

	fog_scalar_invert_vartime(&inverse, u);
	for (unsigned i = 0; i < half; i++) {
		fog_scalar_mul(&t, &w->a[half + i], &inverse);
		fog_scalar_muladd(&w->a[i], &w->a[i], u, &t);
		fog_scalar_mul(&t, &w->b[half + i], u);
		fog_scalar_muladd(&w->b[i], &w->b[i], &inverse, &t);
	}
	for (unsigned i = 0; i < n->total; i++) {
		bool high = i % (2 * half) >= half;
		fog_scalar_mul(&w->g_factor[i], &w->g_factor[i], high ? u : &inverse);
		fog_scalar_mul(&w->h_factor[i], &w->h_factor[i], high ? &inverse : u);
	}
}

static void inner_init(struct inner *n, struct run *r, unsigned total)
{
	struct fog_range_prover *w = r->w;
	struct fog_scalar y_inv;

	*n = (struct inner){.w = w, .gens = r->gens, .bits = r->witness->bits, .total = total};
	fog_scalar_invert_vartime(&y_inv, &r->y);
	w->h_factor[0] = fog_scalar_one;
	for (unsigned i = 0; i < total; i++) {
		w->g_factor[i] = fog_scalar_one;
		if (i > 0)
			fog_scalar_mul(&w->h_factor[i], &w->h_factor[i - 1], &y_inv);
	}
}

static void inner_product(struct run *r, unsigned total)
{
	struct fog_range_prover *w = r->w;
	struct fog_ristretto side[2];
	struct fog_scalar q, u;
	struct inner n;

	inner_init(&n, r, total);
	fog_range_challenge(r->t, "w", &q);
	fog_merlin_append(r->t, "dom-sep", "ipp v1", 6);
	fog_merlin_append_u64(r->t, "n", total);
	for (unsigned half = total / 2; half > 0; half /= 2) {
		inner_sums(&n, side, &q, half);
		point_write(r, "L", &side[0]);
		point_write(r, "R", &side[1]);
		fog_range_challenge(r->t, "u", &u);
		inner_fold(&n, &u, half);
	}
	scalar_write(r, NULL, &w->a[0]);
	scalar_write(r, NULL, &w->b[0]);
}

/* What the inner product works on and what was written so far. */
static void publish(struct run *r, unsigned total, const u8 *proof)
{
	fog_publish(r->w->a, total * sizeof(*r->w->a));
	fog_publish(r->w->b, total * sizeof(*r->w->b));
	fog_publish(&r->y, sizeof(r->y));
	fog_publish(r->t, sizeof(*r->t));
	fog_publish(proof, (size_t)(r->at - proof));
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
		commit(r, &point, &value, &w->blinding[j]);
		fog_ristretto_encode(commitment[j], &point);
		fog_merlin_append(r->t, "V", commitment[j], FOG_RISTRETTO_SIZE);
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
	commit_masks(&r);
	fog_range_challenge(t, "y", &r.y);
	fog_range_challenge(t, "z", &r.z);
	polynomials(&r, false);
	commit_polynomial(&r);
	fog_range_challenge(t, "x", &r.x);
	polynomials(&r, true);
	open_polynomial(&r);
	publish(&r, total, proof);
	inner_product(&r, total);
	*proof_len = r.at - proof;
	fog_wipe(&r.secret, sizeof(r.secret));
	fog_wipe(w->a, total * sizeof(*w->a));
	fog_wipe(w->b, total * sizeof(*w->b));
	return 0;
}
