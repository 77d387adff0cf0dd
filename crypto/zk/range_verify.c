/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/zk/range.h"

#include <errno.h>

#include "crypto/curve/msm.h"
#include "crypto/mem.h"
#include "crypto/zk/range_internal.h"

/* Terms that are summed in one with those that have tables: they save a row of doublings. */
#define TOGETHER_MAX 64

/* Section 4.2 of the paper leaves two equations, joined here by a random scalar c; with the whole
 * times a random weight they add up with those of other proofs (section 6.1):
 *
 *	A + x S + c (x T_1 + x^2 T_2) + sum u_i^2 L_i + u_i^-2 R_i + c sum z^(2+j) V_j
 *	+ (w (t_x - a b) + c (delta(y, z) - t_x)) B - (e_blinding + c t_x_blinding) B_blinding
 *	+ sum_i (-z - a s_i) G_i
 *	+ sum_i (z + y^-i (z^(2+j) 2^k - b / s_i)) H_i  = identity,   i = j * bits + k
 *
 * s_i is the product of u_r or 1/u_r over the rounds r, by the bits of i from the highest down. */

/* All points of the proof and the commitments, together because many at once are faster. */
static int points_parse(struct fog_range_parsed *p, const u8 (*item)[32],
			const u8 (*commitment)[FOG_RISTRETTO_SIZE])
{
	const u8 *in[FOG_RANGE_POINTS_MAX];
	unsigned count = 0;

	for (unsigned i = 0; i < 4; i++)
		in[count++] = item[i];
	for (unsigned i = 0; i < 2 * p->rounds; i++)
		in[count++] = item[7 + i];
	p->points = count;
	for (unsigned j = 0; j < p->count; j++)
		in[count++] = commitment[j];
	int rc = fog_ristretto_decode_many(p->point, in, count);
	for (unsigned i = 0; i < p->points && rc == 0; i++)
		if (fog_is_zero(in[i], 32)) /* the identity */
			rc = -EBADMSG;
	return rc;
}

int fog_range_parse(struct fog_range_parsed *p, const u8 *proof, size_t proof_len,
		    const u8 (*commitment)[FOG_RISTRETTO_SIZE], unsigned bits, unsigned count)
{
	struct fog_scalar *const first[] = {&p->t_x, &p->t_x_blinding, &p->e_blinding};
	const u8(*item)[32] = (const void *)proof;
	int rc = 0;

	if (fog_range_proof_len(bits, count) == 0)
		return -EINVAL;
	if (fog_range_proof_len(bits, count) != proof_len)
		return -EBADMSG;
	p->bits = bits;
	p->count = count;
	p->rounds = fog_range_rounds(bits, count);
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(first) && rc == 0; i++)
		rc = fog_scalar_decode(first[i], item[4 + i]);
	if (rc == 0)
		rc = fog_scalar_decode(&p->a, item[7 + 2 * p->rounds]);
	if (rc == 0)
		rc = fog_scalar_decode(&p->b, item[8 + 2 * p->rounds]);
	return rc == 0 ? points_parse(p, item, commitment) : rc;
}

void fog_range_replay(struct fog_merlin *t, struct fog_range_challenges *c, const u8 *proof,
		      const u8 (*commitment)[FOG_RISTRETTO_SIZE], unsigned bits, unsigned count)
{
	unsigned rounds = fog_range_rounds(bits, count);
	const u8(*item)[32] = (const void *)proof;

	fog_range_domain(t, bits, count);
	for (unsigned j = 0; j < count; j++)
		fog_merlin_append(t, "V", commitment[j], 32);
	fog_merlin_append(t, "A", item[0], 32);
	fog_merlin_append(t, "S", item[1], 32);
	fog_range_challenge(t, "y", &c->y);
	fog_range_challenge(t, "z", &c->z);
	fog_merlin_append(t, "T_1", item[2], 32);
	fog_merlin_append(t, "T_2", item[3], 32);
	fog_range_challenge(t, "x", &c->x);
	fog_merlin_append(t, "t_x", item[4], 32);
	fog_merlin_append(t, "t_x_blinding", item[5], 32);
	fog_merlin_append(t, "e_blinding", item[6], 32);
	fog_range_challenge(t, "w", &c->w);
	fog_merlin_append(t, "dom-sep", "ipp v1", 6);
	fog_merlin_append_u64(t, "n", (u64)bits * count);
	for (unsigned i = 0; i < rounds; i++) {
		fog_merlin_append(t, "L", item[7 + 2 * i], 32);
		fog_merlin_append(t, "R", item[8 + 2 * i], 32);
		fog_range_challenge(t, "u", &c->u[i]);
	}
}

