/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/zk/statement.h"

#include "crypto/check/bytes.h"
#include "crypto/zk/pedersen.h"
#include "crypto/zk/statement_internal.h"

#include <errno.h>

bool fog_atom_has_fresh(const struct fog_atom *atom)
{
	return atom->kind >= FOG_ATOM_RANGE;
}

unsigned fog_statement_ranges(const struct fog_statement *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->atoms; i++)
		n += s->atom[i].kind == FOG_ATOM_RANGE;
	return n;
}

unsigned fog_statement_range_count(const struct fog_statement *s)
{
	unsigned ranges = fog_statement_ranges(s), n = 1;

	while (n < ranges)
		n *= 2;
	return ranges == 0 ? 0 : n;
}

static const char *atom_fault(const struct fog_statement *s, const struct fog_atom *a)
{
	bool set = a->kind == FOG_ATOM_MEMBER || a->kind == FOG_ATOM_NOT_MEMBER;

	if (a->kind < FOG_ATOM_ZERO || a->kind > FOG_ATOM_NOT_MEMBER)
		return "an atom of unknown kind";
	if (a->a >= s->attributes || (a->b >= s->attributes && a->b != FOG_STATEMENT_NONE) ||
	    a->a == a->b)
		return "an atom of unknown attributes";
	if (a->negate > (a->kind == FOG_ATOM_RANGE))
		return "only ranges are negated";
	if (!set && a->set_count != 0)
		return "a set where none belongs";
	if (!set)
		return NULL;
	if (a->set_count == 0 || a->set_first + a->set_count > s->elements)
		return "an empty set";
	if (a->kind == FOG_ATOM_MEMBER &&
	    (a->set_count < 2 || a->set_count > FOG_STATEMENT_SET_MAX))
		return "a set of fewer than 2 or more than 256 elements";
	if (a->kind == FOG_ATOM_NOT_MEMBER && a->set_count > FOG_STATEMENT_EXCLUDED_MAX)
		return "more than 64 excluded elements";
	return NULL;
}

static const char *branch_fault(const struct fog_statement *s, u32 mask)
{
	unsigned secrets = 0, equations = 0;

	if (mask == 0 || (s->atoms < 32 && mask >> s->atoms != 0))
		return "an alternative without conditions";
	for (unsigned i = 0; i < s->atoms; i++) {
		if ((mask >> i & 1) == 0)
			continue;
		equations++;
		secrets += s->atom[i].kind == FOG_ATOM_NONZERO ? 2 : 1;
	}
	if (secrets > FOG_SIGMA_SECRETS_MAX || equations > FOG_SIGMA_EQUATIONS_MAX)
		return "more than 16 conditions (not-equals count twice) in one alternative";
	return NULL;
}

const char *fog_statement_fault(const struct fog_statement *s)
{
	const char *why = NULL;
	unsigned elements = 0; /* of all atoms, which may share them */

	if (s->attributes == 0 || s->attributes > FOG_STATEMENT_ATTRIBUTES_MAX)
		return "no attributes, or more than 16";
	if (s->atoms == 0 || s->atoms > FOG_STATEMENT_ATOMS_MAX)
		return "no conditions, or more than 32";
	if (s->branches == 0 || s->branches > FOG_STATEMENT_BRANCHES_MAX)
		return "no alternatives, or more than 16";
	if (s->elements > FOG_STATEMENT_ELEMENTS_MAX)
		return "more than 512 elements in sets";
	for (unsigned i = 0; i < s->atoms && why == NULL; i++) {
		why = atom_fault(s, &s->atom[i]);
		elements += s->atom[i].set_count;
	}
	if (why == NULL && elements > FOG_STATEMENT_ELEMENTS_MAX)
		return "more than 512 elements in sets";
	for (unsigned i = 0; i < s->branches && why == NULL; i++)
		why = branch_fault(s, s->branch[i]);
	if (why != NULL)
		return why;
	unsigned ranges = fog_statement_ranges(s);
	if (ranges > FOG_STATEMENT_RANGES_MAX)
		return "more than 16 comparisons";
	if (ranges != 0 ? fog_range_proof_len(s->bits, 1) == 0 : s->bits != 0)
		return "ranges of 8, 16, 32 or 64 bits only";
	return NULL;
}

