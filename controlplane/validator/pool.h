/* SPDX-License-Identifier: BSD-3-Clause */
/* Transactions waiting to be agreed on, in order of arrival, known by their SHA-256. Bounded; full:
 * refused (-EAGAIN). The loop's thread only. */
#ifndef FOG_VALIDATOR_POOL_H
#define FOG_VALIDATOR_POOL_H

#include "controlplane/quorum/wire.h"

#define FOG_POOL_COUNT_MAX 65536u
#define FOG_POOL_BYTES_MAX (64ull * 1024 * 1024)
#define FOG_POOL_AGE_MS    600000 /* then it is forgotten */

struct fog_pool;

int fog_pool_new(struct fog_pool **out);
void fog_pool_free(struct fog_pool *p);
void fog_pool_id(const void *tx, u32 len, u8 id[32]);
/* 0; -EEXIST: it waits already; -EAGAIN: full; -ENOMEM. The bytes are copied. */
int fog_pool_add(struct fog_pool *p, const u8 id[32], const void *tx, u32 len, u64 now_ms);
bool fog_pool_has(const struct fog_pool *p, const u8 id[32]);
/* It was executed or has become bad. */
void fog_pool_remove(struct fog_pool *p, const u8 id[32]);
u32 fog_pool_count(const struct fog_pool *p);
u64 fog_pool_bytes(const struct fog_pool *p);

/* The oldest ones that are in none of the given blocks, within the limits of a block: pointers into
 * the pool, valid until the next call that changes it. Returns the count. */
u32 fog_pool_pick(struct fog_pool *p, struct fog_block *const *except, u32 count,
		  struct fog_app_bytes out[FOG_APP_BLOCK_TX_MAX]);
/* known[i]: transaction i of the block waits here. */
void fog_pool_known(const struct fog_pool *p, const struct fog_block *b, bool *known);
/* Forget what is too old. */
void fog_pool_expire(struct fog_pool *p, u64 now_ms);

#endif