static void batch_sum(struct fog_range_batch *b)
{
	struct fog_ristretto part;

	FOG_ASSERT(fog_msm_scratch_size(b->count) <= sizeof(b->scratch));
	fog_msm(&part.point, b->p, fog_scalar_words(b->s), b->count, b->scratch);
	fog_ristretto_add(&b->sum, &b->sum, &part);
	b->count = 0;
}

/* Adds weight * scalar * point; a full list is summed first. */
static void term_add(struct fog_range_batch *b, const struct fog_scalar *weight,
		     const struct fog_scalar *scalar, const struct fog_ge_niels *point)
{
	if (b->count == FOG_RANGE_BATCH_TERMS)
		batch_sum(b);
	fog_scalar_mul(&b->s[b->count], weight, scalar);
	b->p[b->count] = *point;
	b->count++;
}

static void batch_clear(struct fog_range_batch *b)
{
	b->added = 0;
	b->count = 0;
	b->base = b->blinding = fog_scalar_zero;
	b->parties = 0;
	fog_ristretto_identity(&b->sum);
}

/* Room for the generators of `count` parties. */
static void parties_need(struct fog_range_batch *b, unsigned count)
{
	if (count <= b->parties)
		return;
	size_t from = (size_t)b->parties * FOG_RANGE_BITS_MAX;
	size_t size = (size_t)(count - b->parties) * FOG_RANGE_BITS_MAX * sizeof(*b->g);

	memset(&b->g[from], 0, size);
	memset(&b->h[from], 0, size);
	b->parties = count;
}

void fog_range_batch_init(struct fog_range_batch *b, const struct fog_range_gens *gens,
			  const u8 random[FOG_MERLIN_RANDOM_SIZE])
{
	b->gens = gens;
	memcpy(b->random, random, sizeof(b->random));
	batch_clear(b);
}

/* (z - z^2) sum y^i - sum_j z^(3+j) (2^bits - 1). The first sum, of a power of two terms, is the
 * product of the 1 + y^(2^k). */
static void delta(struct fog_scalar *out, const struct fog_range_parsed *p,
		  const struct fog_range_challenges *c, const struct fog_scalar *z2)
{
	struct fog_scalar sum = fog_scalar_one, power = c->y, ones, factor;

	for (unsigned k = 0; k < p->rounds; k++) {
		fog_scalar_muladd(&sum, &sum, &power, &sum);
		fog_scalar_mul(&power, &power, &power);
	}
	fog_scalar_sub(&factor, &c->z, z2);
	fog_scalar_mul(out, &factor, &sum);
	fog_scalar_from_u64(&ones, ~0ull >> (64 - p->bits));
	fog_scalar_mul(&power, z2, &c->z);
	for (unsigned j = 0; j < p->count; j++) {
		fog_scalar_mul(&factor, &power, &ones);
		fog_scalar_sub(out, out, &factor);
		fog_scalar_mul(&power, &power, &c->z);
	}
}

