/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside controlplane/proofs: from conditions to a statement. */
#ifndef FOG_PROOFS_STATEMENT_H
#define FOG_PROOFS_STATEMENT_H

#include "controlplane/proofs/predicate.h"

/* Fills p->statement (whose elements are there) from conditions and alternatives. NULL, or why it
 * cannot be proved. */
const char *fog_predicate_to_statement(struct fog_predicate *p);

#endif
