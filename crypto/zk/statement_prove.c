/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/mem.h"
#include "crypto/zk/pedersen.h"
#include "crypto/zk/statement.h"
#include "crypto/zk/statement_internal.h"

#include <errno.h>

/* Of each atom: the value and blinding of its form, of its D, and whether it holds. */
struct secrets {
	struct fog_scalar value[FOG_STATEMENT_ATOMS_MAX], blinding[FOG_STATEMENT_ATOMS_MAX];
	struct fog_scalar fresh_value[FOG_STATEMENT_ATOMS_MAX];
	struct fog_scalar fresh_blinding[FOG_STATEMENT_ATOMS_MAX];
	u32 index[FOG_STATEMENT_ATOMS_MAX]; /* MEMBER: of the value in its set */
	bool holds[FOG_STATEMENT_ATOMS_MAX];
	struct fog_scalar witness[FOG_SIGMA_SECRETS_MAX];
	unsigned known; /* the branch that holds */
	struct fog_merlin_rng rng;
};

struct run {
	struct fog_statement_prover *w;
	const struct fog_range_gens *gens;
	struct fog_merlin *t;
	const struct fog_statement *s;
	struct fog_statement_points p;
	struct secrets x;
	u8 *at;
	size_t left;
};

static void form_value(struct fog_scalar *out, const struct fog_atom *a,
		       const struct fog_scalar *of, const struct fog_scalar *constant)
{
	fog_scalar_sub(out, &of[a->a], constant);
	if (a->b != FOG_STATEMENT_NONE)
		fog_scalar_sub(out, out, &of[a->b]);
	if (a->negate)
		fog_scalar_neg(out, out);
}

static bool in_range(const struct fog_scalar *v, unsigned bits)
{
	u8 high = 0;

	for (unsigned i = bits / 8; i < FOG_SCALAR_SIZE; i++)
		high |= v->byte[i];
	return high == 0;
}

/* Whether v is in the atom's set, and where: every element is looked at. */
static bool in_set(const struct fog_statement *s, const struct fog_atom *a,
		   const struct fog_scalar *v, u32 *index)
{
	u32 found = 0;

	*index = 0;
	for (u32 k = 0; k < a->set_count; k++) {
		u32 same = fog_scalar_equal(v, &s->element[a->set_first + k]);

		*index |= k & -(same & ~found);
		found |= same;
	}
	return found != 0;
}

/* A value that fits the atom whatever the attributes are. Public. */
static void value_fitting(struct fog_scalar *out, const struct fog_statement *s,
			  const struct fog_atom *a)
{
	u32 index;

	*out = fog_scalar_zero;
	if (a->kind == FOG_ATOM_MEMBER)
		*out = s->element[a->set_first];
	if (a->kind != FOG_ATOM_NOT_MEMBER)
		return;
	for (u64 k = 1; in_set(s, a, out, &index); k++)
		fog_scalar_from_u64(out, k);
}

static void atom_secrets(struct run *r, unsigned i, const struct fog_scalar *value,
			 const struct fog_scalar *blinding)
{
	const struct fog_statement *s = r->s;
	const struct fog_atom *a = &s->atom[i];
	struct secrets *x = &r->x;
	struct fog_scalar fitting;
	bool found;

	form_value(&x->value[i], a, value, &a->constant);
	form_value(&x->blinding[i], a, blinding, &fog_scalar_zero);
	bool zero = fog_scalar_is_zero(&x->value[i]);
	switch (a->kind) {
	case FOG_ATOM_ZERO:
		x->holds[i] = zero;
		return;
	case FOG_ATOM_NONZERO:
		x->holds[i] = !zero;
		return;
	case FOG_ATOM_RANGE:
		x->holds[i] = in_range(&x->value[i], s->bits);
		break;
	default:
		found = in_set(s, a, &x->value[i], &x->index[i]);
		x->holds[i] = found == (a->kind == FOG_ATOM_MEMBER);
		break;
	}
	value_fitting(&fitting, s, a);
	fog_scalar_select(&x->fresh_value[i], x->holds[i], &x->value[i], &fitting);
}

/* The first branch that holds, without telling by the time it takes. -EDOM when none does. */
static int branch_choose(struct run *r)
{
	const struct fog_statement *s = r->s;
	u32 found = 0, known = 0;

	for (u32 b = 0; b < s->branches; b++) {
		u32 holds = 1;

		for (unsigned i = 0; i < s->atoms; i++)
			holds &= (u32)r->x.holds[i] | (~(s->branch[b] >> i) & 1);
		known |= b & -(holds & ~found);
		found |= holds;
	}
	r->x.known = known;
	return found != 0 ? 0 : -EDOM;
}

static void scalar_draw(struct fog_merlin_rng *rng, struct fog_scalar *out)
{
	u8 wide[FOG_UNIFORM_SIZE];

	fog_merlin_rng_bytes(rng, wide, sizeof(wide));
	fog_scalar_reduce(out, wide);
	fog_wipe(wide, sizeof(wide));
}

