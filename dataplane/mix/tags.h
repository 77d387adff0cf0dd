/* SPDX-License-Identifier: BSD-3-Clause */
/* Replay tags of one key epoch: a table of 32-bit fingerprints in cache lines of sixteen; a tag
 * whose line is full goes to one of the next fifteen. So a look is one line, nearly always. Never
 * forgets a tag it took. Takes a new tag for a known one with a chance of 16 / 2^32 = 3.7e-9 a
 * line, 6e-8 at most; the stated bound is 1e-6. Where a tag goes is a keyed function of it, so that
 * senders, who choose tags, cannot aim at a line.
 *
 * Memory: 4 bytes a place, four places for three tags of the capacity. Full: -ENOSPC, never a tag
 * forgotten. One thread. */
#ifndef FOG_MIX_TAGS_H
#define FOG_MIX_TAGS_H

#include "crypto/types.h"

#define FOG_MIX_TAG_SIZE       32 /* of a packet */
#define FOG_MIX_MARK_SIZE      16 /* its keyed image, which is what tables and logs hold */
#define FOG_MIX_TAGS_BURST     64 /* most tags in a call */
#define FOG_MIX_TAGS_LINE      16
#define FOG_MIX_TAGS_LIMIT     (1u << 29)
#define FOG_MIX_FALSE_POSITIVE 1e-6

struct fog_mix_tags {
	u32 (*line)[FOG_MIX_TAGS_LINE];
	u32 lines;
	u32 capacity;
	u32 count;
	u8 key[5][16];
};

/* Bytes for `capacity` tags, which is rounded up to whole lines. */
size_t fog_mix_tags_size(u32 capacity);
/* memory: fog_mix_tags_size() zeroed bytes, aligned to 64; stays the caller's. */
void fog_mix_tags_init(struct fog_mix_tags *t, void *memory, u32 capacity);
/* Forgets all tags, and takes the key of a new epoch. */
void fog_mix_tags_reset(struct fog_mix_tags *t, const u8 key[32]);

/* Images of tags, and a prefetch of their lines. count <= FOG_MIX_TAGS_BURST. */
void fog_mix_tags_marks(const struct fog_mix_tags *t, u8 (*mark)[FOG_MIX_MARK_SIZE],
			const u8 *const *tag, unsigned count);
void fog_mix_tags_prefetch(const struct fog_mix_tags *t, const u8 mark[FOG_MIX_MARK_SIZE]);
bool fog_mix_tags_has(const struct fog_mix_tags *t, const u8 mark[FOG_MIX_MARK_SIZE]);
/* Test and set. 0, -EEXIST, or -ENOSPC when the table is full. */
int fog_mix_tags_add(struct fog_mix_tags *t, const u8 mark[FOG_MIX_MARK_SIZE]);

#endif
