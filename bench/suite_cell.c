/* SPDX-License-Identifier: BSD-3-Clause */
/* The onion layer of one cell, batches of 32 cells of 32 circuits, on every path of this CPU. The
 * limit: one AES-128-CTR pass of OpenSSL over the same bytes, which any layer needs at least. */
#include "bench/bench.h"

#include <openssl/evp.h>

#include "crypto/cell/cell.h"
#include "crypto/cpu.h"
#include "crypto/random/random.h"

#define BATCH 32

struct layer {
	struct fog_cell_key keys[BATCH];
	struct fog_cell_job jobs[BATCH];
	u8 bodies[BATCH][FOG_ONION_BODY_SIZE];
	EVP_CIPHER_CTX *ctr;
};

static void layer_encrypt(void *arg, u64 rounds)
{
	struct layer *l = arg;

	while (rounds-- != 0)
		fog_cell_encrypt_many(l->jobs, BATCH);
}

static void layer_encrypt_one(void *arg, u64 rounds)
{
	struct layer *l = arg;

	while (rounds-- != 0)
		fog_cell_encrypt_many(l->jobs, 1);
}

static void peer_ctr(void *arg, u64 rounds)
{
	struct layer *l = arg;
	int len;

	while (rounds-- != 0) {
		for (unsigned i = 0; i < BATCH; i++)
			EVP_EncryptUpdate(l->ctr, l->bodies[i], &len, l->bodies[i],
					  FOG_ONION_BODY_SIZE);
	}
}

void bench_suite_cell(struct bench *b)
{
	static struct layer layer;
	u8 seed[FOG_CELL_SEED_SIZE];
	char name[64];

	for (unsigned i = 0; i < BATCH; i++) {
		fog_random_bytes(seed, sizeof(seed));
		fog_cell_key_init(&layer.keys[i], seed);
		layer.jobs[i] = (struct fog_cell_job){.key = &layer.keys[i],
						      .in = layer.bodies[i],
						      .out = layer.bodies[i],
						      .sequence = i + 1,
						      .direction = FOG_CELL_FORWARD,
						      .command = 5};
	}
	layer.ctr = EVP_CIPHER_CTX_new();
	if (layer.ctr == NULL ||
	    EVP_EncryptInit_ex(layer.ctr, EVP_aes_128_ctr(), NULL, seed, seed + 16) != 1) {
		fprintf(stderr, "fog-bench: OpenSSL has no AES-128-CTR\n");
		return;
	}
	const char *chosen = fog_crypto_cpu();
	struct bench_case c = {.name = name,
			       .unit = "ns/cell",
			       .peer = "limit: one AES-128-CTR pass, OpenSSL, same bytes",
			       .theirs = peer_ctr,
			       .ours_arg = &layer,
			       .theirs_arg = &layer,
			       .theirs_divisor = BATCH};
	for (unsigned i = 0; fog_crypto_path(i) != NULL; i++) {
		if (fog_crypto_select(fog_crypto_path(i)) != 0)
			continue;
		snprintf(name, sizeof(name), "cell.encrypt32.%s", fog_crypto_path(i));
		c.ours = layer_encrypt;
		c.ours_divisor = BATCH;
		bench_run(b, &c);
		snprintf(name, sizeof(name), "cell.encrypt1.%s", fog_crypto_path(i));
		c.ours = layer_encrypt_one;
		c.ours_divisor = 1;
		bench_run(b, &c);
	}
	fog_crypto_select(chosen);
	EVP_CIPHER_CTX_free(layer.ctr);
}
