/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/voucher/voucher.h"

#include <errno.h>
#include <secp256k1.h>

#include "crypto/hash/hash.h"
#include "crypto/mem.h"

#define FULL_SIZE 65 /* uncompressed */

/* One for the process. libsecp256k1 only reads it. */
static const secp256k1_context *context(void)
{
	static secp256k1_context *made;

	/* Two threads may both make one at the start; one of them stays. */
	secp256k1_context *c = __atomic_load_n(&made, __ATOMIC_ACQUIRE);
	if (c == NULL) {
		secp256k1_context *none = NULL;
		c = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
		FOG_ASSERT(c != NULL);
		if (!__atomic_compare_exchange_n(&made, &none, c, false, __ATOMIC_ACQ_REL,
						 __ATOMIC_ACQUIRE)) {
			secp256k1_context_destroy(c);
			c = none;
		}
	}
	return c;
}

static bool parse(secp256k1_pubkey *out, const u8 point[FOG_VOUCHER_POINT_SIZE])
{
	return secp256k1_ec_pubkey_parse(context(), out, point, FOG_VOUCHER_POINT_SIZE) == 1;
}

static void write(const secp256k1_pubkey *p, u8 out[FOG_VOUCHER_POINT_SIZE])
{
	size_t len = FOG_VOUCHER_POINT_SIZE;

	secp256k1_ec_pubkey_serialize(context(), out, &len, p, SECP256K1_EC_COMPRESSED);
}

static void write_full(const secp256k1_pubkey *p, u8 out[FULL_SIZE])
{
	size_t len = FULL_SIZE;

	secp256k1_ec_pubkey_serialize(context(), out, &len, p, SECP256K1_EC_UNCOMPRESSED);
}

static bool add(secp256k1_pubkey *out, const secp256k1_pubkey *a, const secp256k1_pubkey *b)
{
	const secp256k1_pubkey *both[2] = {a, b};

	return secp256k1_ec_pubkey_combine(context(), out, both, 2) == 1;
}

static bool multiply(secp256k1_pubkey *p, const u8 *scalar)
{
	return secp256k1_ec_pubkey_tweak_mul(context(), p, scalar) == 1;
}

static bool subtract(secp256k1_pubkey *out, const secp256k1_pubkey *a, const secp256k1_pubkey *b)
{
	secp256k1_pubkey minus = *b;

	return secp256k1_ec_pubkey_negate(context(), &minus) == 1 && add(out, a, &minus);
}

static bool hash_to_curve(const void *secret, size_t len, secp256k1_pubkey *y)
{
	static const char label[] = "Secp256k1_HashToCurve_Cashu_";
	u8 text[32 + 4], point[FOG_VOUCHER_POINT_SIZE] = {2};
	struct fog_sha256 h;

	fog_sha256_init(&h);
	fog_sha256_update(&h, label, sizeof(label) - 1);
	fog_sha256_update(&h, secret, len);
	fog_sha256_final(&h, text);
	/* Half of all hashes are points; 256 misses in a row do not happen. */
	for (u32 counter = 0; counter < 256; counter++) {
		fog_store_u32(text + 32, counter);
		fog_hash_sha256(point + 1, text, sizeof(text));
		if (parse(y, point))
			return true;
	}
	return false;
}

int fog_voucher_hash_to_curve(const void *secret, size_t len, u8 y[FOG_VOUCHER_POINT_SIZE])
{
	secp256k1_pubkey p;

	if (!hash_to_curve(secret, len, &p))
		return -EINVAL;
	write(&p, y);
	return 0;
}

int fog_voucher_public(const u8 k[FOG_VOUCHER_SCALAR_SIZE], u8 pk[FOG_VOUCHER_POINT_SIZE])
{
	secp256k1_pubkey p;

	if (secp256k1_ec_pubkey_create(context(), &p, k) != 1)
		return -EINVAL;
	write(&p, pk);
	return 0;
}

bool fog_voucher_point_valid(const u8 p[FOG_VOUCHER_POINT_SIZE])
{
	secp256k1_pubkey point;

	return parse(&point, p);
}

static bool blind(const void *secret, size_t len, const u8 *r, secp256k1_pubkey *out)
{
	secp256k1_pubkey y, factor;

	return hash_to_curve(secret, len, &y) &&
	       secp256k1_ec_pubkey_create(context(), &factor, r) == 1 && add(out, &y, &factor);
}

