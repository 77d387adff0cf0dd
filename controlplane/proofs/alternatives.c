/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/proofs/alternatives.h"

#include <errno.h>

static int add(struct fog_alternatives *out, u32 mask)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < out->count; i++)
		if ((out->mask[i] & ~mask) == 0)
			return 0;
	for (unsigned i = 0; i < out->count; i++)
		if ((mask & ~out->mask[i]) != 0)
			out->mask[kept++] = out->mask[i];
	out->count = kept;
	if (kept == FOG_STATEMENT_BRANCHES_MAX)
		return -ENOSPC;
	out->mask[out->count++] = mask;
	return 0;
}

int fog_alternatives_or(struct fog_alternatives *out, const struct fog_alternatives *a,
			const struct fog_alternatives *b)
{
	int rc = 0;

	out->count = 0;
	for (unsigned i = 0; i < a->count && rc == 0; i++)
		rc = add(out, a->mask[i]);
	for (unsigned i = 0; i < b->count && rc == 0; i++)
		rc = add(out, b->mask[i]);
	return rc;
}

int fog_alternatives_and(struct fog_alternatives *out, const struct fog_alternatives *a,
			 const struct fog_alternatives *b)
{
	int rc = 0;

	out->count = 0;
	for (unsigned i = 0; i < a->count; i++)
		for (unsigned k = 0; k < b->count && rc == 0; k++)
			rc = add(out, a->mask[i] | b->mask[k]);
	return rc;
}
