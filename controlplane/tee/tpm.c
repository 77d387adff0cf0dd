/* SPDX-License-Identifier: BSD-3-Clause */
/* TPM 2.0 quotes. Big-endian throughout (TPM 2.0 Library, part 1, "canonicalisation").
 *
 *	magic u32 | type u16 | signer u16 + bytes | extraData u16 + bytes | clock 17 | firmware u64
 *| count u32 of (hash u16, size u8, bitmap) | digest u16 + bytes */
#include "controlplane/tee/chain.h"

#include <openssl/err.h>
#include <openssl/evp.h>

#include "crypto/hash/hash.h"

#define MAGIC       0xff544347u
#define TYPE_QUOTE  0x8018u
#define ALG_SHA256  0x000bu
#define ALG_RSASSA  0x0014u
#define ALG_ECDSA   0x0018u
#define HALF_SIZE   32 /* of P-256 */
#define CLOCK_SIZE  17
#define BITMAP_SIZE 3

struct cursor {
	const u8 *at;
	size_t left;
};

struct attest {
	const u8 *data;
	u32 data_size;
	u64 firmware;
	u32 selected; /* registers, bit i for PCR i */
	const u8 *digest;
};

static bool take(struct cursor *c, size_t len, const u8 **out)
{
	if (c->left < len)
		return false;
	*out = c->at;
	c->at += len;
	c->left -= len;
	return true;
}

static bool take_number(struct cursor *c, size_t bytes, u64 *out)
{
	const u8 *p;

	if (!take(c, bytes, &p))
		return false;
	*out = 0;
	for (size_t i = 0; i < bytes; i++)
		*out = *out << 8 | p[i];
	return true;
}

static bool take_sized(struct cursor *c, const u8 **out, u32 *size)
{
	u64 len;

	*size = 0;
	if (!take_number(c, 2, &len) || !take(c, (size_t)len, out))
		return false;
	*size = (u32)len;
	return true;
}

static enum fog_tee_fault parse(const u8 *message, size_t size, struct attest *a)
{
	struct cursor c = {message, size};
	const u8 *bytes;
	u64 magic, type, count, hash, bitmap_size;
	u32 len;

	if (!take_number(&c, 4, &magic) || !take_number(&c, 2, &type))
		return FOG_TEE_TRUNCATED;
	// The TPM signs nothing else that begins so (part 2, TPM_GENERATED_VALUE).
	if (magic != MAGIC || type != TYPE_QUOTE)
		return FOG_TEE_FORMAT;
	if (!take_sized(&c, &bytes, &len) || !take_sized(&c, &a->data, &a->data_size) ||
	    !take(&c, CLOCK_SIZE, &bytes) || !take_number(&c, 8, &a->firmware) ||
	    !take_number(&c, 4, &count))
		return FOG_TEE_TRUNCATED;
	if (a->data_size > FOG_TEE_DATA_SIZE || count != 1)
		return FOG_TEE_FORMAT;
	if (!take_number(&c, 2, &hash) || !take_number(&c, 1, &bitmap_size) ||
	    !take(&c, (size_t)bitmap_size, &bytes))
		return FOG_TEE_TRUNCATED;
	if (hash != ALG_SHA256 || bitmap_size != BITMAP_SIZE)
		return FOG_TEE_FORMAT;
	a->selected = (u32)bytes[0] | (u32)bytes[1] << 8 | (u32)bytes[2] << 16;
	if (!take_sized(&c, &a->digest, &len) || c.left != 0)
		return FOG_TEE_TRUNCATED;
	return len == 32 ? FOG_TEE_VALID : FOG_TEE_FORMAT;
}

static bool rsa_verify(EVP_PKEY *key, const struct fog_tee_tpm_quote *q, const u8 *sig, size_t size)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	bool valid = ctx != NULL && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA &&
		     EVP_DigestVerifyInit_ex(ctx, NULL, "SHA256", NULL, NULL, key, NULL) == 1 &&
		     EVP_DigestVerify(ctx, sig, size, q->message, q->message_size) == 1;
	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	return valid;
}

/* Coordinates may come without their leading zeros. */
static bool half_take(struct cursor *c, u8 out[HALF_SIZE])
{
	const u8 *bytes;
	u32 size;

	memset(out, 0, HALF_SIZE);
	if (!take_sized(c, &bytes, &size) || size > HALF_SIZE)
		return false;
	memcpy(out + HALF_SIZE - size, bytes, size);
	return true;
}

static bool signature_by(EVP_PKEY *key, const struct fog_tee_tpm_quote *q)
{
	struct cursor c = {q->signature, q->signature_size};
	u8 r[HALF_SIZE], s[HALF_SIZE];
	const u8 *bytes;
	u64 scheme, hash;
	u32 size;

	if (!take_number(&c, 2, &scheme) || !take_number(&c, 2, &hash) || hash != ALG_SHA256)
		return false;
	if (scheme == ALG_RSASSA)
		return take_sized(&c, &bytes, &size) && c.left == 0 &&
		       rsa_verify(key, q, bytes, size);
	return scheme == ALG_ECDSA && half_take(&c, r) && half_take(&c, s) && c.left == 0 &&
	       fog_tee_ecdsa_verify(key, "SHA256", q->message, q->message_size, r, s, HALF_SIZE);
}

static bool signature_check(const struct fog_tee_tpm_quote *q)
{
	const unsigned char *at = q->ak;
	EVP_PKEY *key = d2i_PUBKEY(NULL, &at, (long)q->ak_size);

	bool valid = key != NULL && at == q->ak + q->ak_size && signature_by(key, q);
	EVP_PKEY_free(key);
	ERR_clear_error();
	return valid;
}

/* The registers told must be those selected, and hash to what was signed. */
static bool pcr_check(const struct fog_tee_tpm_quote *q, const struct attest *a)
{
	u8 digest[32];

	if (q->pcr == NULL)
		return true;
	if (q->pcr_count != (u32)__builtin_popcount(a->selected))
		return false;
	fog_hash_sha256(digest, q->pcr, (size_t)q->pcr_count * 32);
	return memcmp(digest, a->digest, sizeof(digest)) == 0;
}

enum fog_tee_fault fog_tee_tpm_verify(const struct fog_tee_tpm_quote *q,
				      struct fog_tee_claims *claims)
{
	struct attest a;

	enum fog_tee_fault fault = parse(q->message, q->message_size, &a);
	if (fault != FOG_TEE_VALID)
		return fault;
	if (!signature_check(q))
		return FOG_TEE_SIGNATURE;
	if (!pcr_check(q, &a))
		return FOG_TEE_PCR;
	*claims = (struct fog_tee_claims){.kind = FOG_TEE_TPM,
					  .measurement_size = 32,
					  .firmware = a.firmware,
					  .pcrs = a.selected};
	fog_hash_sha256(claims->chip, q->ak, q->ak_size);
	memcpy(claims->measurement, a.digest, 32);
	memcpy(claims->data, a.data, a.data_size);
	return FOG_TEE_VALID;
}
