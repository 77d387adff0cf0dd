/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/tee/credential.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509_vfy.h>

#include "controlplane/tee/collateral.h"
#include "crypto/hash/hash.h"
#include "crypto/mem.h"
#include "crypto/random/random.h"

#define CHAIN_MAX     8 /* certificates of an endorsement key, its makers included */
#define ALG_SHA256    0x000b
#define ALG_ECC       0x0023
#define ALG_NULL      0x0010
#define ALG_ECDSA     0x0018
#define CURVE_P256    0x0003
#define MAKERS_MAX    256
#define FIXED_TPM     (1u << 1)
#define FIXED_PARENT  (1u << 4)
#define ORIGIN        (1u << 5) /* made inside */
#define RESTRICTED    (1u << 16)
#define DECRYPT       (1u << 17)
#define SIGN          (1u << 18)
#define WANTED        (FIXED_TPM | FIXED_PARENT | ORIGIN | RESTRICTED | SIGN)
#define SECRET_SIZE   32
#define AES_KEY_SIZE  16
#define INTEGRITY_BIT 256

/* ---- the attestation key -------------------------------------------------------------------- */

static bool number(const u8 **at, const u8 *end, unsigned bytes, u32 *out)
{
	if ((size_t)(end - *at) < bytes)
		return false;
	*out = 0;
	for (unsigned i = 0; i < bytes; i++)
		*out = *out << 8 | *(*at)++;
	return true;
}

/* TPM2B of at most size bytes, right-aligned. */
static bool sized(const u8 **at, const u8 *end, u8 *out, u32 size)
{
	u32 len;

	memset(out, 0, size);
	if (!number(at, end, 2, &len) || len > size || (size_t)(end - *at) < len)
		return false;
	memcpy(out + size - len, *at, len);
	*at += len;
	return true;
}

static bool public_read(const u8 *ak, size_t size, u8 xy[64])
{
	const u8 *at = ak, *end = ak + size;
	u32 type, hash, attributes, symmetric, scheme, scheme_hash, curve, kdf;
	u8 policy[64];

	if (!number(&at, end, 2, &type) || !number(&at, end, 2, &hash) ||
	    !number(&at, end, 4, &attributes) || !sized(&at, end, policy, sizeof(policy)) ||
	    !number(&at, end, 2, &symmetric) || !number(&at, end, 2, &scheme) ||
	    !number(&at, end, 2, &scheme_hash) || !number(&at, end, 2, &curve) ||
	    !number(&at, end, 2, &kdf) || !sized(&at, end, xy, 32) || !sized(&at, end, xy + 32, 32))
		return false;
	return at == end && type == ALG_ECC && hash == ALG_SHA256 && symmetric == ALG_NULL &&
	       scheme == ALG_ECDSA && scheme_hash == ALG_SHA256 && curve == CURVE_P256 &&
	       kdf == ALG_NULL && (attributes & WANTED) == WANTED && (attributes & DECRYPT) == 0;
}

int fog_tee_ak_parse(const u8 *ak, size_t size, u8 *out, size_t cap, u8 name[FOG_TEE_NAME_SIZE])
{
	u8 xy[64];

	if (size > FOG_TEE_AK_MAX || !public_read(ak, size, xy))
		return -EINVAL;
	EVP_PKEY *key = fog_tee_p256_key(xy);
	int len = key != NULL ? i2d_PUBKEY(key, NULL) : -1;
	if (len > 0 && (size_t)len <= cap)
		len = i2d_PUBKEY(key, &(unsigned char *){out});
	else
		len = -EINVAL;
	EVP_PKEY_free(key);
	name[0] = ALG_SHA256 >> 8;
	name[1] = ALG_SHA256 & 0xff;
	fog_hash_sha256(name + 2, ak, size);
	return len;
}

/* ---- makers --------------------------------------------------------------------------------- */

struct fog_tee_makers {
	X509_STORE *store;
	u32 count;
};

static int file_load(struct fog_tee_makers *m, const char *path)
{
	BIO *in = BIO_new_file(path, "r");
	X509 *cert;
	int added = 0;

	if (in == NULL)
		return -ENOENT;
	while (m->count < MAKERS_MAX && (cert = PEM_read_bio_X509(in, NULL, NULL, NULL)) != NULL) {
		if (X509_STORE_add_cert(m->store, cert) == 1)
			added++;
		X509_free(cert);
		m->count++;
	}
	BIO_free(in);
	ERR_clear_error();
	return added != 0 ? 0 : -EBADMSG;
}