static void fresh_make(struct run *r)
{
	struct fog_statement_points *p = &r->p;

	p->fresh_count = 0;
	for (unsigned i = 0; i < r->s->atoms; i++) {
		if (!fog_atom_has_fresh(&r->s->atom[i]))
			continue;
		scalar_draw(&r->x.rng, &r->x.fresh_blinding[i]);
		fog_pedersen_commit(&p->fresh[i], &r->x.fresh_value[i], &r->x.fresh_blinding[i]);
		fog_ristretto_encode(p->fresh_text[p->fresh_count], &p->fresh[i]);
		memcpy(r->at, p->fresh_text[p->fresh_count++], FOG_RISTRETTO_SIZE);
		r->at += FOG_RISTRETTO_SIZE;
		r->left -= FOG_RISTRETTO_SIZE;
	}
}

static void written(struct run *r, size_t len)
{
	r->at += len;
	r->left -= len;
}

static int ranges_prove(struct run *r)
{
	struct fog_scalar blinding[FOG_RANGE_COUNT_MAX] = {0};
	u8 list[FOG_RANGE_COUNT_MAX][FOG_RISTRETTO_SIZE], random[FOG_MERLIN_RANDOM_SIZE];
	u64 value[FOG_RANGE_COUNT_MAX] = {0};
	struct fog_range_witness w = {.value = value,
				      .blinding = blinding,
				      .count = fog_statement_range_count(r->s),
				      .bits = r->s->bits};
	size_t len;
	unsigned n = 0;

	if (w.count == 0)
		return 0;
	for (unsigned i = 0; i < r->s->atoms; i++) {
		if (r->s->atom[i].kind != FOG_ATOM_RANGE)
			continue;
		value[n] = fog_load_u64(r->x.fresh_value[i].byte);
		blinding[n++] = r->x.fresh_blinding[i];
	}
	fog_merlin_rng_bytes(&r->x.rng, random, sizeof(random));
	int rc = fog_range_prove(&r->w->range, r->gens, r->t, &w, random, list, r->at, r->left,
				 &len);
	fog_wipe(value, sizeof(value));
	fog_wipe(blinding, sizeof(blinding));
	if (rc == 0)
		written(r, len);
	return rc;
}

static int members_prove(struct run *r)
{
	u8 random[FOG_MERLIN_RANDOM_SIZE];
	int rc = 0;

	for (unsigned i = 0; i < r->s->atoms && rc == 0; i++) {
		const struct fog_atom *a = &r->s->atom[i];
		struct fog_member_statement m = {
			.list = r->w->list, .count = a->set_count, .base = FOG_MEMBER_BLINDING};
		size_t len;

		if (a->kind != FOG_ATOM_MEMBER)
			continue;
		/* Where it does not hold D has the first element, and the index is zero. */
		fog_member_values(r->w->list, &r->p.fresh[i], &r->s->element[a->set_first],
				  a->set_count);
		fog_merlin_rng_bytes(&r->x.rng, random, sizeof(random));
		rc = fog_member_prove(&r->w->member, r->t, &m, r->x.index[i],
				      &r->x.fresh_blinding[i], random, r->at, r->left, &len);
		if (rc == 0)
			written(r, len);
	}
	return rc;
}

/* 1/v and -r/v. */
static void inverse_witness(struct fog_scalar out[2], const struct fog_scalar *value,
			    const struct fog_scalar *blinding)
{
	fog_scalar_invert(&out[0], value);
	fog_scalar_mul(&out[1], &out[0], blinding);
	fog_scalar_neg(&out[1], &out[1]);
}

static int excluded_prove(struct run *r, unsigned i, unsigned first)
{
	const struct fog_atom *a = &r->s->atom[i];
	struct fog_scalar witness[FOG_SIGMA_SECRETS_MAX] = {0}, value;
	u8 random[FOG_MERLIN_RANDOM_SIZE];
	unsigned n = FOG_MIN(a->set_count - first, (unsigned)FOG_STATEMENT_CHUNK);
	size_t len;

	for (unsigned k = 0; k < n; k++) {
		fog_scalar_sub(&value, &r->x.fresh_value[i],
			       &r->s->element[a->set_first + first + k]);
		inverse_witness(&witness[2 * k], &value, &r->x.fresh_blinding[i]);
	}
	fog_statement_excluded(&r->w->branch[0], r->s, a, first, &r->p.fresh[i], &r->p);
	fog_merlin_rng_bytes(&r->x.rng, random, sizeof(random));
	int rc = fog_sigma_prove(r->t, r->w->branch, 1, 0, witness, random, r->at, r->left, &len);
	fog_wipe(witness, sizeof(witness));
	fog_wipe(&value, sizeof(value));
	if (rc == 0)
		written(r, len);
	return rc;
}

