/* SPDX-License-Identifier: BSD-3-Clause */
/* Section numbers are those of the Noise specification, revision 34. */
#include "crypto/noise/noise.h"

#include "crypto/curve/x25519.h"
#include "crypto/hash/blake2s.h"
#include "crypto/mem.h"

#include <sodium.h>

#include <errno.h>

#define KEY_SIZE FOG_NOISE_KEY_SIZE
#define TAG_SIZE FOG_NOISE_TAG_SIZE

/* 33 characters, one too many to be the first hash itself, so it is hashed (section 5.2). */
static const char protocol_name[] = "Noise_IK_25519_ChaChaPoly_BLAKE2s";

enum step {
	STEP_NONE = 0,
	STEP_INITIATOR_FINISH = 1,
	STEP_RESPONDER_WRITE = 2,
};

/* MixHash, section 5.2. */
static void mix_hash(struct fog_noise *n, const void *data, size_t len)
{
	struct fog_blake2s b;

	fog_blake2s_init(&b, sizeof(n->hash), NULL, 0);
	fog_blake2s_update(&b, n->hash, sizeof(n->hash));
	fog_blake2s_update(&b, data, len);
	fog_blake2s_final(&b, n->hash);
}

/* HKDF with two outputs, section 4.3. */
static void derive_two(u8 first[KEY_SIZE], u8 second[KEY_SIZE], const u8 chain[KEY_SIZE],
		       const void *input, size_t len)
{
	static const u8 one = 1, two = 2;
	u8 secret[KEY_SIZE];

	fog_hmac_blake2s(secret, chain, KEY_SIZE, input, len, NULL, 0);
	fog_hmac_blake2s(first, secret, sizeof(secret), &one, 1, NULL, 0);
	fog_hmac_blake2s(second, secret, sizeof(secret), first, KEY_SIZE, &two, 1);
	fog_wipe(secret, sizeof(secret));
}

/* The X25519 of a step that do not wait for each other, side by side. */
#define DH_MAX 4

static const u8 base_point[KEY_SIZE] = {9};

struct dh {
	u8 sk[DH_MAX][KEY_SIZE], pk[DH_MAX][KEY_SIZE], shared[DH_MAX][KEY_SIZE];
	unsigned count;
};

static void dh_add(struct dh *d, const u8 sk[KEY_SIZE], const u8 pk[KEY_SIZE])
{
	FOG_ASSERT(d->count < DH_MAX);
	memcpy(d->sk[d->count], sk, KEY_SIZE);
	memcpy(d->pk[d->count++], pk, KEY_SIZE);
}

/* 0, or -EBADMSG when any of them is of low order. */
static int dh_run(struct dh *d)
{
	int result[DH_MAX], rc = 0;

	fog_x25519_many(d->shared, (const u8(*)[KEY_SIZE])d->sk, (const u8(*)[KEY_SIZE])d->pk,
			result, d->count);
	for (unsigned i = 0; i < d->count && rc == 0; i++)
		rc = result[i];
	return rc;
}

/* MixKey of one Diffie-Hellman result. The nonce counter restarts with each key, and IK seals
 * exactly once under each. */
static void mix_key(struct fog_noise *n, const u8 shared[KEY_SIZE])
{
	derive_two(n->chain, n->key, n->chain, shared, KEY_SIZE);
}

/* EncryptAndHash and DecryptAndHash. */
static void seal_hash(struct fog_noise *n, const u8 *in, size_t len, u8 *out)
{
	int rc = fog_noise_seal(n->key, 0, n->hash, sizeof(n->hash), in, len, out);
	FOG_ASSERT(rc == 0);
	mix_hash(n, out, len + TAG_SIZE);
}

static int open_hash(struct fog_noise *n, const u8 *in, size_t len, u8 *out)
{
	int rc = fog_noise_open(n->key, 0, n->hash, sizeof(n->hash), in, len, out);

	if (rc < 0)
		return rc;
	mix_hash(n, in, len);
	return 0;
}

/* Everything before message 1: name, prologue, responder's static key. */
static void handshake_start(struct fog_noise *n, const u8 *prologue, size_t prologue_len,
			    const u8 responder_pk[KEY_SIZE])
{
	fog_noise_wipe(n);
	fog_hash_blake2s(n->hash, sizeof(n->hash), NULL, 0, protocol_name, strlen(protocol_name));
	memcpy(n->chain, n->hash, sizeof(n->chain));
	mix_hash(n, prologue, prologue_len);
	mix_hash(n, responder_pk, KEY_SIZE);
}

/* Split, section 5.2. */
static void handshake_split(struct fog_noise *n, u8 to_responder[KEY_SIZE],
			    u8 to_initiator[KEY_SIZE], u8 hash[FOG_NOISE_HASH_SIZE])
{
	derive_two(to_responder, to_initiator, n->chain, NULL, 0);
	memcpy(hash, n->hash, sizeof(n->hash));
	fog_noise_wipe(n);
}