/* The coefficients of B and B_blinding. */
static void bases_add(struct fog_range_batch *b, const struct fog_range_parsed *p,
		      const struct fog_range_challenges *c, const struct fog_scalar *weight,
		      const struct fog_scalar *join, const struct fog_scalar *z2)
{
	struct fog_scalar left, right;

	fog_scalar_mul(&left, &p->a, &p->b);
	fog_scalar_sub(&left, &p->t_x, &left);
	fog_scalar_mul(&left, &left, &c->w);
	delta(&right, p, c, z2);
	fog_scalar_sub(&right, &right, &p->t_x);
	fog_scalar_muladd(&left, &right, join, &left);
	fog_scalar_muladd(&b->base, weight, &left, &b->base);
	fog_scalar_muladd(&left, join, &p->t_x_blinding, &p->e_blinding);
	fog_scalar_mul(&left, weight, &left);
	fog_scalar_sub(&b->blinding, &b->blinding, &left);
}

/* b->fold[i] = the product of the u_r^2 whose bit of i is set, by the bits from the highest down:
 * the product of all u_r, times s_i. b->power[i] = y^i. */
static void fold_init(struct fog_range_batch *b, const struct fog_range_parsed *p,
		      const struct fog_range_challenges *c, const struct fog_scalar *u_square)
{
	struct fog_scalar y = c->y; /* y^(2^k) */

	b->fold[0] = b->power[0] = fog_scalar_one;
	for (unsigned k = 0; k < p->rounds; k++) {
		for (unsigned i = 0; i < 1u << k; i++) {
			unsigned at = (1u << k) + i;
			fog_scalar_mul(&b->fold[at], &b->fold[i], &u_square[p->rounds - 1 - k]);
			fog_scalar_mul(&b->power[at], &b->power[i], &y);
		}
		fog_scalar_mul(&y, &y, &y);
	}
}

/* What one proof's equation is multiplied by: a random weight, U^2 and Y, where U is the product of
 * the u_r and Y the highest power of y. With the last two, nothing has to be inverted. */
struct factors {
	struct fog_scalar all;          /* weight U^2 Y */
	struct fog_scalar no_u;         /* weight Y */
	struct fog_scalar u;            /* weight U Y, beside U s_i and U / s_i */
	struct fog_scalar no_y, u_no_y; /* weight U^2, weight U: beside Y / y^i */
};

static void factors_init(struct factors *f, const struct fog_range_parsed *p,
			 const struct fog_range_challenges *c, const struct fog_scalar *weight,
			 const struct fog_scalar *y_top)
{
	struct fog_scalar u = c->u[0];

	for (unsigned r = 1; r < p->rounds; r++)
		fog_scalar_mul(&u, &u, &c->u[r]);
	fog_scalar_mul(&f->u_no_y, weight, &u);
	fog_scalar_mul(&f->no_y, &f->u_no_y, &u);
	fog_scalar_mul(&f->no_u, weight, y_top);
	fog_scalar_mul(&f->u, &f->no_u, &u);
	fog_scalar_mul(&f->all, &f->u, &u);
}

/* The coefficients of G and H. */
static void generators_add(struct fog_range_batch *b, const struct fog_range_parsed *p,
			   const struct fog_range_challenges *c, const struct factors *f,
			   const struct fog_scalar *z2)
{
	unsigned total = p->bits * p->count;
	struct fog_scalar minus_a, minus_b, z, zj, term, shifted = fog_scalar_zero;

	fog_scalar_mul(&minus_a, &f->u, &p->a);
	fog_scalar_neg(&minus_a, &minus_a);
	fog_scalar_mul(&minus_b, &f->u_no_y, &p->b);
	fog_scalar_neg(&minus_b, &minus_b);
	fog_scalar_mul(&z, &f->all, &c->z);
	fog_scalar_mul(&zj, &f->no_y, z2);
	parties_need(b, p->count);
	for (unsigned i = 0; i < total; i++) {
		unsigned party = i / p->bits, k = i % p->bits;
		unsigned at = party * FOG_RANGE_BITS_MAX + k;
		if (k == 0) {
			if (party != 0)
				fog_scalar_mul(&zj, &zj, &c->z);
			shifted = zj;
		}
		fog_scalar_sub(&term, &b->g[at], &z);
		fog_scalar_muladd(&b->g[at], &minus_a, &b->fold[i], &term);
		fog_scalar_muladd(&term, &minus_b, &b->fold[total - 1 - i], &shifted);
		fog_scalar_add(&b->h[at], &b->h[at], &z);
		fog_scalar_muladd(&b->h[at], &term, &b->power[total - 1 - i], &b->h[at]);
		fog_scalar_add(&shifted, &shifted, &shifted);
	}
}

