/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/hpke/hpke.h"

#include <errno.h>
#include <sodium.h>

#include "crypto/curve/x25519.h"
#include "crypto/hash/hash.h"
#include "crypto/mem.h"
#include "crypto/random/random.h"

#define LABEL_MAX 32
#define PARTS_MAX (FOG_HPKE_INFO_MAX + 2 * FOG_SHA256_SIZE + LABEL_MAX)

struct suite {
	u8 id[10];
	size_t len;
};

/* RFC 9180 sections 4.1 and 5.1. */
static const struct suite kem = {{'K', 'E', 'M', 0, 0x20}, 5};
static const struct suite hpke = {{'H', 'P', 'K', 'E', 0, 0x20, 0, 1, 0, 3}, 10};

static void labeled_extract(u8 prk[32], const struct suite *suite, const u8 *salt, size_t salt_len,
			    const char *label, const void *ikm, size_t len)
{
	u8 text[7 + sizeof(suite->id) + PARTS_MAX];
	size_t at = 0, label_len = strlen(label);

	FOG_ASSERT(label_len <= LABEL_MAX && len <= PARTS_MAX - LABEL_MAX);
	memcpy(text, "HPKE-v1", 7);
	at += 7;
	memcpy(text + at, suite->id, suite->len);
	at += suite->len;
	memcpy(text + at, label, label_len);
	at += label_len;
	if (len != 0)
		memcpy(text + at, ikm, len);
	fog_hmac_sha256(prk, salt, salt_len, text, at + len);
	fog_wipe(text, sizeof(text));
}

/* One block is enough: nothing here is longer than the hash. */
static void labeled_expand(u8 *out, size_t out_len, const struct suite *suite, const u8 prk[32],
			   const char *label, const void *info, size_t len)
{
	u8 text[2 + 7 + sizeof(suite->id) + PARTS_MAX + 1], block[32];
	size_t at = 0, label_len = strlen(label);

	FOG_ASSERT(out_len <= sizeof(block) && len <= PARTS_MAX - LABEL_MAX);
	text[at++] = 0;
	text[at++] = (u8)out_len;
	memcpy(text + at, "HPKE-v1", 7);
	at += 7;
	memcpy(text + at, suite->id, suite->len);
	at += suite->len;
	memcpy(text + at, label, label_len);
	at += label_len;
	if (len != 0)
		memcpy(text + at, info, len);
	at += len;
	text[at++] = 1;
	fog_hmac_sha256(block, prk, 32, text, at);
	memcpy(out, block, out_len);
	fog_wipe(block, sizeof(block));
}

void fog_hpke_derive(struct fog_hpke_keys *keys, const u8 *ikm, size_t len)
{
	u8 prk[32];

	FOG_ASSERT(len >= 32);
	labeled_extract(prk, &kem, NULL, 0, "dkp_prk", ikm, len);
	labeled_expand(keys->sk, 32, &kem, prk, "sk", NULL, 0);
	fog_x25519_base(keys->pk, keys->sk);
	fog_wipe(prk, sizeof(prk));
}

static void schedule(struct fog_hpke *c, const u8 shared[32], const void *info, size_t info_len)
{
	u8 context[1 + 2 * 32] = {0}, secret[32]; /* mode base is 0 */

	labeled_extract(context + 1, &hpke, NULL, 0, "psk_id_hash", NULL, 0);
	labeled_extract(context + 33, &hpke, NULL, 0, "info_hash", info, info_len);
	labeled_extract(secret, &hpke, shared, 32, "secret", NULL, 0);
	labeled_expand(c->key, sizeof(c->key), &hpke, secret, "key", context, sizeof(context));
	labeled_expand(c->nonce, sizeof(c->nonce), &hpke, secret, "base_nonce", context,
		       sizeof(context));
	c->sequence = 0;
	fog_wipe(secret, sizeof(secret));
}