static bool buffers_valid(const u8 *prologue, size_t prologue_len, const u8 *payload,
			  size_t payload_len)
{
	return payload_len <= FOG_NOISE_PAYLOAD_MAX && (prologue != NULL || prologue_len == 0) &&
	       (payload != NULL || payload_len == 0);
}

int fog_noise_initiator_start(struct fog_noise *noise, const u8 static_sk[FOG_NOISE_KEY_SIZE],
			      const u8 remote_static[FOG_NOISE_KEY_SIZE],
			      const u8 ephemeral_secret[FOG_NOISE_KEY_SIZE], const u8 *prologue,
			      size_t prologue_len, const u8 *payload, size_t payload_len, u8 *out,
			      size_t out_cap, size_t *out_len)
{
	struct dh d = {.count = 0};
	int rc;

	*out_len = 0;
	fog_noise_wipe(noise);
	if (!buffers_valid(prologue, prologue_len, payload, payload_len))
		return -EINVAL;
	if (out_cap < payload_len + FOG_NOISE_MSG1_OVERHEAD)
		return -ENOSPC;
	handshake_start(noise, prologue, prologue_len, remote_static);
	memcpy(noise->static_sk, static_sk, KEY_SIZE);
	memcpy(noise->ephemeral_sk, ephemeral_secret, KEY_SIZE);
	memcpy(noise->remote_static, remote_static, KEY_SIZE);

	dh_add(&d, ephemeral_secret, base_point);
	dh_add(&d, ephemeral_secret, remote_static);
	dh_add(&d, static_sk, base_point);
	dh_add(&d, static_sk, remote_static);
	rc = dh_run(&d);
	if (rc < 0) {
		fog_noise_wipe(noise);
		goto out_wipe;
	}
	memcpy(out, d.shared[0], KEY_SIZE);
	mix_hash(noise, out, KEY_SIZE);
	mix_key(noise, d.shared[1]);
	seal_hash(noise, d.shared[2], KEY_SIZE, out + KEY_SIZE);
	mix_key(noise, d.shared[3]);
	seal_hash(noise, payload, payload_len, out + 2 * KEY_SIZE + TAG_SIZE);
	noise->step = STEP_INITIATOR_FINISH;
	*out_len = payload_len + FOG_NOISE_MSG1_OVERHEAD;
out_wipe:
	fog_wipe(&d, sizeof(d));
	return rc;
}

int fog_noise_responder_read(struct fog_noise *noise, const u8 static_sk[FOG_NOISE_KEY_SIZE],
			     const u8 *prologue, size_t prologue_len, const u8 *msg, size_t msg_len,
			     u8 remote_static[FOG_NOISE_KEY_SIZE], u8 *payload, size_t payload_cap,
			     size_t *payload_len)
{
	size_t len = msg_len - FOG_NOISE_MSG1_OVERHEAD;
	struct dh d = {.count = 0};
	int rc;

	*payload_len = 0;
	fog_noise_wipe(noise);
	if (!buffers_valid(prologue, prologue_len, NULL, 0))
		return -EINVAL;
	if (msg_len < FOG_NOISE_MSG1_OVERHEAD || len > FOG_NOISE_PAYLOAD_MAX)
		return -EMSGSIZE;
	if (payload_cap < len)
		return -ENOSPC;
	dh_add(&d, static_sk, base_point);
	dh_add(&d, static_sk, msg);
	rc = dh_run(&d);
	if (rc < 0)
		goto err_wipe;
	handshake_start(noise, prologue, prologue_len, d.shared[0]);
	memcpy(noise->remote_ephemeral, msg, KEY_SIZE);
	mix_hash(noise, msg, KEY_SIZE);
	mix_key(noise, d.shared[1]);
	rc = open_hash(noise, msg + KEY_SIZE, KEY_SIZE + TAG_SIZE, noise->remote_static);
	if (rc < 0)
		goto err_wipe;
	d.count = 0;
	dh_add(&d, static_sk, noise->remote_static);
	rc = dh_run(&d);
	if (rc < 0)
		goto err_wipe;
	mix_key(noise, d.shared[0]);
	rc = open_hash(noise, msg + 2 * KEY_SIZE + TAG_SIZE, len + TAG_SIZE, payload);
	if (rc < 0)
		goto err_wipe;
	memcpy(remote_static, noise->remote_static, KEY_SIZE);
	noise->step = STEP_RESPONDER_WRITE;
	*payload_len = len;
	fog_wipe(&d, sizeof(d));
	return 0;

err_wipe:
	fog_wipe(&d, sizeof(d));
	fog_noise_wipe(noise);
	return rc;
}