int fog_tee_makers_load(struct fog_tee_makers **out, const char *const *paths, u32 count,
			char why[FOG_TEE_WHY_SIZE])
{
	struct fog_tee_makers *m = calloc(1, sizeof(*m));
	int rc = m != NULL && (m->store = X509_STORE_new()) != NULL ? 0 : -ENOMEM;

	for (u32 i = 0; rc == 0 && i < count; i++) {
		rc = file_load(m, paths[i]);
		if (rc != 0)
			snprintf(why, FOG_TEE_WHY_SIZE, "%.180s: no certificates in PEM there",
				 paths[i]);
	}
	if (rc != 0) {
		fog_tee_makers_free(m);
		return rc;
	}
	*out = m;
	return 0;
}

void fog_tee_makers_free(struct fog_tee_makers *m)
{
	if (m == NULL)
		return;
	X509_STORE_free(m->store);
	free(m);
}

/* Any of the makers' certificates may be the end: they often publish no root. */
/* What stands behind a certificate, as far as the chain was built. */
static enum fog_tee_fault lists_check(X509_STORE_CTX *ctx, const struct fog_tee_collateral *c,
				      bool required, u64 now_s, char why[FOG_TEE_WHY_SIZE])
{
	const struct fog_tee_collateral_rule rule = {required, false, now_s};
	STACK_OF(X509) *built = X509_STORE_CTX_get0_chain(ctx);
	X509 *cert[CHAIN_MAX];
	u32 count = (u32)sk_X509_num(built);

	if (count > CHAIN_MAX)
		return FOG_TEE_CREDENTIAL;
	for (u32 i = 0; i < count; i++)
		cert[i] = sk_X509_value(built, (int)i);
	return fog_tee_collateral_chain(c, cert, count, &rule, why);
}

static enum fog_tee_fault certified(const struct fog_tee_makers *m, X509 *cert, u64 now_s,
				    const struct fog_tee_collateral *c, bool required,
				    char why[FOG_TEE_WHY_SIZE])
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	enum fog_tee_fault fault = FOG_TEE_CREDENTIAL;

	if (ctx != NULL && X509_STORE_CTX_init(ctx, m->store, cert, NULL) == 1) {
		/* Extensions of the TCG are critical and unknown to OpenSSL. */
		X509_STORE_CTX_set_flags(ctx,
					 X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_IGNORE_CRITICAL);
		X509_STORE_CTX_set_time(ctx, 0, (time_t)now_s);
		if (X509_verify_cert(ctx) == 1)
			fault = lists_check(ctx, c, required, now_s, why);
		else if (X509_STORE_CTX_get_error(ctx) == X509_V_ERR_CERT_HAS_EXPIRED ||
			 X509_STORE_CTX_get_error(ctx) == X509_V_ERR_CERT_NOT_YET_VALID)
			fault = FOG_TEE_EXPIRED;
	}
	X509_STORE_CTX_free(ctx);
	ERR_clear_error();
	return fault;
}

/* ---- the credential ------------------------------------------------------------------------- */

/* KDFa of part 1, section 11.4.10.2, with SHA-256 and at most 256 bits: one round. */
static void kdfa(u8 *out, u32 bits, const u8 seed[32], const char *label, const u8 *context,
		 size_t context_size)
{
	u8 text[4 + 16 + FOG_TEE_NAME_SIZE + 4], mac[32];
	size_t at = 4, label_size = strlen(label) + 1;

	memcpy(text, (const u8[]){0, 0, 0, 1}, 4);
	memcpy(text + at, label, label_size);
	at += label_size;
	if (context_size != 0)
		memcpy(text + at, context, context_size);
	at += context_size;
	memcpy(text + at, (const u8[]){0, 0, (u8)(bits >> 8), (u8)bits}, 4);
	fog_hmac_sha256(mac, seed, 32, text, at + 4);
	memcpy(out, mac, bits / 8);
	fog_wipe(mac, sizeof(mac));
}

