/* SPDX-License-Identifier: BSD-3-Clause */
/* The snapshot page: double buffer and sequence, all accesses atomic words, so that the C11 model
 * and ThreadSanitizer see what the hardware does. */
#include "dataplane/abi/attach.h"

#define SNAPSHOT_TRIES 16 /* the writer publishes at most some times a second */
#define SNAPSHOT_WORDS (FOG_SNAPSHOT_SIZE / 8)

void fog_snapshot_publish(struct fog_snapshot_page *page, const struct fog_snapshot *s)
{
	u64 next = atomic_load_explicit(&page->sequence, memory_order_relaxed) + 1;
	_Atomic u64 *slot = page->slot[next & 1];
	u64 words[SNAPSHOT_WORDS];

	memcpy(words, s, sizeof(words));
	/* A reader of the slot now overwritten must see that `sequence` has moved past it: each
	 * release pairs with the acquire of that word in fog_snapshot_read(). Not one fence before
	 * relaxed stores, because ThreadSanitizer does not follow fences; on x86 the code is the
	 * same. */
	for (unsigned i = 0; i < SNAPSHOT_WORDS; i++)
		atomic_store_explicit(&slot[i], words[i], memory_order_release);
	/* pairs with the first acquire in fog_snapshot_read() */
	atomic_store_explicit(&page->sequence, next, memory_order_release);
}

u64 fog_snapshot_read(const struct fog_snapshot_page *page, struct fog_snapshot *out)
{
	u64 words[SNAPSHOT_WORDS];

	for (unsigned tries = 0; tries < SNAPSHOT_TRIES; tries++) {
		/* pairs with the last release in fog_snapshot_publish() */
		u64 sequence = atomic_load_explicit(&page->sequence, memory_order_acquire);
		const _Atomic u64 *slot = page->slot[sequence & 1];

		if (sequence == 0)
			return 0;
		for (unsigned i = 0; i < SNAPSHOT_WORDS; i++)
			words[i] = atomic_load_explicit(&slot[i], memory_order_acquire);
		/* A word of a later publication carries with it the sequence stored before it. */
		if (atomic_load_explicit(&page->sequence, memory_order_relaxed) == sequence) {
			memcpy(out, words, sizeof(words));
			return sequence;
		}
	}
	return 0;
}

bool fog_mix_keys_read(const struct fog_mix_keys *keys, u64 epoch[FOG_MIX_KEYS],
		       u8 key[FOG_MIX_KEYS][32])
{
	u64 word[4];

	for (unsigned tries = 0; tries < SNAPSHOT_TRIES; tries++) {
		/* pairs with the release at the end of publish(), dataplane/mix/epoch.c */
		u64 sequence = atomic_load_explicit(&keys->sequence, memory_order_acquire);
		if (sequence == 0)
			return false;
		for (unsigned i = 0; i < FOG_MIX_KEYS; i++) {
			epoch[i] = atomic_load_explicit(&keys->key[i].epoch, memory_order_acquire);
			for (unsigned j = 0; j < 4; j++)
				word[j] = atomic_load_explicit(&keys->key[i].word[j],
							       memory_order_acquire);
			memcpy(key[i], word, sizeof(word));
		}
		if (sequence % 2 == 0 &&
		    atomic_load_explicit(&keys->sequence, memory_order_relaxed) == sequence)
			return true;
	}
	return false;
}
