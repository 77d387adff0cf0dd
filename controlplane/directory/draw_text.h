/* SPDX-License-Identifier: BSD-3-Clause */
/* Draws as documents that travel: everything needed to check one, in JSON. */
#ifndef FOG_DIRECTORY_DRAW_TEXT_H
#define FOG_DIRECTORY_DRAW_TEXT_H

#include <jansson.h>

#include "controlplane/directory/draw.h"

#define FOG_DRAW_WHY_SIZE 160

/* A new reference, or NULL: no memory. */
json_t *fog_choice_json(const struct fog_choice *c);
/* That of the committee, under the weights of whoever tells. */
json_t *fog_committee_json(const struct fog_lot *l, const u8 beta[FOG_VRF_OUTPUT_SIZE], u32 size,
			   u32 weight, u64 total);
/* That of the mix at `rank`, which only the lots of all of them explain: count of them, in the
 * order of their betas, of one epoch. */
json_t *fog_mix_json(const struct fog_lot *order, u32 count, u32 rank);
/* SHA-256 of proof and chosen ids: what a descriptor publishes of a choice. */
void fog_choice_digest(const struct fog_choice *c, u8 digest[32]);

/* A checked document, for people. */
struct fog_draw_verdict {
	enum fog_draw_kind kind;
	u64 epoch;
	enum fog_beacon_source source;
	u8 node_id[32];
	u8 digest[32]; /* of a choice */
	u32 candidates, chosen, relaxed;
	bool selected;
	u32 layer, mixes;
};
/* Reads and verifies. beacon: the value this epoch has, to be compared, or NULL: a derived one is
 * derived here, another is taken as the document says. 0; -EINVAL malformed; -EBADMSG: the proof is
 * false; -EPROTO: it proves another result; -ESTALE: another beacon. */
int fog_draw_document_verify(const json_t *document, const struct fog_beacon *beacon,
			     struct fog_draw_verdict *out, char why[FOG_DRAW_WHY_SIZE]);

#endif
