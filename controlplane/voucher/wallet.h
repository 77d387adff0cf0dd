/* SPDX-License-Identifier: BSD-3-Clause */
/* The user's side: what a wallet sends to a mint and makes of its answers. No files, no network;
 * who calls keeps the outputs until they are finished: without them money is lost. */
#ifndef FOG_VOUCHER_WALLET_H
#define FOG_VOUCHER_WALLET_H

#include "controlplane/voucher/token.h"

#define FOG_WALLET_OUTPUTS_MAX 64 /* one a bit of the amount */

struct fog_output {
	u64 amount;
	char secret[2 * 32 + 1];
	u8 r[FOG_VOUCHER_SCALAR_SIZE];
	u8 blinded[FOG_VOUCHER_POINT_SIZE];
};

/* Fresh secrets for an amount, one output a bit, smallest first. Returns the count; 0 for 0. */
u32 fog_wallet_outputs(u64 amount, struct fog_output out[FOG_WALLET_OUTPUTS_MAX]);
json_t *fog_wallet_outputs_json(const struct fog_output *out, u32 count, const char *keyset_id);

/* To and from what a wallet file holds. read: 0 or -EINVAL. */
json_t *fog_wallet_output_save(const struct fog_output *out);
int fog_wallet_output_load(struct fog_output *out, const json_t *o);

/* A keyset of a mint's answer to "keys": the one with the id `want`, or the active one when that is
 * NULL; its id computed anew from the keys. 0, -ENOENT, -EINVAL, -EBADMSG (the id is not that of
 * the keys). */
int fog_wallet_keyset_read(struct fog_voucher_keyset *out, char id[FOG_VOUCHER_ID_SIZE],
			   const json_t *answer, const char *want);

/* Unblinds the mint's signatures into vouchers, after checking that they were made with its
 * published keys: a mint that marked somebody by a key of his own would be found out here. 0,
 * -EINVAL, -EBADMSG. */
int fog_wallet_finish(const struct fog_output *out, u32 count,
		      const struct fog_voucher_keyset *keyset, const char *id,
		      const json_t *signatures, struct fog_voucher *proofs);

#endif