int fog_statement_encode(const struct fog_statement *s, u8 *out, size_t cap)
{
	struct fog_writer w = {.at = out, .left = cap};

	fog_write_u8(&w, s->attributes);
	fog_write_u8(&w, s->atoms);
	fog_write_u8(&w, s->branches);
	fog_write_u8(&w, s->bits);
	for (unsigned i = 0; i < s->atoms; i++) {
		const struct fog_atom *a = &s->atom[i];

		fog_write_u8(&w, a->kind);
		fog_write_u8(&w, a->a);
		fog_write_u8(&w, a->b);
		fog_write_u8(&w, a->negate);
		fog_write_u16(&w, a->set_count);
		fog_write(&w, a->constant.byte, FOG_SCALAR_SIZE);
		for (unsigned k = 0; k < a->set_count; k++)
			fog_write(&w, s->element[a->set_first + k].byte, FOG_SCALAR_SIZE);
	}
	for (unsigned i = 0; i < s->branches; i++)
		fog_write(&w, &s->branch[i], sizeof(s->branch[i]));
	return w.bad ? -ENOSPC : (int)w.done;
}

static int atom_decode(struct fog_statement *s, struct fog_atom *a, struct fog_reader *r)
{
	a->kind = fog_read_u8(r);
	a->a = fog_read_u8(r);
	a->b = fog_read_u8(r);
	a->negate = fog_read_u8(r);
	a->set_count = fog_read_u16(r);
	a->set_first = s->elements;
	const u8 *constant = fog_read(r, FOG_SCALAR_SIZE);
	if (constant == NULL || fog_scalar_decode(&a->constant, constant) != 0 ||
	    a->set_count > FOG_STATEMENT_ELEMENTS_MAX - s->elements)
		return -EINVAL;
	for (unsigned k = 0; k < a->set_count; k++) {
		const u8 *element = fog_read(r, FOG_SCALAR_SIZE);

		if (element == NULL || fog_scalar_decode(&s->element[s->elements++], element) != 0)
			return -EINVAL;
	}
	return 0;
}

int fog_statement_decode(struct fog_statement *s, const u8 *in, size_t len)
{
	struct fog_reader r = {.at = in, .left = len};

	memset(s, 0, sizeof(*s));
	s->attributes = fog_read_u8(&r);
	s->atoms = fog_read_u8(&r);
	s->branches = fog_read_u8(&r);
	s->bits = fog_read_u8(&r);
	if (s->atoms > FOG_STATEMENT_ATOMS_MAX || s->branches > FOG_STATEMENT_BRANCHES_MAX)
		return -EINVAL;
	for (unsigned i = 0; i < s->atoms; i++)
		if (atom_decode(s, &s->atom[i], &r) != 0)
			return -EINVAL;
	const u8 *branches = fog_read(&r, 4 * (size_t)s->branches);
	if (r.bad || r.left != 0)
		return -EINVAL;
	for (unsigned i = 0; i < s->branches; i++)
		s->branch[i] = fog_load_u32(branches + 4 * (size_t)i);
	return fog_statement_fault(s) != NULL ? -EINVAL : 0;
}

static unsigned branch_secrets(const struct fog_statement *s, u32 mask)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->atoms; i++)
		if ((mask >> i & 1) != 0)
			n += s->atom[i].kind == FOG_ATOM_NONZERO ? 2 : 1;
	return n;
}

size_t fog_statement_proof_len(const struct fog_statement *s)
{
	size_t len = 0;

	if (fog_statement_fault(s) != NULL)
		return 0;
	for (unsigned i = 0; i < s->atoms; i++) {
		const struct fog_atom *a = &s->atom[i];

		len += fog_atom_has_fresh(a) ? FOG_RISTRETTO_SIZE : 0;
		len += a->kind == FOG_ATOM_MEMBER ? fog_member_proof_len(a->set_count) : 0;
		if (a->kind == FOG_ATOM_NOT_MEMBER)
			for (unsigned k = 0; k < a->set_count; k += FOG_STATEMENT_CHUNK)
				len += 32 + 64 * (size_t)FOG_MIN(a->set_count - k,
								 (unsigned)FOG_STATEMENT_CHUNK);
	}
	if (fog_statement_range_count(s) != 0)
		len += fog_range_proof_len(s->bits, fog_statement_range_count(s));
	for (unsigned i = 0; i < s->branches; i++)
		len += 32 + 32 * (size_t)branch_secrets(s, s->branch[i]);
	return len;
}

