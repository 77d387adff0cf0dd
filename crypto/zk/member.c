/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/zk/member.h"

#include <errno.h>

#include "crypto/mem.h"
#include "crypto/zk/pedersen.h"

#define DEPTH_MAX FOG_MEMBER_DEPTH_MAX

/* Com(m; r) = m * other + r * base. */
struct bases {
	struct fog_ristretto base, other;
};

/* The bits l_j of the index; per bit j, lowest first: c_l = Com(l_j; r), c_a = Com(a; s),
 * c_b = Com(l_j a; t); rho masks c_d. */
struct member_secrets {
	struct fog_scalar bit[DEPTH_MAX], a[DEPTH_MAX];
	struct fog_scalar r[DEPTH_MAX], s[DEPTH_MAX], t[DEPTH_MAX], rho[DEPTH_MAX];
};

struct member_parsed {
	unsigned depth;
	struct fog_ristretto c_l[DEPTH_MAX], c_a[DEPTH_MAX], c_b[DEPTH_MAX], c_d[DEPTH_MAX];
	struct fog_scalar f[DEPTH_MAX], z_a[DEPTH_MAX], z_b[DEPTH_MAX], z_d;
};

static unsigned depth_of(unsigned count)
{
	unsigned depth = 1;

	while (1u << depth < count)
		depth++;
	return depth;
}

static int statement_check(const struct fog_member_statement *s)
{
	if (fog_member_proof_len(s->count) == 0)
		return -EINVAL;
	return s->base == FOG_MEMBER_BLINDING || s->base == FOG_MEMBER_KEY ? 0 : -EINVAL;
}

static void bases_init(struct bases *b, const struct fog_member_statement *s)
{
	if (s->base == FOG_MEMBER_KEY)
		fog_pedersen_bases(&b->base, &b->other);
	else
		fog_pedersen_bases(&b->other, &b->base);
}

void fog_member_values(struct fog_ristretto *out, const struct fog_ristretto *commitment,
		       const struct fog_scalar *value, unsigned count)
{
	struct fog_ristretto shift;

	for (unsigned i = 0; i < count; i++) {
		fog_ristretto_mul_base(&shift, &value[i]);
		fog_ristretto_sub(&out[i], commitment, &shift);
	}
}

size_t fog_member_proof_len(unsigned count)
{
	if (count < 2 || count > FOG_MEMBER_COUNT_MAX)
		return 0;
	return FOG_SCALAR_SIZE * (7 * depth_of(count) + 1);
}

static void scalar_wide(struct fog_scalar *out, u8 wide[FOG_UNIFORM_SIZE])
{
	fog_scalar_reduce(out, wide);
	fog_wipe(wide, FOG_UNIFORM_SIZE);
}

static void random_draw(struct fog_merlin_rng *rng, struct fog_scalar *out)
{
	u8 wide[FOG_UNIFORM_SIZE];

	fog_merlin_rng_bytes(rng, wide, sizeof(wide));
	scalar_wide(out, wide);
}

static void challenge_draw(struct fog_merlin *t, struct fog_scalar *out)
{
	u8 wide[FOG_UNIFORM_SIZE];

	fog_merlin_challenge(t, "x", wide, sizeof(wide));
	scalar_wide(out, wide);
}

static void statement_append(struct fog_merlin *t, const struct fog_member_statement *s)
{
	u8 text[FOG_RISTRETTO_SIZE];

	fog_merlin_append(t, "dom-sep", "fog one out of many v1", 22);
	fog_merlin_append_u64(t, "base", s->base);
	fog_merlin_append_u64(t, "count", s->count);
	for (unsigned i = 0; i < s->count; i++) {
		fog_ristretto_encode(text, &s->list[i]);
		fog_merlin_append(t, "element", text, sizeof(text));
	}
}

static void commit(const struct bases *b, struct fog_ristretto *out, const struct fog_scalar *m,
		   const struct fog_scalar *r)
{
	const struct fog_scalar s[2] = {*m, *r};
	const struct fog_ristretto p[2] = {b->other, b->base};

	fog_ristretto_msm(out, s, p, 2);
}

