/* SPDX-License-Identifier: BSD-3-Clause */
/* "Or of and" over conditions: a list of sets, each set's bits being conditions that hold together.
 */
#ifndef FOG_PROOFS_ALTERNATIVES_H
#define FOG_PROOFS_ALTERNATIVES_H

#include "crypto/zk/statement.h"

/* count 0: never true. A mask of 0: always true. */
struct fog_alternatives {
	unsigned count;
	u32 mask[FOG_STATEMENT_BRANCHES_MAX];
};

/* Each returns 0, or -ENOSPC: more than FOG_STATEMENT_BRANCHES_MAX. An alternative that has all the
 * conditions of another one is left out. out is none of the inputs. */
int fog_alternatives_or(struct fog_alternatives *out, const struct fog_alternatives *a,
			const struct fog_alternatives *b);
int fog_alternatives_and(struct fog_alternatives *out, const struct fog_alternatives *a,
			 const struct fog_alternatives *b);

#endif