/* L_r by U^2 u_r^2, R_r by U^2 / u_r^2, which is the product of the other squares. */
static void rounds_add(struct fog_range_batch *b, const struct fog_range_parsed *p,
		       const struct factors *f, const struct fog_scalar *square)
{
	struct fog_scalar after[FOG_RANGE_ROUNDS_MAX], before = fog_scalar_one, others;

	after[p->rounds - 1] = fog_scalar_one;
	for (unsigned r = p->rounds - 1; r > 0; r--)
		fog_scalar_mul(&after[r - 1], &after[r], &square[r]);
	for (unsigned r = 0; r < p->rounds; r++) {
		term_add(b, &f->all, &square[r], &p->point[4 + 2 * r]);
		fog_scalar_mul(&others, &before, &after[r]);
		term_add(b, &f->no_u, &others, &p->point[5 + 2 * r]);
		fog_scalar_mul(&before, &before, &square[r]);
	}
}

static void proof_add(struct fog_range_batch *b, const struct fog_range_parsed *p,
		      const struct fog_range_challenges *c, const struct fog_scalar *weight,
		      const struct fog_scalar *join)
{
	struct fog_scalar square[FOG_RANGE_ROUNDS_MAX], z2, term;
	struct factors f;

	for (unsigned r = 0; r < p->rounds; r++)
		fog_scalar_mul(&square[r], &c->u[r], &c->u[r]);
	fold_init(b, p, c, square);
	factors_init(&f, p, c, weight, &b->power[p->bits * p->count - 1]);
	fog_scalar_mul(&z2, &c->z, &c->z);
	term_add(b, &f.all, &fog_scalar_one, &p->point[0]);
	term_add(b, &f.all, &c->x, &p->point[1]);
	fog_scalar_mul(&term, join, &c->x);
	term_add(b, &f.all, &term, &p->point[2]);
	fog_scalar_mul(&term, &term, &c->x);
	term_add(b, &f.all, &term, &p->point[3]);
	rounds_add(b, p, &f, square);
	fog_scalar_mul(&term, join, &z2);
	for (unsigned j = 0; j < p->count; j++) {
		term_add(b, &f.all, &term, &p->point[p->points + j]);
		fog_scalar_mul(&term, &term, &c->z);
	}
	bases_add(b, p, c, &f.all, join, &z2);
	generators_add(b, p, c, &f, &z2);
}

/* A factor of zero would take a proof out of the sum. */
static bool any_zero(const struct fog_range_challenges *c, unsigned rounds)
{
	bool zero = fog_scalar_is_zero(&c->y);

	for (unsigned r = 0; r < rounds; r++)
		zero |= fog_scalar_is_zero(&c->u[r]);
	return zero;
}