static int exclusions_prove(struct run *r)
{
	int rc = 0;

	for (unsigned i = 0; i < r->s->atoms; i++) {
		const struct fog_atom *a = &r->s->atom[i];

		if (a->kind != FOG_ATOM_NOT_MEMBER)
			continue;
		for (unsigned k = 0; k < a->set_count && rc == 0; k += FOG_STATEMENT_CHUNK)
			rc = excluded_prove(r, i, k);
	}
	return rc;
}

/* In the order of fog_statement_branch(). */
static void branch_witness(struct run *r, unsigned b)
{
	struct fog_scalar *out = r->w->witness[b];
	unsigned n = 0;

	memset(out, 0, sizeof(r->w->witness[b]));
	for (unsigned i = 0; i < r->s->atoms; i++) {
		const struct fog_atom *a = &r->s->atom[i];

		if ((r->s->branch[b] >> i & 1) == 0)
			continue;
		if (a->kind == FOG_ATOM_NONZERO) {
			inverse_witness(&out[n], &r->x.value[i], &r->x.blinding[i]);
			n += 2;
		} else if (fog_atom_has_fresh(a)) {
			fog_scalar_sub(&out[n++], &r->x.fresh_blinding[i], &r->x.blinding[i]);
		} else {
			out[n++] = r->x.blinding[i];
		}
	}
}

static int branches_prove(struct run *r)
{
	u8 random[FOG_MERLIN_RANDOM_SIZE];
	size_t len;

	for (unsigned b = 0; b < r->s->branches; b++) {
		u32 differ = b ^ r->x.known;
		bool mine = 1 & ((differ - 1) >> 31);

		fog_statement_branch(&r->w->branch[b], r->s, b, &r->p);
		branch_witness(r, b);
		for (unsigned k = 0; k < FOG_SIGMA_SECRETS_MAX; k++)
			fog_scalar_select(&r->x.witness[k], mine, &r->w->witness[b][k],
					  &r->x.witness[k]);
	}
	fog_merlin_rng_bytes(&r->x.rng, random, sizeof(random));
	int rc = fog_sigma_prove(r->t, r->w->branch, r->s->branches, r->x.known, r->x.witness,
				 random, r->at, r->left, &len);
	if (rc == 0)
		written(r, len);
	return rc;
}

static void run_begin(struct run *r, const struct fog_scalar *value,
		      const struct fog_scalar *blinding, const u8 random[FOG_MERLIN_RANDOM_SIZE],
		      u8 (*commitment)[FOG_RISTRETTO_SIZE])
{
	struct fog_ristretto point[FOG_STATEMENT_ATTRIBUTES_MAX];
	const struct fog_statement *s = r->s;

	for (unsigned i = 0; i < s->attributes; i++) {
		fog_pedersen_commit(&point[i], &value[i], &blinding[i]);
		fog_ristretto_encode(commitment[i], &point[i]);
	}
	fog_statement_forms(&r->p, s, point);
	fog_merlin_rng_fork(&r->x.rng, r->t);
	fog_merlin_rng_key(&r->x.rng, "values", value, s->attributes * sizeof(*value));
	fog_merlin_rng_key(&r->x.rng, "blindings", blinding, s->attributes * sizeof(*blinding));
	fog_merlin_rng_finish(&r->x.rng, random);
	for (unsigned i = 0; i < s->atoms; i++)
		atom_secrets(r, i, value, blinding);
}

int fog_statement_prove(struct fog_statement_prover *w, const struct fog_range_gens *gens,
			struct fog_merlin *t, const struct fog_statement *s,
			const struct fog_scalar *value, const struct fog_scalar *blinding,
			const u8 random[FOG_MERLIN_RANDOM_SIZE],
			u8 (*commitment)[FOG_RISTRETTO_SIZE], u8 *proof, size_t cap,
			size_t *proof_len)
{
	struct run r = {.w = w, .gens = gens, .t = t, .s = s, .at = proof, .left = cap};

	*proof_len = 0;
	if (fog_statement_fault(s) != NULL)
		return -EINVAL;
	if (cap < fog_statement_proof_len(s))
		return -ENOSPC;
	run_begin(&r, value, blinding, random, commitment);
	int rc = branch_choose(&r);
	if (rc == 0) {
		fresh_make(&r);
		fog_statement_absorb(t, s, (const u8(*)[FOG_RISTRETTO_SIZE])commitment, &r.p);
		rc = ranges_prove(&r);
	}
	if (rc == 0)
		rc = members_prove(&r);
	if (rc == 0)
		rc = exclusions_prove(&r);
	if (rc == 0)
		rc = branches_prove(&r);
	if (rc == 0)
		*proof_len = (size_t)(r.at - proof);
	fog_wipe(&r.x, sizeof(r.x));
	fog_wipe(w->witness, sizeof(w->witness));
	return rc;
}
