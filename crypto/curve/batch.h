/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside crypto/ only: finding the false ones of a batch by sums over ranges of it, and laying
 * arrays out in a caller's memory. */
#ifndef FOG_CRYPTO_BATCH_H
#define FOG_CRYPTO_BATCH_H

#include "crypto/types.h"

/* A flood of false items makes every sum fail. So the items that go into sums are limited to this
 * many times the batch; what is left then is checked in leaves. */
#define FOG_BATCH_RETRY_FACTOR 2

struct fog_batch_solver {
	void *batch;
	unsigned leaf; /* ranges of fewer items are not worth a sum; at least 2 */
	/* True when the equations of items first to first + count - 1 hold in sum. The solver then
	 * calls all_good() for the range, and halves it otherwise. */
	bool (*holds)(void *batch, unsigned first, unsigned count);
	void (*all_good)(void *batch, unsigned first, unsigned count);
	/* Checks each of a range alone. */
	void (*check)(void *batch, unsigned first, unsigned count);
};

void fog_batch_solve(const struct fog_batch_solver *s, unsigned count);

/* The different keys of a batch, numbered from 0 as they were met. A signer may choose keys that
 * collide in the table: then one key may get two numbers, and costs what two keys cost. */
struct fog_batch_keys {
	u32 *slot;
	unsigned slots;      /* a power of two */
	const u8 **encoding; /* of each number; room for one per item */
	unsigned count;
};

/* Lays out memory for up to `capacity` items, as fog_batch_take() does. */
void fog_batch_keys_init(struct fog_batch_keys *k, void *memory, size_t *at, unsigned capacity);
void fog_batch_keys_clear(struct fog_batch_keys *k, const u8 **encoding);
/* The number of a key, a new one when it is not found; `key` must stay where it is. */
u32 fog_batch_keys_find(struct fog_batch_keys *k, const u8 key[32]);

/* Takes `size` bytes at *at, aligned to 64, and returns where they start. */
size_t fog_batch_take(size_t *at, size_t size);

#endif