int fog_range_batch_add(struct fog_range_batch *b, struct fog_merlin *t, const u8 *proof,
			size_t proof_len, const u8 (*commitment)[FOG_RISTRETTO_SIZE], unsigned bits,
			unsigned count)
{
	struct fog_scalar weight, join;
	struct fog_range_challenges c;
	struct fog_range_parsed p;
	struct fog_merlin_rng rng;

	int rc = fog_range_parse(&p, proof, proof_len, commitment, bits, count);
	if (rc != 0)
		return rc;
	fog_range_replay(t, &c, proof, commitment, bits, count);
	if (any_zero(&c, p.rounds))
		return -EBADMSG;
	/* Weights depend on the whole proof too, should the random bytes ever be known: all of it
	 * but a and b is in the transcript. */
	fog_merlin_rng_fork(&rng, t);
	fog_merlin_rng_key(&rng, "a b", proof + proof_len - 64, 64);
	fog_merlin_rng_key(&rng, "place", &b->added, sizeof(b->added));
	fog_merlin_rng_finish(&rng, b->random);
	fog_range_random(&rng, &weight, 1);
	fog_range_random(&rng, &join, 1);
	fog_merlin_rng_wipe(&rng);
	proof_add(b, &p, &c, &weight, &join);
	b->added++;
	return 0;
}

/* Generators without tables, those of further parties, become terms. */
static void parties_add(struct fog_range_batch *b)
{
	const struct fog_ge_niels *g = b->gens->g[0], *h = b->gens->h[0];

	for (unsigned i = FOG_RANGE_BITS_MAX; i < b->parties * FOG_RANGE_BITS_MAX; i++) {
		if (!fog_scalar_is_zero(&b->g[i]))
			term_add(b, &fog_scalar_one, &b->g[i], &g[i]);
		if (!fog_scalar_is_zero(&b->h[i]))
			term_add(b, &fog_scalar_one, &b->h[i], &h[i]);
	}
}

/* The terms of the bases and of the first party's generators; returns how many. */
static unsigned fixed_list(const struct fog_range_batch *b, struct fog_fixed_term *term)
{
	unsigned n = 0;

	term[n++] = (struct fog_fixed_term){&b->gens->base_fixed, *fog_scalar_words(&b->base)};
	term[n++] =
		(struct fog_fixed_term){&b->gens->blinding_fixed, *fog_scalar_words(&b->blinding)};
	for (unsigned i = 0; b->parties > 0 && i < FOG_RANGE_BITS_MAX; i++) {
		if (!fog_scalar_is_zero(&b->g[i]))
			term[n++] = (struct fog_fixed_term){&b->gens->g_fixed[i],
							    *fog_scalar_words(&b->g[i])};
		if (!fog_scalar_is_zero(&b->h[i]))
			term[n++] = (struct fog_fixed_term){&b->gens->h_fixed[i],
							    *fog_scalar_words(&b->h[i])};
	}
	return n;
}

int fog_range_batch_verify(struct fog_range_batch *b)
{
	struct fog_fixed_term term[FOG_STRAUS_FIXED_MAX];
	struct fog_straus s = {
		.sums = 1, .fixed = {term}, .point = b->p, .scalar = fog_scalar_words(b->s)};
	struct fog_ristretto part;

	parties_add(b);
	if (b->count > TOGETHER_MAX)
		batch_sum(b);
	s.terms[0] = fixed_list(b, term);
	s.count = b->count;
	FOG_ASSERT(fog_straus_scratch_size(s.count) <= sizeof(b->scratch));
	fog_straus_sum(&part.point, &s, b->scratch);
	fog_ristretto_add(&b->sum, &b->sum, &part);
	bool right = fog_ristretto_is_identity(&b->sum);
	batch_clear(b);
	return right ? 0 : -EBADMSG;
}

int fog_range_verify(struct fog_range_batch *b, const struct fog_range_gens *gens,
		     struct fog_merlin *t, const u8 *proof, size_t proof_len,
		     const u8 (*commitment)[FOG_RISTRETTO_SIZE], unsigned bits, unsigned count,
		     const u8 random[FOG_MERLIN_RANDOM_SIZE])
{
	fog_range_batch_init(b, gens, random);
	int rc = fog_range_batch_add(b, t, proof, proof_len, commitment, bits, count);
	return rc != 0 ? rc : fog_range_batch_verify(b);
}
