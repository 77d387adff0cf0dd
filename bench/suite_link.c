/* SPDX-License-Identifier: BSD-3-Clause */
/* Sealing and opening the cells of a link, a batch of 32 at a call, on every path of this CPU;
 * beside OpenSSL's AES-128-GCM on the same bytes, which is the fastest sealing a library offers. */
#include "bench/bench.h"

#include <openssl/evp.h>

#include "crypto/cpu.h"
#include "crypto/gcm/gcm.h"
#include "crypto/random/random.h"

#define BATCH 32
#define CELL  1408
#define AD    16

struct link {
	struct fog_gcm_key key;
	struct fog_gcm_job seal[BATCH];
	struct fog_gcm_job open[BATCH];
	u8 ad[BATCH][AD];
	u8 cell[BATCH][CELL];
	u8 sealed[BATCH][CELL + FOG_GCM_TAG_SIZE];
	u8 opened[BATCH][CELL];
	EVP_CIPHER_CTX *ctx;
	u64 counter;
};

static void link_seal(void *arg, u64 rounds)
{
	struct link *l = arg;

	while (rounds-- != 0)
		fog_gcm_seal_many(l->seal, BATCH);
}

static void link_open(void *arg, u64 rounds)
{
	struct link *l = arg;

	while (rounds-- != 0) {
		fog_gcm_open_many(l->open, BATCH);
		FOG_ASSERT(l->open[0].authentic);
	}
}

static void peer_seal(void *arg, u64 rounds)
{
	struct link *l = arg;
	u8 nonce[12] = {0}, tag[FOG_GCM_TAG_SIZE];
	int len;

	while (rounds-- != 0)
		for (unsigned i = 0; i < BATCH; i++) {
			fog_store_u64(nonce + 4, l->counter++);
			EVP_EncryptInit_ex(l->ctx, NULL, NULL, NULL, nonce);
			EVP_EncryptUpdate(l->ctx, NULL, &len, l->ad[i], AD);
			EVP_EncryptUpdate(l->ctx, l->opened[i], &len, l->cell[i], CELL);
			EVP_EncryptFinal_ex(l->ctx, l->opened[i], &len);
			EVP_CIPHER_CTX_ctrl(l->ctx, EVP_CTRL_AEAD_GET_TAG, FOG_GCM_TAG_SIZE, tag);
		}
}

static void prepare(struct link *l)
{
	u8 secret[FOG_GCM_KEY_SIZE], iv[FOG_GCM_IV_SIZE];

	fog_random_bytes(secret, sizeof(secret));
	fog_random_bytes(iv, sizeof(iv));
	fog_gcm_key_init(&l->key, secret, iv);
	for (unsigned i = 0; i < BATCH; i++) {
		l->seal[i] = (struct fog_gcm_job){.key = &l->key,
						  .ad = l->ad[i],
						  .ad_len = AD,
						  .in = l->cell[i],
						  .out = l->sealed[i],
						  .len = CELL,
						  .counter = i};
		l->open[i] = l->seal[i];
		l->open[i].in = l->sealed[i];
		l->open[i].out = l->opened[i];
	}
	fog_gcm_seal_many(l->seal, BATCH);
}

void bench_suite_link(struct bench *b)
{
	static struct link link;
	const char *chosen = fog_crypto_cpu();
	char name[64];
	u8 key[16] = {1};
	struct bench_case c = {.name = name,
			       .unit = "ns/cell",
			       .peer = "OpenSSL AES-128-GCM seal, same bytes",
			       .ours_arg = &link,
			       .theirs = peer_seal,
			       .theirs_arg = &link,
			       .ours_divisor = BATCH,
			       .theirs_divisor = BATCH};

	link.ctx = EVP_CIPHER_CTX_new();
	if (link.ctx == NULL ||
	    EVP_EncryptInit_ex(link.ctx, EVP_aes_128_gcm(), NULL, key, NULL) != 1) {
		fprintf(stderr, "fog-bench: OpenSSL has no AES-128-GCM\n");
		return;
	}
	for (unsigned i = 0; fog_crypto_path(i) != NULL; i++) {
		if (fog_crypto_select(fog_crypto_path(i)) != 0)
			continue;
		prepare(&link);
		snprintf(name, sizeof(name), "link.seal.%s", fog_crypto_path(i));
		c.ours = link_seal;
		bench_run(b, &c);
		snprintf(name, sizeof(name), "link.open.%s", fog_crypto_path(i));
		c.ours = link_open;
		bench_run(b, &c);
	}
	fog_crypto_select(chosen);
	EVP_CIPHER_CTX_free(link.ctx);
}