int fog_voucher_blind(const void *secret, size_t len, const u8 r[FOG_VOUCHER_SCALAR_SIZE],
		      u8 blinded[FOG_VOUCHER_POINT_SIZE])
{
	secp256k1_pubkey p;

	if (!blind(secret, len, r, &p))
		return -EINVAL;
	write(&p, blinded);
	return 0;
}

int fog_voucher_sign(const u8 k[FOG_VOUCHER_SCALAR_SIZE], const u8 blinded[FOG_VOUCHER_POINT_SIZE],
		     u8 signature[FOG_VOUCHER_POINT_SIZE])
{
	secp256k1_pubkey p;

	if (!parse(&p, blinded) || !multiply(&p, k))
		return -EINVAL;
	write(&p, signature);
	return 0;
}

int fog_voucher_unblind(const u8 signature[FOG_VOUCHER_POINT_SIZE],
			const u8 r[FOG_VOUCHER_SCALAR_SIZE], const u8 pk[FOG_VOUCHER_POINT_SIZE],
			u8 c[FOG_VOUCHER_POINT_SIZE])
{
	secp256k1_pubkey s, k, out;

	if (!parse(&s, signature) || !parse(&k, pk) || !multiply(&k, r) || !subtract(&out, &s, &k))
		return -EINVAL;
	write(&out, c);
	return 0;
}

int fog_voucher_verify(const u8 k[FOG_VOUCHER_SCALAR_SIZE], const void *secret, size_t len,
		       const u8 c[FOG_VOUCHER_POINT_SIZE])
{
	u8 expected[FOG_VOUCHER_POINT_SIZE];
	secp256k1_pubkey y;

	if (!hash_to_curve(secret, len, &y) || !multiply(&y, k))
		return -EINVAL;
	write(&y, expected);
	return fog_equal(expected, c, sizeof(expected)) ? 0 : -EBADMSG;
}

/* ---- NUT-12 --------------------------------------------------------------------------------- */

static void hash_add(struct fog_sha256 *h, const secp256k1_pubkey *p)
{
	u8 full[FULL_SIZE];
	char hex[2 * FULL_SIZE + 1];

	write_full(p, full);
	(void)fog_hex_encode(full, FULL_SIZE, hex, sizeof(hex));
	fog_sha256_update(h, hex, 2 * FULL_SIZE);
}

void fog_voucher_hash_points(const u8 (*point)[FOG_VOUCHER_POINT_SIZE], u32 count, u8 e[32])
{
	struct fog_sha256 h;
	secp256k1_pubkey p;

	fog_sha256_init(&h);
	for (u32 i = 0; i < count; i++)
		if (parse(&p, point[i]))
			hash_add(&h, &p);
	fog_sha256_final(&h, e);
}

static void challenge(const secp256k1_pubkey *r1, const secp256k1_pubkey *r2,
		      const secp256k1_pubkey *a, const secp256k1_pubkey *c, u8 e[32])
{
	struct fog_sha256 h;

	fog_sha256_init(&h);
	hash_add(&h, r1);
	hash_add(&h, r2);
	hash_add(&h, a);
	hash_add(&h, c);
	fog_sha256_final(&h, e);
}

static bool nonce_make(const u8 *k, const secp256k1_pubkey *a, const secp256k1_pubkey *b,
		       const secp256k1_pubkey *c, u8 r[32])
{
	static const char label[] = "Cashu_DLEQ_R_v1";
	u8 text[sizeof(label) - 1 + 3 * FULL_SIZE + 1];
	size_t at = sizeof(label) - 1;

	memcpy(text, label, at);
	write_full(a, text + at);
	write_full(b, text + at + FULL_SIZE);
	write_full(c, text + at + 2 * FULL_SIZE);
	for (u32 counter = 0; counter < 256; counter++) {
		text[sizeof(text) - 1] = (u8)counter;
		fog_hmac_sha256(r, k, FOG_VOUCHER_SCALAR_SIZE, text, sizeof(text));
		if (secp256k1_ec_seckey_verify(context(), r) == 1)
			return true;
	}
	return false;
}

int fog_voucher_dleq_make(const u8 k[FOG_VOUCHER_SCALAR_SIZE],
			  const u8 blinded[FOG_VOUCHER_POINT_SIZE],
			  const u8 signature[FOG_VOUCHER_POINT_SIZE], struct fog_voucher_dleq *out)
{
	secp256k1_pubkey a, b, c, r1, r2;
	u8 r[32];
	int rc = -EINVAL;

	if (secp256k1_ec_pubkey_create(context(), &a, k) != 1 || !parse(&b, blinded) ||
	    !parse(&c, signature) || !nonce_make(k, &a, &b, &c, r))
		return rc;
	r2 = b;
	if (secp256k1_ec_pubkey_create(context(), &r1, r) == 1 && multiply(&r2, r)) {
		challenge(&r1, &r2, &a, &c, out->e);
		memcpy(out->s, k, 32);
		if (secp256k1_ec_seckey_tweak_mul(context(), out->s, out->e) == 1 &&
		    secp256k1_ec_seckey_tweak_add(context(), out->s, r) == 1)
			rc = 0;
	}
	fog_wipe(r, sizeof(r));
	return rc;
}

