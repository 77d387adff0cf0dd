/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/proofs/statement.h"

#include <inttypes.h>

/* Atoms that a condition needs, as bits. 0 when there is no room. */
static u32 atom_add(struct fog_statement *s, const struct fog_atom *atom)
{
	for (unsigned i = 0; i < s->atoms; i++) {
		const struct fog_atom *have = &s->atom[i];

		if (have->kind == atom->kind && have->a == atom->a && have->b == atom->b &&
		    have->negate == atom->negate && have->set_first == atom->set_first &&
		    have->set_count == atom->set_count &&
		    fog_scalar_equal(&have->constant, &atom->constant))
			return 1u << i;
	}
	if (s->atoms == FOG_STATEMENT_ATOMS_MAX)
		return 0;
	s->atom[s->atoms] = *atom;
	return 1u << s->atoms++;
}

static u32 between(struct fog_statement *s, const struct fog_condition *c)
{
	struct fog_atom atom = {.kind = FOG_ATOM_RANGE, .a = c->a, .b = c->b};

	fog_scalar_from_u64(&atom.constant, c->low);
	u32 low = atom_add(s, &atom);
	if (c->high == UINT64_MAX || low == 0)
		return low;
	atom.negate = 1;
	fog_scalar_from_u64(&atom.constant, c->high);
	u32 high = atom_add(s, &atom);
	return high == 0 ? 0 : low | high;
}

static u32 condition_atoms(struct fog_statement *s, const struct fog_condition *c)
{
	static const u8 kinds[] = {
		[FOG_CONDITION_EQUAL] = FOG_ATOM_ZERO,
		[FOG_CONDITION_DIFFERS] = FOG_ATOM_NONZERO,
		[FOG_CONDITION_SAME] = FOG_ATOM_ZERO,
		[FOG_CONDITION_NOT_SAME] = FOG_ATOM_NONZERO,
		[FOG_CONDITION_AT_LEAST] = FOG_ATOM_RANGE,
		[FOG_CONDITION_IN] = FOG_ATOM_MEMBER,
		[FOG_CONDITION_NOT_IN] = FOG_ATOM_NOT_MEMBER,
	};
	struct fog_atom atom = {.a = c->a,
				.b = c->b,
				.constant = c->constant,
				.set_first = c->set_first,
				.set_count = c->set_count};

	if (c->kind == FOG_CONDITION_BETWEEN)
		return between(s, c);
	atom.kind = kinds[c->kind];
	if (c->kind == FOG_CONDITION_AT_LEAST)
		fog_scalar_from_u64(&atom.constant, c->low);
	return atom_add(s, &atom);
}

/* With both ends given a range may be as narrow as their distance: v - low and high - v below
 * 2^bits add up to that. With one end only the width of the numbers themselves is right. */
static u8 bits_needed(const struct fog_predicate *p)
{
	u64 widest = 0;
	bool ranges = false, open = false;
	u8 bits = 8;

	for (unsigned i = 0; i < p->conditions; i++) {
		const struct fog_condition *c = &p->condition[i];

		ranges |= c->kind == FOG_CONDITION_BETWEEN || c->kind == FOG_CONDITION_AT_LEAST;
		open |= c->kind == FOG_CONDITION_AT_LEAST ||
			(c->kind == FOG_CONDITION_BETWEEN && c->high == UINT64_MAX);
		if (c->kind == FOG_CONDITION_BETWEEN)
			widest = FOG_MAX(widest, c->high - c->low);
	}
	if (!ranges)
		return 0;
	while (bits < 64 && (open || widest >> bits != 0))
		bits *= 2;
	return bits;
}

