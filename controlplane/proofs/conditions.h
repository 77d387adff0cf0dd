/* SPDX-License-Identifier: BSD-3-Clause */
/* Predicates as the API takes them: a type and a list of conditions in JSON, written out as one
 * predicate of the language (predicate.h), joined by "and".
 *
 *	{"attribute": "age", "operator": ">=", "value": 18}     age >= 18
 *	{"attribute": "age", "min": 18, "max": 65}              age in 18..65; one of them will do
 *	{"attribute": "country", "in": ["de", "fr"]}            country in {"de", "fr"}; also not_in
 *	{"predicate": "age >= 18 or country == \"de\""}         (as it is)
 *	{"allowed": ["text/csv"], "max_bytes": 1000}            parameters of a library predicate
 *
 * Types: the library's predicates (network_policy, mime_type, model_hash, compliance_check), whose
 * conditions are parameters or conditions as above; range_proof, set_membership and predicate, with
 * conditions only. Any letter case. "field" is another word for attribute. Pure; any thread. */
#ifndef FOG_PROOFS_CONDITIONS_H
#define FOG_PROOFS_CONDITIONS_H

#include <jansson.h>

#include "controlplane/proofs/predicate.h"

#define FOG_CONDITIONS_MAX 32 /* of one request */

/* 0, or -EINVAL with a sentence that says which condition is wrong. Whether the text is a predicate
 * is fog_predicate_compile()'s to say. */
int fog_conditions_predicate(const char *type, const json_t *conditions,
			     char out[FOG_PREDICATE_TEXT_MAX], char why[FOG_PREDICATE_WHY]);

#endif
