/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/check/bytes.h"
#include "crypto/zk/statement.h"
#include "crypto/zk/statement_internal.h"

#include <errno.h>

static int fresh_read(struct fog_statement_points *p, const struct fog_statement *s,
		      struct fog_reader *r)
{
	p->fresh_count = 0;
	for (unsigned i = 0; i < s->atoms; i++) {
		if (!fog_atom_has_fresh(&s->atom[i]))
			continue;
		const u8 *text = fog_read(r, FOG_RISTRETTO_SIZE);
		if (text == NULL || fog_ristretto_decode(&p->fresh[i], text) != 0)
			return -EBADMSG;
		memcpy(p->fresh_text[p->fresh_count++], text, FOG_RISTRETTO_SIZE);
	}
	return 0;
}

static int ranges_verify(struct fog_statement_verifier *w, const struct fog_range_gens *gens,
			 struct fog_merlin *t, const struct fog_statement *s,
			 const struct fog_statement_points *p, struct fog_reader *r,
			 const u8 random[FOG_MERLIN_RANDOM_SIZE])
{
	u8 list[FOG_RANGE_COUNT_MAX][FOG_RISTRETTO_SIZE];
	unsigned count = fog_statement_range_count(s);

	if (count == 0)
		return 0;
	fog_statement_range_list(list, s, p);
	size_t len = fog_range_proof_len(s->bits, count);
	const u8 *proof = fog_read(r, len);
	return fog_range_verify(&w->range, gens, t, proof, len, (const u8(*)[32])list, s->bits,
				count, random);
}

static int sets_verify(struct fog_statement_verifier *w, struct fog_merlin *t,
		       const struct fog_statement *s, const struct fog_statement_points *p,
		       struct fog_reader *r, const u8 random[FOG_MERLIN_RANDOM_SIZE])
{
	for (unsigned i = 0; i < s->atoms; i++) {
		const struct fog_atom *a = &s->atom[i];
		struct fog_member_statement m = {
			.list = w->list, .count = a->set_count, .base = FOG_MEMBER_BLINDING};

		if (a->kind != FOG_ATOM_MEMBER)
			continue;
		fog_member_values(w->list, &p->fresh[i], &s->element[a->set_first], a->set_count);
		size_t len = fog_member_proof_len(a->set_count);
		if (fog_member_verify(&w->member, t, &m, fog_read(r, len), len, random) != 0)
			return -EBADMSG;
	}
	for (unsigned i = 0; i < s->atoms; i++) {
		const struct fog_atom *a = &s->atom[i];

		if (a->kind != FOG_ATOM_NOT_MEMBER)
			continue;
		for (unsigned k = 0; k < a->set_count; k += FOG_STATEMENT_CHUNK) {
			fog_statement_excluded(&w->branch[0], s, a, k, &p->fresh[i], p);
			size_t len = fog_sigma_proof_len(&w->branch[0], 1);
			if (fog_sigma_verify(t, w->branch, 1, fog_read(r, len), len) != 0)
				return -EBADMSG;
		}
	}
	return 0;
}

int fog_statement_verify(struct fog_statement_verifier *w, const struct fog_range_gens *gens,
			 struct fog_merlin *t, const struct fog_statement *s,
			 const u8 (*commitment)[FOG_RISTRETTO_SIZE], const u8 *proof,
			 size_t proof_len, const u8 random[FOG_MERLIN_RANDOM_SIZE])
{
	struct fog_ristretto attribute[FOG_STATEMENT_ATTRIBUTES_MAX];
	struct fog_reader r = {.at = proof, .left = proof_len};
	struct fog_statement_points p;

	if (fog_statement_fault(s) != NULL)
		return -EINVAL;
	/* From here on every part is as long as the statement says. */
	if (proof_len != fog_statement_proof_len(s))
		return -EBADMSG;
	for (unsigned i = 0; i < s->attributes; i++)
		if (fog_ristretto_decode(&attribute[i], commitment[i]) != 0)
			return -EBADMSG;
	fog_statement_forms(&p, s, attribute);
	if (fresh_read(&p, s, &r) != 0)
		return -EBADMSG;
	fog_statement_absorb(t, s, commitment, &p);
	if (ranges_verify(w, gens, t, s, &p, &r, random) != 0 ||
	    sets_verify(w, t, s, &p, &r, random) != 0)
		return -EBADMSG;
	for (unsigned i = 0; i < s->branches; i++)
		fog_statement_branch(&w->branch[i], s, i, &p);
	return fog_sigma_verify(t, w->branch, s->branches, r.at, r.left) == 0 ? 0 : -EBADMSG;
}