/* Conditions that no alternative needs any more are dropped. */
static void conditions_drop(struct fog_predicate *p)
{
	u32 used = 0;
	u8 now_at[FOG_PREDICATE_CONDITIONS_MAX];
	unsigned kept = 0;

	for (unsigned i = 0; i < p->alternatives; i++)
		used |= p->alternative[i];
	for (unsigned i = 0; i < p->conditions; i++) {
		now_at[i] = (u8)kept;
		if ((used >> i & 1) != 0)
			p->condition[kept++] = p->condition[i];
	}
	for (unsigned i = 0; i < p->alternatives; i++) {
		u32 mask = 0;

		for (unsigned k = 0; k < p->conditions; k++)
			mask |= (p->alternative[i] >> k & 1) << now_at[k];
		p->alternative[i] = mask;
	}
	p->conditions = kept;
}

const char *fog_predicate_to_statement(struct fog_predicate *p)
{
	struct fog_statement *s = &p->statement;
	u32 atoms[FOG_PREDICATE_CONDITIONS_MAX];

	conditions_drop(p);
	s->attributes = (u8)p->attributes;
	s->branches = (u8)p->alternatives;
	s->bits = bits_needed(p);
	for (unsigned i = 0; i < p->conditions; i++) {
		atoms[i] = condition_atoms(s, &p->condition[i]);
		if (atoms[i] == 0)
			return "more than 32 things to prove";
	}
	for (unsigned i = 0; i < p->alternatives; i++)
		for (unsigned k = 0; k < p->conditions; k++)
			if ((p->alternative[i] >> k & 1) != 0)
				s->branch[i] |= atoms[k];
	return fog_statement_fault(s);
}

static void condition_print(const struct fog_predicate *p, const struct fog_condition *c, FILE *out)
{
	const char *a = p->attribute[c->a].name;
	const char *b = c->b == FOG_STATEMENT_NONE ? "" : p->attribute[c->b].name;

	switch (c->kind) {
	case FOG_CONDITION_EQUAL:
		fprintf(out, "%s has one given value: knowledge of the blinding", a);
		break;
	case FOG_CONDITION_DIFFERS:
		fprintf(out, "%s has not one given value: the difference has an inverse", a);
		break;
	case FOG_CONDITION_SAME:
		fprintf(out, "%s and %s are the same: the difference commits to zero", a, b);
		break;
	case FOG_CONDITION_NOT_SAME:
		fprintf(out, "%s and %s differ: the difference has an inverse", a, b);
		break;
	case FOG_CONDITION_BETWEEN:
		if (c->high == UINT64_MAX)
			fprintf(out, "%s is at least %" PRIu64, a, c->low);
		else
			fprintf(out, "%s is from %" PRIu64 " to %" PRIu64, a, c->low, c->high);
		fprintf(out, ": range proof of %u bits", p->statement.bits);
		break;
	case FOG_CONDITION_AT_LEAST:
		fprintf(out, "%s is %s %s: range proof of %u bits on the difference", a,
			c->low != 0 ? "greater than" : "at least", b, p->statement.bits);
		break;
	case FOG_CONDITION_IN:
		fprintf(out, "%s is one of %u values: one-out-of-many proof", a, c->set_count);
		break;
	default:
		fprintf(out, "%s is none of %u values: each difference has an inverse", a,
			c->set_count);
		break;
	}
	fprintf(out, "\n");
}

void fog_predicate_explain(const struct fog_predicate *p, FILE *out)
{
	static const char *const types[] = {"number or text", "number", "text"};

	fprintf(out, "attributes:\n");
	for (unsigned i = 0; i < p->attributes; i++)
		fprintf(out, "  %s (%s)\n", p->attribute[i].name, types[p->attribute[i].type]);
	for (unsigned i = 0; i < p->alternatives; i++) {
		if (p->alternatives == 1)
			fprintf(out, "all of these hold:\n");
		else
			fprintf(out, "%s %u, of which all hold:\n",
				i == 0 ? "alternative" : "or alternative", i + 1);
		for (unsigned k = 0; k < p->conditions; k++)
			if ((p->alternative[i] >> k & 1) != 0) {
				fprintf(out, "  ");
				condition_print(p, &p->condition[k], out);
			}
	}
	if (p->alternatives > 1)
		fprintf(out, "which alternative holds is not told\n");
	fprintf(out, "proof: %zu bytes\n", fog_statement_proof_len(&p->statement));
}