/* The context of the KEM is both keys: the one of this message, and the receiver's. */
static int open_with(struct fog_hpke *c, const u8 sk[32], const u8 peer[32], const u8 enc[32],
		     const u8 pk[32], const void *info, size_t info_len)
{
	u8 dh[32], prk[32], shared[32], context[64];

	FOG_ASSERT(info_len <= FOG_HPKE_INFO_MAX);
	int rc = fog_x25519(dh, sk, peer);
	if (rc == 0) {
		memcpy(context, enc, 32);
		memcpy(context + 32, pk, 32);
		labeled_extract(prk, &kem, NULL, 0, "eae_prk", dh, sizeof(dh));
		labeled_expand(shared, sizeof(shared), &kem, prk, "shared_secret", context,
			       sizeof(context));
		schedule(c, shared, info, info_len);
	}
	fog_wipe(dh, sizeof(dh));
	fog_wipe(prk, sizeof(prk));
	fog_wipe(shared, sizeof(shared));
	return rc;
}

int fog_hpke_sender(struct fog_hpke *c, const u8 pk[FOG_HPKE_KEY_SIZE],
		    const struct fog_hpke_keys *once, const void *info, size_t info_len)
{
	return open_with(c, once->sk, pk, once->pk, pk, info, info_len);
}

int fog_hpke_receiver(struct fog_hpke *c, const u8 enc[FOG_HPKE_ENC_SIZE],
		      const struct fog_hpke_keys *keys, const void *info, size_t info_len)
{
	return open_with(c, keys->sk, enc, enc, keys->pk, info, info_len);
}

static void nonce_now(const struct fog_hpke *c, u8 nonce[12])
{
	memcpy(nonce, c->nonce, 12);
	for (unsigned i = 0; i < 8; i++)
		nonce[11 - i] ^= (u8)(c->sequence >> (8 * i));
}

void fog_hpke_next_seal(struct fog_hpke *c, u8 *out, const void *data, size_t len, const void *aad,
			size_t aad_len)
{
	u8 nonce[12];

	nonce_now(c, nonce);
	crypto_aead_chacha20poly1305_ietf_encrypt(out, NULL, data, len, aad, aad_len, NULL, nonce,
						  c->key);
	c->sequence++;
}

int fog_hpke_next_open(struct fog_hpke *c, u8 *out, const u8 *data, size_t len, const void *aad,
		       size_t aad_len)
{
	u8 nonce[12];

	nonce_now(c, nonce);
	if (len < FOG_HPKE_TAG_SIZE ||
	    crypto_aead_chacha20poly1305_ietf_decrypt(out, NULL, NULL, data, len, aad, aad_len,
						      nonce, c->key) != 0)
		return -EBADMSG;
	c->sequence++;
	return 0;
}

int fog_hpke_seal(u8 *out, const void *data, size_t len, const u8 pk[FOG_HPKE_KEY_SIZE],
		  const void *info, size_t info_len, const void *aad, size_t aad_len)
{
	struct fog_hpke_keys once;
	struct fog_hpke c;
	u8 ikm[32];

	fog_random_bytes(ikm, sizeof(ikm));
	fog_hpke_derive(&once, ikm, sizeof(ikm));
	int rc = fog_hpke_sender(&c, pk, &once, info, info_len);
	if (rc == 0) {
		memcpy(out, once.pk, FOG_HPKE_ENC_SIZE);
		fog_hpke_next_seal(&c, out + FOG_HPKE_ENC_SIZE, data, len, aad, aad_len);
	}
	fog_wipe(ikm, sizeof(ikm));
	fog_wipe(&once, sizeof(once));
	fog_wipe(&c, sizeof(c));
	return rc;
}

int fog_hpke_open(u8 *out, const u8 *data, size_t len, const struct fog_hpke_keys *keys,
		  const void *info, size_t info_len, const void *aad, size_t aad_len)
{
	struct fog_hpke c;

	if (len < FOG_HPKE_OVERHEAD)
		return -EBADMSG;
	int rc = fog_hpke_receiver(&c, data, keys, info, info_len);
	if (rc == 0)
		rc = fog_hpke_next_open(&c, out, data + FOG_HPKE_ENC_SIZE, len - FOG_HPKE_ENC_SIZE,
					aad, aad_len);
	fog_wipe(&c, sizeof(c));
	return rc;
}
