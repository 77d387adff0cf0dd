/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/mix/tags.h"

#include <errno.h>

#include "crypto/cell/cipher.h"
#include "crypto/mem.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* Of the sixteen places of a line, what is filled when the table is full: three in four. */
#define FILL 12
/* Lines looked at, at most. */
#define PROBES 16

static u32 lines_for(u32 capacity)
{
	FOG_ASSERT(capacity <= FOG_MIX_TAGS_LIMIT);
	return FOG_MAX((capacity + FILL - 1) / FILL, 2u * PROBES);
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
	t->capacity = t->lines * FILL;
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

static inline u32 home_of(const struct fog_mix_tags *t, const u8 *mark)
{
	return (u32)((u64)fog_load_u32(mark) * t->lines >> 32);
}

void fog_mix_tags_prefetch(const struct fog_mix_tags *t, const u8 mark[FOG_MIX_MARK_SIZE])
{
	__builtin_prefetch(t->line[home_of(t, mark)], 1);
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

/* Where the tag is or would be, or NULL. Tags are never taken out: one that is not in a line with a
 * free place is not in the lines after it either. */
static inline u32 *find(const struct fog_mix_tags *t, const u8 *mark, u32 print)
{
	for (u32 i = 0, at = home_of(t, mark); i < PROBES; i++) {
		u32 *line = t->line[at];
		u32 places = line_equal(line, print);
		if (places == 0)
			places = line_equal(line, 0);
		if (places != 0)
			return line + __builtin_ctz(places);
		at = at + 1 < t->lines ? at + 1 : 0;
	}
	return NULL;
}

static inline u32 print_of(const u8 *mark)
{
	u32 print = fog_load_u32(mark + 12);

	return print + (print == 0);
}

bool fog_mix_tags_has(const struct fog_mix_tags *t, const u8 mark[FOG_MIX_MARK_SIZE])
{
	u32 print = print_of(mark), *place = find(t, mark, print);

	return place != NULL && *place == print;
}

int fog_mix_tags_add(struct fog_mix_tags *t, const u8 mark[FOG_MIX_MARK_SIZE])
{
	u32 print = print_of(mark), *place = find(t, mark, print);

	if (place != NULL && *place == print)
		return -EEXIST;
	if (place == NULL || t->count >= t->capacity)
		return -ENOSPC;
	*place = print;
	t->count++;
	return 0;
}
