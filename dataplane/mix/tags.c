/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/mix/tags.h"

#include <errno.h>

#include "crypto/cell/cipher.h"
#include "crypto/mem.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* Of the places, what may be filled: with two lines of sixteen to choose from, a line overflows
 * before that with no measurable chance. */
#define FILL_NUM 1
#define FILL_DEN 2

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

struct place {
	u32 *line[2];
	u32 print;
};

static struct place find(const struct fog_mix_tags *t, const u8 *mark)
{
	u32 print = fog_load_u32(mark + 12);

	return (struct place){
		.line = {t->line[fog_load_u32(mark) & (t->lines - 1)],
			 t->line[fog_load_u32(mark + 4) & (t->lines - 1)]},
		.print = print + (print == 0),
	};
}

void fog_mix_tags_prefetch(const struct fog_mix_tags *t, const u8 mark[FOG_MIX_MARK_SIZE])
{
	struct place p = find(t, mark);

	__builtin_prefetch(p.line[0], 1);
	__builtin_prefetch(p.line[1], 1);
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

static bool present(const struct place *p)
{
	return (line_equal(p->line[0], p->print) | line_equal(p->line[1], p->print)) != 0;
}

bool fog_mix_tags_has(const struct fog_mix_tags *t, const u8 mark[FOG_MIX_MARK_SIZE])
{
	struct place p = find(t, mark);

	return present(&p);
}

int fog_mix_tags_add(struct fog_mix_tags *t, const u8 mark[FOG_MIX_MARK_SIZE])
{
	struct place p = find(t, mark);

	if (present(&p))
		return -EEXIST;
	if (t->count >= t->capacity)
		return -ENOSPC;
	u32 one = line_equal(p.line[0], 0), two = line_equal(p.line[1], 0);
	u32 *line = __builtin_popcount(one) >= __builtin_popcount(two) ? p.line[0] : p.line[1];
	u32 free_places = line == p.line[0] ? one : two;
	if (free_places == 0)
		return -ENOSPC;
	line[__builtin_ctz(free_places)] = p.print;
	t->count++;
	return 0;
}