static void secrets_init(struct member_secrets *m, struct fog_merlin *t, unsigned depth,
			 unsigned index, const struct fog_scalar *secret,
			 const u8 random[FOG_MERLIN_RANDOM_SIZE])
{
	struct fog_merlin_rng rng;

	fog_merlin_rng_fork(&rng, t);
	fog_merlin_rng_key(&rng, "index", &index, sizeof(index));
	fog_merlin_rng_key(&rng, "secret", secret, sizeof(*secret));
	fog_merlin_rng_finish(&rng, random);
	for (unsigned j = 0; j < depth; j++) {
		fog_scalar_from_u64(&m->bit[j], index >> j & 1);
		random_draw(&rng, &m->a[j]);
		random_draw(&rng, &m->r[j]);
		random_draw(&rng, &m->s[j]);
		random_draw(&rng, &m->t[j]);
		random_draw(&rng, &m->rho[j]);
	}
	fog_merlin_rng_wipe(&rng);
}

/* For each i the polynomial p_i(X), product over j of f_j or X - f_j by bit j of i, where
 * f_j = l_j X + a_j. Only p_l has degree n; w->s[k][i] is the coefficient of X^k. Elements past the
 * end of the list stand for the last one and are added to it. */
static void polynomials(struct fog_member_work *w, const struct member_secrets *m, unsigned depth,
			unsigned count)
{
	struct fog_scalar p[DEPTH_MAX + 1], linear, constant, term;

	memset(w, 0, sizeof(*w));
	for (unsigned i = 0; i < 1u << depth; i++) {
		unsigned at = FOG_MIN(i, count - 1);
		memset(p, 0, sizeof(p));
		p[0] = fog_scalar_one;
		for (unsigned j = 0; j < depth; j++) {
			linear = m->bit[j];
			constant = m->a[j];
			if ((i >> j & 1) == 0) { /* i is no secret */
				fog_scalar_sub(&linear, &fog_scalar_one, &linear);
				fog_scalar_neg(&constant, &constant);
			}
			for (unsigned k = j + 1; k > 0; k--) {
				fog_scalar_mul(&term, &p[k - 1], &linear);
				fog_scalar_muladd(&p[k], &p[k], &constant, &term);
			}
			fog_scalar_mul(&p[0], &p[0], &constant);
		}
		for (unsigned k = 0; k < depth; k++)
			fog_scalar_add(&w->s[k][at], &w->s[k][at], &p[k]);
	}
	fog_wipe(p, sizeof(p));
	fog_wipe(&term, sizeof(term));
	fog_wipe(&linear, sizeof(linear));
	fog_wipe(&constant, sizeof(constant));
}

static void point_write(struct fog_merlin *t, u8 **at, const char *label,
			const struct fog_ristretto *p)
{
	fog_ristretto_encode(*at, p);
	fog_merlin_append(t, label, *at, FOG_RISTRETTO_SIZE);
	*at += FOG_RISTRETTO_SIZE;
}

static void scalar_write(u8 **at, const struct fog_scalar *s)
{
	memcpy(*at, s->byte, FOG_SCALAR_SIZE);
	*at += FOG_SCALAR_SIZE;
}

static void commitments_write(struct fog_member_work *w, struct fog_merlin *t,
			      const struct fog_member_statement *s, const struct member_secrets *m,
			      u8 **at)
{
	unsigned depth = depth_of(s->count);
	struct fog_ristretto point, mask;
	struct fog_scalar product;
	struct bases b;

	bases_init(&b, s);
	for (unsigned j = 0; j < depth; j++) {
		commit(&b, &point, &m->bit[j], &m->r[j]);
		point_write(t, at, "c_l", &point);
	}
	for (unsigned j = 0; j < depth; j++) {
		commit(&b, &point, &m->a[j], &m->s[j]);
		point_write(t, at, "c_a", &point);
	}
	for (unsigned j = 0; j < depth; j++) {
		fog_scalar_mul(&product, &m->bit[j], &m->a[j]);
		commit(&b, &point, &product, &m->t[j]);
		point_write(t, at, "c_b", &point);
	}
	for (unsigned k = 0; k < depth; k++) {
		fog_ristretto_msm(&point, w->s[k], s->list, s->count);
		fog_ristretto_mul(&mask, &m->rho[k], &b.base);
		fog_ristretto_add(&point, &point, &mask);
		point_write(t, at, "c_d", &point);
	}
	fog_wipe(&product, sizeof(product));
}