int fog_noise_responder_write(struct fog_noise *noise,
			      const u8 ephemeral_secret[FOG_NOISE_KEY_SIZE], const u8 *payload,
			      size_t payload_len, u8 *out, size_t out_cap, size_t *out_len,
			      struct fog_noise_result *result)
{
	struct dh d = {.count = 0};
	int rc = -EPROTO;

	*out_len = 0;
	if (noise->step != STEP_RESPONDER_WRITE)
		goto err_wipe;
	rc = -EINVAL;
	if (!buffers_valid(NULL, 0, payload, payload_len))
		goto err_wipe;
	rc = -ENOSPC;
	if (out_cap < payload_len + FOG_NOISE_MSG2_OVERHEAD)
		goto err_wipe;
	dh_add(&d, ephemeral_secret, base_point);
	dh_add(&d, ephemeral_secret, noise->remote_ephemeral);
	dh_add(&d, ephemeral_secret, noise->remote_static);
	rc = dh_run(&d);
	if (rc < 0)
		goto err_wipe;
	memcpy(out, d.shared[0], KEY_SIZE);
	mix_hash(noise, out, KEY_SIZE);
	mix_key(noise, d.shared[1]);
	mix_key(noise, d.shared[2]);
	seal_hash(noise, payload, payload_len, out + KEY_SIZE);
	handshake_split(noise, result->recv, result->send, result->hash);
	*out_len = payload_len + FOG_NOISE_MSG2_OVERHEAD;
	fog_wipe(&d, sizeof(d));
	return 0;

err_wipe:
	fog_wipe(&d, sizeof(d));
	fog_noise_wipe(noise);
	return rc;
}

int fog_noise_initiator_finish(struct fog_noise *noise, const u8 *msg, size_t msg_len, u8 *payload,
			       size_t payload_cap, size_t *payload_len,
			       struct fog_noise_result *result)
{
	size_t len = msg_len - FOG_NOISE_MSG2_OVERHEAD;
	struct dh d = {.count = 0};
	struct fog_noise next;
	int rc;

	*payload_len = 0;
	if (noise->step != STEP_INITIATOR_FINISH)
		return -EPROTO;
	if (msg_len < FOG_NOISE_MSG2_OVERHEAD || len > FOG_NOISE_PAYLOAD_MAX)
		return -EMSGSIZE;
	if (payload_cap < len)
		return -ENOSPC;
	/* On a copy, so that a forged message leaves the state as it was. */
	next = *noise;
	mix_hash(&next, msg, KEY_SIZE);
	dh_add(&d, next.ephemeral_sk, msg);
	dh_add(&d, next.static_sk, msg);
	rc = dh_run(&d);
	if (rc < 0)
		goto out_wipe;
	mix_key(&next, d.shared[0]);
	mix_key(&next, d.shared[1]);
	rc = open_hash(&next, msg + KEY_SIZE, len + TAG_SIZE, payload);
	if (rc < 0)
		goto out_wipe;
	handshake_split(&next, result->send, result->recv, result->hash);
	fog_noise_wipe(noise);
	*payload_len = len;
out_wipe:
	fog_wipe(&d, sizeof(d));
	fog_noise_wipe(&next);
	return rc;
}

void fog_noise_wipe(struct fog_noise *noise)
{
	fog_wipe(noise, sizeof(*noise));
}

void fog_noise_result_wipe(struct fog_noise_result *result)
{
	fog_wipe(result, sizeof(*result));
}

static void nonce_encode(u8 nonce[crypto_aead_chacha20poly1305_ietf_NPUBBYTES], u64 counter)
{
	memset(nonce, 0, 4);
	fog_store_u64(nonce + 4, counter);
}

int fog_noise_seal(const u8 key[FOG_NOISE_KEY_SIZE], u64 counter, const void *ad, size_t ad_len,
		   const u8 *in, size_t len, u8 *out)
{
	u8 nonce[crypto_aead_chacha20poly1305_ietf_NPUBBYTES];

	if (counter == UINT64_MAX)
		return -EOVERFLOW;
	nonce_encode(nonce, counter);
	crypto_aead_chacha20poly1305_ietf_encrypt(out, NULL, in, len, ad, ad_len, NULL, nonce, key);
	return 0;
}

int fog_noise_open(const u8 key[FOG_NOISE_KEY_SIZE], u64 counter, const void *ad, size_t ad_len,
		   const u8 *in, size_t len, u8 *out)
{
	u8 nonce[crypto_aead_chacha20poly1305_ietf_NPUBBYTES];

	if (counter == UINT64_MAX)
		return -EOVERFLOW;
	if (len < TAG_SIZE)
		return -EMSGSIZE;
	nonce_encode(nonce, counter);
	if (crypto_aead_chacha20poly1305_ietf_decrypt(out, NULL, NULL, in, len, ad, ad_len, nonce,
						      key) == 0)
		return 0;
	return -EBADMSG;
}