void fog_statement_forms(struct fog_statement_points *p, const struct fog_statement *s,
			 const struct fog_ristretto *commitment)
{
	fog_pedersen_bases(&p->base, &p->blinding);
	for (unsigned i = 0; i < s->atoms; i++) {
		const struct fog_atom *a = &s->atom[i];
		struct fog_ristretto constant, zero;

		fog_ristretto_mul_base(&constant, &a->constant);
		fog_ristretto_sub(&p->form[i], &commitment[a->a], &constant);
		if (a->b != FOG_STATEMENT_NONE)
			fog_ristretto_sub(&p->form[i], &p->form[i], &commitment[a->b]);
		fog_ristretto_identity(&zero);
		if (a->negate)
			fog_ristretto_sub(&p->form[i], &zero, &p->form[i]);
	}
}

void fog_statement_absorb(struct fog_merlin *t, const struct fog_statement *s,
			  const u8 (*commitment)[FOG_RISTRETTO_SIZE],
			  const struct fog_statement_points *p)
{
	u8 text[FOG_STATEMENT_ENCODED_MAX];
	int len = fog_statement_encode(s, text, sizeof(text));

	FOG_ASSERT(len > 0);
	fog_merlin_append(t, "dom-sep", "fog statement v1", 16);
	fog_merlin_append(t, "statement", text, (size_t)len);
	for (unsigned i = 0; i < s->attributes; i++)
		fog_merlin_append(t, "attribute", commitment[i], FOG_RISTRETTO_SIZE);
	for (unsigned i = 0; i < p->fresh_count; i++)
		fog_merlin_append(t, "fresh", p->fresh_text[i], FOG_RISTRETTO_SIZE);
}

void fog_statement_range_list(u8 (*out)[FOG_RISTRETTO_SIZE], const struct fog_statement *s,
			      const struct fog_statement_points *p)
{
	unsigned n = 0, fresh = 0;

	memset(out, 0, fog_statement_range_count(s) * (size_t)FOG_RISTRETTO_SIZE);
	for (unsigned i = 0; i < s->atoms; i++) {
		if (s->atom[i].kind == FOG_ATOM_RANGE)
			memcpy(out[n++], p->fresh_text[fresh], FOG_RISTRETTO_SIZE);
		fresh += fog_atom_has_fresh(&s->atom[i]);
	}
}

/* B = inverse * form + rest * B_blinding, which nobody can do for a form that commits to zero. */
static void nonzero_equation(struct fog_sigma *out, const struct fog_ristretto *form,
			     const struct fog_statement_points *p)
{
	unsigned inverse = fog_sigma_secret(out), rest = fog_sigma_secret(out);
	unsigned equation = fog_sigma_equation(out, fog_sigma_point(out, &p->base));

	fog_sigma_term(out, equation, inverse, fog_sigma_point(out, form));
	fog_sigma_term(out, equation, rest, fog_sigma_point(out, &p->blinding));
}

void fog_statement_excluded(struct fog_sigma *out, const struct fog_statement *s,
			    const struct fog_atom *atom, unsigned first,
			    const struct fog_ristretto *fresh, const struct fog_statement_points *p)
{
	unsigned last = FOG_MIN(first + FOG_STATEMENT_CHUNK, (unsigned)atom->set_count);

	fog_sigma_init(out);
	for (unsigned k = first; k < last; k++) {
		struct fog_ristretto form;

		fog_ristretto_mul_base(&form, &s->element[atom->set_first + k]);
		fog_ristretto_sub(&form, fresh, &form);
		nonzero_equation(out, &form, p);
	}
}

void fog_statement_branch(struct fog_sigma *out, const struct fog_statement *s, unsigned branch,
			  const struct fog_statement_points *p)
{
	fog_sigma_init(out);
	for (unsigned i = 0; i < s->atoms; i++) {
		const struct fog_atom *a = &s->atom[i];
		struct fog_ristretto target = p->form[i];

		if ((s->branch[branch] >> i & 1) == 0)
			continue;
		if (a->kind == FOG_ATOM_NONZERO) {
			nonzero_equation(out, &p->form[i], p);
			continue;
		}
		if (fog_atom_has_fresh(a))
			fog_ristretto_sub(&target, &p->fresh[i], &p->form[i]);
		fog_sigma_schnorr(out, fog_sigma_secret(out), &p->blinding, &target);
	}
}
