/* SPDX-License-Identifier: BSD-3-Clause */
/* The onion layer of a Fog cell: UIV+ over the 1392-byte body. The tweak names the cell instead of
 * chaining to the one before it, because cells are datagrams and may be lost or reordered:
 *
 *	body   0 left block 16 | 16 right part 1376
 *	tweak  0 direction u8 | 1 command u8 | 2 zero[6] | 8 sequence u64
 *
 * Relays only encrypt, in both directions. The client applies the inverse: it decrypts with every
 * hop's key on the way out, last hop first, so that the relays' encryptions peel it; and decrypts
 * with every hop's key, first hop first, on the way in. A body whose left block is zero after a
 * layer is recognized: it ends here, and nobody without the key can make one but by a 2^-128
 * guess. A sequence is used once per key and direction: the caller keeps the replay window. */
#ifndef FOG_CRYPTO_CELL_H
#define FOG_CRYPTO_CELL_H

#include "crypto/cell/uiv.h"

#define FOG_ONION_BODY_SIZE  1392
#define FOG_ONION_LEFT_SIZE  16
#define FOG_ONION_RIGHT_SIZE 1376
#define FOG_CELL_SEED_SIZE   64
_Static_assert(FOG_ONION_LEFT_SIZE + FOG_ONION_RIGHT_SIZE == FOG_ONION_BODY_SIZE, "body");
_Static_assert(FOG_ONION_RIGHT_SIZE <= FOG_UIV_RIGHT_MAX, "right part");

enum fog_cell_direction {
	FOG_CELL_FORWARD = 1,  /* from the client */
	FOG_CELL_BACKWARD = 2, /* to the client */
};

/* One hop, one direction. 704 bytes; lives in the caller's memory; a secret of its owner. */
struct fog_cell_key {
	struct fog_uiv_key uiv;
};

/* One layer of one cell. in may equal out; otherwise they do not overlap. No alignment needed. */
struct fog_cell_job {
	const struct fog_cell_key *key;
	const u8 *in;
	u8 *out;
	u64 sequence;
	u8 direction; /* enum fog_cell_direction */
	u8 command;
};

/* Expands seed = J | S. 0.12 us (aesni, vaes), 2.0 us (portable) on a 2.6 GHz Zen 5, gcc 12. */
void fog_cell_key_init(struct fog_cell_key *key, const u8 seed[FOG_CELL_SEED_SIZE]);

/* next = the key of the following sequence interval; next may equal cur. One-way: the seed of next
 * is BLAKE2b-512 keyed with the seed of cur over a label, so next tells nothing of cur. */
void fog_cell_key_ratchet(struct fog_cell_key *next, const struct fog_cell_key *cur);

void fog_cell_key_wipe(struct fog_cell_key *key);

/* Adds (relay) or removes (client) one layer per job. Jobs are independent: any mix of keys,
 * directions and commands; two jobs must not share an output. The x86 paths ask for the keys
 * of jobs to come and vaes interleaves four, so hand over whole batches. Per body, batch of 32,
 * hot, median of `fog-bench --only cell.encrypt32`, gcc 12, two shared processors of an EPYC: vaes
 * 126 ns (alone 163), aesni 371, portable 11,400. */
void fog_cell_encrypt_many(const struct fog_cell_job *jobs, unsigned count);
void fog_cell_decrypt_many(const struct fog_cell_job *jobs, unsigned count);

/* True when the left block is all zero: the cell ends at this hop. Constant time. */
static inline bool fog_cell_recognized(const u8 body[FOG_ONION_BODY_SIZE])
{
	return (fog_load_u64(body) | fog_load_u64(body + 8)) == 0;
}

#endif