static bool seed_seal(EVP_PKEY *ek, const u8 seed[32], u8 out[FOG_TEE_SEED_SIZE])
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, ek, NULL);
	void *label = OPENSSL_memdup("IDENTITY", sizeof("IDENTITY"));
	size_t len = FOG_TEE_SEED_SIZE;

	bool good = ctx != NULL && label != NULL && EVP_PKEY_encrypt_init(ctx) == 1 &&
		    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) == 1 &&
		    EVP_PKEY_CTX_set_rsa_oaep_md(ctx, EVP_sha256()) == 1 &&
		    EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_sha256()) == 1;
	if (good && EVP_PKEY_CTX_set0_rsa_oaep_label(ctx, label, sizeof("IDENTITY")) == 1)
		label = NULL; /* now the context's */
	good = good && label == NULL && EVP_PKEY_encrypt(ctx, out, &len, seed, 32) == 1 &&
	       len == FOG_TEE_SEED_SIZE;
	OPENSSL_free(label);
	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	return good;
}

static bool identity_seal(const u8 key[AES_KEY_SIZE], const u8 secret[32], u8 out[2 + SECRET_SIZE])
{
	static const u8 iv[16];
	u8 plain[2 + SECRET_SIZE] = {0, SECRET_SIZE};
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int len = 0;

	memcpy(plain + 2, secret, SECRET_SIZE);
	bool good = ctx != NULL &&
		    EVP_EncryptInit_ex(ctx, EVP_aes_128_cfb128(), NULL, key, iv) == 1 &&
		    EVP_EncryptUpdate(ctx, out, &len, plain, sizeof(plain)) == 1 &&
		    len == (int)sizeof(plain);
	EVP_CIPHER_CTX_free(ctx);
	fog_wipe(plain, sizeof(plain));
	return good;
}

static bool seal(struct fog_tee_credential *out, EVP_PKEY *ek, const u8 name[FOG_TEE_NAME_SIZE],
		 const u8 secret[32])
{
	u8 seed[32], key[AES_KEY_SIZE], mac_key[32];
	u8 text[2 + SECRET_SIZE + FOG_TEE_NAME_SIZE];

	fog_random_bytes(seed, sizeof(seed));
	kdfa(key, 8 * AES_KEY_SIZE, seed, "STORAGE", name, FOG_TEE_NAME_SIZE);
	kdfa(mac_key, INTEGRITY_BIT, seed, "INTEGRITY", NULL, 0);
	bool good = seed_seal(ek, seed, out->seed) && identity_seal(key, secret, text);
	memcpy(text + 2 + SECRET_SIZE, name, FOG_TEE_NAME_SIZE);
	out->blob[0] = 0;
	out->blob[1] = 32;
	fog_hmac_sha256(out->blob + 2, mac_key, sizeof(mac_key), text, sizeof(text));
	memcpy(out->blob + 34, text, 2 + SECRET_SIZE);
	fog_wipe(seed, sizeof(seed));
	fog_wipe(key, sizeof(key));
	fog_wipe(mac_key, sizeof(mac_key));
	return good;
}

enum fog_tee_fault fog_tee_credential_make(struct fog_tee_credential *out,
					   const struct fog_tee_makers *m, const u8 *ek_cert,
					   size_t size, const u8 name[FOG_TEE_NAME_SIZE],
					   const u8 secret[32], u64 now_s, u8 hash[32],
					   const struct fog_tee_collateral *collateral,
					   bool required, char why[FOG_TEE_WHY_SIZE])
{
	const unsigned char *at = ek_cert;
	X509 *cert = size <= FOG_TEE_EK_CERT_MAX ? d2i_X509(NULL, &at, (long)size) : NULL;
	EVP_PKEY *ek = cert != NULL ? X509_get0_pubkey(cert) : NULL;
	enum fog_tee_fault fault = FOG_TEE_CREDENTIAL;

	why[0] = '\0';
	if (ek != NULL && EVP_PKEY_get_base_id(ek) == EVP_PKEY_RSA &&
	    EVP_PKEY_get_bits(ek) == 8 * FOG_TEE_SEED_SIZE && fog_tee_key_hash(cert, hash))
		fault = certified(m, cert, now_s, collateral, required, why);
	if (fault == FOG_TEE_VALID && !seal(out, ek, name, secret))
		fault = FOG_TEE_CREDENTIAL;
	X509_free(cert);
	ERR_clear_error();
	return fault;
}
