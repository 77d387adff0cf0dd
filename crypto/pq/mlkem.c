/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/pq/mlkem.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>

#include <errno.h>

#include "crypto/mem.h"

#define NAME "ML-KEM-768"

static EVP_PKEY *key_make(const char *part, const u8 *data, size_t len, int selection)
{
	/* OpenSSL's parameters have no const. */
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(part, (void *)(uintptr_t)data, len),
		OSSL_PARAM_construct_end()};
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, NAME, NULL);
	EVP_PKEY *key = NULL;

	if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) <= 0 ||
	    EVP_PKEY_fromdata(ctx, &key, selection, params) <= 0)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	return key;
}

int fog_mlkem_key_init(struct fog_mlkem_key *k, const u8 seed[FOG_MLKEM_SEED])
{
	size_t len = sizeof(k->public_key);
	EVP_PKEY *key =
		key_make(OSSL_PKEY_PARAM_ML_KEM_SEED, seed, FOG_MLKEM_SEED, EVP_PKEY_KEYPAIR);
	EVP_PKEY_CTX *ctx = key != NULL ? EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL) : NULL;

	k->pkey = key;
	k->ctx = ctx;
	if (ctx != NULL && EVP_PKEY_decapsulate_init(ctx, NULL) > 0 &&
	    EVP_PKEY_get_raw_public_key(key, k->public_key, &len) > 0 &&
	    len == sizeof(k->public_key))
		return 0;
	fog_mlkem_key_free(k);
	return -ENOMEM;
}

void fog_mlkem_key_free(struct fog_mlkem_key *k)
{
	EVP_PKEY_CTX_free(k->ctx);
	EVP_PKEY_free(k->pkey);
	memset(k, 0, sizeof(*k));
}

int fog_mlkem_encapsulate(u8 shared[FOG_MLKEM_SHARED], u8 ciphertext[FOG_MLKEM_CIPHERTEXT],
			  const u8 public_key[FOG_MLKEM_PUBLIC], const u8 random[FOG_MLKEM_RANDOM])
{
	OSSL_PARAM params[] = {OSSL_PARAM_construct_octet_string(OSSL_KEM_PARAM_IKME,
								 (void *)(uintptr_t)random,
								 FOG_MLKEM_RANDOM),
			       OSSL_PARAM_construct_end()};
	size_t ciphertext_len = FOG_MLKEM_CIPHERTEXT, shared_len = FOG_MLKEM_SHARED;
	int rc = -ENOMEM;

	memset(shared, 0, FOG_MLKEM_SHARED);
	EVP_PKEY *key = key_make(OSSL_PKEY_PARAM_PUB_KEY, public_key, FOG_MLKEM_PUBLIC,
				 EVP_PKEY_PUBLIC_KEY);
	if (key == NULL)
		return -EKEYREJECTED;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	if (ctx != NULL && EVP_PKEY_encapsulate_init(ctx, params) > 0 &&
	    EVP_PKEY_encapsulate(ctx, ciphertext, &ciphertext_len, shared, &shared_len) > 0)
		rc = 0;
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(key);
	return rc;
}

int fog_mlkem_decapsulate(u8 shared[FOG_MLKEM_SHARED], const struct fog_mlkem_key *k,
			  const u8 ciphertext[FOG_MLKEM_CIPHERTEXT])
{
	size_t len = FOG_MLKEM_SHARED;

	memset(shared, 0, len);
	return EVP_PKEY_decapsulate(k->ctx, shared, &len, ciphertext, FOG_MLKEM_CIPHERTEXT) > 0
		       ? 0
		       : -ENOMEM;
}
