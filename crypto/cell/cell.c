/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/cell/cell.h"

#include "crypto/cell/cipher.h"
#include "crypto/hash/hash.h"
#include "crypto/mem.h"

static const char ratchet_label[] = "fog cell key ratchet v1";

static void tweak_encode(u8 tweak[16], const struct fog_cell_job *job)
{
	memset(tweak, 0, 16);
	tweak[0] = job->direction;
	tweak[1] = job->command;
	fog_store_u64(tweak + 8, job->sequence);
}

void fog_cell_key_init(struct fog_cell_key *key, const u8 seed[FOG_CELL_SEED_SIZE])
{
	fog_uiv_key_init(&key->uiv, seed);
}

void fog_cell_key_ratchet(struct fog_cell_key *next, const struct fog_cell_key *cur)
{
	u8 seed[FOG_CELL_SEED_SIZE];

	fog_hash_blake2b(seed, sizeof(seed), cur->uiv.seed, sizeof(cur->uiv.seed), ratchet_label,
			 sizeof(ratchet_label) - 1);
	fog_uiv_key_init(&next->uiv, seed);
	fog_wipe(seed, sizeof(seed));
}

void fog_cell_key_wipe(struct fog_cell_key *key)
{
	fog_uiv_key_wipe(&key->uiv);
}

void fog_cell_encrypt_many(const struct fog_cell_job *jobs, unsigned count)
{
	u8 tweak[16];

	if (fog_cipher->encrypt_many != NULL) {
		fog_cipher->encrypt_many(jobs, count);
		return;
	}
	for (unsigned i = 0; i < count; i++) {
		tweak_encode(tweak, &jobs[i]);
		fog_uiv_encrypt(&jobs[i].key->uiv, tweak, sizeof(tweak), jobs[i].in, jobs[i].out,
				FOG_ONION_BODY_SIZE);
	}
}

void fog_cell_decrypt_many(const struct fog_cell_job *jobs, unsigned count)
{
	u8 tweak[16];

	if (fog_cipher->decrypt_many != NULL) {
		fog_cipher->decrypt_many(jobs, count);
		return;
	}
	for (unsigned i = 0; i < count; i++) {
		tweak_encode(tweak, &jobs[i]);
		fog_uiv_decrypt(&jobs[i].key->uiv, tweak, sizeof(tweak), jobs[i].in, jobs[i].out,
				FOG_ONION_BODY_SIZE);
	}
}