/* f = l x + a; z_a = r x + s; z_b = r (x - f) + t; z_d = secret x^n - sum rho_k x^k. */
static void responses_write(const struct member_secrets *m, const struct fog_scalar *x,
			    const struct fog_scalar *secret, unsigned depth, u8 **at)
{
	struct fog_scalar f[DEPTH_MAX], out, power = fog_scalar_one, sum = fog_scalar_zero;

	for (unsigned j = 0; j < depth; j++) {
		fog_scalar_muladd(&f[j], &m->bit[j], x, &m->a[j]);
		scalar_write(at, &f[j]);
	}
	for (unsigned j = 0; j < depth; j++) {
		fog_scalar_muladd(&out, &m->r[j], x, &m->s[j]);
		scalar_write(at, &out);
	}
	for (unsigned j = 0; j < depth; j++) {
		fog_scalar_sub(&out, x, &f[j]);
		fog_scalar_muladd(&out, &m->r[j], &out, &m->t[j]);
		scalar_write(at, &out);
	}
	for (unsigned k = 0; k < depth; k++) {
		fog_scalar_muladd(&sum, &m->rho[k], &power, &sum);
		fog_scalar_mul(&power, &power, x);
	}
	fog_scalar_mul(&out, secret, &power);
	fog_scalar_sub(&out, &out, &sum);
	scalar_write(at, &out);
	fog_wipe(&sum, sizeof(sum));
}

int fog_member_prove(struct fog_member_work *w, struct fog_merlin *t,
		     const struct fog_member_statement *s, unsigned index,
		     const struct fog_scalar *secret, const u8 random[FOG_MERLIN_RANDOM_SIZE],
		     u8 *proof, size_t proof_cap, size_t *proof_len)
{
	struct member_secrets m;
	struct fog_scalar x;
	u8 *at = proof;

	*proof_len = 0;
	int rc = statement_check(s);
	if (rc != 0 || index >= s->count)
		return -EINVAL;
	if (proof_cap < fog_member_proof_len(s->count))
		return -ENOSPC;
	unsigned depth = depth_of(s->count);
	statement_append(t, s);
	secrets_init(&m, t, depth, index, secret, random);
	polynomials(w, &m, depth, s->count);
	commitments_write(w, t, s, &m, &at);
	challenge_draw(t, &x);
	responses_write(&m, &x, secret, depth, &at);
	*proof_len = at - proof;
	fog_wipe(&m, sizeof(m));
	fog_wipe(w, sizeof(*w));
	return 0;
}

static int points_parse(struct fog_merlin *t, const char *label, struct fog_ristretto *out,
			unsigned count, const u8 **at)
{
	for (unsigned j = 0; j < count; j++, *at += FOG_RISTRETTO_SIZE) {
		if (fog_ristretto_decode(&out[j], *at) != 0)
			return -EBADMSG;
		fog_merlin_append(t, label, *at, FOG_RISTRETTO_SIZE);
	}
	return 0;
}

static int scalars_parse(struct fog_scalar *out, unsigned count, const u8 **at)
{
	for (unsigned j = 0; j < count; j++, *at += FOG_SCALAR_SIZE)
		if (fog_scalar_decode(&out[j], *at) != 0)
			return -EBADMSG;
	return 0;
}

/* Decodes the proof and walks along the transcript up to the challenge. */
static int proof_parse(struct member_parsed *p, struct fog_merlin *t, const u8 *at,
		       struct fog_scalar *x)
{
	int rc = points_parse(t, "c_l", p->c_l, p->depth, &at);

	if (rc == 0)
		rc = points_parse(t, "c_a", p->c_a, p->depth, &at);
	if (rc == 0)
		rc = points_parse(t, "c_b", p->c_b, p->depth, &at);
	if (rc == 0)
		rc = points_parse(t, "c_d", p->c_d, p->depth, &at);
	if (rc == 0)
		rc = scalars_parse(p->f, p->depth, &at);
	if (rc == 0)
		rc = scalars_parse(p->z_a, p->depth, &at);
	if (rc == 0)
		rc = scalars_parse(p->z_b, p->depth, &at);
	if (rc == 0)
		rc = scalars_parse(&p->z_d, 1, &at);
	if (rc == 0)
		challenge_draw(t, x);
	return rc;
}

