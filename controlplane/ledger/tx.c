/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/ledger/tx.h"

#include <errno.h>

#include "crypto/hash/hash.h"

#define VERSION 1

_Static_assert(sizeof(struct fog_tx_propose) <= FOG_TX_BODY_MAX, "fits");
_Static_assert(sizeof(struct fog_tx_escrow_claim) + FOG_TX_TEXT_MAX <= FOG_TX_BODY_MAX, "fits");
_Static_assert(FOG_TX_BODY_MAX <= UINT16_MAX, "the length is u16");

static u32 body_size(u32 kind)
{
	switch (kind) {
#define X(name, number, text, type) \
	case number:                \
		return sizeof(type);
		FOG_TX_KINDS(X)
#undef X
	}
	return 0;
}

const char *fog_tx_kind_name(enum fog_tx_kind kind)
{
	switch (kind) {
#define X(name, number, text, type) \
	case number:                \
		return text;
		FOG_TX_KINDS(X)
#undef X
	}
	return "?";
}

const char *fog_tx_error_text(enum fog_tx_error error)
{
	static const char *const texts[] = {"",
#define X(name, text) text,
					    FOG_TX_ERRORS(X)
#undef X
	};

	return error < FOG_TX_ERROR_COUNT ? texts[error] : "unknown error";
}

const char *fog_tx_error_name(enum fog_tx_error error)
{
	static const char *const names[] = {"OK",
#define X(name, text) #name,
					    FOG_TX_ERRORS(X)
#undef X
	};

	return error < FOG_TX_ERROR_COUNT ? names[error] : "UNKNOWN";
}

static bool zero(const void *data, size_t len)
{
	const u8 *p = data;
	u8 any = 0;

	for (size_t i = 0; i < len; i++)
		any |= p[i];
	return any == 0;
}

/* Printable, zero-terminated, and zeros after that: one encoding a text. */
static bool text_ok(const char *text, size_t size)
{
	size_t len = strnlen(text, size);

	if (len == size || !zero(text + len, size - len))
		return false;
	for (size_t i = 0; i < len; i++)
		if ((u8)text[i] < ' ' || (u8)text[i] == 0x7f)
			return false;
	return true;
}

static bool propose_ok(const struct fog_tx_propose *p)
{
	return p->pad == 0 && p->motion_count <= FOG_MOTIONS_MAX && p->title[0] != '\0' &&
	       text_ok(p->title, sizeof(p->title)) &&
	       zero(&p->motion[p->motion_count],
		    (FOG_MOTIONS_MAX - p->motion_count) * sizeof(p->motion[0]));
}

static bool attributes_ok(const struct fog_validator_attributes *a)
{
	return a->pad == 0 && text_ok(a->operator_name, sizeof(a->operator_name)) &&
	       text_ok(a->country, sizeof(a->country)) &&
	       text_ok(a->power_region, sizeof(a->power_region)) &&
	       text_ok(a->tee_vendor, sizeof(a->tee_vendor));
}

/* What the layout alone allows of the body. */
static bool body_ok(const struct fog_tx *tx)
{
	switch (tx->kind) {
	case FOG_TX_VALIDATOR:
		return tx->body.validator.pad == 0 && attributes_ok(&tx->body.validator.attributes);
	case FOG_TX_JAIL:
	case FOG_TX_UNJAIL:
		return tx->body.nothing.zero == 0;
	case FOG_TX_PROPOSE:
		return propose_ok(&tx->body.propose);
	case FOG_TX_VOTE:
		return tx->body.vote.pad == 0;
	case FOG_TX_ESCROW_CLAIM:
		return tx->body.escrow_claim.pad == 0;
	default:
		return true;
	}
}

enum fog_tx_error fog_tx_decode(struct fog_tx *out, const u8 *data, size_t len)
{
	if (len < FOG_TX_SIZE_MIN || len > FOG_TX_SIZE_MAX || data[0] != VERSION ||
	    fog_load_u32(data + 4) != 0)
		return FOG_TX_ERROR_MALFORMED;
	u32 body_len = fog_load_u16(data + 2), fixed = body_size(data[1]);
	if (fixed == 0 || len != FOG_TX_HEAD_SIZE + (size_t)body_len + FOG_SIGN_SIZE ||
	    body_len < fixed || (body_len != fixed && data[1] != FOG_TX_ESCROW_CLAIM))
		return FOG_TX_ERROR_MALFORMED;
	out->kind = data[1];
	out->size = (u32)len;
	out->chain_tag = fog_load_u64(data + 8);
	memcpy(out->sender, data + 16, FOG_PK_SIZE);
	out->nonce = fog_load_u64(data + 48);
	out->fee_max = fog_load_u64(data + 56);
	out->tip = fog_load_u64(data + 64);
	out->bytes = data;
	out->signature = data + len - FOG_SIGN_SIZE;
	memcpy(&out->body, data + FOG_TX_HEAD_SIZE, fixed);
	out->text_len = 0;
	out->text = NULL;
	if (out->kind == FOG_TX_ESCROW_CLAIM) {
		out->text_len = out->body.escrow_claim.text_len;
		out->text = (const char *)data + FOG_TX_HEAD_SIZE + fixed;
		if (out->text_len != body_len - fixed || out->text_len > FOG_TX_TEXT_MAX)
			return FOG_TX_ERROR_MALFORMED;
	}
	return body_ok(out) ? FOG_TX_OK : FOG_TX_ERROR_MALFORMED;
}

