/* SPDX-License-Identifier: BSD-3-Clause */
/* Vouchers as people hand them on: Cashu tokens (NUT-00), version 4 written (CBOR), 3 and 4 read.
 * In ours the mint is "fog:NODE ID" and the unit "ufog". And proofs as JSON, as they go to a mint.
 */
#ifndef FOG_VOUCHER_TOKEN_H
#define FOG_VOUCHER_TOKEN_H

#include <jansson.h>

#include "crypto/voucher/voucher.h"

#define FOG_VOUCHERS_MAX    256 /* of one token or request: amounts are powers of two */
#define FOG_SECRET_SIZE     129 /* a secret's text, with its zero; ours have 64 hex digits */
#define FOG_TOKEN_TEXT_MAX  (192 * 1024)
#define FOG_TOKEN_MINT_SIZE 256

struct fog_voucher {
	u64 amount;
	char id[FOG_VOUCHER_ID_SIZE]; /* of the keyset */
	char secret[FOG_SECRET_SIZE];
	u8 c[FOG_VOUCHER_POINT_SIZE];
};

struct fog_token {
	char mint[FOG_TOKEN_MINT_SIZE];
	char unit[16];
	char memo[128];
	u32 count;
	struct fog_voucher proof[FOG_VOUCHERS_MAX];
};

/* Text to free, or NULL (no memory). */
char *fog_token_write(const struct fog_token *t);
/* 0, or -EINVAL with *why. Anything may come: the text is a stranger's. */
int fog_token_read(struct fog_token *out, const char *text, const char **why);
/* Sum of the amounts; UINT64_MAX when it does not fit. */
u64 fog_token_amount(const struct fog_token *t);

/* {"amount", "id", "secret", "C"}. */
json_t *fog_voucher_json(const struct fog_voucher *p);
int fog_voucher_read(struct fog_voucher *out, const json_t *o); /* 0 or -EINVAL */

#endif