/* w->s[0][i] = weight * p_i(x), doubling the list bit by bit; what is past its end goes to its
 * last. */
static void list_scalars(struct fog_member_work *w, const struct member_parsed *p,
			 const struct fog_scalar *x, unsigned count)
{
	struct fog_scalar *s = w->s[0], rest;

	s[0] = fog_scalar_one;
	for (unsigned j = 0; j < p->depth; j++) {
		fog_scalar_sub(&rest, x, &p->f[j]);
		for (unsigned i = 0; i < 1u << j; i++) {
			fog_scalar_mul(&s[(1u << j) + i], &s[i], &p->f[j]);
			fog_scalar_mul(&s[i], &s[i], &rest);
		}
	}
	for (unsigned i = count; i < 1u << p->depth; i++)
		fog_scalar_add(&s[count - 1], &s[count - 1], &s[i]);
}

/* The equations, each times a random weight v_j, w_j or (the last) 1, as one sum:
 *	v_j:  x c_l + c_a - Com(f; z_a)            w_j:  (x - f) c_l + c_b - Com(0; z_b)
 *	1:    sum p_i(x) list_i - sum x^k c_d - Com(0; z_d) */
static bool equations_hold(struct fog_member_work *w, const struct member_parsed *p,
			   const struct fog_member_statement *st, const struct fog_scalar *x,
			   struct fog_merlin_rng *rng)
{
	struct fog_scalar s[4 * DEPTH_MAX + 2], v, u, term, power = fog_scalar_one;
	struct fog_scalar *base = &s[4 * p->depth], *other = base + 1;
	struct fog_ristretto point[4 * DEPTH_MAX + 2], sum, part;
	struct bases b;

	bases_init(&b, st);
	point[4 * p->depth] = b.base;
	point[4 * p->depth + 1] = b.other;
	*base = p->z_d;
	*other = fog_scalar_zero;
	for (unsigned j = 0; j < p->depth; j++) {
		struct fog_scalar *at = &s[4 * j];
		random_draw(rng, &v);
		random_draw(rng, &u);
		point[4 * j] = p->c_l[j];
		point[4 * j + 1] = p->c_a[j];
		point[4 * j + 2] = p->c_b[j];
		point[4 * j + 3] = p->c_d[j];
		fog_scalar_sub(&term, x, &p->f[j]);
		fog_scalar_mul(&term, &term, &u);
		fog_scalar_muladd(&at[0], &v, x, &term);
		at[1] = v;
		at[2] = u;
		fog_scalar_neg(&at[3], &power);
		fog_scalar_mul(&power, &power, x);
		fog_scalar_muladd(base, &v, &p->z_a[j], base);
		fog_scalar_muladd(base, &u, &p->z_b[j], base);
		fog_scalar_muladd(other, &v, &p->f[j], other);
	}
	fog_scalar_neg(base, base);
	fog_scalar_neg(other, other);
	list_scalars(w, p, x, st->count);
	fog_ristretto_msm_vartime(&sum, s, point, 4 * p->depth + 2);
	fog_ristretto_msm_vartime(&part, w->s[0], st->list, st->count);
	fog_ristretto_add(&sum, &sum, &part);
	return fog_ristretto_is_identity(&sum);
}

int fog_member_verify(struct fog_member_work *w, struct fog_merlin *t,
		      const struct fog_member_statement *s, const u8 *proof, size_t proof_len,
		      const u8 random[FOG_MERLIN_RANDOM_SIZE])
{
	struct member_parsed p;
	struct fog_merlin_rng rng;
	struct fog_scalar x;

	int rc = statement_check(s);
	if (rc != 0)
		return rc;
	if (proof_len != fog_member_proof_len(s->count))
		return -EBADMSG;
	p.depth = depth_of(s->count);
	statement_append(t, s);
	rc = proof_parse(&p, t, proof, &x);
	if (rc != 0)
		return rc;
	fog_merlin_rng_fork(&rng, t);
	fog_merlin_rng_key(&rng, "proof", proof, proof_len);
	fog_merlin_rng_finish(&rng, random);
	return equations_hold(w, &p, s, &x, &rng) ? 0 : -EBADMSG;
}