u32 fog_tx_message(const struct fog_tx *tx, const u8 chain[32], u8 out[FOG_TX_MESSAGE_MAX])
{
	u32 at = sizeof(FOG_TX_LABEL), len = tx->size - FOG_SIGN_SIZE;

	memcpy(out, FOG_TX_LABEL, at);
	memcpy(out + at, chain, 32);
	memcpy(out + at + 32, tx->bytes, len);
	return at + 32 + len;
}

u32 fog_tx_encode(struct fog_tx *tx, const u8 chain[32], const u8 sk[FOG_SIGN_SECRET_SIZE],
		  u8 out[FOG_TX_SIZE_MAX])
{
	u8 message[FOG_TX_MESSAGE_MAX];
	u32 fixed = body_size(tx->kind), body_len = fixed + tx->text_len;

	FOG_ASSERT(fixed != 0 && body_len <= FOG_TX_BODY_MAX);
	memset(out, 0, FOG_TX_HEAD_SIZE);
	out[0] = VERSION;
	out[1] = (u8)tx->kind;
	fog_store_u16(out + 2, (u16)body_len);
	tx->chain_tag = fog_load_u64(chain);
	fog_store_u64(out + 8, tx->chain_tag);
	memcpy(out + 16, tx->sender, FOG_PK_SIZE);
	fog_store_u64(out + 48, tx->nonce);
	fog_store_u64(out + 56, tx->fee_max);
	fog_store_u64(out + 64, tx->tip);
	if (tx->kind == FOG_TX_ESCROW_CLAIM)
		tx->body.escrow_claim.text_len = tx->text_len;
	memcpy(out + FOG_TX_HEAD_SIZE, &tx->body, fixed);
	if (tx->text_len != 0)
		memcpy(out + FOG_TX_HEAD_SIZE + fixed, tx->text, tx->text_len);
	tx->bytes = out;
	tx->size = FOG_TX_HEAD_SIZE + body_len + FOG_SIGN_SIZE;
	tx->signature = out + tx->size - FOG_SIGN_SIZE;
	u32 len = fog_tx_message(tx, chain, message);
	fog_sign(out + tx->size - FOG_SIGN_SIZE, message, len, sk);
	return tx->size;
}

void fog_tx_id(const u8 *data, size_t len, u8 id[32])
{
	fog_hash_blake2b(id, 32, NULL, 0, data, len);
}

void fog_escrow_id(const u8 payer[FOG_PK_SIZE], const u8 reference[32], u8 id[32])
{
	u8 text[64];

	memcpy(text, payer, 32);
	memcpy(text + 32, reference, 32);
	fog_hash_blake2b(id, 32, NULL, 0, text, sizeof(text));
}

int fog_tx_verify_many(const struct fog_tx *tx, u32 count, const u8 chain[32], bool *ok)
{
	size_t total = 0, at = 0;
	unsigned batch = FOG_MIN(FOG_MAX(count, 1u), 1024u);
	int rc = -ENOMEM;

	for (u32 i = 0; i < count; i++)
		total += sizeof(FOG_TX_LABEL) + 32 + tx[i].size - FOG_SIGN_SIZE;
	size_t memory_size = (fog_sign_memory_size(batch) + 63) & ~(size_t)63;
	void *memory = aligned_alloc(64, memory_size);
	u8 *text = malloc(total + 1);
	struct fog_sign_item *item = calloc(count + 1, sizeof(*item));
	int *result = calloc(count + 1, sizeof(*result));
	if (memory == NULL || text == NULL || item == NULL || result == NULL)
		goto out;
	for (u32 i = 0; i < count; i++) {
		u32 len = fog_tx_message(&tx[i], chain, text + at);
		item[i] = (struct fog_sign_item){tx[i].signature, tx[i].sender, text + at, len};
		at += len;
	}
	fog_sign_verify_in(memory, batch, item, count, result);
	for (u32 i = 0; i < count; i++)
		ok[i] = result[i] == 0;
	rc = 0;
out:
	free(result);
	free(item);
	free(text);
	free(memory);
	return rc;
}
