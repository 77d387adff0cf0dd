/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/gcm/gcm.h"

#include "crypto/cell/cipher.h"
#include "crypto/mem.h"

static void block_reverse(u8 out[16], const u8 in[16])
{
	u64 low = fog_load_u64(in), high = fog_load_u64(in + 8);

	fog_store_u64(out, __builtin_bswap64(high));
	fog_store_u64(out + 8, __builtin_bswap64(low));
}

/* GHASH is POLYVAL of the reversed blocks under x * reversed(h) (RFC 8452, appendix A). */
static void hash_key(u8 out[16], const u8 h[16])
{
	u8 reversed[16];

	block_reverse(reversed, h);
	u64 low = fog_load_u64(reversed), high = fog_load_u64(reversed + 8);
	u64 carry = -(high >> 63);
	high = high << 1 | low >> 63;
	low <<= 1;
	fog_store_u64(out, low ^ (carry & 1));
	fog_store_u64(out + 8, high ^ (carry & 0xc200000000000000ull));
	fog_wipe(reversed, sizeof(reversed));
}

void fog_gcm_key_init(struct fog_gcm_key *key, const u8 secret[FOG_GCM_KEY_SIZE],
		      const u8 iv[FOG_GCM_IV_SIZE])
{
	u8 h[16] = {0};

	fog_cipher->aes_expand(key->round, FOG_AES128_ROUNDS, secret);
	fog_cipher->aes_encrypt(key->round, FOG_AES128_ROUNDS, h, h);
	hash_key(key->hash_power[FOG_GCM_POWERS - 1], h);
	for (unsigned i = FOG_GCM_POWERS - 1; i-- > 0;)
		fog_cipher->hash_dot(key->hash_power[i], key->hash_power[i + 1],
				     key->hash_power[FOG_GCM_POWERS - 1]);
	memcpy(key->iv, iv, sizeof(key->iv));
	memset(key->pad, 0, sizeof(key->pad));
	fog_wipe(h, sizeof(h));
}

void fog_gcm_key_wipe(struct fog_gcm_key *key)
{
	fog_wipe(key, sizeof(*key));
}

static void absorb(const struct fog_gcm_key *key, u8 acc[16], const u8 *data, size_t len)
{
	const u8 *h = key->hash_power[FOG_GCM_POWERS - 1];
	u8 block[16];

	for (size_t at = 0; at < len; at += 16) {
		memset(block, 0, sizeof(block));
		memcpy(block, data + at, FOG_MIN(len - at, sizeof(block)));
		block_reverse(block, block);
		fog_store_u64(acc, fog_load_u64(acc) ^ fog_load_u64(block));
		fog_store_u64(acc + 8, fog_load_u64(acc + 8) ^ fog_load_u64(block + 8));
		fog_cipher->hash_dot(acc, acc, h);
	}
	fog_wipe(block, sizeof(block));
}

/* first = the nonce with block number 1. */
static void tag_compute(const struct fog_gcm_job *job, const u8 *sealed, const u8 first[16],
			u8 tag[16])
{
	u8 acc[16] = {0}, lengths[16];

	fog_store_u64(lengths, __builtin_bswap64(8ull * job->ad_len));
	fog_store_u64(lengths + 8, __builtin_bswap64(8ull * job->len));
	absorb(job->key, acc, job->ad, job->ad_len);
	absorb(job->key, acc, sealed, job->len);
	absorb(job->key, acc, lengths, sizeof(lengths));
	block_reverse(acc, acc);
	fog_cipher->aes_ctr(job->key->round, FOG_AES128_ROUNDS, first, acc, tag, 16);
	fog_wipe(acc, sizeof(acc));
}

static void crypt_one(struct fog_gcm_job *job, bool seal)
{
	u8 counter[16], tag[16];

	memcpy(counter, job->key->iv, FOG_GCM_IV_SIZE);
	fog_store_u64(counter + 4, fog_load_u64(counter + 4) ^ __builtin_bswap64(job->counter));
	fog_store_u32(counter + 12, 1u << 24);
	if (!seal) {
		tag_compute(job, job->in, counter, tag);
		job->authentic = fog_equal(tag, job->in + job->len, sizeof(tag));
	}
	counter[15] = 2;
	fog_cipher->aes_ctr(job->key->round, FOG_AES128_ROUNDS, counter, job->in, job->out,
			    job->len);
	if (seal) {
		counter[15] = 1;
		tag_compute(job, job->out, counter, job->out + job->len);
	}
	fog_wipe(tag, sizeof(tag));
}

static void crypt_many(struct fog_gcm_job *jobs, unsigned count, bool seal)
{
	for (unsigned i = 0; i < count; i++) {
		FOG_ASSERT(jobs[i].len <= FOG_GCM_TEXT_MAX);
		FOG_ASSERT(jobs[i].ad_len <= FOG_GCM_AD_MAX);
	}
	if (fog_cipher->gcm_many != NULL) {
		fog_cipher->gcm_many(jobs, count, seal);
		return;
	}
	for (unsigned i = 0; i < count; i++)
		crypt_one(&jobs[i], seal);
}

void fog_gcm_seal_many(struct fog_gcm_job *jobs, unsigned count)
{
	crypt_many(jobs, count, true);
}

void fog_gcm_open_many(struct fog_gcm_job *jobs, unsigned count)
{
	crypt_many(jobs, count, false);
	for (unsigned i = 0; i < count; i++)
		if (!jobs[i].authentic && jobs[i].len > 0)
			memset(jobs[i].out, 0, jobs[i].len);
}
