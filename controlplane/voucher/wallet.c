/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/voucher/wallet.h"

#include <errno.h>

#include "crypto/mem.h"
#include "crypto/random/random.h"

static void output_make(u64 amount, struct fog_output *o)
{
	u8 secret[32];

	o->amount = amount;
	do { /* all but 2^-128 of random numbers are scalars */
		fog_random_bytes(secret, sizeof(secret));
		fog_random_bytes(o->r, sizeof(o->r));
		(void)fog_hex_encode(secret, sizeof(secret), o->secret, sizeof(o->secret));
	} while (fog_voucher_blind(o->secret, strlen(o->secret), o->r, o->blinded) != 0);
}

u32 fog_wallet_outputs(u64 amount, struct fog_output out[FOG_WALLET_OUTPUTS_MAX])
{
	u32 count = 0;

	for (u32 bit = 0; bit < 64; bit++)
		if ((amount >> bit & 1) != 0)
			output_make(1ull << bit, &out[count++]);
	return count;
}

json_t *fog_wallet_outputs_json(const struct fog_output *out, u32 count, const char *keyset_id)
{
	json_t *list = json_array();
	char blinded[2 * FOG_VOUCHER_POINT_SIZE + 1];

	for (u32 i = 0; i < count; i++) {
		(void)fog_hex_encode(out[i].blinded, sizeof(out[i].blinded), blinded,
				     sizeof(blinded));
		json_array_append_new(list, json_pack("{s:I, s:s, s:s}", "amount",
						      (json_int_t)out[i].amount, "id", keyset_id,
						      "B_", blinded));
	}
	return list;
}

json_t *fog_wallet_output_save(const struct fog_output *out)
{
	char r[65];

	(void)fog_hex_encode(out->r, sizeof(out->r), r, sizeof(r));
	return json_pack("{s:I, s:s, s:s}", "amount", (json_int_t)out->amount, "secret",
			 out->secret, "r", r);
}

int fog_wallet_output_load(struct fog_output *out, const json_t *o)
{
	const char *secret = json_string_value(json_object_get(o, "secret"));
	const char *r = json_string_value(json_object_get(o, "r"));

	if (secret == NULL || strlen(secret) != 64 || r == NULL || strlen(r) != 64 ||
	    fog_hex_decode(r, out->r, 32) != 0)
		return -EINVAL;
	out->amount = (u64)json_integer_value(json_object_get(o, "amount"));
	memcpy(out->secret, secret, sizeof(out->secret));
	return fog_voucher_blind(secret, 64, out->r, out->blinded);
}

static const json_t *keyset_pick(const json_t *answer, const char *want)
{
	json_t *set;
	size_t i;

	json_array_foreach(json_object_get(answer, "keysets"), i, set)
	{
		const char *id = json_string_value(json_object_get(set, "id"));
		if (want == NULL ? json_is_true(json_object_get(set, "active"))
				 : id != NULL && strcmp(id, want) == 0)
			return set;
	}
	return NULL;
}

int fog_wallet_keyset_read(struct fog_voucher_keyset *out, char id[FOG_VOUCHER_ID_SIZE],
			   const json_t *answer, const char *want)
{
	const json_t *set = keyset_pick(answer, want);
	const char *said = json_string_value(json_object_get(set, "id"));
	const char *unit = json_string_value(json_object_get(set, "unit"));
	char amount[24];

	memset(out, 0, sizeof(*out));
	if (set == NULL)
		return -ENOENT;
	out->final_expiry = (u64)json_integer_value(json_object_get(set, "final_expiry"));
	if (said == NULL || unit == NULL || strlen(unit) >= sizeof(out->unit))
		return -EINVAL;
	snprintf(out->unit, sizeof(out->unit), "%s", unit);
	for (u32 bit = 0; bit < FOG_VOUCHER_KEYS_MAX; bit++) {
		snprintf(amount, sizeof(amount), "%llu", 1ull << bit);
		const char *pk =
			json_string_value(json_object_get(json_object_get(set, "keys"), amount));
		if (pk == NULL)
			continue;
		if (strlen(pk) != 2 * FOG_VOUCHER_POINT_SIZE ||
		    fog_hex_decode(pk, out->pk[out->count], FOG_VOUCHER_POINT_SIZE) != 0 ||
		    !fog_voucher_point_valid(out->pk[out->count]))
			return -EINVAL;
		out->amount[out->count++] = 1ull << bit;
	}
	fog_voucher_keyset_id(out, 2, id);
	return strcmp(id, said) == 0 ? 0 : -EBADMSG;
}

static const u8 *key_of(const struct fog_voucher_keyset *k, u64 amount)
{
	for (u32 i = 0; i < k->count; i++)
		if (k->amount[i] == amount)
			return k->pk[i];
	return NULL;
}

static bool scalar_get(const json_t *o, const char *key, u8 out[32])
{
	const char *text = json_string_value(json_object_get(o, key));

	return text != NULL && strlen(text) == 64 && fog_hex_decode(text, out, 32) == 0;
}

int fog_wallet_finish(const struct fog_output *out, u32 count,
		      const struct fog_voucher_keyset *keyset, const char *id,
		      const json_t *signatures, struct fog_voucher *proofs)
{
	u8 signature[FOG_VOUCHER_POINT_SIZE];
	struct fog_voucher_dleq dleq;

	if (json_array_size(signatures) != count)
		return -EINVAL;
	for (u32 i = 0; i < count; i++) {
		const json_t *s = json_array_get(signatures, i);
		const char *text = json_string_value(json_object_get(s, "C_"));
		const u8 *pk = key_of(keyset, out[i].amount);
		struct fog_voucher *p = &proofs[i];
		if (pk == NULL || text == NULL || strlen(text) != 2 * sizeof(signature) ||
		    fog_hex_decode(text, signature, sizeof(signature)) != 0 ||
		    !scalar_get(json_object_get(s, "dleq"), "e", dleq.e) ||
		    !scalar_get(json_object_get(s, "dleq"), "s", dleq.s))
			return -EINVAL;
		if (fog_voucher_dleq_check(pk, out[i].blinded, signature, &dleq) != 0)
			return -EBADMSG;
		memset(p, 0, sizeof(*p));
		p->amount = out[i].amount;
		snprintf(p->id, sizeof(p->id), "%s", id);
		snprintf(p->secret, sizeof(p->secret), "%s", out[i].secret);
		if (fog_voucher_unblind(signature, out[i].r, pk, p->c) != 0)
			return -EINVAL;
	}
	return 0;
}
