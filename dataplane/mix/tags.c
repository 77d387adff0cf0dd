/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/mix/tags.h"

#include <errno.h>

#include "crypto/cell/cipher.h"
#include "crypto/mem.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* Of the places, what may be filled: up to that a line is full with a chance of 0.4 %, and eight in
 * a row with no measurable one. */
#define FILL_NUM 1
#define FILL_DEN 2
/* Lines looked at, at most. */
#define PROBES 8

static u32 lines_for(u32 capacity)
{
	u32 want = FOG_MAX(capacity, FOG_MIX_TAGS_MIN), lines = 1;

	FOG_ASSERT(want <= FOG_MIX_TAGS_LIMIT);
	while ((u64)lines * FOG_MIX_TAGS_LINE * FILL_NUM / FILL_DEN < want)
		lines *= 2;
	return lines;
}

size_t fog_mix_tags_size(u32 capacity)
{
	return (size_t)lines_for(capacity) * sizeof(u32[FOG_MIX_TAGS_LINE]);
}

void fog_mix_tags_init(struct fog_mix_tags *t, void *memory, u32 capacity)
{
	memset(t, 0, sizeof(*t));
	t->line = memory;
	t->lines = lines_for(capacity);
	t->capacity = (u32)((u64)t->lines * FOG_MIX_TAGS_LINE * FILL_NUM / FILL_DEN);
}

void fog_mix_tags_reset(struct fog_mix_tags *t, const u8 key[32])
{
	u8 round[FOG_AES128_ROUNDS + 1][16];

	memset(t->line, 0, (size_t)t->lines * sizeof(t->line[0]));
	t->count = 0;
	/* Five blocks of key out of one: the schedule of AES. */
	fog_cipher->aes_expand(round, FOG_AES128_ROUNDS, key);
	memcpy(t->key, round[1], sizeof(t->key));
	for (unsigned i = 0; i < 16; i++)
		t->key[0][i] ^= key[16 + i];
	fog_wipe(round, sizeof(round));
}

void fog_mix_tags_marks(const struct fog_mix_tags *t, u8 (*mark)[FOG_MIX_MARK_SIZE],
			const u8 *const *tag, unsigned count)
{
	FOG_ASSERT(count <= FOG_MIX_TAGS_BURST);
	/* Tags are hashes already: their first half and four keyed rounds are enough. */
	for (unsigned i = 0; i < count; i++) {
		fog_store_u64(mark[i], fog_load_u64(tag[i]) ^ fog_load_u64(t->key[0]));
		fog_store_u64(mark[i] + 8, fog_load_u64(tag[i] + 8) ^ fog_load_u64(t->key[0] + 8));
	}
	fog_cipher->aes_rounds(t->key + 1, 4, mark, count);
}

void fog_mix_tags_prefetch(const struct fog_mix_tags *t, const u8 mark[FOG_MIX_MARK_SIZE])
{
	__builtin_prefetch(t->line[fog_load_u32(mark) & (t->lines - 1)], 1);
}

/* Bit i: line[i] == v. */
static inline u32 line_equal(const u32 line[FOG_MIX_TAGS_LINE], u32 v)
{
#if defined(__SSE2__)
	const __m128i *at = (const __m128i *)line, want = _mm_set1_epi32((int)v);
	__m128i low = _mm_packs_epi32(_mm_cmpeq_epi32(at[0], want), _mm_cmpeq_epi32(at[1], want));
	__m128i high = _mm_packs_epi32(_mm_cmpeq_epi32(at[2], want), _mm_cmpeq_epi32(at[3], want));

	return (u32)_mm_movemask_epi8(_mm_packs_epi16(low, high));
#else
	u32 bits = 0;

	for (unsigned i = 0; i < FOG_MIX_TAGS_LINE; i++)
		bits |= (u32)(line[i] == v) << i;
	return bits;
#endif
}

/* -EEXIST, 0 with the place it would take, or -ENOSPC. Tags are never taken out: one that is not in
 * a line with a free place is not in the lines after it either. */
static int find(const struct fog_mix_tags *t, const u8 *mark, u32 print, u32 **place)
{
	for (u32 i = 0, at = fog_load_u32(mark); i < PROBES; i++, at++) {
		u32 *line = t->line[at & (t->lines - 1)];
		if (line_equal(line, print) != 0)
			return -EEXIST;
		u32 free_places = line_equal(line, 0);
		if (free_places != 0) {
			*place = line + __builtin_ctz(free_places);
			return 0;
		}
	}
	return -ENOSPC;
}

static u32 print_of(const u8 *mark)
{
	u32 print = fog_load_u32(mark + 12);

	return print + (print == 0);
}

bool fog_mix_tags_has(const struct fog_mix_tags *t, const u8 mark[FOG_MIX_MARK_SIZE])
{
	u32 *place;

	return find(t, mark, print_of(mark), &place) == -EEXIST;
}

int fog_mix_tags_add(struct fog_mix_tags *t, const u8 mark[FOG_MIX_MARK_SIZE])
{
	u32 print = print_of(mark), *place;

	int rc = find(t, mark, print, &place);
	if (rc < 0)
		return rc;
	if (t->count >= t->capacity)
		return -ENOSPC;
	*place = print;
	t->count++;
	return 0;
}