static int dleq_check(const secp256k1_pubkey *a, const secp256k1_pubkey *b,
		      const secp256k1_pubkey *c, const struct fog_voucher_dleq *proof)
{
	secp256k1_pubkey r1, r2, ea = *a, ec = *c, sg, sb = *b;
	u8 e[32];

	if (secp256k1_ec_pubkey_create(context(), &sg, proof->s) != 1 || !multiply(&sb, proof->s) ||
	    !multiply(&ea, proof->e) || !multiply(&ec, proof->e) || !subtract(&r1, &sg, &ea) ||
	    !subtract(&r2, &sb, &ec))
		return -EBADMSG;
	challenge(&r1, &r2, a, c, e);
	return memcmp(e, proof->e, sizeof(e)) == 0 ? 0 : -EBADMSG;
}

int fog_voucher_dleq_check(const u8 pk[FOG_VOUCHER_POINT_SIZE],
			   const u8 blinded[FOG_VOUCHER_POINT_SIZE],
			   const u8 signature[FOG_VOUCHER_POINT_SIZE],
			   const struct fog_voucher_dleq *proof)
{
	secp256k1_pubkey a, b, c;

	if (!parse(&a, pk) || !parse(&b, blinded) || !parse(&c, signature))
		return -EINVAL;
	return dleq_check(&a, &b, &c, proof);
}

int fog_voucher_dleq_check_proof(const u8 pk[FOG_VOUCHER_POINT_SIZE], const void *secret,
				 size_t len, const u8 c[FOG_VOUCHER_POINT_SIZE],
				 const u8 r[FOG_VOUCHER_SCALAR_SIZE],
				 const struct fog_voucher_dleq *proof)
{
	secp256k1_pubkey a, b, plain, factor, blinded;

	if (!parse(&a, pk) || !parse(&plain, c) || !blind(secret, len, r, &b))
		return -EINVAL;
	factor = a;
	if (!multiply(&factor, r) || !add(&blinded, &plain, &factor))
		return -EINVAL;
	return dleq_check(&a, &b, &blinded, proof);
}

/* ---- NUT-02 --------------------------------------------------------------------------------- */

void fog_voucher_keyset_id(const struct fog_voucher_keyset *k, u32 version,
			   char id[FOG_VOUCHER_ID_SIZE])
{
	struct fog_sha256 h;
	u8 hash[32];
	char text[128], point[2 * FOG_VOUCHER_POINT_SIZE + 1];

	FOG_ASSERT(k->count <= FOG_VOUCHER_KEYS_MAX && (version == 1 || version == 2));
	fog_sha256_init(&h);
	for (u32 i = 0; i < k->count; i++) {
		if (version == 1) {
			fog_sha256_update(&h, k->pk[i], FOG_VOUCHER_POINT_SIZE);
			continue;
		}
		(void)fog_hex_encode(k->pk[i], FOG_VOUCHER_POINT_SIZE, point, sizeof(point));
		snprintf(text, sizeof(text), "%s%llu:%s", i == 0 ? "" : ",",
			 (unsigned long long)k->amount[i], point);
		fog_sha256_update(&h, text, strlen(text));
	}
	text[0] = '\0';
	size_t at = 0;
	if (version == 2)
		at = (size_t)snprintf(text, sizeof(text), "|unit:%s", k->unit);
	if (version == 2 && k->input_fee_ppk != 0)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "|input_fee_ppk:%llu",
				       (unsigned long long)k->input_fee_ppk);
	if (version == 2 && k->final_expiry != 0)
		snprintf(text + at, sizeof(text) - at, "|final_expiry:%llu",
			 (unsigned long long)k->final_expiry);
	fog_sha256_update(&h, text, strlen(text));
	fog_sha256_final(&h, hash);
	memcpy(id, version == 1 ? "00" : "01", 2);
	(void)fog_hex_encode(hash, version == 1 ? 7 : 32, id + 2, FOG_VOUCHER_ID_SIZE - 2);
}
