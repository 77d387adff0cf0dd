/* SPDX-License-Identifier: BSD-3-Clause */
/* Sealing and opening one cell for a link, beside OpenSSL's ChaCha20-Poly1305 on the same bytes. */
#include "bench/bench.h"

#include <openssl/evp.h>

#include "crypto/noise/noise.h"
#include "crypto/random/random.h"

#define CELL 1408
#define AD   16

struct link {
	u8 key[FOG_NOISE_KEY_SIZE];
	u8 ad[AD];
	u8 cell[CELL];
	u8 sealed[CELL + FOG_NOISE_TAG_SIZE];
	u64 counter;
	EVP_CIPHER_CTX *ctx;
};

static void link_seal(void *arg, u64 rounds)
{
	struct link *l = arg;

	while (rounds-- != 0)
		fog_noise_seal(l->key, l->counter++, l->ad, AD, l->cell, CELL, l->sealed);
}

static void link_open(void *arg, u64 rounds)
{
	struct link *l = arg;

	fog_noise_seal(l->key, 7, l->ad, AD, l->cell, CELL, l->sealed);
	while (rounds-- != 0)
		FOG_ASSERT(fog_noise_open(l->key, 7, l->ad, AD, l->sealed, sizeof(l->sealed),
					  l->cell) == 0);
}

static void peer_seal(void *arg, u64 rounds)
{
	struct link *l = arg;
	u8 nonce[12] = {0};
	int len;

	while (rounds-- != 0) {
		fog_store_u64(nonce + 4, l->counter++);
		EVP_EncryptInit_ex(l->ctx, NULL, NULL, NULL, nonce);
		EVP_EncryptUpdate(l->ctx, NULL, &len, l->ad, AD);
		EVP_EncryptUpdate(l->ctx, l->sealed, &len, l->cell, CELL);
		EVP_EncryptFinal_ex(l->ctx, l->sealed + CELL, &len);
		EVP_CIPHER_CTX_ctrl(l->ctx, EVP_CTRL_AEAD_GET_TAG, FOG_NOISE_TAG_SIZE,
				    l->sealed + CELL);
	}
}

void bench_suite_link(struct bench *b)
{
	static struct link link;
	struct bench_case c = {.unit = "ns/cell",
			       .peer = "OpenSSL ChaCha20-Poly1305 seal, same bytes",
			       .ours_arg = &link,
			       .theirs = peer_seal,
			       .theirs_arg = &link};

	fog_random_bytes(link.key, sizeof(link.key));
	link.ctx = EVP_CIPHER_CTX_new();
	if (link.ctx == NULL ||
	    EVP_EncryptInit_ex(link.ctx, EVP_chacha20_poly1305(), NULL, link.key, NULL) != 1) {
		fprintf(stderr, "fog-bench: OpenSSL has no ChaCha20-Poly1305\n");
		return;
	}
	c.name = "link.seal";
	c.ours = link_seal;
	bench_run(b, &c);
	c.name = "link.open";
	c.ours = link_open;
	bench_run(b, &c);
	EVP_CIPHER_CTX_free(link.ctx);
}
