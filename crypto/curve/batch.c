/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/curve/batch.h"

/* Open ranges are disjoint and each at most half of the one below it on the stack. */
#define RANGES_MAX 32

/* Slots of the key table that are looked at. */
#define PROBES_MAX 8
#define NONE       UINT32_MAX

void fog_batch_solve(const struct fog_batch_solver *s, unsigned count)
{
	struct range {
		unsigned first, count;
	} open[RANGES_MAX] = {{0, count}};
	unsigned depth = 1;
	u64 work = 0;

	FOG_ASSERT(s->leaf >= 2);
	while (depth > 0) {
		struct range r = open[--depth];
		if (r.count < s->leaf || work + r.count > FOG_BATCH_RETRY_FACTOR * (u64)count) {
			s->check(s->batch, r.first, r.count);
			continue;
		}
		work += r.count;
		if (s->holds(s->batch, r.first, r.count)) {
			s->all_good(s->batch, r.first, r.count);
			continue;
		}
		FOG_ASSERT(depth + 2 <= RANGES_MAX);
		open[depth++] = (struct range){r.first, r.count / 2};
		open[depth++] = (struct range){r.first + r.count / 2, r.count - r.count / 2};
	}
}

size_t fog_batch_take(size_t *at, size_t size)
{
	size_t start = *at;

	*at = (start + size + 63) & ~(size_t)63;
	return start;
}

void fog_batch_keys_init(struct fog_batch_keys *k, void *memory, size_t *at, unsigned capacity)
{
	k->slots = 2;
	while (k->slots < 2 * capacity)
		k->slots *= 2;
	k->slot = (void *)((uintptr_t)memory + fog_batch_take(at, k->slots * sizeof(*k->slot)));
}

void fog_batch_keys_clear(struct fog_batch_keys *k, const u8 **encoding)
{
	k->encoding = encoding;
	k->count = 0;
	memset(k->slot, 0xff, k->slots * sizeof(*k->slot));
}

u32 fog_batch_keys_find(struct fog_batch_keys *k, const u8 key[32])
{
	u64 hash = (fog_load_u64(key) ^ fog_load_u64(key + 16)) * 0x9e3779b97f4a7c15ull;
	u32 slot = (u32)(hash >> 32);

	for (unsigned i = 0; i < PROBES_MAX; i++, slot++) {
		u32 *entry = &k->slot[slot & (k->slots - 1)];
		if (*entry == NONE) {
			*entry = k->count;
			break;
		}
		if (memcmp(k->encoding[*entry], key, 32) == 0)
			return *entry;
	}
	k->encoding[k->count] = key;
	return k->count++;
}
